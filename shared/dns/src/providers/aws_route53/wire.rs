//! The documents of Route 53 and STS, as far as they are read.

use serde::Deserialize;

use certmill_aws::Credentials;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct HostedZones {
    #[serde(rename = "HostedZones")]
    pub(super) zones: Listed<HostedZone>,
    #[serde(default)]
    pub(super) is_truncated: bool,
    #[serde(default)]
    pub(super) next_marker: Option<String>,
}

/// The items of a list, each in an element of the same name.
#[derive(Deserialize)]
pub(super) struct Listed<T> {
    #[serde(
        default = "Vec::new",
        alias = "HostedZone",
        alias = "ResourceRecordSet",
        alias = "ResourceRecord"
    )]
    pub(super) items: Vec<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OneZone {
    pub(super) hosted_zone: HostedZone,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct HostedZone {
    pub(super) id: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) config: ZoneConfig,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ZoneConfig {
    pub(super) private_zone: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RecordSets {
    pub(super) resource_record_sets: Listed<Set>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Set {
    pub(super) name: String,
    pub(super) r#type: String,
    #[serde(rename = "TTL", default)]
    pub(super) ttl: Option<u32>,
    /// There when the set has a routing policy.
    #[serde(default, rename = "SetIdentifier")]
    pub(super) identifier: Option<String>,
    #[serde(default)]
    pub(super) resource_records: Option<Listed<ResourceRecord>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ResourceRecord {
    pub(super) value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Changed {
    pub(super) change_info: ChangeInfo,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ChangeInfo {
    pub(super) id: String,
    pub(super) status: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Assumed {
    pub(super) assume_role_result: AssumeRoleResult,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AssumeRoleResult {
    pub(super) credentials: Credentials,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ByWebIdentity {
    pub(super) assume_role_with_web_identity_result: AssumeRoleResult,
}
