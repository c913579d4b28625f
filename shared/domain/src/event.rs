//! Events: what happened to certificates, CAs, CSRs, orders and tokens, for those who want to be told.
//!
//! Most of what happens is a call that was done, and has its row in the audit log already: that row is the event. What no
//! call has caused, such as a renewal, is stored as an event with more about it, and its row in the audit log is
//! [`Action::EventRaise`].

use crate::word::words;
use crate::{Action, EventId, Stored, Timestamp};

words! {
    /// What happened.
    EventKind("kind of event") {
        /// A certificate was issued.
        CertificateIssued = "certificate.issued",
        /// A certificate was renewed.
        CertificateRenewed = "certificate.renewed",
        /// A certificate could not be renewed.
        CertificateRenewalFailed = "certificate.renewal_failed",
        /// A certificate ends soon and was not renewed, once for each threshold.
        CertificateExpiring = "certificate.expiring",
        /// The CA names a time for the renewal of a certificate that makes no sense.
        CertificateRenewalWindowOdd = "certificate.renewal_window_odd",
        /// A renewal is not served where it should be, once for each renewal.
        CertificateNotDeployed = "certificate.not_deployed",
        /// A certificate was revoked.
        CertificateRevoked = "certificate.revoked",
        /// A suspended certificate is good again.
        CertificateReleased = "certificate.released",
        /// A certificate was imported.
        CertificateImported = "certificate.imported",
        /// A stored private key was handed out.
        CertificateKeyRetrieved = "certificate.private_key_retrieved",
        /// A CA was made.
        CaCreated = "ca.created",
        /// A CA's settings were changed.
        CaUpdated = "ca.updated",
        /// A CA was revoked.
        CaRevoked = "ca.revoked",
        /// A CA ends soon, once for each threshold.
        CaExpiring = "ca.expiring",
        /// A trust anchor ends soon, once for each threshold.
        TrustAnchorExpiring = "trust_anchor.expiring",
        /// A CRL was signed and can be fetched.
        CrlPublished = "crl.published",
        /// A CRL, or a delta CRL, is about to end, and no newer one was made.
        CrlLate = "crl.late",
        /// A CRL, or the certificate of its CA, is not in the folder or object store where it should be published, for longer than it may.
        PublicationLate = "publication.late",
        /// A CSR waits for approval.
        CsrPending = "csr.pending",
        /// A CSR was approved.
        CsrApproved = "csr.approved",
        /// A CSR was rejected.
        CsrRejected = "csr.rejected",
        /// A CSR was signed.
        CsrSigned = "csr.signed",
        /// A certificate was ordered from an ACME server.
        OrderCreated = "order.created",
        /// An order has its certificate.
        OrderIssued = "order.issued",
        /// An order ended without a certificate.
        OrderFailed = "order.failed",
        /// An order was cancelled.
        OrderCancelled = "order.cancelled",
        /// A CA refuses an ACME account, or its registration.
        AccountFailed = "account.failed",
        /// A background job was given up.
        JobDead = "job.dead",
        /// A token was made.
        TokenCreated = "token.created",
        /// A token was revoked.
        TokenRevoked = "token.revoked",
        /// A token ends soon, once for each threshold.
        TokenExpiring = "token.expiring",
        /// A webhook's receiver said that it is gone, and nothing is sent to it any more.
        WebhookDisabled = "webhook.disabled",
        /// An event could not be delivered and was given up.
        WebhookDeliveryFailed = "webhook.delivery_failed",
        /// A notice by mail could not be delivered and was given up.
        NoticeFailed = "notice.failed",
    }
}

impl EventKind {
    /// The event that an action is when it was done; `None` for an action that is no event.
    pub fn of_action(action: Action) -> Option<Self> {
        Self::ACTIONS.iter().find(|(known, _)| *known == action).map(|(_, kind)| *kind)
    }

    /// The actions that are this event when they were done.
    pub fn actions(self) -> impl Iterator<Item = Action> {
        Self::ACTIONS.iter().filter(move |(_, kind)| *kind == self).map(|(action, _)| *action)
    }

    const ACTIONS: &'static [(Action, Self)] = &[
        (Action::CertificateIssue, Self::CertificateIssued),
        (Action::CertificateSign, Self::CertificateIssued),
        (Action::CertificateRenew, Self::CertificateRenewed),
        (Action::CertificateRevoke, Self::CertificateRevoked),
        (Action::CertificateRelease, Self::CertificateReleased),
        (Action::CertificateImport, Self::CertificateImported),
        (Action::PrivateKeyRetrieve, Self::CertificateKeyRetrieved),
        (Action::CaCreate, Self::CaCreated),
        (Action::CaImport, Self::CaCreated),
        (Action::CaUpdate, Self::CaUpdated),
        (Action::CaCertificate, Self::CaUpdated),
        (Action::CaReissue, Self::CaUpdated),
        (Action::CaRevoke, Self::CaRevoked),
        (Action::CsrCreate, Self::CsrPending),
        (Action::CsrImport, Self::CsrPending),
        (Action::CsrApprove, Self::CsrApproved),
        (Action::CsrReject, Self::CsrRejected),
        (Action::CsrSign, Self::CsrSigned),
        (Action::AcmeOrderCreate, Self::OrderCreated),
        (Action::AcmeOrderCancel, Self::OrderCancelled),
        (Action::TokenCreate, Self::TokenCreated),
        (Action::TokenRevoke, Self::TokenRevoked),
    ];
}

/// Something that happened without a call.
#[derive(Debug, Clone)]
pub struct Event {
    /// The event's id.
    pub id: EventId,
    /// What happened.
    pub kind: Stored<EventKind>,
    /// The id of what it happened to.
    pub subject: String,
    /// The rest.
    pub data: serde_json::Value,
    /// When it happened.
    pub created_at: Timestamp,
}
