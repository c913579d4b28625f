//! DNS providers: the services that serve the zones in which TXT records are published.

use crate::{DnsProviderId, SecretPath, Timestamp};

/// A DNS provider of a tenant. Its credentials are kept apart, sealed.
#[derive(Debug, Clone)]
pub struct DnsProvider {
    /// The provider's id.
    pub id: DnsProviderId,
    /// What the tenant calls it.
    pub name: String,
    /// Its type, such as `rfc2136`.
    pub kind: String,
    /// Its settings without credentials: a JSON object.
    pub config: serde_json::Value,
    /// The secret that holds its credentials, when they are not its own.
    pub credentials_path: Option<SecretPath>,
    /// The zones that the tenant says it serves.
    pub zones: Vec<String>,
    /// The zones that it says it serves itself.
    pub discovered_zones: Vec<String>,
    /// Whether it is used.
    pub is_active: bool,
    /// When its credentials were last proven.
    pub verified_at: Option<Timestamp>,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl DnsProvider {
    /// The zones that it serves: those that the tenant named, else those that it told of itself.
    pub fn served_zones(&self) -> &[String] {
        if self.zones.is_empty() { &self.discovered_zones } else { &self.zones }
    }

    /// The longest of its zones that `name` lies in, by whole labels.
    pub fn zone_of(&self, name: &str) -> Option<&str> {
        self.served_zones()
            .iter()
            .map(String::as_str)
            .filter(|zone| name.strip_suffix(zone).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
            .max_by_key(|zone| zone.len())
    }
}
