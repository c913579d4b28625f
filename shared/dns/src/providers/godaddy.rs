//! `godaddy`: domains of GoDaddy, by its Domains API v1. Records are added by value; they are removed by writing the rest of the
//! set, or by deleting the set, so changes of one name take turns and are looked at afterwards.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::DnsError;
use crate::config::Kind;
use crate::fields::{self, Field};
use crate::http::{Api, Call, PAGES, Reply, escaped, unquoted};
use crate::provider::{Change, Zone};
use crate::record_set::{self, RecordSet, WholeSets};
use crate::vendor::{self, Vendor, candidates, no_zone, relative};

pub(crate) const KIND: Kind = Kind {
    name: "godaddy",
    aliases: &[],
    fields: FIELDS,
    common: fields::HTTP,
    check: vendor::check::<GoDaddy>,
    open: vendor::open::<GoDaddy>,
};

const FIELDS: &[Field] = &[
    Field::required("api_key", "The key of a production API key. The account needs ten domains, or a plan.")
        .secret(),
    Field::required("api_secret", "The secret of the API key.").secret(),
];

/// The most domains of a page.
const PER_PAGE: usize = 1_000;
/// The longest that it may ask to be left alone.
const LONGEST_PAUSE: u64 = 3_600;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GoDaddy {
    api_key: Zeroizing<String>,
    api_secret: Zeroizing<String>,
}

#[derive(Deserialize)]
struct Domain {
    domain: String,
}

#[derive(Deserialize)]
struct Record {
    data: String,
    ttl: u32,
}

/// What a refusal says.
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Refusal {
    code: String,
    retry_after_sec: Option<u64>,
}

impl GoDaddy {
    async fn send(&self, api: &Api, call: Call) -> Result<Reply, DnsError> {
        let pass = format!("sso-key {}:{}", *self.api_key, *self.api_secret);
        api.send(call.header("authorization", pass)).await
    }
}

/// The path of the TXT records of a name; the apex is called `@`.
fn path(zone: &Zone, name: &str) -> Result<String, DnsError> {
    Ok(format!("/v1/domains/{}/records/TXT/{}", escaped(&zone.id), escaped(below(zone, name)?)))
}

fn below<'a>(zone: &Zone, name: &'a str) -> Result<&'a str, DnsError> {
    Ok(match relative(name, zone)? {
        "" => "@",
        below => below,
    })
}

fn good(reply: Reply) -> Result<Reply, DnsError> {
    if (200..300).contains(&reply.status) {
        return Ok(reply);
    }
    let said: Refusal = reply.json().unwrap_or_default();
    Err(match reply.error() {
        // The pause stands in the body.
        DnsError::RateLimited { message, after: None } => {
            let after = said.retry_after_sec.map(|seconds| Duration::from_secs(seconds.min(LONGEST_PAUSE)));
            DnsError::RateLimited { message, after }
        }
        other => other,
    })
}

impl WholeSets for GoDaddy {
    async fn read(&self, api: &Api, zone: &Zone, name: &str) -> Result<RecordSet, DnsError> {
        let call = Call::get(api.url(&path(zone, name)?, &[]));
        let records: Vec<Record> = good(self.send(api, call).await?)?.json()?;
        let verbatim: Vec<String> = records.iter().map(|record| record.data.clone()).collect();
        let values = verbatim.iter().map(|data| unquoted(data)).collect();
        Ok(RecordSet { values, verbatim, ttl: records.first().map(|record| record.ttl), tag: None })
    }

    async fn write(
        &self,
        api: &Api,
        (zone, name): (&Zone, &str),
        old: &RecordSet,
        values: &[String],
    ) -> Result<Change, DnsError> {
        // An older set may have less than what it takes now.
        let ttl = old.ttl.unwrap_or(api.ttl).max(Self::TTL.1);
        let added: Vec<&String> = values.iter().filter(|value| !old.values.contains(value)).collect();
        let takes_away = old.values.iter().any(|value| !values.contains(value));
        let call = if takes_away && values.is_empty() {
            Call::new("DELETE", api.url(&path(zone, name)?, &[]))
        } else if takes_away {
            let contents = old.contents(values, str::to_owned).into_iter();
            let records: Vec<Value> = contents.map(|data| json!({ "data": data, "ttl": ttl })).collect();
            Call::new("PUT", api.url(&path(zone, name)?, &[])).json(&Value::from(records))
        } else {
            let own_name = below(zone, name)?;
            let record =
                |data: &&String| json!({ "type": "TXT", "name": own_name, "data": data, "ttl": ttl });
            let records: Vec<Value> = added.iter().map(record).collect();
            let url = api.url(&format!("/v1/domains/{}/records", escaped(&zone.id)), &[]);
            Call::new("PATCH", url).json(&Value::from(records))
        };
        let deletes = call.method == "DELETE";
        let reply = self.send(api, call).await?;
        let is_there = || reply.json::<Refusal>().is_ok_and(|said| said.code == "DUPLICATE_RECORD");
        // Another writer was first.
        if (deletes && reply.status == 404) || (reply.status == 422 && is_there()) {
            return Ok(Change::default());
        }
        good(reply).map(|_| Change::default())
    }
}

impl Vendor for GoDaddy {
    const NAME: &'static str = "GoDaddy";
    const BASE_URL: &'static str = "https://api.godaddy.com";
    const TTL: (u32, u32) = (600, 600);
    const SETTLE: u32 = 10;
    const NEEDS_LOCK: bool = true;

    async fn zones(&self, api: &Api) -> Result<Vec<Zone>, DnsError> {
        let mut zones: Vec<Zone> = Vec::new();
        let limit = PER_PAGE.to_string();
        for _ in 0..PAGES {
            let mut query = vec![("statuses", "ACTIVE"), ("limit", limit.as_str())];
            // The page after this one.
            let marker = zones.last().map(|zone| zone.id.clone());
            query.extend(marker.as_deref().map(|marker| ("marker", marker)));
            let call = Call::get(api.url("/v1/domains", &query));
            let page: Vec<Domain> = good(self.send(api, call).await?)?.json()?;
            let is_last = page.len() < PER_PAGE;
            zones.extend(page.into_iter().map(zone));
            if is_last {
                return Ok(zones);
            }
        }
        Err(api.endless())
    }

    async fn find_zone(&self, api: &Api, name: &str) -> Result<Zone, DnsError> {
        for candidate in candidates(name) {
            let call = Call::get(api.url(&format!("/v1/domains/{}", escaped(candidate)), &[]));
            let reply = self.send(api, call).await?;
            // The API answers 422 for a name that cannot be a domain, such as one with underscores.
            if matches!(reply.status, 404 | 422) {
                continue;
            }
            return Ok(zone(good(reply)?.json()?));
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

fn zone(Domain { domain }: Domain) -> Zone {
    let apex = domain.to_ascii_lowercase();
    Zone { id: apex.clone(), apex }
}
