//! `linode`: domains of Linode (Akamai), by its API v4. Records are added and removed one by one; the name servers load
//! changed zones some minutes later.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use zeroize::Zeroizing;

use crate::DnsError;
use crate::config::Kind;
use crate::fields::{self, Field};
use crate::http::{Api, Call, PAGES, escaped, gone, unquoted};
use crate::provider::{Change, Zone};
use crate::single_record::{self, SingleRecords, Stored};
use crate::vendor::{self, Vendor, candidates, no_zone, relative};

pub(crate) const KIND: Kind = Kind {
    name: "linode",
    aliases: &[],
    fields: FIELDS,
    common: fields::HTTP,
    check: vendor::check::<Linode>,
    open: vendor::open::<Linode>,
};

const FIELDS: &[Field] =
    &[Field::required("token", "A personal access token that may read and write domains.").secret()];

/// The most items on a page.
const PER_PAGE: &str = "500";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Linode {
    token: Zeroizing<String>,
}

#[derive(Deserialize)]
struct Page<T> {
    data: Vec<T>,
    pages: usize,
}

#[derive(Deserialize)]
struct Domain {
    id: u64,
    domain: String,
}

#[derive(Deserialize)]
struct Record {
    id: u64,
    r#type: String,
    name: String,
    target: String,
}

impl Linode {
    /// The pages of a list. `filter` is JSON of the form that `X-Filter` takes.
    async fn all<T: DeserializeOwned>(
        &self,
        api: &Api,
        path: &str,
        filter: Option<String>,
    ) -> Result<Vec<T>, DnsError> {
        let mut items = Vec::new();
        for page in 1..=PAGES {
            let number = page.to_string();
            let mut call =
                Call::get(api.url(path, &[("page", &number), ("page_size", PER_PAGE)])).bearer(&self.token);
            if let Some(filter) = &filter {
                call = call.header("x-filter", filter.clone());
            }
            let answer: Page<T> = api.call(call).await?.json()?;
            items.extend(answer.data);
            if page >= answer.pages {
                return Ok(items);
            }
        }
        Err(api.endless())
    }

    async fn found(&self, api: &Api, zone: &Zone, name: &str) -> Result<Vec<Record>, DnsError> {
        let relative = relative(name, zone)?;
        let path = format!("/domains/{}/records", escaped(&zone.id));
        let mut records: Vec<Record> = self.all(api, &path, None).await?;
        records.retain(|record| record.r#type == "TXT" && record.name.eq_ignore_ascii_case(relative));
        Ok(records)
    }
}

fn zone(domain: Domain) -> Zone {
    Zone { id: domain.id.to_string(), apex: domain.domain }
}

impl SingleRecords for Linode {
    async fn records(&self, api: &Api, zone: &Zone, name: &str) -> Result<Vec<Stored>, DnsError> {
        let found = self.found(api, zone, name).await?;
        let stored = |record: Record| Stored { id: record.id.to_string(), value: unquoted(&record.target) };
        Ok(found.into_iter().map(stored).collect())
    }

    async fn create(&self, api: &Api, zone: &Zone, name: &str, value: &str) -> Result<(), DnsError> {
        let body =
            json!({ "type": "TXT", "name": relative(name, zone)?, "target": value, "ttl_sec": api.ttl });
        let url = api.url(&format!("/domains/{}/records", escaped(&zone.id)), &[]);
        api.call(Call::new("POST", url).bearer(&self.token).json(&body)).await.map(drop)
    }

    async fn delete(&self, api: &Api, zone: &Zone, id: &str) -> Result<(), DnsError> {
        let path = format!("/domains/{}/records/{}", escaped(&zone.id), escaped(id));
        gone(api.send(Call::new("DELETE", api.url(&path, &[])).bearer(&self.token)).await?)
    }
}

impl Vendor for Linode {
    const NAME: &'static str = "Linode";
    const BASE_URL: &'static str = "https://api.linode.com/v4";
    const TTL: (u32, u32) = (300, 300);
    const SETTLE: u32 = 30;

    async fn zones(&self, api: &Api) -> Result<Vec<Zone>, DnsError> {
        Ok(self.all(api, "/domains", None).await?.into_iter().map(zone).collect())
    }

    async fn find_zone(&self, api: &Api, name: &str) -> Result<Zone, DnsError> {
        for candidate in candidates(name) {
            let filter = json!({ "domain": candidate }).to_string();
            let found: Vec<Domain> = self.all(api, "/domains", Some(filter)).await?;
            if let Some(found) = found.into_iter().find(|domain| domain.domain == candidate) {
                return Ok(zone(found));
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
