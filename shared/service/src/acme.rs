//! Certificates from ACME servers (RFC 8555): accounts, orders, challenges and what the responders answer.
//!
//! An order is a row that says what it is at. Its job does one step after the other: it asks the CA where things stand,
//! has at most one effect outside, and writes what came of it in a transaction that confirms its lease. Each state is
//! written before the effect that it stands for, so that whoever takes over after a crash knows what may have happened.
//! Waiting is a later `run_at` of the job.

pub mod accounts;
mod advance;
mod authorizations;
mod challenge_due;
mod challenge_looks;
mod challenge_steps;
pub mod challenges;
mod directories;
mod dns_steps;
mod driver;
pub(crate) mod fallback;
mod give_up;
pub mod grants;
mod issuing;
mod judgement;
pub mod ledger;
mod limits;
mod order_key;
mod order_steps;
pub mod orders;
mod pauses;
pub mod preflight;
pub mod renewal;
pub mod responses;
mod revoke;
mod setbacks;
mod siblings;
mod txt_place;

pub(crate) use accounts::{overdue as overdue_registrations, resume as resume_registration};
pub(crate) use accounts::{overdue_rollovers, resume_rollover};
pub(crate) use advance::advance as advance_order;
pub(crate) use challenge_steps::advance as advance_challenge;
pub(crate) use pauses::prune as prune_pauses;
pub(crate) use revoke::revoke;
