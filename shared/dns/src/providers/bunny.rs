//! `bunny`: zones of bunny.net, by its core API. Records are added and removed one by one.

use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroizing;

use crate::DnsError;
use crate::config::Kind;
use crate::fields::{self, Field};
use crate::http::{Api, Call, PAGES, Reply, escaped, gone, unquoted};
use crate::provider::{Change, Zone};
use crate::single_record::{self, SingleRecords, Stored};
use crate::vendor::{self, Vendor, candidates, no_zone, relative};

pub(crate) const KIND: Kind = Kind {
    name: "bunny",
    aliases: &["bunnynet"],
    fields: FIELDS,
    common: fields::HTTP,
    check: vendor::check::<Bunny>,
    open: vendor::open::<Bunny>,
};

const FIELDS: &[Field] = &[Field::required("access_key", "The API key of the account.").secret()];

const PER_PAGE: &str = "100";
/// The number of the type TXT.
const TXT: u32 = 3;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bunny {
    access_key: Zeroizing<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Zones {
    items: Vec<Named>,
    has_more_items: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Named {
    id: u64,
    domain: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Contents {
    records: Vec<Record>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Record {
    id: u64,
    r#type: u32,
    #[serde(default)]
    name: String,
    #[serde(default)]
    value: String,
}

impl Bunny {
    async fn send(&self, api: &Api, call: Call) -> Result<Reply, DnsError> {
        api.send(call.header("accesskey", self.access_key.as_str())).await
    }

    async fn listed(&self, api: &Api, search: Option<&str>) -> Result<Vec<Zone>, DnsError> {
        let mut zones = Vec::new();
        for page in 1..=PAGES {
            let number = page.to_string();
            let mut query = vec![("page", number.as_str()), ("perPage", PER_PAGE)];
            query.extend(search.map(|name| ("search", name)));
            let answer: Zones =
                self.send(api, Call::get(api.url("/dnszone", &query))).await?.good()?.json()?;
            zones.extend(
                answer.items.into_iter().map(|zone| Zone { id: zone.id.to_string(), apex: zone.domain }),
            );
            if !answer.has_more_items {
                return Ok(zones);
            }
        }
        Err(api.endless())
    }

    async fn found(&self, api: &Api, zone: &Zone, name: &str) -> Result<Vec<Record>, DnsError> {
        let relative = relative(name, zone)?;
        let url = api.url(&format!("/dnszone/{}", escaped(&zone.id)), &[]);
        let mut contents: Contents = self.send(api, Call::get(url)).await?.good()?.json()?;
        contents.records.retain(|record| record.r#type == TXT && record.name.eq_ignore_ascii_case(relative));
        Ok(contents.records)
    }
}

impl SingleRecords for Bunny {
    async fn records(&self, api: &Api, zone: &Zone, name: &str) -> Result<Vec<Stored>, DnsError> {
        let found = self.found(api, zone, name).await?;
        let stored = |record: Record| Stored { id: record.id.to_string(), value: unquoted(&record.value) };
        Ok(found.into_iter().map(stored).collect())
    }

    async fn create(&self, api: &Api, zone: &Zone, name: &str, value: &str) -> Result<(), DnsError> {
        let body = json!({ "Type": TXT, "Name": relative(name, zone)?, "Value": value, "Ttl": api.ttl });
        let url = api.url(&format!("/dnszone/{}/records", escaped(&zone.id)), &[]);
        self.send(api, Call::new("PUT", url).json(&body)).await?.good().map(drop)
    }

    async fn delete(&self, api: &Api, zone: &Zone, id: &str) -> Result<(), DnsError> {
        let path = format!("/dnszone/{}/records/{}", escaped(&zone.id), escaped(id));
        gone(self.send(api, Call::new("DELETE", api.url(&path, &[]))).await?)
    }
}

impl Vendor for Bunny {
    const NAME: &'static str = "bunny.net";
    const BASE_URL: &'static str = "https://api.bunny.net";
    const TTL: (u32, u32) = (60, 15);
    const SETTLE: u32 = 5;

    async fn zones(&self, api: &Api) -> Result<Vec<Zone>, DnsError> {
        self.listed(api, None).await
    }

    async fn find_zone(&self, api: &Api, name: &str) -> Result<Zone, DnsError> {
        for candidate in candidates(name) {
            // The search finds parts of names too.
            let found = self.listed(api, Some(candidate)).await?;
            if let Some(zone) = found.into_iter().find(|zone| zone.apex == candidate) {
                return Ok(zone);
            }
        }
        Err(no_zone(name))
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
