//! Rows: the only crate that names sqlx. Every query is written once and runs on SQLite and on Postgres.
//!
//! A [`Session`] reads and a [`Tx`] writes, both in the name of one tenant; a [`SystemSession`] and a
//! [`SystemTx`] see all tenants and serve the few places that must: authentication, public distribution
//! and the job runner.

pub mod acme_account_keys;
pub mod acme_accounts;
pub mod acme_challenges;
pub mod acme_evidence;
pub mod acme_ledger;
pub mod acme_orders;
pub mod acme_pauses;
pub mod acme_renewals;
pub mod audit;
mod backend;
pub mod backup;
pub mod blocked_keys;
pub mod ca_certificates;
pub mod certificate_authorities;
pub mod certificates;
mod connect;
pub mod crls;
pub mod csrs;
pub mod discoveries;
pub mod dns_locks;
pub mod dns_providers;
pub mod domain_grants;
pub mod endpoints;
mod error;
pub mod events;
pub mod expiry;
pub mod figures;
pub mod forgetting;
pub mod holds;
pub mod idempotency;
pub mod inherited_revocations;
pub mod issuer_versions;
pub mod jobs;
mod listing;
mod migrate;
pub mod notices;
pub mod ocsp;
pub mod ocsp_signers;
pub mod overview;
mod owners;
pub mod publications;
mod query;
pub mod roles;
mod row;
pub mod scheduled_revocations;
pub mod schedules;
pub mod secrets;
mod sessions;
pub mod tenants;
pub mod tokens;
pub mod trust_anchors;
pub mod unstored_certificates;
mod vacuum;
pub mod webhook_deliveries;
pub mod webhooks;
mod words;
mod writes;

pub use backend::{Database, Link, PoolFigures};
pub use error::StorageError;
pub use listing::{Extent, LISTED_OCTETS, Listed, MOST_COUNTED};
pub use migrate::{SchemaState, newest_migration};
pub use sessions::{Session, SystemSession, SystemTx, Tx, WithLink};
pub use vacuum::Vacuumed;
pub use words::VOCABULARIES;
