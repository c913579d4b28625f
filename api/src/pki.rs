//! The endpoints under `/v1/pki`, one file per resource.

pub(crate) mod acme_accounts;
pub(crate) mod acme_check;
pub(crate) mod acme_orders;
mod acme_view;
pub(crate) mod batch;
pub(crate) mod blocked_keys;
pub(crate) mod ca;
mod ca_view;
pub(crate) mod certificates;
pub(crate) mod csr;
mod csr_view;
mod dns_provider_types;
pub(crate) mod dns_providers;
pub(crate) mod export;
pub(crate) mod import;
pub(crate) mod issue;
pub(crate) mod overview;
pub(crate) mod private_key;
pub(crate) mod renew;
mod renewal_view;
pub(crate) mod revoke;
mod role_body;
pub(crate) mod role_check;
pub(crate) mod roles;
pub(crate) mod trust_anchors;
pub(crate) mod validate;
mod wanted;
