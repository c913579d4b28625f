//! `powerdns`: zones of a PowerDNS Authoritative Server, by its API v1. A record set is replaced as a whole without a
//! precondition, so changes of one name need a lock. Records that are disabled stay so.

use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::DnsError;
use crate::config::Kind;
use crate::fields::{self, Field};
use crate::http::{Api, Call, Reply, escaped, quoted, unquoted};
use crate::provider::{Change, Zone};
use crate::record_set::{self, RecordSet, WholeSets};
use crate::vendor::{self, Vendor, candidates, no_zone};

pub(crate) const KIND: Kind = Kind {
    name: "powerdns",
    aliases: &["pdns"],
    fields: FIELDS,
    common: fields::HTTP_ELSEWHERE,
    check: vendor::check::<PowerDns>,
    open: vendor::open::<PowerDns>,
};

const FIELDS: &[Field] = &[
    Field::required("api_key", "The key of the HTTP API.").secret(),
    Field::optional("server_id", "The id of the server; localhost."),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PowerDns {
    api_key: Zeroizing<String>,
    #[serde(default = "default_server")]
    server_id: String,
}

fn default_server() -> String {
    "localhost".to_owned()
}

#[derive(Deserialize)]
struct Named {
    id: String,
    name: String,
}

#[derive(Deserialize)]
struct Contents {
    kind: String,
    rrsets: Vec<Set>,
}

#[derive(Deserialize)]
struct Set {
    name: String,
    r#type: String,
    ttl: u32,
    records: Vec<Record>,
}

#[derive(Deserialize)]
struct Record {
    content: String,
    #[serde(default)]
    disabled: bool,
}

impl PowerDns {
    async fn send(&self, api: &Api, call: Call) -> Result<Reply, DnsError> {
        api.send(call.header("x-api-key", self.api_key.as_str())).await
    }

    fn path(&self, rest: &str) -> String {
        format!("/api/v1/servers/{}/zones{rest}", escaped(&self.server_id))
    }

    async fn listed(&self, api: &Api, query: &[(&str, &str)]) -> Result<Vec<Zone>, DnsError> {
        let zones: Vec<Named> =
            self.send(api, Call::get(api.url(&self.path(""), query))).await?.good()?.json()?;
        let apex = |name: String| name.trim_end_matches('.').to_ascii_lowercase();
        Ok(zones.into_iter().map(|zone| Zone { id: zone.id, apex: apex(zone.name) }).collect())
    }

    /// Tells the secondaries of a primary. They find out by themselves if it fails.
    async fn notify(&self, api: &Api, zone: &Zone) {
        let url = api.url(&self.path(&format!("/{}/notify", escaped(&zone.id))), &[]);
        if let Err(error) = self.send(api, Call::new("PUT", url)).await.and_then(Reply::good) {
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                zone = zone.apex,
                "secondaries were not notified"
            );
        }
    }
}

impl WholeSets for PowerDns {
    async fn read(&self, api: &Api, zone: &Zone, name: &str) -> Result<RecordSet, DnsError> {
        let full = format!("{name}.");
        let path = self.path(&format!("/{}", escaped(&zone.id)));
        // Old servers do not know the filters and answer everything.
        let query = [("rrset_name", full.as_str()), ("rrset_type", "TXT")];
        let contents: Contents = self.send(api, Call::get(api.url(&path, &query))).await?.good()?.json()?;
        let is_it = |set: &Set| set.r#type == "TXT" && set.name.eq_ignore_ascii_case(&full);
        let tag = Some(contents.kind);
        let Some(set) = contents.rrsets.into_iter().find(is_it) else {
            return Ok(RecordSet { tag, ..RecordSet::default() });
        };
        let (disabled, used): (Vec<Record>, Vec<Record>) =
            set.records.into_iter().partition(|record| record.disabled);
        let values = used.iter().map(|record| unquoted(&record.content)).collect();
        let verbatim = used.into_iter().chain(disabled).map(|record| record.content).collect();
        Ok(RecordSet { values, verbatim, ttl: Some(set.ttl), tag })
    }

    async fn write(
        &self,
        api: &Api,
        (zone, name): (&Zone, &str),
        old: &RecordSet,
        values: &[String],
    ) -> Result<Change, DnsError> {
        let record = |content: &String, disabled: bool| json!({ "content": content, "disabled": disabled });
        let contents = old.contents(values, quoted);
        let used = contents.iter().map(|content| record(content, false));
        let disabled = old.verbatim.iter().skip(old.values.len()).map(|content| record(content, true));
        let records: Vec<Value> = used.chain(disabled).collect();
        let kind = if records.is_empty() { "DELETE" } else { "REPLACE" };
        let set = json!({
            "name": format!("{name}."), "type": "TXT", "ttl": old.ttl.unwrap_or(api.ttl), "changetype": kind, "records": records
        });
        let url = api.url(&self.path(&format!("/{}", escaped(&zone.id))), &[]);
        self.send(api, Call::new("PATCH", url).json(&json!({ "rrsets": [set] }))).await?.good()?;
        if matches!(old.tag.as_deref(), Some("Master" | "Primary")) {
            self.notify(api, zone).await;
        }
        Ok(Change::default())
    }
}

impl Vendor for PowerDns {
    const NAME: &'static str = "PowerDNS";
    const BASE_URL: &'static str = "";
    const TTL: (u32, u32) = (60, 1);
    const SETTLE: u32 = 2;
    const NEEDS_LOCK: bool = true;

    async fn zones(&self, api: &Api) -> Result<Vec<Zone>, DnsError> {
        self.listed(api, &[("dnssec", "false")]).await
    }

    async fn find_zone(&self, api: &Api, name: &str) -> Result<Zone, DnsError> {
        for candidate in candidates(name) {
            let found = self.listed(api, &[("zone", &format!("{candidate}."))]).await?;
            if let Some(zone) = found.into_iter().find(|zone| zone.apex == candidate) {
                return Ok(zone);
            }
        }
        Err(no_zone(name))
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
