//! Accounts at ACME servers.

use std::time::Duration;

use super::Failure;
use crate::word::words;
use crate::{AcmeAccountId, Stored, Timestamp};

words! {
    /// The organization that runs the ACME server.
    AcmeProvider("provider of ACME servers") {
        /// Let's Encrypt.
        LetsEncrypt = "letsencrypt",
        /// ZeroSSL.
        ZeroSsl = "zerossl",
        /// Buypass, which has ended its service.
        Buypass = "buypass",
        /// Google Trust Services.
        Google = "google",
        /// Anyone else, by directory URL.
        Custom = "custom",
    }
}

words! {
    /// Which of a provider's servers.
    AcmeEnvironment("environment of an ACME provider") {
        /// The one whose certificates are trusted.
        Production = "production",
        /// The one to try things out on.
        Staging = "staging",
    }
}

words! {
    /// Where an account stands.
    AccountStatus("status of an ACME account") {
        /// The registration was begun and is not confirmed yet.
        Pending = "pending",
        /// It can be used.
        Valid = "valid",
        /// The CA has deactivated it at our request.
        Deactivated = "deactivated",
        /// The CA refuses it.
        Invalid = "invalid",
    }
}

/// How long an order waits for a CA before another one is asked, where nothing else is configured.
pub const FALLBACK_AFTER: Duration = Duration::from_mins(15);

/// An account at an ACME server.
#[derive(Debug, Clone)]
pub struct AcmeAccount {
    /// The account's id.
    pub id: AcmeAccountId,
    /// What the tenant calls it.
    pub name: String,
    /// The organization that runs the server.
    pub provider: Stored<AcmeProvider>,
    /// Which of its servers.
    pub environment: Stored<AcmeEnvironment>,
    /// The server's directory.
    pub directory_url: String,
    /// The address that the CA may write to.
    pub email: String,
    /// Where it stands.
    pub status: Stored<AccountStatus>,
    /// What the CA knows it by (RFC 8555 section 7.3).
    pub account_url: Option<String>,
    /// The key id of the external account that it is bound to.
    pub eab_kid: Option<String>,
    /// The terms that were agreed to.
    pub terms_of_service: Option<String>,
    /// Why it is invalid, or not valid yet.
    pub error: Option<Failure>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// The accounts that are asked when its CA cannot issue in time, in this order.
    pub fallback_account_ids: Vec<AcmeAccountId>,
    /// Whether it is asked when the CA of an account that names no others cannot issue in time.
    pub default_fallback: bool,
    /// How often its key was changed.
    pub key_generation: i64,
    /// Whether the CA may have been told of another key and it is not known yet.
    pub key_change_pending: bool,
}
