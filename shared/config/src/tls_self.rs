//! The section `[tls_self]`: HTTPS with a certificate from a CA of the service's own.

use std::time::Duration;

use serde::Deserialize;

use crate::settings::{List, Span};

/// A certificate that `serve` gets for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsSelfConfig {
    /// The name of the CA, which is made as a root when the tenant has none of this name.
    pub ca: String,
    /// The host names and IP addresses that clients use.
    pub names: Vec<String>,
    /// The CA's tenant.
    pub tenant: String,
    /// How long a certificate is valid; it is renewed after two thirds.
    pub validity: Duration,
}

/// The section as it is written.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TlsSelfSettings {
    ca: Option<String>,
    names: Option<List<String>>,
    tenant: Option<String>,
    validity: Option<Span>,
}

impl TlsSelfSettings {
    /// What is wanted; nothing when nothing is set. An error is the setting that is there, the one that is missing, and
    /// what it is for.
    pub(crate) fn read(self) -> Result<Option<TlsSelfConfig>, [&'static str; 3]> {
        let names = self.names.map_or_else(Vec::new, |names| names.0);
        match (self.ca, names.is_empty()) {
            (None, true) => Ok(None),
            (None, false) => Err(["tls_self.names", "tls_self.ca", "the CA that issues the certificate"]),
            (Some(_), true) => Err(["tls_self.ca", "tls_self.names", "the names that clients use"]),
            (Some(ca), false) => Ok(Some(TlsSelfConfig {
                ca,
                names,
                tenant: self.tenant.unwrap_or_else(|| "default".to_owned()),
                validity: self.validity.map_or(Duration::from_hours(30 * 24), |span| span.0),
            })),
        }
    }
}
