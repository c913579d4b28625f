//! CAA records (RFC 8659, RFC 8657): whether a CA may certify a name, before it is asked to.

use hickory_proto::rr::{RData, RecordType};

use crate::lookup::{Resolver, parse_name, text};
use crate::{DnsError, Providers};

/// The most names that are asked for on the way up; public names have a handful of labels.
const LEVELS: usize = 16;
/// Property tags that a record may mark as critical without stopping us: those that are registered.
const KNOWN_TAGS: [&str; 7] =
    ["issue", "issuewild", "iodef", "contactemail", "contactphone", "issuemail", "issuevmc"];

/// A CAA record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaaRecord {
    /// Whether a CA that does not know the tag must not issue.
    pub critical: bool,
    /// The property, in lower case.
    pub tag: String,
    /// Its value.
    pub value: String,
}

/// The records that decide about a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaaSet {
    /// Where they are: the name, or the nearest name above it that has any.
    pub name: String,
    /// The records.
    pub records: Vec<CaaRecord>,
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct CaaWish<'a> {
    /// The names by which CAA records mean the CA.
    pub issuers: &'a [String],
    /// Whether it is for a wildcard.
    pub wildcard: bool,
    /// The account's URL at the CA, where it is known.
    pub account: Option<&'a str>,
    /// How control is proven: `dns-01` and the like.
    pub method: &'a str,
}

/// Whether the CA may issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CaaVerdict {
    /// It may.
    Allowed,
    /// It may not.
    Denied(String),
    /// It cannot be told.
    Unknown(String),
}

impl Providers {
    /// The CAA records that decide about a name, without `*.`: its own, else those of the nearest name above (RFC 8659 section
    /// 3). Aliases are followed by the resolver.
    ///
    /// # Errors
    /// [`DnsError::Unavailable`] when a name on the way cannot be looked up; a CA would not issue then either.
    pub async fn caa(&self, name: &str) -> Result<Option<CaaSet>, DnsError> {
        climb(&self.resolver_of(&[]), name).await
    }
}

async fn climb(resolver: &Resolver, name: &str) -> Result<Option<CaaSet>, DnsError> {
    let mut present = parse_name(name)?;
    for _ in 0..LEVELS {
        if present.is_root() {
            break;
        }
        let answer = resolver.ask(&present, RecordType::CAA).await?;
        let records: Vec<CaaRecord> = answer
            .answers
            .iter()
            .filter_map(|record| match &record.data {
                RData::CAA(caa) => Some(CaaRecord {
                    critical: caa.issuer_critical,
                    tag: caa.tag.to_ascii_lowercase(),
                    value: String::from_utf8_lossy(&caa.value).into_owned(),
                }),
                _ => None,
            })
            .collect();
        if !records.is_empty() {
            return Ok(Some(CaaSet { name: text(&present), records }));
        }
        present = present.base_name();
    }
    Ok(None)
}

impl CaaSet {
    /// Whether a CA may issue (RFC 8659 section 4, RFC 8657 sections 3 and 4).
    pub fn judge(&self, wish: &CaaWish<'_>) -> CaaVerdict {
        let unknown = |record: &&CaaRecord| record.critical && !KNOWN_TAGS.contains(&record.tag.as_str());
        if let Some(record) = self.records.iter().find(unknown) {
            let tag: String = record.tag.chars().take(32).collect();
            return CaaVerdict::Denied(format!(
                "CAA at {} has the critical property `{tag}`, which is not known",
                self.name
            ));
        }
        let with = |tag: &str| self.records.iter().filter(|record| record.tag == tag).collect::<Vec<_>>();
        let wild = with("issuewild");
        let (tag, relevant) =
            if wish.wildcard && !wild.is_empty() { ("issuewild", wild) } else { ("issue", with("issue")) };
        if relevant.is_empty() {
            return CaaVerdict::Allowed;
        }
        if wish.issuers.is_empty() {
            let reason = format!(
                "CAA at {} limits who may issue, and the CA does not say by which names it goes",
                self.name
            );
            return CaaVerdict::Unknown(reason);
        }
        let mut reasons = Vec::new();
        for record in relevant {
            match judge_one(&record.value, wish) {
                CaaVerdict::Denied(reason) => reasons.push(format!("{tag} {reason}")),
                other => return other,
            }
        }
        reasons.truncate(4);
        CaaVerdict::Denied(format!(
            "CAA at {} does not permit {}: {}",
            self.name,
            wish.issuers.first().map(String::as_str).unwrap_or_default(),
            reasons.join("; ")
        ))
    }
}

/// One `issue` or `issuewild` property: an issuer, and parameters that narrow it down.
fn judge_one(value: &str, wish: &CaaWish<'_>) -> CaaVerdict {
    let mut parts = value.split(';').map(str::trim);
    let issuer = parts.next().unwrap_or_default().trim_end_matches('.');
    let shown: String = issuer.chars().filter(|character| !character.is_control()).take(64).collect();
    if issuer.is_empty() {
        return CaaVerdict::Denied("permits nobody".to_owned());
    }
    if !wish.issuers.iter().any(|own| own.trim_end_matches('.').eq_ignore_ascii_case(issuer)) {
        return CaaVerdict::Denied(format!("permits {shown}"));
    }
    let parameters: Vec<(String, &str)> = parts
        .filter_map(|part| part.split_once('='))
        .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim()))
        .collect();
    let named = |wanted: &str| {
        let values = parameters.iter().filter(|(name, _)| name == wanted).map(|(_, value)| *value);
        values.collect::<Vec<_>>()
    };
    // Several of a kind permit nothing (RFC 8657 section 3).
    match named("accounturi").as_slice() {
        [] => {}
        [uri] => match wish.account {
            Some(own) if own == *uri => {}
            Some(_) => return CaaVerdict::Denied(format!("permits {shown} for another account only")),
            None => {
                return CaaVerdict::Unknown(format!(
                    "CAA permits {shown} for one account, and ours is not known yet"
                ));
            }
        },
        _ => return CaaVerdict::Denied(format!("names more than one account of {shown}")),
    }
    match named("validationmethods").as_slice() {
        [] => CaaVerdict::Allowed,
        [methods] if methods.split(',').any(|method| method.trim() == wish.method) => CaaVerdict::Allowed,
        [methods] => {
            let methods: String =
                methods.chars().filter(|character| !character.is_control()).take(64).collect();
            CaaVerdict::Denied(format!("permits {shown} by {methods} only, not by {}", wish.method))
        }
        _ => CaaVerdict::Denied(format!("has more than one list of methods for {shown}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(records: &[(bool, &str, &str)], wildcard: bool) -> CaaVerdict {
        let record = |(critical, tag, value): &(bool, &str, &str)| CaaRecord {
            critical: *critical,
            tag: (*tag).to_owned(),
            value: (*value).to_owned(),
        };
        let set = CaaSet { name: "example.com".to_owned(), records: records.iter().map(record).collect() };
        let issuers = ["ca.example".to_owned(), "www.ca.example".to_owned()];
        set.judge(&CaaWish {
            issuers: &issuers,
            wildcard,
            account: Some("https://ca.example/acct/1"),
            method: "dns-01",
        })
    }

    fn is_allowed(records: &[(bool, &str, &str)], wildcard: bool) -> bool {
        verdict(records, wildcard) == CaaVerdict::Allowed
    }

    #[test]
    fn issuers_are_permitted_by_name() {
        assert!(is_allowed(&[(false, "issue", "ca.example")], false));
        assert!(is_allowed(
            &[(false, "issue", "other.example"), (false, "issue", "CA.example. ; policy=ev")],
            false
        ));
        assert!(is_allowed(&[(false, "iodef", "mailto:x@example.com")], false));
        for value in ["other.example", ";", "", "ca.example.org", "%%%%%"] {
            assert!(!is_allowed(&[(false, "issue", value)], false), "{value}");
        }
        let CaaVerdict::Denied(reason) = verdict(&[(false, "issue", "other.example")], false) else {
            panic!()
        };
        assert_eq!(reason, "CAA at example.com does not permit ca.example: issue permits other.example");
    }

    #[test]
    fn wildcards_have_a_property_of_their_own() {
        let both = [(false, "issue", "ca.example"), (false, "issuewild", ";")];
        assert!(is_allowed(&both, false) && !is_allowed(&both, true));
        let wild = [(false, "issue", "other.example"), (false, "issuewild", "ca.example")];
        assert!(!is_allowed(&wild, false) && is_allowed(&wild, true));
        assert!(is_allowed(&[(false, "issue", "ca.example")], true));
        assert!(is_allowed(&[(false, "issuewild", "other.example")], false));
    }

    #[test]
    fn accounts_and_methods_narrow_it_down() {
        for (value, allowed) in [
            ("ca.example; accounturi=https://ca.example/acct/1", true),
            ("ca.example; accounturi=https://ca.example/acct/2", false),
            ("ca.example; accounturi=https://ca.example/acct/1; accounturi=https://ca.example/acct/1", false),
            ("ca.example; validationmethods=dns-01,http-01", true),
            ("ca.example;validationmethods=http-01", false),
            ("ca.example; validationmethods=dns-01; validationmethods=dns-01", false),
            ("ca.example; accounturi=https://ca.example/acct/1; validationmethods=http-01", false),
        ] {
            assert_eq!(is_allowed(&[(false, "issue", value)], false), allowed, "{value}");
        }
    }

    #[test]
    fn a_critical_property_that_is_not_known_stops_everybody() {
        let known = (false, "issue", "ca.example");
        assert!(!is_allowed(&[known, (true, "tbs", "x")], false));
        assert!(is_allowed(&[known, (false, "tbs", "x"), (true, "iodef", "mailto:x@example.com")], false));
    }

    #[test]
    fn a_ca_without_names_cannot_be_judged() {
        let set = CaaSet {
            name: "example.com".to_owned(),
            records: vec![CaaRecord {
                critical: false,
                tag: "issue".to_owned(),
                value: "x.example".to_owned(),
            }],
        };
        let wish = CaaWish { issuers: &[], wildcard: false, account: None, method: "dns-01" };
        assert!(matches!(set.judge(&wish), CaaVerdict::Unknown(_)));
    }
}
