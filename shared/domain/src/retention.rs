//! How long what is over is kept.

use std::time::Duration;

/// How long what is over is kept; for ever where it is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Certificates, from their end.
    pub certificates: Option<Duration>,
    /// Their private keys, from the certificate's end.
    pub private_keys: Option<Duration>,
    /// CSRs that were rejected or signed, from the decision.
    pub csrs: Option<Duration>,
    /// ACME orders that failed, from their failure.
    pub acme_orders: Option<Duration>,
    /// What is told of events that no call has caused.
    pub events: Option<Duration>,
    /// What became of events on their way to webhooks.
    pub webhook_deliveries: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            certificates: None,
            private_keys: None,
            csrs: None,
            acme_orders: None,
            events: None,
            webhook_deliveries: Duration::from_hours(7 * 24),
        }
    }
}
