//! `cloudflare`: zones of Cloudflare, by its API v4 with an API token (Zone:Read and DNS:Edit). Records are added and removed
//! one by one. The dashboard stores TXT data without quotes and the API takes both, so both are the same value here.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use zeroize::Zeroizing;

use crate::DnsError;
use crate::config::{ConfigError, Kind};
use crate::fields::{self, Field};
use crate::http::{Api, Call, PAGES, Reply, escaped, quoted, unquoted};
use crate::provider::{Change, Zone};
use crate::single_record::{self, SingleRecords, Stored};
use crate::vendor::{self, Vendor, candidates, no_zone};

pub(crate) const KIND: Kind = Kind {
    name: "cloudflare",
    aliases: &[],
    fields: FIELDS,
    common: fields::HTTP,
    check: vendor::check::<Cloudflare>,
    open: vendor::open::<Cloudflare>,
};

const FIELDS: &[Field] = &[
    Field::required("api_token", "An API token that may edit DNS in the zones (Zone:Read, DNS:Edit).")
        .secret(),
    Field::optional("zone_api_token", "A token that may list zones (Zone:Read), where the other may not.")
        .secret(),
    Field::optional("zone_id", "The id of the one zone, where no token may list zones."),
];

/// Items on a page: the most that both lists take.
const PER_PAGE: usize = 50;
/// "The record already exists." and "An identical record already exists."
const IDENTICAL: [u64; 2] = [81_057, 81_058];
/// "Record does not exist."
const GONE: u64 = 81_044;
/// Codes that come with status 400 or 403 and mean that the token is none: invalid request headers, authentication error,
/// invalid access token.
const NO_TOKEN: [u64; 5] = [6_003, 6_111, 9_109, 10_000, 10_001];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cloudflare {
    api_token: Zeroizing<String>,
    /// A token that may list zones, when the other may only edit.
    #[serde(default)]
    zone_api_token: Option<Zeroizing<String>>,
    /// The zone, when no token may list zones.
    #[serde(default)]
    zone_id: Option<String>,
}

#[derive(Deserialize)]
struct Envelope<T> {
    result: T,
    #[serde(default)]
    result_info: Option<PageInfo>,
}

/// What an answer says of its list. Not every list says all of it.
#[derive(Deserialize, Default)]
struct PageInfo {
    #[serde(default)]
    total_pages: Option<usize>,
    #[serde(default)]
    per_page: Option<usize>,
}

impl PageInfo {
    /// Whether no page follows this one, which has so many items: the total says so, or that the page is not full.
    fn is_last(&self, page: usize, items: usize) -> bool {
        match self.total_pages {
            Some(total) => page >= total,
            None => items < self.per_page.unwrap_or(PER_PAGE).clamp(1, PER_PAGE),
        }
    }
}

#[derive(Deserialize)]
struct Failed {
    #[serde(default)]
    success: Option<bool>,
    #[serde(default)]
    errors: Vec<Problem>,
}

#[derive(Deserialize)]
struct Problem {
    code: u64,
}

#[derive(Deserialize)]
struct Named {
    id: String,
    name: String,
}

#[derive(Deserialize)]
struct Record {
    id: String,
    content: String,
}

impl Cloudflare {
    fn zone_token(&self) -> &str {
        self.zone_api_token.as_ref().unwrap_or(&self.api_token)
    }

    /// The pages of a list.
    async fn all<T: DeserializeOwned>(
        &self,
        api: &Api,
        token: &str,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Vec<T>, DnsError> {
        let mut items = Vec::new();
        for page in 1..=PAGES {
            let (number, size) = (page.to_string(), PER_PAGE.to_string());
            let paged = [query, &[("per_page", size.as_str()), ("page", number.as_str())]].concat();
            let reply = good(api.send(Call::get(api.url(path, &paged)).bearer(token)).await?)?;
            let answer: Envelope<Vec<T>> = reply.json()?;
            let is_last = answer.result_info.unwrap_or_default().is_last(page, answer.result.len());
            items.extend(answer.result);
            if is_last {
                return Ok(items);
            }
        }
        Err(api.endless())
    }

    async fn found(&self, api: &Api, zone: &Zone, name: &str) -> Result<Vec<Record>, DnsError> {
        let path = format!("/zones/{}/dns_records", escaped(&zone.id));
        self.all(api, &self.api_token, &path, &[("type", "TXT"), ("name", name)]).await
    }

    async fn configured(&self, api: &Api, id: &str) -> Result<Zone, DnsError> {
        let url = api.url(&format!("/zones/{}", escaped(id)), &[]);
        let reply = good(api.send(Call::get(url).bearer(self.zone_token())).await?)?;
        Ok(zone(reply.json::<Envelope<Named>>()?.result))
    }
}

fn zone(named: Named) -> Zone {
    Zone { id: named.id, apex: named.name }
}

/// The answer, if it is a success: the status can be 200 although `success` is false.
fn good(reply: Reply) -> Result<Reply, DnsError> {
    let codes = codes(&reply);
    match reply.status {
        400 | 403 if codes.iter().any(|code| NO_TOKEN.contains(code)) => Err(reply.error_as(401)),
        200..=299 if codes.is_empty() => Ok(reply),
        200..=299 => Err(reply.error_as(400)),
        _ => Err(reply.error()),
    }
}

/// The codes of an answer that says of itself that it is no success.
fn codes(reply: &Reply) -> Vec<u64> {
    match reply.json::<Failed>() {
        Ok(Failed { success: Some(false), errors }) if errors.is_empty() => vec![0],
        Ok(Failed { success: Some(false), errors }) => {
            errors.into_iter().map(|problem| problem.code).collect()
        }
        _ => Vec::new(),
    }
}

impl SingleRecords for Cloudflare {
    async fn records(&self, api: &Api, zone: &Zone, name: &str) -> Result<Vec<Stored>, DnsError> {
        let found = self.found(api, zone, name).await?;
        let stored = |record: Record| Stored { id: record.id, value: unquoted(&record.content) };
        Ok(found.into_iter().map(stored).collect())
    }

    async fn create(&self, api: &Api, zone: &Zone, name: &str, value: &str) -> Result<(), DnsError> {
        let body = json!({ "type": "TXT", "name": name, "content": quoted(value), "ttl": api.ttl });
        let url = api.url(&format!("/zones/{}/dns_records", escaped(&zone.id)), &[]);
        let reply = api.send(Call::new("POST", url).bearer(&self.api_token).json(&body)).await?;
        if codes(&reply).iter().any(|code| IDENTICAL.contains(code)) {
            return Ok(());
        }
        good(reply).map(drop)
    }

    async fn delete(&self, api: &Api, zone: &Zone, id: &str) -> Result<(), DnsError> {
        let path = format!("/zones/{}/dns_records/{}", escaped(&zone.id), escaped(id));
        let reply = api.send(Call::new("DELETE", api.url(&path, &[])).bearer(&self.api_token)).await?;
        if reply.status == 404 || codes(&reply).contains(&GONE) {
            return Ok(());
        }
        good(reply).map(drop)
    }
}

impl Vendor for Cloudflare {
    const NAME: &'static str = "Cloudflare";
    const BASE_URL: &'static str = "https://api.cloudflare.com/client/v4";
    const TTL: (u32, u32) = (120, 60);
    const SETTLE: u32 = 3;

    fn check(&self) -> Result<(), ConfigError> {
        let looks_like_a_key =
            self.api_token.len() == 37 && self.api_token.bytes().all(|b| b.is_ascii_hexdigit());
        if looks_like_a_key {
            let problem = "looks like a global API key, which can do everything: make an API token with Zone:Read and \
                           DNS:Edit for the zones";
            return Err(ConfigError::field("api_token", problem));
        }
        Ok(())
    }

    async fn zones(&self, api: &Api) -> Result<Vec<Zone>, DnsError> {
        if let Some(id) = &self.zone_id {
            return Ok(vec![self.configured(api, id).await?]);
        }
        let zones: Vec<Named> = self.all(api, self.zone_token(), "/zones", &[]).await?;
        Ok(zones.into_iter().map(zone).collect())
    }

    async fn find_zone(&self, api: &Api, name: &str) -> Result<Zone, DnsError> {
        if let Some(id) = &self.zone_id {
            return vendor::longest(vec![self.configured(api, id).await?], name);
        }
        for candidate in candidates(name) {
            let found: Vec<Named> =
                self.all(api, self.zone_token(), "/zones", &[("name", candidate)]).await?;
            if let Some(found) = found.into_iter().find(|zone| zone.name == candidate) {
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
