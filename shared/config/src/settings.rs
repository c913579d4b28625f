//! The settings as they are written: every one optional, nothing unknown.

use std::fmt;
use std::marker::PhantomData;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use certmill_domain::{RateLimit, Ttl};
use ipnet::IpNet;
use serde::Deserialize;
use serde::de::value::StrDeserializer;
use serde::de::{self, Deserializer, IntoDeserializer, SeqAccess, Visitor};

use crate::http::HttpSettings;
use crate::mail::MailSettings;
use crate::publish::PublishSettings;
use crate::tls_self::TlsSelfSettings;
use crate::{AllowedNetwork, AmbientCredentials, EgressPurpose, LogFormat, PreflightMode, Secret};

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) database_url: Option<Secret>,
    pub(crate) database_url_file: Option<PathBuf>,
    pub(crate) database_max_connections: Option<u32>,
    pub(crate) redis_url: Option<Secret>,
    pub(crate) redis_url_file: Option<PathBuf>,
    pub(crate) redis_namespace: Option<String>,
    pub(crate) data_dir: Option<PathBuf>,
    pub(crate) listen: Option<Address>,
    pub(crate) plain_http: Option<bool>,
    pub(crate) trusted_proxies: Option<List<String>>,
    pub(crate) tls_cert: Option<PathBuf>,
    pub(crate) tls_key: Option<PathBuf>,
    pub(crate) tls_client_certificates: Option<bool>,
    pub(crate) metrics_listen: Option<Address>,
    pub(crate) public_url: Option<String>,
    pub(crate) root_key: Option<Secret>,
    pub(crate) root_key_file: Option<PathBuf>,
    pub(crate) previous_root_keys: Option<List<Secret>>,
    pub(crate) previous_root_key_files: Option<List<PathBuf>>,
    pub(crate) shutdown_timeout: Option<Span>,
    pub(crate) crl: CrlSettings,
    pub(crate) events: EventsSettings,
    pub(crate) endpoints: EndpointsSettings,
    pub(crate) acme: AcmeSettings,
    pub(crate) dns: DnsSettings,
    pub(crate) egress: EgressSettings,
    pub(crate) worker: WorkerSettings,
    pub(crate) key_pool: KeyPoolSettings,
    pub(crate) jobs: JobsSettings,
    pub(crate) retention: crate::retention::RetentionSettings,
    pub(crate) rate_limits: RateLimitsSettings,
    pub(crate) log: LogSettings,
    pub(crate) http: HttpSettings,
    pub(crate) cors_origins: Option<List<String>>,
    pub(crate) tls_self: TlsSelfSettings,
    pub(crate) publish: PublishSettings,
    pub(crate) mail: MailSettings,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct CrlSettings {
    pub(crate) lifetime: Option<Span>,
    pub(crate) renew_before: Option<Span>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct EventsSettings {
    pub(crate) expiring: Option<List<Span>>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct EndpointsSettings {
    pub(crate) check_every: Option<Span>,
    pub(crate) deployed_within: Option<Span>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AcmeSettings {
    pub(crate) http_listen: Option<Address>,
    pub(crate) tls_alpn_listen: Option<Address>,
    pub(crate) preflight: Option<PreflightMode>,
    pub(crate) ambient_credentials: Option<List<AmbientText>>,
    pub(crate) directories: DirectoriesSettings,
    pub(crate) fallback_accounts: Option<List<String>>,
    pub(crate) fallback_after: Option<Span>,
    pub(crate) limits: AcmeLimitsSettings,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AcmeLimitsSettings {
    pub(crate) letsencrypt: AcmeProviderLimits,
    pub(crate) zerossl: AcmeProviderLimits,
    pub(crate) buypass: AcmeProviderLimits,
    pub(crate) google: AcmeProviderLimits,
    pub(crate) custom: AcmeProviderLimits,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AcmeProviderLimits {
    pub(crate) account_orders: Option<String>,
    pub(crate) domain_certificates: Option<String>,
    pub(crate) set_certificates: Option<String>,
    pub(crate) failed_validations: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DirectoriesSettings {
    pub(crate) letsencrypt: DirectorySettings,
    pub(crate) zerossl: DirectorySettings,
    pub(crate) buypass: DirectorySettings,
    pub(crate) google: DirectorySettings,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DirectorySettings {
    pub(crate) production: Option<String>,
    pub(crate) staging: Option<String>,
}

/// A type of DNS provider that has ambient credentials, perhaps with a tenant after a colon.
#[derive(Clone)]
pub(crate) struct AmbientText(pub(crate) AmbientCredentials);

impl<'de> Deserialize<'de> for AmbientText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(de::Error::custom)
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DnsSettings {
    pub(crate) resolvers: Option<List<Address>>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct EgressSettings {
    pub(crate) allow: Option<List<Allowed>>,
    pub(crate) ca_file: Option<PathBuf>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WorkerSettings {
    pub(crate) concurrency: Option<usize>,
    pub(crate) name: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "these are the names in the file")]
pub(crate) struct KeyPoolSettings {
    pub(crate) rsa_2048: Option<usize>,
    pub(crate) rsa_3072: Option<usize>,
    pub(crate) rsa_4096: Option<usize>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct JobsSettings {
    pub(crate) keep_done: Option<Span>,
    pub(crate) keep_dead: Option<Span>,
    pub(crate) lease: Option<Span>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LogSettings {
    pub(crate) format: Option<LogFormat>,
    pub(crate) filter: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RateLimitsSettings {
    pub(crate) issue: Option<Limit>,
    pub(crate) sign: Option<Limit>,
    pub(crate) admin: Option<Limit>,
    pub(crate) acme: Option<Limit>,
    pub(crate) validate: Option<Limit>,
    pub(crate) read: Option<Limit>,
}

/// A rate limit, or `off`.
#[derive(Clone, Copy)]
pub(crate) struct Limit(pub(crate) Option<RateLimit>);

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = Limit;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a rate such as \"600/m\" or \"600/m burst 100\", or \"off\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Limit, E> {
                if text == "off" {
                    return Ok(Limit(None));
                }
                text.parse().map(|limit| Limit(Some(limit))).map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Text)
    }
}

/// A duration: `72h`, `1d12h`, or a number of seconds.
#[derive(Clone, Copy)]
pub(crate) struct Span(pub(crate) Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = Span;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as \"72h\" or \"1d12h\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Span, E> {
                let ttl: Ttl = text.parse().map_err(E::custom)?;
                Ok(Span(ttl.duration()))
            }

            fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<Span, E> {
                self.visit_str(&seconds.to_string())
            }

            fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<Span, E> {
                self.visit_str(&seconds.to_string())
            }
        }

        deserializer.deserialize_any(Text)
    }
}

/// An IP address and a port.
#[derive(Clone, Copy)]
pub(crate) struct Address(pub(crate) SocketAddr);

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = Address;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an IP address and a port such as \"127.0.0.1:8080\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Address, E> {
                text.parse().map(Address).map_err(|_| {
                    E::custom(format_args!(
                        "`{text}` is no address with a port: write an IP address and a port, such as \
                         `127.0.0.1:8080`, `0.0.0.0:8080` or `[::]:8080`"
                    ))
                })
            }
        }

        deserializer.deserialize_str(Text)
    }
}

/// A network, or one address.
#[derive(Clone, Copy)]
pub(crate) struct Network(pub(crate) IpNet);

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl Visitor<'_> for Text {
            type Value = Network;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a network such as \"10.0.0.0/8\", or an IP address")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Network, E> {
                let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
                network.map(Network).map_err(|_| {
                    E::custom(format_args!(
                        "`{text}` is no network: write one such as `10.0.0.0/8` or `fd00::/8`, or an IP address"
                    ))
                })
            }
        }

        deserializer.deserialize_str(Text)
    }
}

/// A network that may be connected to: as a text for everything and everybody, or as a table that says for what.
pub(crate) struct Allowed(pub(crate) AllowedNetwork);

/// The table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LimitedNetwork {
    network: Network,
    #[serde(default)]
    purpose: List<EgressPurpose>,
    #[serde(default)]
    port: List<u16>,
    #[serde(default)]
    tenant: List<String>,
}

impl<'de> Deserialize<'de> for Allowed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entry;

        impl<'de> Visitor<'de> for Entry {
            type Value = Allowed;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "a network such as \"10.0.0.0/8\", or { network = …, purpose = …, port = …, tenant = … }",
                )
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Allowed, E> {
                let network = Network::deserialize(StrDeserializer::new(text))?.0;
                let (purposes, ports, tenants) = (Vec::new(), Vec::new(), Vec::new());
                Ok(Allowed(AllowedNetwork { network, purposes, ports, tenants }))
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Allowed, A::Error> {
                let table = LimitedNetwork::deserialize(de::value::MapAccessDeserializer::new(map))?;
                let LimitedNetwork { network, purpose, port, tenant } = table;
                if port.0.contains(&0) {
                    return Err(de::Error::custom("a port is a number from 1 to 65535"));
                }
                let (purposes, ports, tenants) = (purpose.0, port.0, tenant.0);
                Ok(Allowed(AllowedNetwork { network: network.0, purposes, ports, tenants }))
            }
        }

        deserializer.deserialize_any(Entry)
    }
}

/// A list, which may be written as one text with commas, because a variable holds only text.
pub(crate) struct List<T>(pub(crate) Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Items<T> {
            type Value = List<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of texts, or one text with commas between them")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<List<T>, E> {
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                items
                    .map(|item| T::deserialize(StrDeserializer::new(item)))
                    .collect::<Result<_, _>>()
                    .map(List)
            }

            // A single number is a list of one, as a single text is.
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<List<T>, E> {
                T::deserialize(number.into_deserializer()).map(|item| List(vec![item]))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<List<T>, E> {
                T::deserialize(number.into_deserializer()).map(|item| List(vec![item]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<List<T>, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                Ok(List(list))
            }
        }

        deserializer.deserialize_any(Items(PhantomData))
    }
}
