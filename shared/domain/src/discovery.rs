//! Discoveries: looking at a list of servers for certificates that nobody has told of.

use crate::word::words;
use crate::{CertificateId, DiscoveryId, Stored, Timestamp};

words! {
    /// What became of a target of a discovery.
    TargetState("state of a target") {
        /// It is yet to be looked at.
        Waiting = "waiting",
        /// Its certificate was taken into the inventory.
        Imported = "imported",
        /// Its certificate was in the inventory already.
        Known = "known",
        /// It shows a certificate that cannot be taken.
        Refused = "refused",
        /// No certificate was seen.
        Unreachable = "unreachable",
    }
}

/// A list of servers that are looked at.
#[derive(Debug, Clone)]
pub struct Discovery {
    /// Its id.
    pub id: DiscoveryId,
    /// How many servers there are.
    pub targets: i64,
    /// How many were looked at.
    pub done: i64,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When all were looked at.
    pub finished_at: Option<Timestamp>,
}

/// One of the servers.
#[derive(Debug, Clone)]
pub struct Target {
    /// Its place in the list.
    pub position: i64,
    /// Where it is, in the canonical form of endpoints.
    pub endpoint: String,
    /// What became of it.
    pub state: Stored<TargetState>,
    /// Why no certificate was seen or taken.
    pub reason: Option<String>,
    /// The certificate in the inventory.
    pub certificate_id: Option<CertificateId>,
}
