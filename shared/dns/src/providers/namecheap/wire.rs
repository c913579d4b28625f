//! The documents of the API, as far as they are read.

use serde::{Deserialize, Deserializer};

/// Whether a command was carried out.
#[derive(Deserialize)]
pub(super) struct Envelope {
    #[serde(rename = "@Status")]
    pub(super) status: String,
    #[serde(rename = "Errors", default)]
    pub(super) errors: Errors,
}

#[derive(Deserialize, Default)]
pub(super) struct Errors {
    #[serde(rename = "Error", default)]
    pub(super) items: Vec<Error>,
}

#[derive(Deserialize)]
pub(super) struct Error {
    #[serde(rename = "@Number")]
    pub(super) number: String,
}

/// What a command brought.
#[derive(Deserialize)]
pub(super) struct Answer<T> {
    #[serde(rename = "CommandResponse")]
    pub(super) command_response: T,
}

#[derive(Deserialize)]
pub(super) struct GetList {
    #[serde(rename = "DomainGetListResult")]
    pub(super) result: Domains,
    #[serde(rename = "Paging", default)]
    pub(super) paging: Option<Paging>,
}

#[derive(Deserialize)]
pub(super) struct Domains {
    #[serde(rename = "Domain", default)]
    pub(super) domains: Vec<Domain>,
}

#[derive(Deserialize)]
pub(super) struct Domain {
    #[serde(rename = "@Name")]
    pub(super) name: String,
    /// Whether Namecheap's name servers serve it.
    #[serde(rename = "@IsOurDNS", default = "yes", deserialize_with = "truth")]
    pub(super) is_our_dns: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Paging {
    total_items: usize,
    current_page: usize,
    page_size: usize,
}

impl Paging {
    pub(super) fn is_last(&self) -> bool {
        self.current_page.saturating_mul(self.page_size) >= self.total_items
    }
}

#[derive(Deserialize)]
pub(super) struct GetHosts {
    #[serde(rename = "DomainDNSGetHostsResult")]
    pub(super) result: DomainHosts,
}

#[derive(Deserialize)]
pub(super) struct DomainHosts {
    #[serde(rename = "@IsUsingOurDNS", default = "yes", deserialize_with = "truth")]
    pub(super) is_using_our_dns: bool,
    #[serde(rename = "@EmailType", default)]
    pub(super) email_type: Option<String>,
    #[serde(rename = "host", alias = "Host", default)]
    pub(super) hosts: Vec<Host>,
}

/// A host record. Its id is not read: it is another one after each change.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Host {
    #[serde(rename = "@Name")]
    pub(super) name: String,
    #[serde(rename = "@Type")]
    pub(super) kind: String,
    #[serde(rename = "@Address")]
    pub(super) address: String,
    #[serde(rename = "@MXPref", default)]
    pub(super) mx_pref: Option<String>,
    #[serde(rename = "@TTL")]
    pub(super) ttl: String,
}

impl Host {
    /// Whether both are one record. Preferences of what is no mail server and times to live are set by Namecheap as it likes, and
    /// targets come back with a dot at the end.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let target = |host: &Self| host.address.trim_end_matches('.').to_owned();
        self.name.eq_ignore_ascii_case(&other.name)
            && self.kind.eq_ignore_ascii_case(&other.kind)
            && target(self) == target(other)
    }
}

#[derive(Deserialize)]
pub(super) struct SetHosts {
    #[serde(rename = "DomainDNSSetHostsResult")]
    pub(super) result: HostsSet,
}

#[derive(Deserialize)]
pub(super) struct HostsSet {
    #[serde(rename = "@IsSuccess", deserialize_with = "truth")]
    pub(super) is_success: bool,
}

fn yes() -> bool {
    true
}

/// `true` in any case of letters.
fn truth<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(String::deserialize(deserializer)?.eq_ignore_ascii_case("true"))
}
