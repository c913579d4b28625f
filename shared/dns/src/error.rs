//! What can go wrong, by what the caller can do about it. No message holds a credential.

use std::time::Duration;

use certmill_egress::Denial;

/// Why a look or a change did not succeed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DnsError {
    /// The credentials are not good.
    #[error("the DNS provider refuses the credentials: {0}")]
    Auth(String),
    /// The provider does not serve the name.
    #[error("the DNS provider does not serve it: {0}")]
    ZoneNotFound(String),
    /// The credentials are good, but do not permit the change.
    #[error("the DNS provider does not permit it: {0}")]
    NotAllowed(String),
    /// The same records were changed by another writer at the same time.
    #[error("the records changed meanwhile: {0}")]
    Conflict(String),
    /// Too many requests.
    #[error("the DNS provider asks for patience: {message}")]
    RateLimited {
        /// What it says.
        message: String,
        /// When to try again, if it says so.
        after: Option<Duration>,
    },
    /// Nothing was sent, or nothing was done. Trying again later may help.
    #[error("{0}")]
    Unavailable(String),
    /// The change may have been made. Repeating it does no harm.
    #[error("{0}")]
    OutcomeUnknown(String),
    /// A name server cannot be looked up, or the egress policy does not allow its address; the log knows which.
    #[error("the name server {0} cannot be looked up, or the egress policy does not allow its address")]
    NoAddress(String),
    /// It cannot work as it is.
    #[error("{0}")]
    Invalid(String),
    /// The egress policy does not allow the address of a name server.
    #[error("the name server is not asked: {0}")]
    Denied(#[from] Denial),
    /// The egress policy does not allow the address of a provider's API.
    #[error("{host} is not called: {denial}")]
    CallDenied {
        /// The host of the URL.
        host: String,
        /// Why.
        denial: Denial,
    },
}
