//! Providers that are reached over HTTP: what each of them says of itself, and what all have in common.

use std::time::Duration;

use certmill_egress::Purpose;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::ambient;
use crate::config::{self, ConfigError};
use crate::digest::sha256_hex;
use crate::http::Api;
use crate::provider::{Answer, Change, ChangeState, DnsProvider, ProviderTraits, Zone};
use crate::{DnsError, PropagationSettings, Providers};

const LONGEST_TTL: u32 = 86_400;
/// The most zones that a provider is believed to have.
const MOST_ZONES: usize = 10_000;

/// A provider with an API over HTTP. The type is its configuration without the settings that all have in common; those are
/// read from the same object: `base_url`, `ttl`, `timeout_seconds` and `propagation`.
///
/// Names and zones are without a trailing dot and in lower case. Values are plain text, without quotes.
pub(crate) trait Vendor: DeserializeOwned + Send + Sync + Sized + 'static {
    /// What people call it.
    const NAME: &'static str;
    /// Where its API is; empty where the configuration has to say.
    const BASE_URL: &'static str;
    /// The time to live of a new record when the configuration says nothing, and the least that the provider takes, in
    /// seconds.
    const TTL: (u32, u32);
    /// How long a new value takes to its name servers at least, in seconds.
    const SETTLE: u32;
    /// Whether values of one name can be lost when two are changed at once.
    const NEEDS_LOCK: bool = false;
    /// Whether a change writes the whole zone, so that changes of other names are lost too.
    const LOCKS_ZONE: bool = false;
    /// Whether it tells which zone a name is in.
    const KNOWS_ZONES: bool = true;
    /// How many values a name can have at once, where that is few.
    const MOST_VALUES: Option<usize> = None;

    /// What its API is connected for.
    const PURPOSE: Purpose = Purpose::Dns;

    /// Finds what is wrong with the configuration beyond its form.
    fn check(&self) -> Result<(), ConfigError> {
        Ok(())
    }

    /// Every zone that the credentials can change. Fails when the credentials are wrong.
    fn zones(&self, api: &Api) -> impl Future<Output = Result<Vec<Zone>, DnsError>> + Send;

    /// The longest zone that `name` lies in.
    fn find_zone(&self, api: &Api, name: &str) -> impl Future<Output = Result<Zone, DnsError>> + Send {
        async move { longest(self.zones(api).await?, name) }
    }

    /// The TXT values of a name.
    fn list(
        &self,
        api: &Api,
        zone: &Zone,
        name: &str,
    ) -> impl Future<Output = Result<Vec<String>, DnsError>> + Send;

    /// Adds a value; success when it is there.
    fn add(
        &self,
        api: &Api,
        zone: &Zone,
        name: &str,
        value: &str,
    ) -> impl Future<Output = Result<Change, DnsError>> + Send;

    /// Removes a value; success when it is not there.
    fn remove(
        &self,
        api: &Api,
        zone: &Zone,
        name: &str,
        value: &str,
    ) -> impl Future<Output = Result<Change, DnsError>> + Send;

    /// Whether a change is applied.
    fn poll(&self, api: &Api, change: &str) -> impl Future<Output = Result<ChangeState, DnsError>> + Send {
        let _ = (api, change);
        async { Ok(ChangeState::Done) }
    }
}

/// The settings of every provider over HTTP.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Common {
    #[serde(default)]
    base_url: Option<String>,
    #[serde(default)]
    ttl: Option<u32>,
    #[serde(default = "default_timeout")]
    timeout_seconds: u32,
    #[serde(default)]
    propagation: Option<Map<String, Value>>,
}

const COMMON: &[&str] = &["base_url", "ttl", "timeout_seconds", "propagation"];

const fn default_timeout() -> u32 {
    20
}

struct Settings<V> {
    vendor: V,
    base_url: String,
    ttl: u32,
    timeout: Duration,
    propagation: PropagationSettings,
}

fn settings<V: Vendor>(config: &Value) -> Result<Settings<V>, ConfigError> {
    let Value::Object(fields) = config else {
        return Err(ConfigError::field("config", "must be a JSON object"));
    };
    let (common, own): (Map<_, _>, Map<_, _>) =
        fields.clone().into_iter().partition(|(name, _)| COMMON.contains(&name.as_str()));
    let vendor: V = config::read(&Value::Object(own))?;
    vendor.check()?;
    let common: Common = config::read(&Value::Object(common))?;
    let (default_ttl, least) = V::TTL;
    let ttl = common.ttl.unwrap_or(default_ttl);
    if !(least..=LONGEST_TTL).contains(&ttl) {
        return Err(ConfigError::field("ttl", format!("must be from {least} to {LONGEST_TTL} seconds")));
    }
    if !(1..=60).contains(&common.timeout_seconds) {
        return Err(ConfigError::field("timeout_seconds", "must be from 1 to 60"));
    }
    let base_url = common.base_url.unwrap_or_else(|| V::BASE_URL.to_owned());
    let base_url = base_url.trim_end_matches('/').to_owned();
    if !is_base_url(&base_url) {
        let problem =
            "must be the URL of the API, such as https://dns.example.com, without query or user name";
        return Err(ConfigError::field("base_url", problem));
    }
    let mut propagation = common.propagation.unwrap_or_default();
    propagation.entry("settle_seconds").or_insert_with(|| V::SETTLE.into());
    let propagation: PropagationSettings =
        config::read(&Value::Object(propagation)).map_err(|error| error.below("propagation"))?;
    propagation.check()?;
    let timeout = Duration::from_secs(common.timeout_seconds.into());
    Ok(Settings { vendor, base_url, ttl, timeout, propagation })
}

/// Whether `text` is the beginning of URLs. The egress policy judges where they lead.
pub(crate) fn is_base_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        !rest.is_empty()
            && text.len() <= 1_024
            && rest.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#@\\\"".contains(&byte))
    })
}

/// [`crate::config::Kind::check`] of a provider over HTTP.
pub(crate) fn check<V: Vendor>(config: &Value) -> Result<(), ConfigError> {
    settings::<V>(config).map(drop)
}

/// [`crate::config::Kind::open`] of a provider over HTTP.
pub(crate) fn open<V: Vendor>(
    providers: &Providers,
    config: &Value,
    credentials: &[&str],
) -> Result<Box<dyn DnsProvider>, DnsError> {
    let settings = settings::<V>(config).map_err(|error| DnsError::Invalid(error.to_string()))?;
    let ambient = config.get(ambient::FIELD).is_some();
    let secrets = credentials.iter().filter_map(|name| config.get(name)?.as_str());
    let api = Api {
        egress: providers.egress().for_purpose(V::PURPOSE),
        clock: providers.clock().clone(),
        vendor: V::NAME,
        base_url: if ambient {
            providers.ambient().vendor_url(V::BASE_URL).trim_end_matches('/').to_owned()
        } else {
            settings.base_url
        },
        ttl: settings.ttl,
        timeout: settings.timeout,
        secrets: secrets.map(|secret| Zeroizing::new(secret.to_owned())).collect(),
        is_vendor: !ambient && !V::BASE_URL.is_empty() && config::speaks_to_vendor(config),
        ambient: providers.ambient().clone(),
    };
    Ok(Box::new(Client { vendor: settings.vendor, api, propagation: settings.propagation }))
}

/// A vendor and the way to it.
struct Client<V> {
    vendor: V,
    api: Api,
    propagation: PropagationSettings,
}

impl<V: Vendor> DnsProvider for Client<V> {
    fn traits(&self) -> ProviderTraits {
        ProviderTraits {
            by_hand: false,
            needs_lock: V::NEEDS_LOCK,
            locks_zone: V::LOCKS_ZONE,
            knows_zones: V::KNOWS_ZONES,
            most_values: V::MOST_VALUES,
        }
    }

    fn account(&self) -> Option<String> {
        // Each part with its length, so that no two lists of parts read alike.
        let parts = [V::NAME, &self.api.base_url].into_iter();
        let parts = parts.chain(self.api.secrets.iter().map(|secret| secret.as_str()));
        let mut text = Zeroizing::new(Vec::new());
        for part in parts {
            text.extend_from_slice(&(part.len() as u64).to_be_bytes());
            text.extend_from_slice(part.as_bytes());
        }
        Some(sha256_hex(&text))
    }

    fn propagation(&self) -> &PropagationSettings {
        &self.propagation
    }

    fn verify(&self) -> Answer<'_, Vec<String>> {
        Box::pin(async move {
            let zones = self.vendor.zones(&self.api).await?;
            Ok(zones.into_iter().take(MOST_ZONES).map(|zone| zone.apex).collect())
        })
    }

    fn find_zone<'a>(&'a self, name: &'a str) -> Answer<'a, Zone> {
        Box::pin(self.vendor.find_zone(&self.api, name))
    }

    fn list_txt<'a>(&'a self, zone: &'a Zone, name: &'a str) -> Answer<'a, Vec<String>> {
        Box::pin(self.vendor.list(&self.api, zone, name))
    }

    fn add_txt<'a>(&'a self, zone: &'a Zone, name: &'a str, value: &'a str) -> Answer<'a, Change> {
        Box::pin(self.vendor.add(&self.api, zone, name, value))
    }

    fn remove_txt<'a>(&'a self, zone: &'a Zone, name: &'a str, value: &'a str) -> Answer<'a, Change> {
        Box::pin(self.vendor.remove(&self.api, zone, name, value))
    }

    fn poll<'a>(&'a self, change: &'a str) -> Answer<'a, ChangeState> {
        Box::pin(self.vendor.poll(&self.api, change))
    }
}

/// The longest of some zones that `name` lies in, by whole labels.
pub(crate) fn longest(zones: Vec<Zone>, name: &str) -> Result<Zone, DnsError> {
    zones
        .into_iter()
        .filter(|zone| is_below(name, &zone.apex))
        .max_by_key(|zone| zone.apex.len())
        .ok_or_else(|| no_zone(name))
}

/// A name and the names above it with at least two labels, the longest first: where a zone of it may begin. No zone begins
/// at a wildcard.
pub(crate) fn candidates(name: &str) -> impl Iterator<Item = &str> {
    let name = name.strip_prefix("*.").unwrap_or(name);
    let starts = std::iter::once(0).chain(name.match_indices('.').map(|(at, _)| at + 1));
    starts.filter_map(|start| name.get(start..)).filter(|name| name.contains('.'))
}

/// The name of a record within its zone: `_acme-challenge.www` for `_acme-challenge.www.example.com` in `example.com`, and
/// empty for the apex.
pub(crate) fn relative<'a>(name: &'a str, zone: &Zone) -> Result<&'a str, DnsError> {
    name.strip_suffix(zone.apex.as_str())
        .filter(|rest| rest.is_empty() || rest.ends_with('.'))
        .map(|rest| rest.trim_end_matches('.'))
        .ok_or_else(|| DnsError::ZoneNotFound(format!("{name} is not in the zone {}", zone.apex)))
}

pub(crate) fn no_zone(name: &str) -> DnsError {
    DnsError::ZoneNotFound(format!("the account has no zone for {name}"))
}

fn is_below(name: &str, zone: &str) -> bool {
    name.strip_suffix(zone).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_found_by_whole_labels() {
        let zone = |apex: &str| Zone { id: apex.to_owned(), apex: apex.to_owned() };
        let zones = || vec![zone("example.com"), zone("b.example.com"), zone("ample.com")];
        assert_eq!(longest(zones(), "x.b.example.com").unwrap().apex, "b.example.com");
        assert_eq!(longest(zones(), "xb.example.com").unwrap().apex, "example.com");
        assert!(longest(zones(), "badexample.com").is_err());
        assert_eq!(
            candidates("a.b.example.com").collect::<Vec<_>>(),
            ["a.b.example.com", "b.example.com", "example.com"]
        );
        assert_eq!(relative("a.b.example.com", &zone("example.com")).unwrap(), "a.b");
        assert_eq!(relative("example.com", &zone("example.com")).unwrap(), "");
        assert!(relative("badexample.com", &zone("example.com")).is_err());
    }
}
