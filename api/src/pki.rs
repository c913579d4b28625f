//! The endpoints under `/v1/pki`, one file per resource.

pub(crate) mod ca;
mod ca_view;
pub(crate) mod certificates;
pub(crate) mod issue;
pub(crate) mod revoke;
mod role_body;
pub(crate) mod roles;
