//! Other names (`otherName`, RFC 5280 §4.2.1.6) with a text for a value: entries of `allowed_other_sans`, and their rule.

use std::fmt;

use certmill_x509::{ObjectIdentifier, OtherName, check_other_name_pattern, other_name_pattern};

use super::findings::{Asked, Findings};
use super::pattern::same_text;
use super::{Violation, names};
use crate::Role;

/// An entry of `allowed_other_sans`: a type, and a value in which `*` stands for any text; or `*` alone. Letters are compared
/// exactly, as Vault does: whether case counts is up to whoever reads the name.
#[derive(Debug, Clone)]
pub(crate) struct OtherPattern(Option<(ObjectIdentifier, String)>);

impl OtherPattern {
    /// Reads an entry.
    ///
    /// # Errors
    /// What is wrong with it and what would be right.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Ok(Self(None));
        }
        let (kind, value) = other_name_pattern(text).map_err(|problem| wrong(text, &problem))?;
        Ok(Self(Some((kind, value.to_owned()))))
    }

    /// Refuses an entry that permits no name, because names of its type have a form that it excludes.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn check(text: &str) -> Result<(), String> {
        if text == "*" {
            return Ok(());
        }
        check_other_name_pattern(text).map_err(|problem| wrong(text, &problem))
    }

    /// Octets that are tried on each value.
    pub(crate) fn octets(&self) -> usize {
        self.0.as_ref().map_or(1, |(_, value)| value.len())
    }

    fn permits(&self, name: &OtherName) -> bool {
        let Some((kind, value)) = &self.0 else {
            return true;
        };
        *kind == name.kind() && same_text(value, name.value())
    }
}

impl fmt::Display for OtherPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some((kind, value)) => write!(f, "{kind};UTF8:{value}"),
            None => f.write_str("*"),
        }
    }
}

fn wrong(text: &str, problem: &str) -> String {
    format!("`{}` is not a pattern of other names: {problem}", text.escape_debug())
}

/// Judges a name; what is no name at all is none.
pub(super) fn judge<F: Findings>(
    role: &Role,
    asked: Asked<'_>,
    findings: &mut F,
) -> Result<Option<OtherName>, Violation> {
    let legal = asked.text.parse::<OtherName>().map_err(|error| names::illegal(asked, error));
    let Some(name) = findings.settle(legal)? else {
        return Ok(None);
    };
    if let Some(pattern) = role.others.iter().find(|pattern| pattern.permits(&name)) {
        findings.permit("allowed_other_sans", asked, || format!("it matches `{pattern}`"));
    } else {
        let patterns = role.others.iter().map(|pattern| format!("`{pattern}`"));
        let allowed = names::list("other names that match ", patterns);
        findings.refuse(asked.refused_by("allowed_other_sans", allowed), || misses(role, &name))?;
    }
    Ok(Some(name))
}

fn misses(role: &Role, name: &OtherName) -> Vec<String> {
    if role.others.is_empty() {
        return vec!["allowed_other_sans is empty".to_owned()];
    }
    let same_kind =
        |pattern: &&OtherPattern| pattern.0.as_ref().is_some_and(|(kind, _)| *kind == name.kind());
    if role.others.iter().any(|pattern| same_kind(&pattern)) {
        return Vec::new();
    }
    vec![format!("no entry is about names of type {}", name.kind())]
}
