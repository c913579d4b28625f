//! CAA records (RFC 8659, RFC 8657): whether a CA may certify a name, before it is asked to.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use hickory_proto::rr::{Name, RData, Record, RecordType};
use tokio::sync::OnceCell;

use crate::Providers;
use crate::lookup::{Resolver, parse_name, text};

/// The most names that are asked for on the way up; public names have a handful of labels.
const LEVELS: usize = 16;
/// Property tags that a record may mark as critical without stopping us: those that are registered.
const KNOWN_TAGS: [&str; 7] =
    ["issue", "issuewild", "iodef", "contactemail", "contactphone", "issuemail", "issuevmc"];

/// A CAA record.
#[derive(Debug, Clone)]
struct CaaRecord {
    /// Whether a CA that does not know the tag must not issue.
    critical: bool,
    /// The property, in lower case.
    tag: String,
    value: String,
}

/// The records that decide about a name.
struct CaaSet {
    /// Where they are: the name, or the nearest name above it that has any.
    name: String,
    records: Vec<CaaRecord>,
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

/// A look at the CAA records of some names. The names above them are largely the same, so each is asked for once.
pub struct CaaLook {
    resolver: Resolver,
    asked: Mutex<HashMap<Name, Arc<OnceCell<Found>>>>,
}

/// The records at one name, or why they cannot be looked up.
type Found = Result<Vec<CaaRecord>, String>;

impl Providers {
    /// A look at CAA records, by the usual resolvers, which follow aliases.
    pub fn caa(&self) -> CaaLook {
        CaaLook { resolver: self.resolver_of(&[]), asked: Mutex::default() }
    }
}

impl CaaLook {
    /// Whether a CA may certify a name, without `*.`: by its own records, else by those of the nearest name above (RFC 8659
    /// section 3). Unknown when a name on the way cannot be looked up; a CA would not issue then either.
    pub async fn judge(&self, name: &str, wish: &CaaWish<'_>) -> CaaVerdict {
        match self.climb(name).await {
            Ok(Some(set)) => set.judge(wish),
            Ok(None) => CaaVerdict::Allowed,
            Err(reason) => CaaVerdict::Unknown(format!("CAA cannot be looked up: {reason}")),
        }
    }

    async fn climb(&self, name: &str) -> Result<Option<CaaSet>, String> {
        let mut present = parse_name(name).map_err(|error| error.to_string())?;
        for _ in 0..LEVELS {
            if present.is_root() {
                return Ok(None);
            }
            let records = self.at(&present).await?;
            if !records.is_empty() {
                return Ok(Some(CaaSet { name: text(&present), records }));
            }
            present = present.base_name();
        }
        if present.is_root() { Ok(None) } else { Err(format!("{name} has more than {LEVELS} labels")) }
    }

    /// The records at one name.
    async fn at(&self, name: &Name) -> Found {
        let found = {
            // The map is consistent between any two statements, so a poisoned lock can be used.
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(asked.entry(name.clone()).or_default())
        };
        found.get_or_init(|| self.ask(name)).await.clone()
    }

    async fn ask(&self, name: &Name) -> Found {
        let answer = self.resolver.ask(name, RecordType::CAA).await.map_err(|error| error.to_string())?;
        let record = |record: &Record| match &record.data {
            RData::CAA(caa) => Some(CaaRecord {
                critical: caa.issuer_critical,
                tag: caa.tag.to_ascii_lowercase(),
                value: String::from_utf8_lossy(&caa.value).into_owned(),
            }),
            _ => None,
        };
        Ok(answer.answers.iter().filter_map(record).collect())
    }
}

impl CaaSet {
    /// Whether a CA may issue (RFC 8659 section 4, RFC 8657 sections 3 and 4).
    fn judge(&self, wish: &CaaWish<'_>) -> CaaVerdict {
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
        // One that permits is enough, wherever it stands.
        let (mut reasons, mut unknown) = (Vec::new(), None);
        for record in relevant {
            match judge_one(&record.value, wish) {
                CaaVerdict::Allowed => return CaaVerdict::Allowed,
                CaaVerdict::Denied(reason) => reasons.push(format!("{tag} {reason}")),
                CaaVerdict::Unknown(reason) => unknown = unknown.or(Some(reason)),
            }
        }
        if let Some(reason) = unknown {
            return CaaVerdict::Unknown(reason);
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
    let by_account = match named("accounturi").as_slice() {
        [] => CaaVerdict::Allowed,
        [uri] => match wish.account {
            Some(own) if own == *uri => CaaVerdict::Allowed,
            Some(_) => return CaaVerdict::Denied(format!("permits {shown} for another account only")),
            None => {
                CaaVerdict::Unknown(format!("CAA permits {shown} for one account, and ours is not known yet"))
            }
        },
        _ => return CaaVerdict::Denied(format!("names more than one account of {shown}")),
    };
    match named("validationmethods").as_slice() {
        [] => by_account,
        [methods] if methods.split(',').any(|method| method.trim() == wish.method) => by_account,
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
        verdict_for(Some("https://ca.example/acct/1"), records, wildcard)
    }

    fn verdict_for(account: Option<&str>, records: &[(bool, &str, &str)], wildcard: bool) -> CaaVerdict {
        let record = |(critical, tag, value): &(bool, &str, &str)| CaaRecord {
            critical: *critical,
            tag: (*tag).to_owned(),
            value: (*value).to_owned(),
        };
        let set = CaaSet { name: "example.com".to_owned(), records: records.iter().map(record).collect() };
        let issuers = ["ca.example".to_owned(), "www.ca.example".to_owned()];
        set.judge(&CaaWish { issuers: &issuers, wildcard, account, method: "dns-01" })
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
    fn the_order_of_records_decides_nothing() {
        let bound = "ca.example; accounturi=https://ca.example/acct/1";
        let elsewhere = format!("{bound}; validationmethods=http-01");
        let judged = |values: &[&str]| {
            let records: Vec<_> = values.iter().map(|value| (false, "issue", *value)).collect();
            let reversed: Vec<_> = records.iter().rev().copied().collect();
            let verdict = verdict_for(None, &records, false);
            assert_eq!(verdict, verdict_for(None, &reversed, false), "{values:?}");
            verdict
        };
        assert_eq!(judged(&[bound, "www.ca.example"]), CaaVerdict::Allowed);
        assert!(matches!(judged(&[bound, "other.example"]), CaaVerdict::Unknown(_)));
        // Whichever account it is.
        assert!(matches!(judged(&[&elsewhere]), CaaVerdict::Denied(_)));
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
