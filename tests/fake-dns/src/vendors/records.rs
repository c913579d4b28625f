//! Records one by one, as the APIs have them that know no record sets.

use crate::{Record, State, Zone};

/// The whole name of a record that is called `relative` (empty or `@` at the apex) in a zone.
pub(crate) fn full(relative: &str, apex: &str) -> String {
    match relative {
        "" | "@" => apex.to_owned(),
        below => format!("{below}.{apex}").to_lowercase(),
    }
}

/// The name of a record within its zone; empty at the apex.
pub(crate) fn relative<'a>(name: &'a str, apex: &str) -> &'a str {
    name.strip_suffix(apex).unwrap_or(name).trim_end_matches('.')
}

/// A record with what it needs to be shown.
pub(crate) struct Shown<'a> {
    /// The name within the zone.
    pub(crate) name: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) ttl: u32,
    pub(crate) record: &'a Record,
}

/// Every record of a zone.
pub(crate) fn all(zone: &Zone) -> impl Iterator<Item = Shown<'_>> {
    zone.sets.iter().flat_map(|((name, kind), set)| {
        let name = relative(name, &zone.apex);
        set.records.iter().map(move |record| Shown { name, kind, ttl: set.ttl, record })
    })
}

/// Number and name of the public zone of this name.
pub(crate) fn zone_named(state: &mut State, apex: &str) -> Option<(u64, String)> {
    state.zone(apex).map(|zone| (zone.id, zone.apex.clone()))
}
