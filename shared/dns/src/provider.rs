//! What a DNS provider can do.

use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::{DnsError, PropagationSettings};

/// What a provider answers, in time.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, DnsError>>;

/// A zone of a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Zone {
    /// What the provider calls it.
    pub id: String,
    /// Its name, without a trailing dot.
    pub apex: String,
}

/// A change that was made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Change {
    /// What the provider calls it while it is not applied everywhere.
    pub pending: Option<String>,
}

/// Whether a change is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeState {
    /// Everywhere, as far as the provider knows.
    Done,
    /// Not yet.
    Pending {
        /// When to ask again.
        after: Duration,
    },
}

/// What is particular about a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProviderTraits {
    /// A person publishes the records; nothing is written.
    pub by_hand: bool,
    /// Values of one name can be lost when two are changed at once: changes need a lock.
    pub needs_lock: bool,
    /// The lock is on the whole zone, since a change writes all of it.
    pub locks_zone: bool,
    /// Whether it tells which zone a name is in; if not, the DNS has to be asked.
    pub knows_zones: bool,
    /// How many values a name can have at once, where that is few: more than that push others out.
    pub most_values: Option<usize>,
}

/// A provider, opened with its credentials. Names come without a trailing dot.
pub trait DnsProvider: Send + Sync {
    /// What is particular about it.
    fn traits(&self) -> ProviderTraits;

    /// What tells its API and its account from all others, as a digest: two clients with the same one write the same
    /// records. None where nothing is kept apart by it.
    fn account(&self) -> Option<String> {
        None
    }

    /// How it is found out that a value has arrived.
    fn propagation(&self) -> &PropagationSettings;

    /// Proves the credentials by reading; answers the zones that the provider tells of.
    fn verify(&self) -> Answer<'_, Vec<String>>;

    /// Proves that it serves `zone`, or a zone above it, where it does not tell of all its zones itself. Fails with
    /// [`DnsError::ZoneNotFound`] when it does not.
    fn prove_zone<'a>(&'a self, zone: &'a str) -> Answer<'a, ()> {
        let _ = zone;
        Box::pin(async { Ok(()) })
    }

    /// The longest of its zones that `name` lies in.
    fn find_zone<'a>(&'a self, name: &'a str) -> Answer<'a, Zone>;

    /// The TXT values of a name.
    fn list_txt<'a>(&'a self, zone: &'a Zone, name: &'a str) -> Answer<'a, Vec<String>>;

    /// Adds a value to those of a name; does nothing when it is there.
    fn add_txt<'a>(&'a self, zone: &'a Zone, name: &'a str, value: &'a str) -> Answer<'a, Change>;

    /// Removes a value from those of a name; does nothing when it is not there.
    fn remove_txt<'a>(&'a self, zone: &'a Zone, name: &'a str, value: &'a str) -> Answer<'a, Change>;

    /// Whether a change is applied.
    fn poll<'a>(&'a self, change: &'a str) -> Answer<'a, ChangeState>;
}
