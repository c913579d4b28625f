//! Orders: `new → authorizing → challenging → finalizing → issuing → issued`, or `→ failed` from anywhere before.

use std::time::Duration;

use certmill_x509::KeyAlgorithm;

use super::{AcmeIdentifiers, ChallengeType, Failure};
use crate::word::words;
use crate::{AcmeAccountId, AcmeOrderId, CertificateId, DnsProviderId, Stored, Timestamp, UnknownWord};

words! {
    /// What an order is at. Each state is written before the effect that it stands for.
    OrderState("state of an ACME order") {
        /// The CA is to be asked for an order, and may have been.
        New = "new",
        /// The CA's order is known; its authorizations are to be read.
        Authorizing = "authorizing",
        /// The challenges are being met.
        Challenging = "challenging",
        /// Key and CSR are stored; the CA is to be sent the CSR, and may have been.
        Finalizing = "finalizing",
        /// The CA has the CSR; the certificate is to be fetched.
        Issuing = "issuing",
        /// The certificate is stored.
        Issued = "issued",
        /// It came to nothing.
        Failed = "failed",
    }
}

impl OrderState {
    /// The word of RFC 8555 section 7.1.6 that comes closest, which the API answers.
    pub const fn status(self) -> &'static str {
        match self {
            Self::New | Self::Authorizing | Self::Challenging => "pending",
            Self::Finalizing => "ready",
            Self::Issuing => "processing",
            Self::Issued => "valid",
            Self::Failed => "invalid",
        }
    }

    /// The states that the API calls `status`; empty when there is no such status.
    pub fn of_status(status: &str) -> Vec<Self> {
        Self::ALL.iter().copied().filter(|state| state.status() == status).collect()
    }

    /// Whether something is still to happen.
    pub const fn is_open(self) -> bool {
        !matches!(self, Self::Issued | Self::Failed)
    }
}

impl Stored<OrderState> {
    /// The word of RFC 8555 section 7.1.6 that comes closest; a state that is not known stands for itself.
    pub fn status(&self) -> &str {
        match self {
            Self::Known(state) => state.status(),
            Self::Unknown(word) => word,
        }
    }

    /// Whether something may still be to happen.
    pub fn is_open(&self) -> bool {
        match self {
            Self::Known(state) => state.is_open(),
            Self::Unknown(_) => true,
        }
    }
}

words! {
    /// What caused an order.
    OrderCause("cause of an ACME order") {
        /// A call of the API.
        Api = "api",
        /// The renewal schedule.
        Renewal = "renewal",
        /// A call to renew now.
        Manual = "manual",
    }
}

/// An order as its CA has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderAtCa {
    /// What the CA knows it by.
    pub url: String,
    /// Where the CSR goes.
    pub finalize_url: Option<String>,
    /// When the CA forgets it.
    pub expires_at: Option<Timestamp>,
}

/// What an order is at, with all that is known there and nowhere before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderProgress {
    /// The CA is to be asked for an order, and may have been.
    New,
    /// The CA's order is known; its authorizations are to be read.
    Authorizing(OrderAtCa),
    /// The challenges are being met.
    Challenging(OrderAtCa),
    /// Key and CSR are stored; the CA is to be sent the CSR, and may have been.
    Finalizing {
        /// The CA's order.
        at_ca: OrderAtCa,
        /// The CSR.
        csr: Vec<u8>,
    },
    /// The CA has the CSR; the certificate is to be fetched.
    Issuing {
        /// The CA's order.
        at_ca: OrderAtCa,
        /// The CSR.
        csr: Vec<u8>,
        /// Where the certificate is, once the CA has said so.
        certificate_url: Option<String>,
    },
    /// The certificate is stored.
    Issued {
        /// The CA's order.
        at_ca: OrderAtCa,
        /// The certificate.
        certificate_id: CertificateId,
        /// When it was stored.
        completed_at: Timestamp,
    },
    /// It came to nothing.
    Failed {
        /// The CA's order, if it came so far.
        at_ca: Option<OrderAtCa>,
        /// When it ended.
        completed_at: Timestamp,
        /// The order that was made in its place at another CA.
        successor: Option<AcmeOrderId>,
    },
    /// A state of a newer version, which is shown and not worked on.
    Unknown(String),
}

impl OrderProgress {
    /// The word for it.
    pub fn state(&self) -> Stored<OrderState> {
        Stored::Known(match self {
            Self::New => OrderState::New,
            Self::Authorizing(_) => OrderState::Authorizing,
            Self::Challenging(_) => OrderState::Challenging,
            Self::Finalizing { .. } => OrderState::Finalizing,
            Self::Issuing { .. } => OrderState::Issuing,
            Self::Issued { .. } => OrderState::Issued,
            Self::Failed { .. } => OrderState::Failed,
            Self::Unknown(word) => return Stored::Unknown(word.clone()),
        })
    }

    /// Whether something may still be to happen.
    pub const fn is_open(&self) -> bool {
        !matches!(self, Self::Issued { .. } | Self::Failed { .. })
    }

    /// Whether the CA has no CSR of the order yet, so that giving it up loses no certificate.
    pub const fn is_before_csr(&self) -> bool {
        matches!(self, Self::New | Self::Authorizing(_) | Self::Challenging(_))
    }

    /// The CA's order, where there is one.
    pub const fn at_ca(&self) -> Option<&OrderAtCa> {
        match self {
            Self::Authorizing(at_ca) | Self::Challenging(at_ca) => Some(at_ca),
            Self::Finalizing { at_ca, .. } | Self::Issuing { at_ca, .. } | Self::Issued { at_ca, .. } => {
                Some(at_ca)
            }
            Self::Failed { at_ca, .. } => at_ca.as_ref(),
            Self::New | Self::Unknown(_) => None,
        }
    }

    /// What an order is at that came to nothing from here, and the one that was made in its place.
    pub fn failed(&self, completed_at: Timestamp, successor: Option<AcmeOrderId>) -> Self {
        Self::Failed { at_ca: self.at_ca().cloned(), completed_at, successor }
    }

    /// The order that was made in its place when it came to nothing.
    pub const fn successor(&self) -> Option<AcmeOrderId> {
        match self {
            Self::Failed { successor, .. } => *successor,
            _ => None,
        }
    }

    /// When it ended.
    pub const fn completed_at(&self) -> Option<Timestamp> {
        match self {
            Self::Issued { completed_at, .. } | Self::Failed { completed_at, .. } => Some(*completed_at),
            _ => None,
        }
    }

    /// The certificate that came out of it.
    pub const fn certificate_id(&self) -> Option<CertificateId> {
        match self {
            Self::Issued { certificate_id, .. } => Some(*certificate_id),
            _ => None,
        }
    }
}

/// Whose key the certificate of an order is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderKey {
    /// One that is made here.
    Ours {
        /// Its CSR, once it was made: it outlives an order that the CA has lost.
        csr: Option<Vec<u8>>,
    },
    /// The caller's, which is not kept here.
    Callers {
        /// The caller's CSR.
        csr: Vec<u8>,
    },
}

impl OrderKey {
    /// Whether it is the caller's.
    pub const fn is_callers(&self) -> bool {
        matches!(self, Self::Callers { .. })
    }

    /// The CSR that is there.
    pub fn csr(&self) -> Option<&[u8]> {
        match self {
            Self::Ours { csr } => csr.as_deref(),
            Self::Callers { csr } => Some(csr),
        }
    }

    /// The caller's CSR.
    pub fn callers_csr(&self) -> Option<&[u8]> {
        match self {
            Self::Ours { .. } => None,
            Self::Callers { csr } => Some(csr),
        }
    }
}

/// A certificate that an order renews.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renewed {
    /// The certificate.
    pub certificate_id: CertificateId,
    /// The CA's id of it (RFC 9773 section 4.1), while the CA may be told.
    pub replaces: Option<String>,
}

/// An order at an ACME server, together with everything that is needed to go on with it after a crash.
#[derive(Debug, Clone)]
pub struct AcmeOrder {
    /// The order's id.
    pub id: AcmeOrderId,
    /// The account in whose name it is made.
    pub account_id: AcmeAccountId,
    /// What it is at.
    pub progress: OrderProgress,
    /// What caused it.
    pub cause: Stored<OrderCause>,
    /// What the certificate is for.
    pub identifiers: AcmeIdentifiers,
    /// How control is proven.
    pub challenge_type: Stored<ChallengeType>,
    /// The DNS provider, where the request named one.
    pub dns_provider_id: Option<DnsProviderId>,
    /// Whether its certificate is renewed on its own.
    pub auto_renew: bool,
    /// `rsa` or `ec`.
    pub key_type: String,
    /// Bits of the key.
    pub key_size: i64,
    /// The CA's profile.
    pub profile: Option<String>,
    /// Common name of the topmost issuer of the chain that is preferred.
    pub preferred_chain: Option<String>,
    /// The common name of the CSR, where one is wanted.
    pub common_name: Option<String>,
    /// Whether renewals of its certificate keep the key.
    pub reuse_key: bool,
    /// Whose key the certificate is for.
    pub key: OrderKey,
    /// The order that failed at another CA before this one was made in its place.
    pub fallback_of: Option<AcmeOrderId>,
    /// The account that was asked first, where that is another one: renewals come back to it.
    pub first_account_id: Option<AcmeAccountId>,
    /// The certificate that it renews, where it does.
    pub renews: Option<Renewed>,
    /// When it is given up at the latest, unless the CA has the CSR.
    pub deadline_at: Timestamp,
    /// Why it failed, or what it waits for.
    pub error: Option<Failure>,
    /// How often it was worked on.
    pub attempts: i64,
    /// Failures in a row.
    pub failures: i64,
    /// When it is worked on next.
    pub next_attempt_at: Option<Timestamp>,
    /// When the CA was last asked about it by a person.
    pub refreshed_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// What was found wrong before it was sent to the CA; none while nobody has looked.
    pub warnings: Option<Vec<String>>,
}

/// No CA makes orders that end sooner.
const SHORTEST_LIFE: Duration = Duration::from_mins(1);
/// How long after the end of an order its certificate may still come, if the CA has the CSR.
const LATE: Duration = Duration::from_hours(24);
/// The longest life of an order that counts: a CA may say that its orders have no end.
const LONGEST_LIFE: Duration = Duration::from_hours(7 * 24);

impl AcmeOrder {
    /// Another order for the same: nothing has happened to it yet, and it has the same CSR where that is the caller's.
    pub fn anew(self, id: AcmeOrderId, now: Timestamp, deadline_at: Timestamp) -> Self {
        Self {
            id,
            progress: OrderProgress::New,
            key: match self.key {
                OrderKey::Ours { .. } => OrderKey::Ours { csr: None },
                callers @ OrderKey::Callers { .. } => callers,
            },
            fallback_of: None,
            deadline_at,
            error: None,
            attempts: 0,
            failures: 0,
            next_attempt_at: Some(now),
            refreshed_at: None,
            created_at: now,
            updated_at: now,
            warnings: None,
            ..self
        }
    }

    /// The word for what it is at.
    pub fn state(&self) -> Stored<OrderState> {
        self.progress.state()
    }

    /// The certificate that it renews.
    pub fn renewal_of(&self) -> Option<CertificateId> {
        self.renews.as_ref().map(|renewed| renewed.certificate_id)
    }

    /// The CA's id of that certificate, while the CA may be told.
    pub fn replaces(&self) -> Option<&str> {
        self.renews.as_ref().and_then(|renewed| renewed.replaces.as_deref())
    }

    /// Has the CA not be told of what is replaced.
    pub fn forget_replaces(&mut self) {
        if let Some(renewed) = &mut self.renews {
            renewed.replaces = None;
        }
    }

    /// When the CA forgets it.
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.progress.at_ca().and_then(|at_ca| at_ca.expires_at)
    }

    /// When it is given up while the CA has no CSR: as was settled when it was ordered, or before that when the CA forgets it.
    pub fn ends(&self) -> Timestamp {
        // An order that has ended before it began has been dated by a wrong clock.
        let expires_at = self.expires_at().filter(|at| *at > self.created_at.plus(SHORTEST_LIFE));
        expires_at.map_or(self.deadline_at, |at| at.min(self.deadline_at))
    }

    /// When it is given up although the CA may have the CSR, and a certificate for it: a day after its end at the CA, and eight
    /// days after it was made at the latest.
    pub fn given_up_at(&self) -> Timestamp {
        let end = self.expires_at().unwrap_or(self.deadline_at).max(self.deadline_at);
        end.min(self.created_at.plus(LONGEST_LIFE)).plus(LATE)
    }

    /// The key that its certificate gets.
    ///
    /// # Errors
    /// [`UnknownWord`] when this version cannot make it.
    pub fn key_algorithm(&self) -> Result<KeyAlgorithm, UnknownWord> {
        u32::try_from(self.key_size)
            .ok()
            .and_then(|bits| KeyAlgorithm::from_type_and_size(&self.key_type, bits))
            .ok_or_else(|| UnknownWord::new("key", format!("{} {}", self.key_type, self.key_size)))
    }

    /// Whether this version knows every word that working on it depends on.
    ///
    /// # Errors
    /// The first one that it does not know.
    pub fn understood(&self) -> Result<(), UnknownWord> {
        self.state().known()?;
        self.challenge_type.known()?;
        self.key_algorithm().map(drop)
    }
}
