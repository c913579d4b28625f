//! The one HTTP client for addresses that a tenant can influence: distribution points and responders
//! named in certificates, and everything else that is fetched for a tenant. Other protocols get a connection from it.
//!
//! Such an address is a way into the network that the service stands in (SSRF). So every address is
//! judged by an [`EgressPolicy`] at the last moment: after the name was resolved, on the very
//! addresses that are connected to, on literals, and again on every hop of a redirect. What is
//! fetched is bounded in time and size, no proxy is taken from the environment, and there are no
//! cookies, no credentials and no compression.

mod client;
mod clients;
mod connect;
mod error;
mod judge;
mod policy;
mod resolver;

pub use client::{Egress, EgressOptions, Limits, Request, Response};
pub use error::EgressError;
pub use policy::{Allowance, Denial, EgressPolicy, Purpose};
pub use resolver::{Addresses, Lookup, SystemLookup};
