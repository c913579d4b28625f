//! The configuration: a server, a key and zones.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hickory_proto::rr::rdata::tsig::TsigAlgorithm;
use hickory_proto::rr::{Name, TSigner};
use serde::Deserialize;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::PropagationSettings;
use crate::config::{self, ConfigError};
use crate::exchange::Transport;
use crate::lookup::{parse_name, text};

const PORT: u16 = 53;
/// The most zones.
const MOST_ZONES: usize = 1_000;
/// How far the clocks may be apart, in seconds.
const FUDGE: u16 = 300;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    nameserver: String,
    tsig_key: String,
    tsig_secret: Zeroizing<String>,
    #[serde(default = "default_algorithm")]
    tsig_algorithm: String,
    #[serde(default)]
    zone: Option<String>,
    #[serde(default)]
    zones: Vec<String>,
    #[serde(default)]
    protocol: Protocol,
    #[serde(default = "default_timeout")]
    timeout_seconds: u32,
    #[serde(default = "default_ttl")]
    ttl: u32,
    #[serde(default)]
    propagation: PropagationSettings,
}

#[derive(Deserialize, Clone, Copy, Default)]
#[serde(rename_all = "lowercase")]
enum Protocol {
    #[default]
    Tcp,
    Udp,
}

fn default_algorithm() -> String {
    "hmac-sha256".to_owned()
}

const fn default_timeout() -> u32 {
    5
}

const fn default_ttl() -> u32 {
    60
}

/// A configuration that was found good.
pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) signer: TSigner,
    pub(super) zones: Vec<Name>,
    pub(super) transport: Transport,
    pub(super) limit: Duration,
    pub(super) ttl: u32,
    pub(super) propagation: PropagationSettings,
}

impl Server {
    pub(super) fn read(config: &Value) -> Result<Self, ConfigError> {
        let config: Config = config::read(config)?;
        let (host, port) = host_and_port(&config.nameserver).ok_or_else(|| {
            ConfigError::field("nameserver", "must be a host or an address, with a port if it is not 53: ns1.example.com, 192.0.2.1:5353 or [2001:db8::1]:53")
        })?;
        let signer_name = parse_name(&config.tsig_key)
            .map_err(|_| ConfigError::field("tsig_key", "must be the name of the key, a DNS name"))?;
        let secret = STANDARD
            .decode(config.tsig_secret.as_bytes())
            .map(Zeroizing::new)
            .ok()
            .filter(|secret| !secret.is_empty())
            .ok_or_else(|| {
                ConfigError::field("tsig_secret", "must be the secret in base64, as tsig-keygen shows it")
            })?;
        let algorithm = match config.tsig_algorithm.to_ascii_lowercase().trim_end_matches('.') {
            "hmac-sha256" => TsigAlgorithm::HmacSha256,
            "hmac-sha384" => TsigAlgorithm::HmacSha384,
            "hmac-sha512" => TsigAlgorithm::HmacSha512,
            _ => {
                let problem = "is not supported: use hmac-sha256, hmac-sha384 or hmac-sha512";
                return Err(ConfigError::field("tsig_algorithm", problem));
            }
        };
        let signer = TSigner::new(secret.to_vec(), algorithm, signer_name, FUDGE)
            .map_err(|_| ConfigError::field("tsig_secret", "cannot be used as a key"))?;
        let named = config.zone.iter().chain(&config.zones).map(|zone| {
            parse_name(zone).map_err(|_| ConfigError::field("zones", format!("`{zone}` is no DNS name")))
        });
        let zones = named.collect::<Result<_, ConfigError>>()?;
        if config.zones.len() > MOST_ZONES {
            return Err(ConfigError::field(
                "zones",
                format!("has {} entries; at most {MOST_ZONES}", config.zones.len()),
            ));
        }
        if !(1..=30).contains(&config.timeout_seconds) {
            return Err(ConfigError::field("timeout_seconds", "must be from 1 to 30"));
        }
        if config.ttl > 86_400 {
            return Err(ConfigError::field("ttl", "must be at most 86400, a day"));
        }
        config.propagation.check()?;
        let transport = match config.protocol {
            Protocol::Tcp => Transport::Tcp,
            Protocol::Udp => Transport::Udp,
        };
        let limit = Duration::from_secs(config.timeout_seconds.into());
        Ok(Self {
            host,
            port,
            signer,
            zones,
            transport,
            limit,
            ttl: config.ttl,
            propagation: config.propagation,
        })
    }
}

fn host_and_port(text: &str) -> Option<(String, u16)> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some((address.ip().to_string(), address.port()));
    }
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Some((address.to_string(), PORT));
    }
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, port.parse().ok().filter(|port| *port != 0)?),
        None => (text, PORT),
    };
    parse_name(host).ok().filter(|name| !name.is_root()).map(|name| (self::text(&name), port))
}
