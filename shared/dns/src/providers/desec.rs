//! `desec`: zones of deSEC. A record set is written as a whole and the API knows no precondition, so changes of one name need
//! a lock.

use serde::Deserialize;
use serde_json::json;
use zeroize::Zeroizing;

use crate::DnsError;
use crate::config::Kind;
use crate::fields::{self, Field};
use crate::http::{Api, Call, PAGES, escaped, quoted, unquoted};
use crate::provider::{Change, Zone};
use crate::record_set::{self, RecordSet, WholeSets};
use crate::vendor::{self, Vendor, longest, relative};

pub(crate) const KIND: Kind = Kind {
    name: "desec",
    aliases: &[],
    fields: FIELDS,
    common: fields::HTTP,
    check: vendor::check::<Desec>,
    open: vendor::open::<Desec>,
};

const FIELDS: &[Field] = &[Field::required("token", "An API token.").secret()];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Desec {
    token: Zeroizing<String>,
}

#[derive(Deserialize)]
struct Domain {
    name: String,
}

#[derive(Deserialize)]
struct Set {
    records: Vec<String>,
    ttl: u32,
}

impl Desec {
    fn call(&self, method: &'static str, url: String) -> Call {
        Call::new(method, url).header("authorization", format!("Token {}", *self.token))
    }

    /// The URL of the TXT record set of a name; the apex is called `@` in paths.
    fn url(api: &Api, zone: &Zone, name: &str) -> Result<String, DnsError> {
        let subname = match relative(name, zone)? {
            "" => "@",
            below => below,
        };
        let path = format!("/domains/{}/rrsets/{}/TXT/", escaped(&zone.apex), escaped(subname));
        Ok(api.url(&path, &[]))
    }
}

impl WholeSets for Desec {
    async fn read(&self, api: &Api, zone: &Zone, name: &str) -> Result<RecordSet, DnsError> {
        let reply = api.send(self.call("GET", Self::url(api, zone, name)?)).await?;
        if reply.status == 404 {
            return Ok(RecordSet::default());
        }
        let set: Set = reply.good()?.json()?;
        let values = set.records.iter().map(|record| unquoted(record)).collect();
        Ok(RecordSet { values, verbatim: set.records, ttl: Some(set.ttl), tag: None })
    }

    async fn write(
        &self,
        api: &Api,
        (zone, name): (&Zone, &str),
        old: &RecordSet,
        values: &[String],
    ) -> Result<Change, DnsError> {
        let records = old.contents(values, quoted);
        let reply = if old.ttl.is_some() {
            // No records remove the set.
            let body = json!({ "records": records });
            api.send(self.call("PATCH", Self::url(api, zone, name)?).json(&body)).await?
        } else {
            let subname = relative(name, zone)?;
            let body = json!({ "subname": subname, "type": "TXT", "ttl": api.ttl, "records": records });
            let url = api.url(&format!("/domains/{}/rrsets/", escaped(&zone.apex)), &[]);
            api.send(self.call("POST", url).json(&body)).await?
        };
        match reply.status {
            // The set went or came meanwhile.
            404 => Err(reply.error_as(409)),
            400 if reply.text().contains("same subdomain and type") => Err(reply.error_as(409)),
            _ => reply.good().map(|_| Change::default()),
        }
    }
}

impl Vendor for Desec {
    const NAME: &'static str = "deSEC";
    const BASE_URL: &'static str = "https://desec.io/api/v1";
    const TTL: (u32, u32) = (3_600, 60);
    const SETTLE: u32 = 10;
    const NEEDS_LOCK: bool = true;

    async fn zones(&self, api: &Api) -> Result<Vec<Zone>, DnsError> {
        let mut zones = Vec::new();
        let mut next = Some(api.url("/domains/", &[("cursor", "")]));
        for _ in 0..PAGES {
            let Some(url) = next.take() else { return Ok(zones) };
            let reply = api.call(self.call("GET", url)).await?;
            let cursor = reply.header("link").and_then(next_cursor);
            let domains: Vec<Domain> = reply.json()?;
            zones.extend(
                domains.into_iter().map(|domain| Zone { id: domain.name.clone(), apex: domain.name }),
            );
            next = cursor.map(|cursor| api.url("/domains/", &[("cursor", &cursor)]));
        }
        Err(api.endless())
    }

    /// Those that own the name, by one question.
    async fn find_zone(&self, api: &Api, name: &str) -> Result<Zone, DnsError> {
        let url = api.url("/domains/", &[("owns_qname", name)]);
        let domains: Vec<Domain> = api.call(self.call("GET", url)).await?.json()?;
        let zones = domains.into_iter().map(|domain| Zone { id: domain.name.clone(), apex: domain.name });
        longest(zones.collect(), name)
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

/// The cursor of the next page, from `Link: <https://…?cursor=…>; rel="next"`. Only the cursor is taken: the token goes to no
/// other address.
fn next_cursor(link: &str) -> Option<String> {
    let next = link.split(',').find(|part| part.contains("rel=\"next\""))?;
    let (_, rest) = next.split_once("cursor=")?;
    Some(rest.split(['&', '>']).next().unwrap_or_default().to_owned()).filter(|cursor| !cursor.is_empty())
}
