//! `porkbun`: domains of Porkbun, by its API v3. Everything is a POST with the keys in its body; records are added and removed
//! one by one.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::DnsError;
use crate::config::Kind;
use crate::fields::{self, Field};
use crate::http::{Api, Call, PAGES, Reply, escaped, unquoted};
use crate::provider::{Change, Zone};
use crate::single_record::{self, SingleRecords, Stored};
use crate::vendor::{self, Vendor, longest, relative};

pub(crate) const KIND: Kind = Kind {
    name: "porkbun",
    aliases: &[],
    fields: FIELDS,
    common: fields::HTTP,
    check: vendor::check::<Porkbun>,
    open: vendor::open::<Porkbun>,
};

const FIELDS: &[Field] = &[
    Field::required("api_key", "The API key.").secret(),
    Field::required("secret_api_key", "The secret API key.").secret(),
];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Porkbun {
    api_key: Zeroizing<String>,
    secret_api_key: Zeroizing<String>,
}

#[derive(Deserialize)]
struct Domains {
    #[serde(default)]
    domains: Vec<Domain>,
}

#[derive(Deserialize)]
struct Domain {
    domain: String,
}

#[derive(Deserialize)]
struct Records {
    #[serde(default)]
    records: Vec<Record>,
}

#[derive(Deserialize)]
struct Record {
    id: String,
    content: String,
}

impl Porkbun {
    fn call(&self, api: &Api, path: &str, fields: Value) -> Call {
        let mut body: Map<String, Value> = match fields {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        body.insert("apikey".to_owned(), self.api_key.as_str().into());
        body.insert("secretapikey".to_owned(), self.secret_api_key.as_str().into());
        Call::new("POST", api.url(path, &[])).json(&Value::Object(body))
    }

    async fn read(&self, api: &Api, path: &str, fields: Value) -> Result<Reply, DnsError> {
        good(api.send(self.call(api, path, fields).reading()).await?)
    }

    async fn found(&self, api: &Api, zone: &Zone, name: &str) -> Result<Vec<Record>, DnsError> {
        let relative = relative(name, zone)?;
        let below = if relative.is_empty() { String::new() } else { format!("/{}", escaped(relative)) };
        let path = format!("/dns/retrieveByNameType/{}/TXT{below}", escaped(&zone.apex));
        Ok(self.read(api, &path, json!({})).await?.json::<Records>()?.records)
    }
}

/// Good answers. Most refusals have status 400, so what is said about keys is looked at.
fn good(reply: Reply) -> Result<Reply, DnsError> {
    let text = reply.text();
    if (200..300).contains(&reply.status) && text.contains("\"SUCCESS\"") {
        return Ok(reply);
    }
    if matches!(reply.status, 400 | 403) && text.contains("API key") {
        return Err(reply.error_as(401));
    }
    if (200..300).contains(&reply.status) {
        return Err(reply.error_as(400));
    }
    Err(reply.error())
}

impl SingleRecords for Porkbun {
    async fn records(&self, api: &Api, zone: &Zone, name: &str) -> Result<Vec<Stored>, DnsError> {
        let found = self.found(api, zone, name).await?;
        let stored = |record: Record| Stored { id: record.id, value: unquoted(&record.content) };
        Ok(found.into_iter().map(stored).collect())
    }

    async fn create(&self, api: &Api, zone: &Zone, name: &str, value: &str) -> Result<(), DnsError> {
        let fields = json!({
            "type": "TXT", "name": relative(name, zone)?, "content": value, "ttl": api.ttl.to_string()
        });
        let call = self.call(api, &format!("/dns/create/{}", escaped(&zone.apex)), fields);
        good(api.send(call).await?).map(drop)
    }

    async fn delete(&self, api: &Api, zone: &Zone, id: &str) -> Result<(), DnsError> {
        let path = format!("/dns/delete/{}/{}", escaped(&zone.apex), escaped(id));
        let reply = api.send(self.call(api, &path, json!({}))).await?;
        // Another writer was first.
        if reply.status == 400 && reply.text().contains("Invalid record ID") {
            return Ok(());
        }
        good(reply).map(drop)
    }
}

impl Vendor for Porkbun {
    const NAME: &'static str = "Porkbun";
    const BASE_URL: &'static str = "https://api.porkbun.com/api/json/v3";
    const TTL: (u32, u32) = (600, 600);
    const SETTLE: u32 = 10;

    async fn zones(&self, api: &Api) -> Result<Vec<Zone>, DnsError> {
        let mut zones: Vec<Zone> = Vec::new();
        for _ in 0..PAGES {
            // The list goes on where the last chunk ended; an empty one is the end.
            let start = json!({ "start": zones.len().to_string() });
            let chunk: Domains = self.read(api, "/domain/listAll", start).await?.json()?;
            if chunk.domains.is_empty() {
                return Ok(zones);
            }
            zones.extend(
                chunk
                    .domains
                    .into_iter()
                    .map(|domain| Zone { id: domain.domain.clone(), apex: domain.domain }),
            );
        }
        Err(api.endless())
    }

    async fn find_zone(&self, api: &Api, name: &str) -> Result<Zone, DnsError> {
        longest(self.zones(api).await?, name)
    }

    async fn list(&self, api: &Api, zone: &Zone, name: &str) -> Result<Vec<String>, DnsError> {
        single_record::list(self, api, zone, name).await
    }

    async fn add(&self, api: &Api, zone: &Zone, name: &str, value: &str) -> Result<Change, DnsError> {
        single_record::add(self, api, (zone, name), value).await
    }

    async fn remove(&self, api: &Api, zone: &Zone, name: &str, value: &str) -> Result<Change, DnsError> {
        single_record::remove(self, api, (zone, name), value).await
    }
}
