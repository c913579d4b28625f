//! What is ordered from ACME servers (RFC 8555): accounts, orders, challenges, renewals.

mod account;
mod challenge;
mod challenge_progress;
mod dns_answer;
mod identifier;
mod limit;
mod order;
mod renewal;

pub use account::{AccountStatus, AcmeAccount, AcmeEnvironment, AcmeProvider, FALLBACK_AFTER};
pub use challenge::{AcmeChallenge, ChallengeState, ChallengeType, Exposure};
pub use challenge_progress::{Added, ChallengeAnswer, ChallengeProgress, Told, TxtAnswer, TxtRecord};
pub use dns_answer::{DnsAddressAnswer, DnsServerAnswer};
pub use identifier::{AcmeIdentifier, AcmeIdentifiers};
pub use limit::{AcmeLimit, Allowance, ProviderLimit};
pub use order::{AcmeOrder, OrderAtCa, OrderCause, OrderKey, OrderProgress, OrderState, Renewed};
pub use renewal::{Renewal, RenewalWindow, RenewalWish};

/// Why something ended, or does not go on: in the words of the API's errors.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Failure {
    /// What a program branches on.
    pub code: String,
    /// A sentence for people.
    pub message: String,
    /// What the server at the other end said, such as an ACME problem document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream: Option<serde_json::Value>,
}

impl Failure {
    /// A failure that no server has said anything about.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), upstream: None }
    }
}
