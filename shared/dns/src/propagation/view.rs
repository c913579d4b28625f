//! What name servers were seen to have, and whether that is enough.

use std::fmt;
use std::net::SocketAddr;

/// What one server, or one address of it, has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// The value.
    Value,
    /// Other values only.
    OtherValues(Vec<String>),
    /// None.
    Absent,
    /// It cannot be asked from here: there is no route to its addresses, or the egress policy allows none of them. It counts
    /// neither for nor against the value.
    NoRoute,
    /// It did not answer as it should.
    Failed(String),
}

impl Seen {
    /// The word of the API.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Value => "value",
            Self::OtherValues(_) => "other_values",
            Self::Absent => "absent",
            Self::NoRoute => "no_route",
            Self::Failed(_) => "failed",
        }
    }

    /// How much it tells about the server; the address that tells most decides.
    fn weight(&self) -> u8 {
        match self {
            Self::Value => 4,
            Self::OtherValues(_) => 3,
            Self::Absent => 2,
            Self::Failed(_) => 1,
            Self::NoRoute => 0,
        }
    }
}

/// An address of a server, and what was seen there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressView {
    /// Where it was asked.
    pub address: SocketAddr,
    /// What it has.
    pub seen: Seen,
}

/// A server, its addresses, and what it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerView {
    /// Its name, or its address where it has none.
    pub name: String,
    /// Its addresses, each with what it answered; none when there are none that may be asked.
    pub addresses: Vec<AddressView>,
    /// What it has, by the address that tells most: a server that has the value at one address has it.
    pub seen: Seen,
}

impl ServerView {
    /// A server with these addresses.
    pub(super) fn of(name: String, addresses: Vec<AddressView>) -> Self {
        let most = addresses.iter().map(|view| &view.seen).max_by_key(|seen| seen.weight());
        let seen = most.cloned().unwrap_or(Seen::NoRoute);
        Self { name, addresses, seen }
    }

    /// The address that decided.
    pub fn address(&self) -> Option<SocketAddr> {
        self.addresses.iter().find(|view| view.seen == self.seen).map(|view| view.address)
    }
}

/// What the servers have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Propagation {
    /// Every server, each once however many addresses it has.
    pub servers: Vec<ServerView>,
    /// Whether enough of them have the value.
    pub complete: bool,
}

impl Propagation {
    /// Judges what was seen. `needs_all` when every server has to have the value; `patient` while one that fails is waited
    /// for. Once it is not, those that answer decide, if they are at least half of all.
    pub(super) fn of(servers: Vec<ServerView>, needs_all: bool, patient: bool) -> Self {
        let count = |wanted: fn(&Seen) -> bool| servers.iter().filter(|server| wanted(&server.seen)).count();
        let have = count(|seen| *seen == Seen::Value);
        let failed = count(|seen| matches!(seen, Seen::Failed(_)));
        let counted = count(|seen| *seen != Seen::NoRoute);
        let enough = if needs_all {
            have == counted || (!patient && have + failed == counted && have * 2 >= counted)
        } else {
            have * 2 > counted
        };
        Self { complete: enough && have > 0, servers }
    }

    /// Whether servers answer, and none of them has the value.
    pub fn is_nowhere(&self) -> bool {
        let answers = |server: &ServerView| matches!(server.seen, Seen::Absent | Seen::OtherValues(_));
        self.servers.iter().any(answers) && self.servers.iter().all(|server| server.seen != Seen::Value)
    }
}

impl fmt::Display for Propagation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let have = self.servers.iter().filter(|server| server.seen == Seen::Value).count();
        let counted = self.servers.iter().filter(|server| server.seen != Seen::NoRoute).count();
        write!(f, "seen at {have} of {counted} name servers")?;
        for server in self.servers.iter().filter(|server| server.seen != Seen::Value).take(4) {
            write!(f, "; {} ", server.name)?;
            if let Some(address) = server.address() {
                write!(f, "({}) ", address.ip())?;
            }
            match &server.seen {
                Seen::Value => {}
                Seen::OtherValues(values) => write!(f, "has {} other values", values.len())?,
                Seen::Absent => write!(f, "has none")?,
                // Telling these apart would tell a tenant which names exist inside the network.
                Seen::NoRoute if server.addresses.is_empty() => {
                    write!(f, "is left out: it has no address, or none that the egress policy allows")?;
                }
                Seen::NoRoute => write!(f, "is left out: there is no route to it from here")?,
                Seen::Failed(reason) => write!(f, "failed: {reason}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One server for each text, one address for each letter: value, other values, absent, failed, unroutable.
    fn seen(servers: &[&str], needs_all: bool, patient: bool) -> Propagation {
        let at = |letter: char| AddressView {
            address: ([192, 0, 2, 1], 53).into(),
            seen: match letter {
                'v' => Seen::Value,
                'o' => Seen::OtherValues(vec!["x".to_owned()]),
                'a' => Seen::Absent,
                'u' => Seen::NoRoute,
                _ => Seen::Failed("no answer".to_owned()),
            },
        };
        let server = |text: &&str| ServerView::of((*text).to_owned(), text.chars().map(at).collect());
        Propagation::of(servers.iter().map(server).collect(), needs_all, patient)
    }

    #[test]
    fn a_server_counts_once_and_is_good_by_one_of_its_addresses() {
        for good in [&["vu", "vu"][..], &["v", "va", "fv"], &["vu", "uu"], &["v"], &["v", ""]] {
            assert!(seen(good, true, true).complete, "{good:?}");
        }
        for bad in [&["vu", "au"][..], &["v", "f"], &["u", "uu"], &[], &["f"], &["o", "v"], &[""]] {
            assert!(!seen(bad, true, true).complete, "{bad:?}");
        }
        assert_eq!(
            seen(&["vu", "uu", "fa"], true, true).to_string(),
            "seen at 1 of 2 name servers; uu (192.0.2.1) is left out: there is no route to it from here; fa (192.0.2.1) has none"
        );
        assert!(
            seen(&["v", ""], true, true)
                .to_string()
                .starts_with("seen at 1 of 1 name servers;  is left out: it has no")
        );
    }

    #[test]
    fn a_server_that_fails_is_not_waited_for_for_ever() {
        for (servers, patient, good) in [
            (&["v", "f"][..], true, false),
            (&["v", "f"], false, true),
            (&["v", "f", "f"], false, false),
            (&["v", "v", "a"], false, false),
            (&["f", "f"], false, false),
        ] {
            assert_eq!(seen(servers, true, patient).complete, good, "{servers:?} {patient}");
        }
    }

    #[test]
    fn more_than_half_are_a_majority() {
        for (servers, good) in [
            (&["v", "v", "a"][..], true),
            (&["v", "a"], false),
            (&["v", "f", "v", "o"], false),
            (&["v", "u"], true),
        ] {
            assert_eq!(seen(servers, false, true).complete, good, "{servers:?}");
        }
    }

    #[test]
    fn nowhere_is_where_somebody_says_so() {
        assert!(seen(&["a", "f"], true, true).is_nowhere());
        assert!(!seen(&["f", "u"], true, true).is_nowhere());
        assert!(!seen(&["a", "v"], true, true).is_nowhere());
    }
}
