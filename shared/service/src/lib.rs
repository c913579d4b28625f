//! Use cases: the only place where rules, rows and effects meet. Each takes the [`App`], the [`Caller`] where
//! there is one, and its input, and answers a domain value or a [`ServiceError`].

mod access;
pub mod acme;
mod app;
pub mod audit;
pub mod blocked_keys;
pub mod ca;
pub mod certificates;
mod change;
pub mod crl;
pub mod csr;
pub mod dns_providers;
mod error;
pub mod events;
mod failpoint;
mod fleet_clock;
pub mod idempotency;
mod issuer;
pub mod jobs;
mod key_choice;
mod keyring;
pub mod ocsp;
mod outgoing;
pub mod overview;
mod page;
mod precondition;
pub mod rate_limits;
mod refusals;
pub mod roles;
pub mod secrets;
mod shares;
pub mod tenants;
pub mod tokens;
pub mod trust_anchors;
pub mod validate;
pub mod webhooks;

pub use access::Caller;
pub use app::{App, Parts, Settings};
pub use certmill_domain as domain;
pub use certmill_queue::SharedBuckets;
pub use certmill_x509 as x509;
pub use error::{Noun, ServiceError};
pub use issuer::Issuer;
pub use page::{Page, PageRequest};
pub use precondition::IfMatch;
pub use rate_limits::Limiter;
