//! Events: what happened to certificates, for those who want to be told.

use crate::word::words;
use crate::{EventId, Stored, Timestamp};

words! {
    /// What happened.
    EventKind("kind of event") {
        /// A certificate was issued.
        CertificateIssued = "certificate.issued",
        /// A certificate was renewed.
        CertificateRenewed = "certificate.renewed",
        /// A certificate could not be renewed.
        CertificateRenewalFailed = "certificate.renewal_failed",
        /// A certificate ends soon and was not renewed.
        CertificateExpiring = "certificate.expiring",
        /// The CA names a time for the renewal of a certificate that makes no sense.
        CertificateRenewalWindowOdd = "certificate.renewal_window_odd",
        /// A certificate was revoked.
        CertificateRevoked = "certificate.revoked",
    }
}

/// Something that happened.
#[derive(Debug, Clone)]
pub struct Event {
    /// Its id.
    pub id: EventId,
    /// What.
    pub kind: Stored<EventKind>,
    /// The id of what it happened to.
    pub subject: String,
    /// The rest.
    pub data: serde_json::Value,
    /// When.
    pub created_at: Timestamp,
}
