//! `vultr`: domains of Vultr, by its API v2. Records are added and removed one by one.

use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroizing;

use crate::DnsError;
use crate::config::Kind;
use crate::fields::{self, Field};
use crate::http::{Api, Call, PAGES, escaped, gone, quoted, unquoted};
use crate::provider::{Change, Zone};
use crate::single_record::{self, SingleRecords, Stored};
use crate::vendor::{self, Vendor, candidates, no_zone, relative};

pub(crate) const KIND: Kind = Kind {
    name: "vultr",
    aliases: &[],
    fields: FIELDS,
    common: fields::HTTP,
    check: vendor::check::<Vultr>,
    open: vendor::open::<Vultr>,
};

const FIELDS: &[Field] = &[Field::required("api_key", "The API key.").secret()];

/// The most items on a page.
const PER_PAGE: &str = "500";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vultr {
    api_key: Zeroizing<String>,
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    domains: Vec<Domain>,
    #[serde(default)]
    records: Vec<Record>,
    meta: Meta,
}

#[derive(Deserialize)]
struct Domain {
    domain: String,
}

#[derive(Deserialize)]
struct Record {
    id: String,
    r#type: String,
    name: String,
    data: String,
}

#[derive(Deserialize)]
struct Meta {
    links: Links,
}

#[derive(Deserialize)]
struct Links {
    /// The cursor of the next page; empty on the last.
    next: String,
}

impl Vultr {
    async fn pages(&self, api: &Api, path: &str) -> Result<Vec<Page>, DnsError> {
        let mut pages: Vec<Page> = Vec::new();
        let mut cursor = String::new();
        for _ in 0..PAGES {
            let query = [("per_page", PER_PAGE), ("cursor", cursor.as_str())];
            let query = if cursor.is_empty() { query.get(..1).unwrap_or_default() } else { &query };
            let page: Page = api.call(Call::get(api.url(path, query)).bearer(&self.api_key)).await?.json()?;
            cursor.clone_from(&page.meta.links.next);
            pages.push(page);
            if cursor.is_empty() {
                return Ok(pages);
            }
        }
        Err(api.endless())
    }

    async fn found(&self, api: &Api, zone: &Zone, name: &str) -> Result<Vec<Record>, DnsError> {
        let relative = relative(name, zone)?;
        let pages = self.pages(api, &format!("/domains/{}/records", escaped(&zone.apex))).await?;
        let records = pages.into_iter().flat_map(|page| page.records);
        Ok(records
            .filter(|record| record.r#type == "TXT" && record.name.eq_ignore_ascii_case(relative))
            .collect())
    }
}

impl SingleRecords for Vultr {
    async fn records(&self, api: &Api, zone: &Zone, name: &str) -> Result<Vec<Stored>, DnsError> {
        let found = self.found(api, zone, name).await?;
        let stored = |record: Record| Stored { id: record.id, value: unquoted(&record.data) };
        Ok(found.into_iter().map(stored).collect())
    }

    async fn create(&self, api: &Api, zone: &Zone, name: &str, value: &str) -> Result<(), DnsError> {
        let body =
            json!({ "type": "TXT", "name": relative(name, zone)?, "data": quoted(value), "ttl": api.ttl });
        let url = api.url(&format!("/domains/{}/records", escaped(&zone.apex)), &[]);
        api.call(Call::new("POST", url).bearer(&self.api_key).json(&body)).await.map(drop)
    }

    async fn delete(&self, api: &Api, zone: &Zone, id: &str) -> Result<(), DnsError> {
        let path = format!("/domains/{}/records/{}", escaped(&zone.apex), escaped(id));
        gone(api.send(Call::new("DELETE", api.url(&path, &[])).bearer(&self.api_key)).await?)
    }
}

impl Vendor for Vultr {
    const NAME: &'static str = "Vultr";
    const BASE_URL: &'static str = "https://api.vultr.com/v2";
    const TTL: (u32, u32) = (120, 120);
    const SETTLE: u32 = 5;

    async fn zones(&self, api: &Api) -> Result<Vec<Zone>, DnsError> {
        let domains = self.pages(api, "/domains").await?.into_iter().flat_map(|page| page.domains);
        Ok(domains.map(|domain| Zone { id: domain.domain.clone(), apex: domain.domain }).collect())
    }

    async fn find_zone(&self, api: &Api, name: &str) -> Result<Zone, DnsError> {
        for candidate in candidates(name) {
            let url = api.url(&format!("/domains/{}", escaped(candidate)), &[]);
            let reply = api.send(Call::get(url).bearer(&self.api_key)).await?;
            if reply.status != 404 {
                reply.good()?;
                return Ok(Zone { id: candidate.to_owned(), apex: candidate.to_owned() });
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
