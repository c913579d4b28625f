//! The entries of `allowed_domains`, ordered so that a name is compared with the few that can match it: the entries that are
//! the name or one of the names above it are looked up, and only globs are tried one by one. So the work for a request is not
//! the number of its names times that of the role's entries.

use std::collections::HashMap;

use super::pattern::{Candidate, DomainPattern, Opening, Switches};

/// The entries of a role, in its order.
#[derive(Debug, Clone, Default)]
pub(crate) struct DomainSet {
    entries: Vec<DomainPattern>,
    /// The first entry of each text. An e-mail address is here in lower case.
    by_text: HashMap<String, usize>,
    /// The first entry `*.apex` of each apex.
    below: HashMap<String, usize>,
    /// Entries that have to be tried, in order.
    globs: Vec<usize>,
    glob_octets: usize,
}

impl DomainSet {
    pub(crate) fn new(entries: Vec<DomainPattern>) -> Self {
        let mut set = Self::default();
        for (at, entry) in entries.iter().enumerate() {
            set.by_text.entry(entry.text().to_ascii_lowercase()).or_insert(at);
            if let Some(apex) = entry.star_apex() {
                set.below.entry(apex.to_owned()).or_insert(at);
            } else if entry.is_glob() {
                set.globs.push(at);
                set.glob_octets += entry.text().len();
            }
        }
        Self { entries, ..set }
    }

    pub(crate) fn iter(&self) -> std::slice::Iter<'_, DomainPattern> {
        self.entries.iter()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The octets of all entries that are tried one by one.
    pub(crate) fn glob_octets(&self) -> usize {
        self.glob_octets
    }

    /// The first entry that permits the name, and what makes it do so.
    pub(crate) fn first_opening(
        &self,
        name: Candidate<'_>,
        switches: Switches,
    ) -> Option<(&DomainPattern, Opening)> {
        let opens = |at: &usize| self.opening(*at, name, switches).is_some();
        let mut found = self.likely(name).filter(opens).min();
        if switches.globs {
            let before = found.unwrap_or(usize::MAX);
            let mut globs = self.globs.iter().copied().take_while(|at| *at < before);
            found = globs.find(opens).or(found);
        }
        let at = found?;
        Some((self.entries.get(at)?, self.opening(at, name, switches)?))
    }

    fn opening(&self, at: usize, name: Candidate<'_>, switches: Switches) -> Option<Opening> {
        self.entries.get(at)?.opening(name, switches)
    }

    /// The entries without a glob that can permit the name: it itself, its address, and what is above it.
    fn likely<'a>(&'a self, name: Candidate<'a>) -> impl Iterator<Item = usize> + 'a {
        let base = name.wildcard_base.unwrap_or(name.host);
        let above = base.match_indices('.').filter_map(move |(dot, _)| base.get(dot + 1..));
        // A wildcard `*.example.com` lies below an entry `example.com`, though its base does not.
        let apexes = name.wildcard_base.into_iter().chain(above);
        let below = apexes.flat_map(move |apex| [self.by_text.get(apex), self.below.get(apex)]);
        let email = name.email.and_then(|email| self.by_text.get(&email.to_ascii_lowercase()));
        below.chain([self.by_text.get(name.host), email]).flatten().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the set answers is what trying every entry in order answers, for all combinations of switches.
    #[test]
    fn the_set_answers_as_if_every_entry_were_tried() {
        let texts = [
            "b.example.com",
            "*.example.com",
            "example.com",
            "*.b.example.com",
            "w*.example.com",
            "*",
            "com",
            "*.*.example.com",
            "example.com",
            "ops@example.com",
            "Ops@example.com",
            "*@b.example.com",
            "host",
            "*.host",
            "a.b.example.com",
            "xample.com",
            "*.xample.com",
            "*.com",
        ];
        let hosts = [
            "example.com",
            "a.example.com",
            "a.b.example.com",
            "b.example.com",
            "www.example.com",
            "com",
            "host",
            "a.host",
            "xample.com",
            "a.xample.com",
            "other.test",
            "example.com.test",
            "aexample.com",
        ];
        let entries: Vec<DomainPattern> =
            texts.iter().map(|text| DomainPattern::parse(text).expect("legal in this test")).collect();
        // Each rotation has another entry first, and each prefix lacks some.
        for rotation in 0..entries.len() {
            for length in [1, 3, entries.len()] {
                let mut entries = entries.clone();
                entries.rotate_left(rotation);
                entries.truncate(length);
                let set = DomainSet::new(entries.clone());
                for bits in 0..16_u8 {
                    let on = |bit: u8| bits & (1 << bit) != 0;
                    let switches =
                        Switches { bare: on(0), subdomains: on(1), globs: on(2), wildcards: on(3) };
                    for host in hosts {
                        let wildcard = format!("*.{host}");
                        let email = format!("ops@{host}");
                        for name in [
                            Candidate { host, wildcard_base: None, email: None },
                            Candidate { host: &wildcard, wildcard_base: Some(host), email: None },
                            Candidate { host, wildcard_base: None, email: Some(&email) },
                        ] {
                            let tried = entries
                                .iter()
                                .enumerate()
                                .find_map(|(at, entry)| entry.opening(name, switches).map(|by| (at, by)));
                            let found = set.first_opening(name, switches).map(|(entry, by)| {
                                let same = |other: &DomainPattern| std::ptr::eq(other, entry);
                                (set.iter().position(same).expect("it is one of them"), by)
                            });
                            assert_eq!(found, tried, "{name:?} {switches:?} {entries:?}");
                        }
                    }
                }
            }
        }
    }
}
