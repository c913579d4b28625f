//! `ovh`: zones of OVHcloud, by its API 1.0 with an application's keys. Every request is signed; records are added and removed
//! one by one and served after a refresh of the zone.

use openssl::hash::{MessageDigest, hash};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::OnceCell;
use zeroize::Zeroizing;

use crate::DnsError;
use crate::config::Kind;
use crate::digest::hex;
use crate::fields::{self, Field, FieldType};
use crate::http::{Api, Call, Reply, escaped, gone, quoted, unquoted};
use crate::provider::{Change, Zone};
use crate::single_record::{self, SingleRecords, Stored};
use crate::vendor::{self, Vendor, longest, relative};

pub(crate) const KIND: Kind = Kind {
    name: "ovh",
    aliases: &[],
    fields: FIELDS,
    common: fields::HTTP,
    check: vendor::check::<Ovh>,
    open: vendor::open::<Ovh>,
};

const FIELDS: &[Field] = &[
    Field::required("application_key", "The application key."),
    Field::required("application_secret", "The application secret.").secret(),
    Field::required("consumer_key", "The consumer key, with rights on /domain/zone/*.").secret(),
    Field::optional("endpoint", "Which OVHcloud; ovh-eu.")
        .of(FieldType::Choice(&["ovh-eu", "ovh-ca", "ovh-us"])),
];

/// What `errorCode` is when the keys or the signature are wrong; the status is 400 or 403.
const NO_KEY: [&str; 5] =
    ["INVALID_KEY", "INVALID_CREDENTIAL", "NOT_CREDENTIAL", "INVALID_SIGNATURE", "QUERY_TIME_OUT"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ovh {
    application_key: String,
    application_secret: Zeroizing<String>,
    consumer_key: Zeroizing<String>,
    #[serde(default)]
    endpoint: Endpoint,
    /// By how many seconds their clock is ahead of ours, once it was asked for.
    #[serde(skip)]
    ahead: OnceCell<i64>,
}

#[derive(Deserialize, Clone, Copy, Default)]
enum Endpoint {
    #[default]
    #[serde(rename = "ovh-eu")]
    Europe,
    #[serde(rename = "ovh-ca")]
    Canada,
    #[serde(rename = "ovh-us")]
    UnitedStates,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Refused {
    #[serde(default)]
    error_code: String,
}

#[derive(Deserialize)]
struct Record {
    id: u64,
    target: String,
}

impl Ovh {
    fn base<'a>(&self, api: &'a Api) -> &'a str {
        match self.endpoint {
            Endpoint::Canada if api.base_url == Self::BASE_URL => "https://ca.api.ovh.com/1.0",
            Endpoint::UnitedStates if api.base_url == Self::BASE_URL => "https://api.us.ovhcloud.com/1.0",
            _ => &api.base_url,
        }
    }

    /// Their time: a signature is only good for some seconds of it.
    async fn now(&self, api: &Api) -> Result<i64, DnsError> {
        let ask = || async {
            let reply = api.call(Call::get(format!("{}/auth/time", self.base(api)))).await?;
            Ok::<i64, DnsError>(reply.json::<i64>()?.saturating_sub(api.unix_seconds()))
        };
        let ahead = self.ahead.get_or_try_init(ask).await?;
        Ok(api.unix_seconds().saturating_add(*ahead))
    }

    /// Sends a request with a signature of everything in it.
    async fn send(
        &self,
        api: &Api,
        method: &'static str,
        path: &str,
        body: String,
    ) -> Result<Reply, DnsError> {
        let url = format!("{}{path}", self.base(api));
        let timestamp = self.now(api).await?.to_string();
        let parts: [&str; 6] =
            [&self.application_secret, &self.consumer_key, method, &url, &body, &timestamp];
        let text = Zeroizing::new(parts.join("+"));
        let digest = hash(MessageDigest::sha1(), text.as_bytes())
            .map_err(|_| DnsError::Invalid("the request cannot be signed".to_owned()))?;
        let call = Call::new(method, url)
            .header("x-ovh-application", self.application_key.clone())
            .header("x-ovh-consumer", self.consumer_key.as_str())
            .header("x-ovh-timestamp", timestamp)
            .header("x-ovh-signature", format!("$1${}", hex(&digest)));
        let call = if body.is_empty() { call } else { call.body("application/json", body.into_bytes()) };
        let reply = api.send(call).await?;
        let code = reply.json::<Refused>().map(|refused| refused.error_code).unwrap_or_default();
        if reply.status >= 400 && NO_KEY.contains(&code.as_str()) {
            return Err(reply.error_as(401));
        }
        Ok(reply)
    }

    async fn get(&self, api: &Api, path: &str) -> Result<Reply, DnsError> {
        self.send(api, "GET", path, String::new()).await
    }

    async fn found(&self, api: &Api, zone: &Zone, name: &str) -> Result<Vec<Record>, DnsError> {
        let base = format!("/domain/zone/{}/record", escaped(&zone.apex));
        let path = format!("{base}?fieldType=TXT&subDomain={}", escaped(relative(name, zone)?));
        let ids: Vec<u64> = self.get(api, &path).await?.good()?.json()?;
        let mut records = Vec::with_capacity(ids.len());
        for id in ids {
            let reply = self.get(api, &format!("{base}/{id}")).await?;
            // The record was deleted meanwhile.
            if reply.status != 404 {
                records.push(reply.good()?.json()?);
            }
        }
        Ok(records)
    }

    /// Until then nothing of what was changed is served.
    async fn refresh(&self, api: &Api, zone: &Zone) -> Result<Change, DnsError> {
        let path = format!("/domain/zone/{}/refresh", escaped(&zone.apex));
        self.send(api, "POST", &path, String::new()).await?.good()?;
        Ok(Change::default())
    }
}

impl SingleRecords for Ovh {
    async fn records(&self, api: &Api, zone: &Zone, name: &str) -> Result<Vec<Stored>, DnsError> {
        let found = self.found(api, zone, name).await?;
        let stored = |record: Record| Stored { id: record.id.to_string(), value: unquoted(&record.target) };
        Ok(found.into_iter().map(stored).collect())
    }

    async fn create(&self, api: &Api, zone: &Zone, name: &str, value: &str) -> Result<(), DnsError> {
        let body = json!({
            "fieldType": "TXT", "subDomain": relative(name, zone)?, "target": quoted(value), "ttl": api.ttl
        });
        let path = format!("/domain/zone/{}/record", escaped(&zone.apex));
        self.send(api, "POST", &path, body.to_string()).await?.good().map(drop)
    }

    async fn delete(&self, api: &Api, zone: &Zone, id: &str) -> Result<(), DnsError> {
        let path = format!("/domain/zone/{}/record/{}", escaped(&zone.apex), escaped(id));
        gone(self.send(api, "DELETE", &path, String::new()).await?)
    }
}

impl Vendor for Ovh {
    const NAME: &'static str = "OVHcloud";
    const BASE_URL: &'static str = "https://eu.api.ovh.com/1.0";
    const TTL: (u32, u32) = (60, 60);
    const SETTLE: u32 = 10;

    async fn zones(&self, api: &Api) -> Result<Vec<Zone>, DnsError> {
        let names: Vec<String> = self.get(api, "/domain/zone").await?.good()?.json()?;
        Ok(names.into_iter().map(|name| Zone { id: name.clone(), apex: name }).collect())
    }

    async fn find_zone(&self, api: &Api, name: &str) -> Result<Zone, DnsError> {
        longest(self.zones(api).await?, name)
    }

    async fn list(&self, api: &Api, zone: &Zone, name: &str) -> Result<Vec<String>, DnsError> {
        single_record::list(self, api, zone, name).await
    }

    async fn add(&self, api: &Api, zone: &Zone, name: &str, value: &str) -> Result<Change, DnsError> {
        single_record::add(self, api, (zone, name), value).await?;
        // Also when the value was there: the refresh after it was added may have been lost.
        self.refresh(api, zone).await
    }

    async fn remove(&self, api: &Api, zone: &Zone, name: &str, value: &str) -> Result<Change, DnsError> {
        single_record::remove(self, api, (zone, name), value).await?;
        self.refresh(api, zone).await
    }
}
