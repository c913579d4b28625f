//! `gandi`: zones of Gandi LiveDNS, by its API v5 with a personal access token. A record set is written as a whole without a
//! precondition, so changes of one name need a lock.

use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroizing;

use crate::DnsError;
use crate::config::Kind;
use crate::fields::{self, Field};
use crate::http::{Api, Call, PAGES, Reply, escaped, quoted, unquoted};
use crate::provider::{Change, Zone};
use crate::record_set::{self, RecordSet, WholeSets};
use crate::vendor::{self, Vendor, candidates, no_zone, relative};

pub(crate) const KIND: Kind = Kind {
    name: "gandi",
    aliases: &["gandiv5"],
    fields: FIELDS,
    common: fields::HTTP,
    check: vendor::check::<Gandi>,
    open: vendor::open::<Gandi>,
};

const FIELDS: &[Field] = &[Field::required(
    "personal_access_token",
    "A personal access token that may manage domain name technical configurations.",
)
.secret()];

const PER_PAGE: usize = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Gandi {
    personal_access_token: Zeroizing<String>,
}

#[derive(Deserialize)]
struct Domain {
    fqdn: String,
}

#[derive(Deserialize)]
struct Set {
    rrset_values: Vec<String>,
    rrset_ttl: u32,
}

impl Gandi {
    async fn send(&self, api: &Api, call: Call) -> Result<Reply, DnsError> {
        api.send(call.bearer(&self.personal_access_token)).await
    }
}

/// The URL of the TXT record set of a name; the apex is called `@`.
fn set_url(api: &Api, zone: &Zone, name: &str) -> Result<String, DnsError> {
    let relative = match relative(name, zone)? {
        "" => "@",
        below => below,
    };
    Ok(api.url(&format!("/domains/{}/records/{}/TXT", escaped(&zone.apex), escaped(relative)), &[]))
}

impl WholeSets for Gandi {
    async fn read(&self, api: &Api, zone: &Zone, name: &str) -> Result<RecordSet, DnsError> {
        let reply = self.send(api, Call::get(set_url(api, zone, name)?)).await?;
        if reply.status == 404 {
            return Ok(RecordSet::default());
        }
        let set: Set = reply.good()?.json()?;
        let values = set.rrset_values.iter().map(|value| unquoted(value)).collect();
        Ok(RecordSet { values, verbatim: set.rrset_values, ttl: Some(set.rrset_ttl), tag: None })
    }

    async fn write(
        &self,
        api: &Api,
        (zone, name): (&Zone, &str),
        old: &RecordSet,
        values: &[String],
    ) -> Result<Change, DnsError> {
        let url = set_url(api, zone, name)?;
        if values.is_empty() {
            let reply = self.send(api, Call::new("DELETE", url)).await?;
            if reply.status != 404 {
                reply.good()?;
            }
            return Ok(Change::default());
        }
        let contents = old.contents(values, quoted);
        let body = json!({ "rrset_values": contents, "rrset_ttl": old.ttl.unwrap_or(api.ttl) });
        self.send(api, Call::new("PUT", url).json(&body)).await?.good()?;
        Ok(Change::default())
    }
}

impl Vendor for Gandi {
    const NAME: &'static str = "Gandi";
    const BASE_URL: &'static str = "https://api.gandi.net/v5/livedns";
    const TTL: (u32, u32) = (300, 300);
    const SETTLE: u32 = 20;
    const NEEDS_LOCK: bool = true;

    async fn zones(&self, api: &Api) -> Result<Vec<Zone>, DnsError> {
        let mut zones = Vec::new();
        for page in 1..=PAGES {
            let (page, size) = (page.to_string(), PER_PAGE.to_string());
            let url = api.url("/domains", &[("page", &page), ("per_page", &size)]);
            let domains: Vec<Domain> = self.send(api, Call::get(url)).await?.good()?.json()?;
            let is_last = domains.len() < PER_PAGE;
            zones.extend(
                domains.into_iter().map(|domain| Zone { id: domain.fqdn.clone(), apex: domain.fqdn }),
            );
            if is_last {
                return Ok(zones);
            }
        }
        Err(api.endless())
    }

    async fn find_zone(&self, api: &Api, name: &str) -> Result<Zone, DnsError> {
        for candidate in candidates(name) {
            let url = api.url(&format!("/domains/{}", escaped(candidate)), &[]);
            let reply = self.send(api, Call::get(url)).await?;
            if reply.status != 404 {
                reply.good()?;
                return Ok(Zone { id: candidate.to_owned(), apex: candidate.to_owned() });
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
