//! `scaleway`: DNS zones of Scaleway, by its API v2beta1. A request holds a list of changes, each of one record.

use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::DnsError;
use crate::config::Kind;
use crate::fields::{self, Field};
use crate::http::{Api, Call, PAGES, Reply, escaped, quoted, unquoted};
use crate::provider::{Change, Zone};
use crate::vendor::{self, Vendor, candidates, no_zone, relative};

pub(crate) const KIND: Kind = Kind {
    name: "scaleway",
    aliases: &[],
    fields: FIELDS,
    common: fields::HTTP,
    check: vendor::check::<Scaleway>,
    open: vendor::open::<Scaleway>,
};

const FIELDS: &[Field] = &[
    Field::required("secret_key", "The secret key of an API key.").secret(),
    Field::optional("project_id", "The project whose zones are used; all when absent."),
];

const PER_PAGE: &str = "100";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scaleway {
    secret_key: Zeroizing<String>,
    /// Only zones of this project.
    #[serde(default)]
    project_id: Option<String>,
}

#[derive(Deserialize)]
struct Zones {
    dns_zones: Vec<Named>,
    total_count: usize,
}

#[derive(Deserialize)]
struct Named {
    domain: String,
    subdomain: String,
}

#[derive(Deserialize)]
struct Records {
    records: Vec<Record>,
    total_count: usize,
}

#[derive(Deserialize)]
struct Record {
    id: String,
    r#type: String,
    name: String,
    data: String,
}

impl Scaleway {
    async fn send(&self, api: &Api, call: Call) -> Result<Reply, DnsError> {
        api.send(call.header("x-auth-token", self.secret_key.as_str())).await?.good()
    }

    async fn listed(&self, api: &Api, only: Option<&str>) -> Result<Vec<Zone>, DnsError> {
        let mut zones = Vec::new();
        for page in 1..=PAGES {
            let number = page.to_string();
            let mut query = vec![("page", number.as_str()), ("page_size", PER_PAGE)];
            query.extend(only.map(|name| ("dns_zone", name)));
            query.extend(self.project_id.as_deref().map(|id| ("project_id", id)));
            let answer: Zones = self.send(api, Call::get(api.url("/dns-zones", &query))).await?.json()?;
            let is_empty = answer.dns_zones.is_empty();
            zones.extend(answer.dns_zones.into_iter().map(zone));
            if is_empty || zones.len() >= answer.total_count {
                return Ok(zones);
            }
        }
        Err(api.endless())
    }

    async fn records(&self, api: &Api, zone: &Zone, name: &str) -> Result<Vec<Record>, DnsError> {
        let relative = relative(name, zone)?;
        let path = format!("/dns-zones/{}/records", escaped(&zone.apex));
        let (mut records, mut seen) = (Vec::new(), 0);
        for page in 1..=PAGES {
            let number = page.to_string();
            let query =
                [("name", relative), ("type", "TXT"), ("page", number.as_str()), ("page_size", PER_PAGE)];
            let answer: Records = self.send(api, Call::get(api.url(&path, &query))).await?.json()?;
            let is_empty = answer.records.is_empty();
            seen += answer.records.len();
            // An empty name is no filter.
            let is_it =
                |record: &Record| record.r#type == "TXT" && record.name.eq_ignore_ascii_case(relative);
            records.extend(answer.records.into_iter().filter(is_it));
            if is_empty || seen >= answer.total_count {
                return Ok(records);
            }
        }
        Err(api.endless())
    }

    async fn change(&self, api: &Api, zone: &Zone, changes: Vec<Value>) -> Result<Change, DnsError> {
        let body = json!({ "return_all_records": false, "changes": changes });
        let url = api.url(&format!("/dns-zones/{}/records", escaped(&zone.apex)), &[]);
        self.send(api, Call::new("PATCH", url).json(&body)).await?;
        Ok(Change::default())
    }
}

fn zone(named: Named) -> Zone {
    let apex = match named.subdomain.as_str() {
        "" => named.domain,
        below => format!("{below}.{}", named.domain),
    };
    Zone { id: apex.clone(), apex }
}

impl Vendor for Scaleway {
    const NAME: &'static str = "Scaleway";
    const BASE_URL: &'static str = "https://api.scaleway.com/domain/v2beta1";
    const TTL: (u32, u32) = (60, 60);
    const SETTLE: u32 = 10;

    async fn zones(&self, api: &Api) -> Result<Vec<Zone>, DnsError> {
        self.listed(api, None).await
    }

    async fn find_zone(&self, api: &Api, name: &str) -> Result<Zone, DnsError> {
        for candidate in candidates(name) {
            let found = self.listed(api, Some(candidate)).await?;
            if let Some(zone) = found.into_iter().find(|zone| zone.apex == candidate) {
                return Ok(zone);
            }
        }
        Err(no_zone(name))
    }

    async fn list(&self, api: &Api, zone: &Zone, name: &str) -> Result<Vec<String>, DnsError> {
        let records = self.records(api, zone, name).await?;
        Ok(records.iter().map(|record| unquoted(&record.data)).collect())
    }

    async fn add(&self, api: &Api, zone: &Zone, name: &str, value: &str) -> Result<Change, DnsError> {
        if self.list(api, zone, name).await?.iter().any(|present| present == value) {
            return Ok(Change::default());
        }
        let record =
            json!({ "name": relative(name, zone)?, "type": "TXT", "data": quoted(value), "ttl": api.ttl });
        self.change(api, zone, vec![json!({ "add": { "records": [record] } })]).await
    }

    async fn remove(&self, api: &Api, zone: &Zone, name: &str, value: &str) -> Result<Change, DnsError> {
        let records = self.records(api, zone, name).await?;
        let removals: Vec<Value> = records
            .iter()
            .filter(|record| unquoted(&record.data) == value)
            .map(|record| json!({ "delete": { "id": record.id } }))
            .collect();
        if removals.is_empty() {
            return Ok(Change::default());
        }
        match self.change(api, zone, removals).await {
            // Another writer was first.
            Err(DnsError::ZoneNotFound(_))
                if self
                    .records(api, zone, name)
                    .await?
                    .iter()
                    .all(|record| unquoted(&record.data) != value) =>
            {
                Ok(Change::default())
            }
            other => other,
        }
    }
}
