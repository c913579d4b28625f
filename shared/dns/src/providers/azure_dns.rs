//! `azure_dns`: zones of Azure DNS, by Azure Resource Manager and a service principal with a client secret. A record set is
//! written with the ETag that was read (or on condition that there is none), so that of two writers one is told.

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use zeroize::Zeroizing;

use crate::DnsError;
use crate::ambient;
use crate::config::{ConfigError, Kind};
use crate::fields::{self, Field, FieldType};
use crate::http::{Api, Call, PAGES, Reply, escaped, text_parts};
use crate::provider::{Change, Zone};
use crate::record_set::{self, RecordSet, WholeSets};
use crate::vendor::{self, Vendor, is_base_url, longest, relative};

pub(crate) const KIND: Kind = Kind {
    name: "azure_dns",
    aliases: &["azure"],
    fields: FIELDS,
    common: fields::HTTP,
    check: vendor::check::<AzureDns>,
    open: vendor::open::<AzureDns>,
};

const FIELDS: &[Field] = &[
    Field::required("tenant_id", "The id of the directory (tenant).").unless("ambient"),
    Field::required("client_id", "The id of the application (client).").unless("ambient"),
    Field::required("client_secret", "A client secret of the application.").secret().unless("ambient"),
    Field::optional(
        "ambient",
        "This machine's own identity in the place of a client secret, where the operator allows it: `managed_identity` (of a \\
         machine at Azure; `client_id` chooses one of several) or `workload_identity` (AZURE_FEDERATED_TOKEN_FILE, as on AKS).",
    )
    .of(FieldType::Choice(&["managed_identity", "workload_identity"])),
    Field::required("subscription_id", "The subscription of the zones."),
    Field::optional(
        "resource_group",
        "The resource group of the zones, where the principal may not list those of the subscription.",
    ),
    Field::optional("zone_name", "The one zone that is used."),
    Field::optional("environment", "Which Azure; public.").of(FieldType::Choice(&[
        "public",
        "china",
        "usgovernment",
    ])),
    Field::optional("zone_type", "Which kind of zones; public.")
        .of(FieldType::Choice(&["public", "private"])),
    Field::optional("login_url", "Where tokens are fetched, if not from the environment's own address.")
        .of(FieldType::Url),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AzureDns {
    #[serde(default)]
    tenant_id: Option<String>,
    #[serde(default)]
    client_id: Option<String>,
    #[serde(default)]
    client_secret: Option<Zeroizing<String>>,
    /// Where this machine's own credentials come from, in the place of a secret.
    #[serde(default)]
    ambient: Option<Ambient>,
    subscription_id: String,
    /// Only zones of this group, where the principal may not list those of the whole subscription.
    #[serde(default)]
    resource_group: Option<String>,
    /// Only this zone.
    #[serde(default)]
    zone_name: Option<String>,
    #[serde(default)]
    environment: Environment,
    #[serde(default)]
    zone_type: ZoneType,
    #[serde(default)]
    login_url: Option<String>,
    /// The access token, once it was fetched.
    #[serde(skip)]
    token: OnceCell<Zeroizing<String>>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum Ambient {
    ManagedIdentity,
    WorkloadIdentity,
}

#[derive(Deserialize, Clone, Copy, Default)]
#[serde(rename_all = "lowercase")]
enum Environment {
    #[default]
    Public,
    China,
    UsGovernment,
}

impl Environment {
    /// Where Resource Manager is, and where tokens are.
    fn urls(self) -> (&'static str, &'static str) {
        match self {
            Self::Public => (AzureDns::BASE_URL, "https://login.microsoftonline.com"),
            Self::China => ("https://management.chinacloudapi.cn", "https://login.chinacloudapi.cn"),
            Self::UsGovernment => {
                ("https://management.usgovcloudapi.net", "https://login.microsoftonline.us")
            }
        }
    }
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Default)]
#[serde(rename_all = "lowercase")]
enum ZoneType {
    #[default]
    Public,
    Private,
}

impl ZoneType {
    /// The name of the resource and the version of its API.
    fn resource(self) -> (&'static str, &'static str) {
        match self {
            Self::Public => ("dnsZones", "2018-05-01"),
            Self::Private => ("privateDnsZones", "2020-06-01"),
        }
    }
}

#[derive(Deserialize)]
struct Token {
    access_token: Zeroizing<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Zones {
    value: Vec<Resource>,
    #[serde(default)]
    next_link: Option<String>,
}

#[derive(Deserialize)]
struct Resource {
    id: String,
    name: String,
}

#[derive(Deserialize)]
struct Set {
    etag: String,
    properties: Properties,
}

/// Public zones write `TTL` and `TXTRecords`, private ones `ttl` and `txtRecords`.
#[derive(Deserialize)]
struct Properties {
    #[serde(rename = "TTL", alias = "ttl")]
    ttl: u32,
    #[serde(rename = "TXTRecords", alias = "txtRecords", default)]
    records: Vec<Record>,
}

#[derive(Deserialize)]
struct Record {
    value: Vec<String>,
}

impl AzureDns {
    fn base<'a>(&self, api: &'a Api) -> &'a str {
        // A base that was configured is meant for every environment.
        if api.base_url == Self::BASE_URL { self.environment.urls().0 } else { &api.base_url }
    }

    async fn token(&self, api: &Api) -> Result<&str, DnsError> {
        Ok(self.token.get_or_try_init(|| self.fetch_token(api)).await?)
    }

    /// An access token for the client's credentials (RFC 6749 section 4.4).
    async fn fetch_token(&self, api: &Api) -> Result<Zeroizing<String>, DnsError> {
        let (resource, login) = self.environment.urls();
        let (tenant, client) = (self.tenant_id.as_deref(), self.client_id.as_deref());
        match self.ambient {
            Some(Ambient::ManagedIdentity) => return ambient::azure_managed(api, (resource, client)).await,
            Some(Ambient::WorkloadIdentity) => {
                return ambient::azure_workload(api, (resource, login), (tenant, client)).await;
            }
            None => {}
        }
        let login = self.login_url.as_deref().unwrap_or(login).trim_end_matches('/');
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}&scope={}",
            escaped(client.unwrap_or_default()),
            escaped(self.client_secret.as_deref().map_or("", String::as_str)),
            escaped(&format!("{resource}/.default"))
        );
        let url = format!("{login}/{}/oauth2/v2.0/token", escaped(tenant.unwrap_or_default()));
        let call =
            Call::new("POST", url).body("application/x-www-form-urlencoded", form.into_bytes()).reading();
        let reply = api.send(call).await?;
        // An unknown directory or client is told by status 400.
        if matches!(reply.status, 400 | 401 | 403) {
            return Err(reply.error_as(401));
        }
        Ok(reply.good()?.json::<Token>()?.access_token)
    }

    async fn send(&self, api: &Api, call: Call) -> Result<Reply, DnsError> {
        api.send(call.bearer(self.token(api).await?)).await
    }

    fn url(&self, api: &Api, path: &str) -> String {
        format!("{}{path}?api-version={}", self.base(api), self.zone_type.resource().1)
    }

    /// The URL of the TXT record set of a name; the apex is called `@`.
    fn set_url(&self, api: &Api, zone: &Zone, name: &str) -> Result<String, DnsError> {
        let relative = match relative(name, zone)? {
            "" => "@",
            below => below,
        };
        Ok(self.url(api, &format!("{}/TXT/{}", zone.id, escaped(relative))))
    }

    fn set_body(&self, ttl: u32, records: &[Value]) -> Value {
        match self.zone_type {
            ZoneType::Public => json!({ "properties": { "TTL": ttl, "TXTRecords": records } }),
            ZoneType::Private => json!({ "properties": { "ttl": ttl, "txtRecords": records } }),
        }
    }
}

/// The records of a set with these values; those of `old` in the parts in which they are.
fn records(old: &RecordSet, values: &[String]) -> Vec<Value> {
    let contents = old.contents(values, |value| json!(text_parts(value)).to_string());
    // Invariant: all of them are arrays as JSON.
    let parts = contents.iter().map(|parts| serde_json::from_str::<Value>(parts).unwrap_or_default());
    parts.map(|parts| json!({ "value": parts })).collect()
}

/// The value of a parameter in the URL of the next page. Only that is taken: the token goes to no other address.
fn skip_token(link: &str) -> Option<&str> {
    let (_, query) = link.split_once('?')?;
    query.split('&').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        let is_it = ["$skiptoken", "%24skiptoken"].iter().any(|known| known.eq_ignore_ascii_case(name));
        is_it.then_some(value)
    })
}

fn is_path(id: &str) -> bool {
    id.starts_with('/') && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_.()".contains(&byte))
}

impl WholeSets for AzureDns {
    async fn read(&self, api: &Api, zone: &Zone, name: &str) -> Result<RecordSet, DnsError> {
        let reply = self.send(api, Call::get(self.set_url(api, zone, name)?)).await?;
        if reply.status == 404 {
            return Ok(RecordSet::default());
        }
        let set: Set = reply.good()?.json()?;
        let records = &set.properties.records;
        let values = records.iter().map(|record| record.value.concat()).collect();
        let verbatim = records.iter().map(|record| json!(record.value).to_string()).collect();
        Ok(RecordSet { values, verbatim, ttl: Some(set.properties.ttl), tag: Some(set.etag) })
    }

    async fn write(
        &self,
        api: &Api,
        (zone, name): (&Zone, &str),
        old: &RecordSet,
        values: &[String],
    ) -> Result<Change, DnsError> {
        let url = self.set_url(api, zone, name)?;
        let method = if values.is_empty() { "DELETE" } else { "PUT" };
        let call = match &old.tag {
            Some(etag) => Call::new(method, url).header("if-match", etag.clone()),
            None => Call::new(method, url).header("if-none-match", "*"),
        };
        let call = match method {
            "PUT" => call.json(&self.set_body(old.ttl.unwrap_or(api.ttl), &records(old, values))),
            _ => call,
        };
        let reply: Reply = self.send(api, call).await?;
        reply.good().map(|_| Change::default())
    }
}

impl Vendor for AzureDns {
    const NAME: &'static str = "Azure DNS";
    const BASE_URL: &'static str = "https://management.azure.com";
    const TTL: (u32, u32) = (60, 1);
    const SETTLE: u32 = 10;

    fn check(&self) -> Result<(), ConfigError> {
        let ids = [
            ("tenant_id", self.tenant_id.as_ref()),
            ("client_id", self.client_id.as_ref()),
            ("subscription_id", Some(&self.subscription_id)),
        ];
        for (field, id) in ids.into_iter().filter_map(|(field, id)| Some((field, id?))) {
            if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
            {
                return Err(ConfigError::field(
                    field,
                    "must be an id such as 00000000-0000-0000-0000-000000000000",
                ));
            }
        }
        if self.login_url.as_deref().is_some_and(|url| !is_base_url(url)) {
            return Err(ConfigError::field(
                "login_url",
                "must be a URL such as https://login.microsoftonline.com",
            ));
        }
        Ok(())
    }

    async fn zones(&self, api: &Api) -> Result<Vec<Zone>, DnsError> {
        let (resource, _) = self.zone_type.resource();
        let group = self.resource_group.as_ref().map(|group| format!("/resourceGroups/{}", escaped(group)));
        let path = format!(
            "/subscriptions/{}{}/providers/Microsoft.Network/{resource}",
            escaped(&self.subscription_id),
            group.unwrap_or_default()
        );
        let first = self.url(api, &path);
        let mut zones = Vec::new();
        let mut url = first.clone();
        for _ in 0..PAGES {
            let answer: Zones = self.send(api, Call::get(url)).await?.good()?.json()?;
            let found = answer
                .value
                .into_iter()
                .map(|zone| Zone { id: zone.id, apex: zone.name.to_ascii_lowercase() });
            zones.extend(found.filter(|zone| {
                is_path(&zone.id)
                    && self.zone_name.as_ref().is_none_or(|only| only.eq_ignore_ascii_case(&zone.apex))
            }));
            let Some(token) = answer.next_link.as_deref().and_then(skip_token) else { return Ok(zones) };
            url = format!("{first}&$skipToken={token}");
        }
        Err(api.endless())
    }

    async fn find_zone(&self, api: &Api, name: &str) -> Result<Zone, DnsError> {
        longest(self.zones(api).await?, name)
    }

    async fn list(&self, api: &Api, zone: &Zone, name: &str) -> Result<Vec<String>, DnsError> {
        Ok(self.read(api, zone, name).await?.values)
    }

    async fn add(&self, api: &Api, zone: &Zone, name: &str, value: &str) -> Result<Change, DnsError> {
        record_set::add(self, api, (zone, name), value).await
    }

    async fn remove(&self, api: &Api, zone: &Zone, name: &str, value: &str) -> Result<Change, DnsError> {
        record_set::remove(self, api, (zone, name), value).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_people_s_values_stay_in_their_parts() {
        let old = RecordSet {
            values: vec!["ab".to_owned(), "c".to_owned()],
            verbatim: vec![r#"["a","b"]"#.to_owned(), r#"["c"]"#.to_owned()],
            ..RecordSet::default()
        };
        let written = records(&old, &["ab".to_owned(), "new".to_owned()]);
        assert_eq!(written, [json!({ "value": ["a", "b"] }), json!({ "value": ["new"] })]);
    }
}
