//! Challenges: how control of one identifier is proven (RFC 8555 section 8, RFC 8737).

use super::{ChallengeProgress, DnsServerAnswer};
use crate::word::words;
use crate::{AcmeChallengeId, AcmeOrderId, Stored, Timestamp, UnknownWord};

words! {
    /// The ways to prove control.
    ChallengeType("type of ACME challenge") {
        /// By an answer over HTTP.
        Http01 = "http-01",
        /// By a TXT record.
        Dns01 = "dns-01",
        /// By a certificate in a TLS handshake.
        TlsAlpn01 = "tls-alpn-01",
    }
}

words! {
    /// What a challenge is at.
    ChallengeState("state of an ACME challenge") {
        /// Nothing was done.
        Waiting = "waiting",
        /// Its answer is to be published, and may have been.
        Publishing = "publishing",
        /// Published; the DNS provider is still applying the change.
        Published = "published",
        /// Published; it is looked for at the authoritative servers.
        Propagating = "propagating",
        /// The CA was told to look, or is to be told.
        Submitted = "submitted",
        /// The CA is satisfied.
        Valid = "valid",
        /// The CA is not, or we gave up.
        Invalid = "invalid",
    }
}

impl ChallengeState {
    /// The word of RFC 8555 section 7.1.6.
    pub const fn status(self) -> &'static str {
        match self {
            Self::Waiting | Self::Publishing | Self::Published | Self::Propagating => "pending",
            Self::Submitted => "processing",
            Self::Valid => "valid",
            Self::Invalid => "invalid",
        }
    }

    /// Whether something is still to happen.
    pub const fn is_open(self) -> bool {
        !matches!(self, Self::Valid | Self::Invalid)
    }
}

impl Stored<ChallengeState> {
    /// The word of RFC 8555 section 7.1.6; a state that is not known stands for itself.
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
    /// Whether the answer of a challenge may be out there.
    Exposure("exposure of an ACME challenge") {
        /// It never was.
        None = "none",
        /// It is to be published, and may have been.
        Wanted = "wanted",
        /// It is.
        Present = "present",
        /// It is to be removed, and may have been.
        Removing = "removing",
        /// It is gone.
        Removed = "removed",
    }
}

/// A challenge of an order.
#[derive(Debug, Clone)]
pub struct AcmeChallenge {
    /// The challenge's id.
    pub id: AcmeChallengeId,
    /// Its order.
    pub order_id: AcmeOrderId,
    /// The authorization that it is part of.
    pub authorization_url: String,
    /// What the CA knows it by.
    pub url: String,
    /// What control is proven of, without `*.`.
    pub identifier: String,
    /// Whether it is for a wildcard.
    pub wildcard: bool,
    /// How.
    pub kind: Stored<ChallengeType>,
    /// The CA's random text.
    pub token: String,
    /// Token and thumbprint of the account key (RFC 8555 section 8.1).
    pub key_authorization: String,
    /// What it is at.
    pub progress: ChallengeProgress,
    /// Answers of the CA in a row that were not as they should be.
    pub failures: i64,
    /// Whether a person has said that it is ready.
    pub forced: bool,
    /// What was seen last, for people.
    pub note: Option<String>,
    /// For `dns-01`: what each name server answered in the last look.
    pub dns_servers: Vec<DnsServerAnswer>,
    /// How often it was worked on.
    pub attempts: i64,
    /// When it is worked on next.
    pub next_attempt_at: Option<Timestamp>,
    /// When it is given up.
    pub deadline_at: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl AcmeChallenge {
    /// Whether this version knows every word that working on it depends on.
    ///
    /// # Errors
    /// The first one that it does not know.
    pub fn understood(&self) -> Result<(), UnknownWord> {
        self.kind.known()?;
        self.progress.state().known()?;
        self.progress.exposure().known().map(drop)
    }

    /// The name at which the CA looks for the TXT record (RFC 8555 section 8.4).
    pub fn owner_name(&self) -> String {
        format!("_acme-challenge.{}", self.identifier)
    }
}
