//! `hetzner`: zones of Hetzner, by the Cloud API v1. Its actions `add_records` and `remove_records` change single values of a
//! record set on the server; each is done when its action says so.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::DnsError;
use crate::config::{ConfigError, Kind};
use crate::fields::{self, Field};
use crate::http::{Api, Call, PAGES, Reply, escaped, quoted, unquoted};
use crate::provider::{Change, ChangeState, Zone};
use crate::vendor::{self, Vendor, candidates, no_zone, relative};

pub(crate) const KIND: Kind = Kind {
    name: "hetzner",
    aliases: &[],
    fields: FIELDS,
    common: fields::HTTP,
    check: vendor::check::<Hetzner>,
    open: vendor::open::<Hetzner>,
};

const FIELDS: &[Field] =
    &[Field::required("api_token", "An API token of Hetzner Cloud with read and write.").secret()];

/// The most items on a page.
const PER_PAGE: &str = "50";
/// The characters of a token of the Cloud API; one of the DNS console, which was shut down in 2026, had 32.
const TOKEN: usize = 64;
const OLD_TOKEN: usize = 32;
const ASK_AGAIN: Duration = Duration::from_secs(2);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hetzner {
    api_token: Zeroizing<String>,
}

#[derive(Deserialize)]
struct Zones {
    zones: Vec<Named>,
    meta: Meta,
}

#[derive(Deserialize)]
struct Named {
    id: u64,
    name: String,
}

#[derive(Deserialize)]
struct Meta {
    pagination: Pagination,
}

#[derive(Deserialize)]
struct Pagination {
    next_page: Option<usize>,
}

#[derive(Deserialize)]
struct OneSet {
    rrset: Set,
}

#[derive(Deserialize)]
struct Set {
    ttl: Option<u32>,
    records: Vec<Record>,
}

#[derive(Deserialize)]
struct Record {
    value: String,
}

#[derive(Deserialize)]
struct Acted {
    action: Action,
}

#[derive(Deserialize)]
struct Action {
    id: u64,
    status: String,
    #[serde(default)]
    error: Option<Problem>,
}

#[derive(Deserialize)]
struct Refused {
    error: Problem,
}

#[derive(Deserialize)]
struct Problem {
    code: String,
    message: String,
}

impl Hetzner {
    async fn get(&self, api: &Api, path: &str, query: &[(&str, &str)]) -> Result<Reply, DnsError> {
        api.send(Call::get(api.url(path, query)).bearer(&self.api_token)).await
    }

    async fn set(&self, api: &Api, zone: &Zone, name: &str) -> Result<Option<Set>, DnsError> {
        let reply = self.get(api, &path(zone, name)?, &[]).await?;
        if reply.status == 404 {
            return Ok(None);
        }
        Ok(Some(reply.good()?.json::<OneSet>()?.rrset))
    }

    async fn act(&self, api: &Api, url: String, body: &Value) -> Result<Reply, DnsError> {
        api.send(Call::new("POST", url).bearer(&self.api_token).json(body)).await
    }
}

/// The path of the TXT record set of a name; the apex is called `@`.
fn path(zone: &Zone, name: &str) -> Result<String, DnsError> {
    let relative = match relative(name, zone)? {
        "" => "@",
        below => below,
    };
    Ok(format!("/zones/{}/rrsets/{}/TXT", escaped(&zone.id), escaped(relative)))
}

/// Good answers, with the class of those that say it by their code.
fn good(reply: Reply) -> Result<Reply, DnsError> {
    if (200..300).contains(&reply.status) {
        return Ok(reply);
    }
    let code = reply.json::<Refused>().map(|refused| refused.error.code).unwrap_or_default();
    Err(match code.as_str() {
        "unauthorized" | "token_readonly" => reply.error_as(401),
        "rate_limit_exceeded" => reply.error_as(429),
        "conflict" | "locked" => reply.error_as(409),
        _ => reply.error(),
    })
}

fn pending(reply: &Reply) -> Result<Change, DnsError> {
    let action = reply.json::<Acted>()?.action;
    Ok(Change { pending: (action.status == "running").then(|| action.id.to_string()) })
}

impl Vendor for Hetzner {
    const NAME: &'static str = "Hetzner";
    const BASE_URL: &'static str = "https://api.hetzner.cloud/v1";
    const TTL: (u32, u32) = (60, 60);
    const SETTLE: u32 = 5;

    fn check(&self) -> Result<(), ConfigError> {
        match self.api_token.len() {
            TOKEN => Ok(()),
            OLD_TOKEN => Err(ConfigError::field(
                "api_token",
                "looks like a token of the old DNS console, which is gone: make one in the Hetzner Console, below Security, \
                 API tokens, with read and write",
            )),
            _ => Err(ConfigError::field(
                "api_token",
                format!("must be an API token of Hetzner Cloud, {TOKEN} characters"),
            )),
        }
    }

    async fn zones(&self, api: &Api) -> Result<Vec<Zone>, DnsError> {
        let mut zones = Vec::new();
        let mut page = 1;
        for _ in 0..PAGES {
            let number = page.to_string();
            let query = [("per_page", PER_PAGE), ("page", number.as_str())];
            let answer: Zones = good(self.get(api, "/zones", &query).await?)?.json()?;
            zones.extend(
                answer.zones.into_iter().map(|zone| Zone { id: zone.id.to_string(), apex: zone.name }),
            );
            match answer.meta.pagination.next_page {
                Some(next) => page = next,
                None => return Ok(zones),
            }
        }
        Err(api.endless())
    }

    async fn find_zone(&self, api: &Api, name: &str) -> Result<Zone, DnsError> {
        for candidate in candidates(name) {
            let reply = good(self.get(api, "/zones", &[("name", candidate)]).await?)?;
            let found = reply.json::<Zones>()?.zones.into_iter().find(|zone| zone.name == candidate);
            if let Some(found) = found {
                return Ok(Zone { id: found.id.to_string(), apex: found.name });
            }
        }
        Err(no_zone(name))
    }

    async fn list(&self, api: &Api, zone: &Zone, name: &str) -> Result<Vec<String>, DnsError> {
        let set = self.set(api, zone, name).await?;
        Ok(set.iter().flat_map(|set| &set.records).map(|record| unquoted(&record.value)).collect())
    }

    async fn add(&self, api: &Api, zone: &Zone, name: &str, value: &str) -> Result<Change, DnsError> {
        let set = self.set(api, zone, name).await?;
        let has = |set: &Set| set.records.iter().any(|record| unquoted(&record.value) == value);
        if set.as_ref().is_some_and(has) {
            return Ok(Change::default());
        }
        // All records of a set have one time to live.
        let ttl = set.map_or(Some(api.ttl), |set| set.ttl);
        let body = json!({ "ttl": ttl, "records": [{ "value": quoted(value) }] });
        let url = api.url(&format!("{}/actions/add_records", path(zone, name)?), &[]);
        pending(&good(self.act(api, url, &body).await?)?)
    }

    async fn remove(&self, api: &Api, zone: &Zone, name: &str, value: &str) -> Result<Change, DnsError> {
        let set = self.set(api, zone, name).await?;
        let present = set.iter().flat_map(|set| &set.records).find(|record| unquoted(&record.value) == value);
        let Some(present) = present else { return Ok(Change::default()) };
        let body = json!({ "records": [{ "value": present.value }] });
        let url = api.url(&format!("{}/actions/remove_records", path(zone, name)?), &[]);
        let reply = self.act(api, url, &body).await?;
        // Another writer was first.
        if reply.status == 404 {
            return Ok(Change::default());
        }
        pending(&good(reply)?)
    }

    async fn poll(&self, api: &Api, change: &str) -> Result<ChangeState, DnsError> {
        let reply = good(self.get(api, &format!("/actions/{}", escaped(change)), &[]).await?)?;
        let action = reply.json::<Acted>()?.action;
        match action.status.as_str() {
            "success" => Ok(ChangeState::Done),
            "running" => Ok(ChangeState::Pending { after: ASK_AGAIN }),
            _ => {
                let message = action.error.map(|problem| format!(": {} ({})", problem.message, problem.code));
                Err(DnsError::Invalid(format!("Hetzner could not do it{}", message.unwrap_or_default())))
            }
        }
    }
}
