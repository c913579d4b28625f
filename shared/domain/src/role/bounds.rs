//! How large a role may be. The bounds hold when a role is written; one that was stored before there were any is read and
//! issued under as it is.

use std::collections::BTreeMap;

use super::{FieldErrors, RoleSettings, add};

/// One list of a role's settings.
type List = fn(&RoleSettings) -> &[String];

/// The lists of a role: the most entries, and the most octets of an entry.
const LISTS: [(&str, List, usize, usize); 12] = [
    // An e-mail address has 64 octets before its `@` (RFC 5321 §4.5.3.1.1), and a name 253 (RFC 1035 §2.3.4).
    ("allowed_domains", |role| &role.allowed_domains, 1_000, 320),
    ("allowed_ip_sans_cidr", |role| &role.allowed_ip_sans_cidr, 1_000, 64),
    ("allowed_uri_sans", |role| &role.allowed_uri_sans, 1_000, 2_048),
    ("allowed_other_sans", |role| &role.allowed_other_sans, 1_000, 2_048),
    ("policy_identifiers", |role| &role.policy_identifiers, 32, 128),
    ("key_usage", |role| &role.key_usage, 32, 64),
    ("ext_key_usage", |role| &role.ext_key_usage, 100, 128),
    ("organization", |role| &role.organization, 32, 256),
    ("organizational_unit", |role| &role.organizational_unit, 32, 256),
    ("country", |role| &role.country, 32, 256),
    ("locality", |role| &role.locality, 32, 512),
    ("province", |role| &role.province, 32, 512),
];

/// The most octets of all entries of all lists.
const MOST_OCTETS: usize = 128 << 10;

impl RoleSettings {
    /// Refuses what is larger than a role may be.
    ///
    /// # Errors
    /// Every list with too many entries or too long ones, each with its bound.
    pub fn within_bounds(&self) -> Result<(), FieldErrors> {
        judge(self)
    }

    /// The octets of all entries of all lists.
    pub fn octets(&self) -> usize {
        LISTS.iter().flat_map(|(_, list, ..)| list(self)).map(String::len).sum()
    }
}

fn judge(settings: &RoleSettings) -> Result<(), FieldErrors> {
    let mut errors = BTreeMap::new();
    let mut longest = ("allowed_domains", 0);
    let mut total = 0_usize;
    for (field, list, most, most_octets) in LISTS {
        let entries = list(settings);
        if entries.len() > most {
            add(&mut errors, field, &format!("has {} entries, of which {most} are the most", entries.len()));
        }
        if let Some(entry) = entries.iter().find(|entry| entry.len() > most_octets) {
            let start: String = entry.chars().take(40).collect();
            let start = start.escape_debug();
            let problem =
                format!("`{start}…` has {} octets, of which {most_octets} are the most", entry.len());
            add(&mut errors, field, &problem);
        }
        let octets: usize = entries.iter().map(String::len).sum();
        total = total.saturating_add(octets);
        if octets > longest.1 {
            longest = (field, octets);
        }
    }
    if total > MOST_OCTETS {
        let problem =
            format!("the lists of the role have {total} octets, of which {MOST_OCTETS} are the most");
        add(&mut errors, longest.0, &problem);
    }
    if errors.is_empty() { Ok(()) } else { Err(FieldErrors(errors)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(settings: &RoleSettings) -> Vec<(String, String)> {
        settings.within_bounds().map_or_else(|errors| errors.0.into_iter().collect(), |()| Vec::new())
    }

    #[test]
    fn one_entry_one_octet_and_the_sum_are_bounded() {
        let of = |allowed_domains| RoleSettings { allowed_domains, ..RoleSettings::default() };
        let names = |count: usize, octets: usize| vec!["a".repeat(octets); count];
        assert!(refused(&of(names(1_000, 131))).is_empty());
        assert!(refused(&of(names(1_001, 1)))[0].1.contains("1001 entries, of which 1000"));
        assert!(refused(&of(names(1, 320))).is_empty());
        assert!(refused(&of(names(1, 321)))[0].1.contains("321 octets, of which 320"));
        assert!(refused(&of(names(1_000, 132)))[0].1.contains("131072 are the most"));
    }
}
