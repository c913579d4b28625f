//! What name servers answered when a TXT value was looked for, as it is kept with a challenge.

use serde::{Deserialize, Serialize};

/// What one name server had in the last look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsServerAnswer {
    /// Its name, or its address where it has none.
    pub name: String,
    /// `value`, `other_values`, `absent`, `no_route` or `failed`.
    pub seen: String,
    /// Its addresses, each with what it answered.
    pub addresses: Vec<DnsAddressAnswer>,
}

/// What one address of a name server answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsAddressAnswer {
    /// Address and port.
    pub address: String,
    /// As [`DnsServerAnswer::seen`].
    pub seen: String,
    /// Some of the other values that are there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
