//! Name constraints (RFC 5280 §4.2.1.10).

use crate::{
    DnsName, X509Error,
    reader::Reader,
    writer::{Writer, tag},
};

/// The DNS names under a CA. A constraint is met by its own name and everything below it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameConstraints {
    /// When there are any, every DNS name must be within one of these.
    pub permitted_dns: Vec<String>,
    /// No DNS name may be within one of these.
    pub excluded_dns: Vec<String>,
    /// Whether there are constraints on other kinds of names. They are seen when read, and never written.
    pub other_kinds: bool,
}

impl NameConstraints {
    /// Whether it constrains nothing.
    pub fn is_empty(&self) -> bool {
        self.permitted_dns.is_empty() && self.excluded_dns.is_empty() && !self.other_kinds
    }

    /// Whether a certificate may hold this name. A wildcard is permitted when everything that it stands for is.
    pub fn permits_dns(&self, name: &DnsName) -> bool {
        let covered = name.wildcard_base().unwrap_or(name.as_str());
        let permitted = self.permitted_dns.is_empty()
            || self.permitted_dns.iter().any(|constraint| is_within(covered, constraint));
        let excluded = self.excluded_dns.iter().any(|constraint| {
            is_within(covered, constraint) || (name.is_wildcard() && is_within(constraint, covered))
        });
        permitted && !excluded
    }

    /// Reads the DER of `NameConstraints`.
    pub(crate) fn parse(der: &[u8]) -> Result<Self, X509Error> {
        let mut constraints = Reader::of_sequence(der)?;
        let (permitted_dns, others) = read_subtrees(constraints.optional(tag::context_constructed(0))?)?;
        let (excluded_dns, more) = read_subtrees(constraints.optional(tag::context_constructed(1))?)?;
        constraints.finish()?;
        Ok(Self { permitted_dns, excluded_dns, other_kinds: others || more })
    }

    /// The DER of `NameConstraints`, names in canonical form. A dot in front, which people write
    /// for "everything below", is dropped: RFC 5280 gives it no meaning for DNS names.
    ///
    /// # Errors
    /// [`X509Error::InvalidName`] when a constraint is not a host name, or is a wildcard.
    pub fn extension_value_der(&self) -> Result<Vec<u8>, X509Error> {
        let permitted = canonical(&self.permitted_dns)?;
        let excluded = canonical(&self.excluded_dns)?;
        let mut writer = Writer::with_capacity(64);
        writer.sequence(|constraints| {
            for (number, subtrees) in [(0, permitted), (1, excluded)] {
                // `GeneralSubtrees` has at least one.
                if !subtrees.is_empty() {
                    constraints.nested(tag::context_constructed(number), |list| {
                        for name in subtrees {
                            list.sequence(|subtree| {
                                subtree.primitive(tag::context(2), name.as_str().as_bytes());
                            });
                        }
                    });
                }
            }
        });
        Ok(writer.finish())
    }
}

/// Whether a name is the constraint itself or lies below it; an empty constraint holds every name.
fn is_within(name: &str, constraint: &str) -> bool {
    constraint.is_empty()
        || name
            .strip_suffix(constraint)
            .is_some_and(|before| before.is_empty() || before.ends_with('.') || constraint.starts_with('.'))
}

/// The DNS names of a list, and whether it has names of other kinds.
fn read_subtrees(subtrees: Option<&[u8]>) -> Result<(Vec<String>, bool), X509Error> {
    let (mut names, mut others) = (Vec::new(), false);
    let mut list = Reader::new(subtrees.unwrap_or_default())?;
    while !list.is_at_end() {
        if let Some(name) = list.sequence()?.optional(tag::context(2))? {
            names.push(String::from_utf8_lossy(name).to_ascii_lowercase());
        } else {
            others = true;
        }
    }
    Ok((names, others))
}

fn canonical(names: &[String]) -> Result<Vec<DnsName>, X509Error> {
    names
        .iter()
        .map(|text| {
            let name: DnsName = text.strip_prefix('.').unwrap_or(text).parse()?;
            if name.is_wildcard() {
                return Err(X509Error::invalid_name(
                    text,
                    "a constraint covers all names below it; leave the \"*.\" out",
                ));
            }
            Ok(name)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_judged_with_everything_that_it_stands_for() {
        let constraints = NameConstraints {
            permitted_dns: vec!["corp.example".into()],
            excluded_dns: vec!["lab.corp.example".into()],
            other_kinds: false,
        };
        let read = NameConstraints::parse(&constraints.extension_value_der().unwrap()).unwrap();
        assert_eq!(read, constraints);
        for (name, permitted) in [
            ("corp.example", true),
            ("www.corp.example", true),
            ("xcorp.example", false),
            ("example", false),
            ("lab.corp.example", false),
            ("a.lab.corp.example", false),
            ("*.a.corp.example", true),
            ("*.corp.example", false),
            ("*.example", false),
        ] {
            assert_eq!(read.permits_dns(&name.parse().unwrap()), permitted, "{name}");
        }
    }
}
