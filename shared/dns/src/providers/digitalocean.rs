//! `digitalocean`: domains of DigitalOcean, by its API v2. Records are added and removed one by one; the API takes a second
//! record with the same data, so it is looked first.

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
    name: "digitalocean",
    aliases: &[],
    fields: FIELDS,
    common: fields::HTTP,
    check: vendor::check::<DigitalOcean>,
    open: vendor::open::<DigitalOcean>,
};

const FIELDS: &[Field] =
    &[Field::required("token", "A personal access token that may change domains.").secret()];

/// The most items on a page.
const PER_PAGE: &str = "200";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DigitalOcean {
    token: Zeroizing<String>,
}

#[derive(Deserialize)]
struct Domains {
    domains: Vec<Domain>,
    #[serde(default)]
    links: Links,
}

#[derive(Deserialize)]
struct Domain {
    name: String,
}

#[derive(Deserialize)]
struct Records {
    domain_records: Vec<Record>,
    #[serde(default)]
    links: Links,
}

#[derive(Deserialize)]
struct Record {
    id: u64,
    data: String,
}

#[derive(Deserialize, Default)]
struct Links {
    #[serde(default)]
    pages: Option<Pages>,
}

#[derive(Deserialize)]
struct Pages {
    next: Option<String>,
}

impl Links {
    fn go_on(&self) -> bool {
        self.pages.as_ref().is_some_and(|pages| pages.next.is_some())
    }
}

impl DigitalOcean {
    async fn get(&self, api: &Api, path: &str, query: &[(&str, &str)]) -> Result<Reply, DnsError> {
        api.call(Call::get(api.url(path, query)).bearer(&self.token)).await
    }

    async fn found(&self, api: &Api, zone: &Zone, name: &str) -> Result<Vec<Record>, DnsError> {
        let path = format!("/v2/domains/{}/records", escaped(&zone.apex));
        let mut records = Vec::new();
        for page in 1..=PAGES {
            let page = page.to_string();
            let query = [("type", "TXT"), ("name", name), ("per_page", PER_PAGE), ("page", &page)];
            let answer: Records = self.get(api, &path, &query).await?.json()?;
            records.extend(answer.domain_records);
            if !answer.links.go_on() {
                return Ok(records);
            }
        }
        Err(api.endless())
    }
}

impl SingleRecords for DigitalOcean {
    async fn records(&self, api: &Api, zone: &Zone, name: &str) -> Result<Vec<Stored>, DnsError> {
        let found = self.found(api, zone, name).await?;
        let stored = |record: Record| Stored { id: record.id.to_string(), value: unquoted(&record.data) };
        Ok(found.into_iter().map(stored).collect())
    }

    async fn create(&self, api: &Api, zone: &Zone, name: &str, value: &str) -> Result<(), DnsError> {
        let relative = match relative(name, zone)? {
            "" => "@",
            below => below,
        };
        let body = json!({ "type": "TXT", "name": relative, "data": value, "ttl": api.ttl });
        let url = api.url(&format!("/v2/domains/{}/records", escaped(&zone.apex)), &[]);
        api.call(Call::new("POST", url).bearer(&self.token).json(&body)).await.map(drop)
    }

    async fn delete(&self, api: &Api, zone: &Zone, id: &str) -> Result<(), DnsError> {
        let path = format!("/v2/domains/{}/records/{}", escaped(&zone.apex), escaped(id));
        gone(api.send(Call::new("DELETE", api.url(&path, &[])).bearer(&self.token)).await?)
    }
}

impl Vendor for DigitalOcean {
    const NAME: &'static str = "DigitalOcean";
    const BASE_URL: &'static str = "https://api.digitalocean.com";
    const TTL: (u32, u32) = (60, 30);
    const SETTLE: u32 = 5;

    async fn zones(&self, api: &Api) -> Result<Vec<Zone>, DnsError> {
        let mut zones = Vec::new();
        for page in 1..=PAGES {
            let page = page.to_string();
            let query = [("per_page", PER_PAGE), ("page", page.as_str())];
            let answer: Domains = self.get(api, "/v2/domains", &query).await?.json()?;
            zones.extend(
                answer.domains.into_iter().map(|domain| Zone { id: domain.name.clone(), apex: domain.name }),
            );
            if !answer.links.go_on() {
                return Ok(zones);
            }
        }
        Err(api.endless())
    }

    async fn find_zone(&self, api: &Api, name: &str) -> Result<Zone, DnsError> {
        for candidate in candidates(name) {
            let path = format!("/v2/domains/{}", escaped(candidate));
            let reply = api.send(Call::get(api.url(&path, &[])).bearer(&self.token)).await?;
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
