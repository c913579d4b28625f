//! Background work: the kinds of jobs with their handlers ([`Job`]), and the right to work on one ([`Lease`]).
//!
//! Claiming jobs and running their handlers is the business of the crate `certmill-worker`.

mod cascade;
mod enqueue;
mod housekeeping;
mod lease;
mod operations;
mod registry;

pub use self::lease::Lease;
pub use self::operations::{cancel, find, list, retry};
pub use self::registry::{Job, JobKind, Lane};
pub use certmill_storage::jobs::{Filter, JobRow};

/// The longest that a lease can be; one that ends later was written by a process with a wrong clock.
pub const LONGEST_LEASE: std::time::Duration = std::time::Duration::from_hours(1);
