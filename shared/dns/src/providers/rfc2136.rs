//! `rfc2136`: dynamic updates (RFC 2136) to a name server, signed with TSIG (RFC 8945). An update adds or deletes one record
//! by its data, so nothing has to be read first and nothing else is touched.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hickory_proto::op::{Message, ResponseCode, update_message};
use hickory_proto::rr::rdata::TXT;
use hickory_proto::rr::rdata::tsig::{TsigAlgorithm, TsigError};
use hickory_proto::rr::{Name, RData, Record, RecordSet, RecordType, TSigner};
use serde::Deserialize;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::config::{self, ConfigError, Kind};
use crate::exchange::{Transport, ask, has_route, question, send};
use crate::http::text_parts;
use crate::lookup::{parse_name, text};
use crate::propagation::txt;
use crate::provider::{Answer, Change, ChangeState, DnsProvider, ProviderTraits, Zone};
use crate::{DnsError, PropagationSettings, Providers};

pub(crate) const KIND: Kind =
    Kind { name: "rfc2136", aliases: &[], credentials: &["tsig_secret"], check, open };

const PORT: u16 = 53;
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

fn check(config: &Value) -> Result<(), ConfigError> {
    Server::read(config).map(drop)
}

fn open(providers: &Providers, config: &Value, _: &[&str]) -> Result<Box<dyn DnsProvider>, DnsError> {
    let server = Server::read(config).map_err(|error| DnsError::Invalid(error.to_string()))?;
    Ok(Box::new(Rfc2136 { providers: providers.clone(), server }))
}

/// A configuration that was found good.
struct Server {
    host: String,
    port: u16,
    signer: TSigner,
    zones: Vec<Name>,
    transport: Transport,
    limit: Duration,
    ttl: u32,
    propagation: PropagationSettings,
}

impl Server {
    fn read(config: &Value) -> Result<Self, ConfigError> {
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

struct Rfc2136 {
    providers: Providers,
    server: Server,
}

impl Rfc2136 {
    /// The first address of the server that the policy allows and that there is a route to, in the order of the resolver.
    async fn address(&self) -> Result<SocketAddr, DnsError> {
        let (host, port) = (&self.server.host, self.server.port);
        if let Ok(literal) = host.parse::<IpAddr>() {
            self.providers.policy().check(literal, port)?;
            return Ok(SocketAddr::new(literal, port));
        }
        // Why there is none would tell what names there are inside: the log has it.
        let none = |reason: &dyn std::fmt::Display| {
            tracing::warn!(host, reason = %reason, "a name server has no address that may be used");
            DnsError::NoAddress(host.clone())
        };
        let found = tokio::net::lookup_host((host.as_str(), port)).await.map_err(|error| none(&error))?;
        let mut reason: Box<dyn std::fmt::Display + Send> = Box::new("it has no address");
        let mut unreachable = None;
        for address in found {
            match self.providers.policy().check(address.ip(), port) {
                Ok(()) if has_route(address).await => return Ok(address),
                Ok(()) => unreachable = unreachable.or(Some(address)),
                Err(denial) => reason = Box::new(denial),
            }
        }
        unreachable.ok_or_else(|| none(&*reason))
    }

    /// Sends a signed message and checks the signature of the answer.
    async fn exchange(&self, mut message: Message) -> Result<Message, DnsError> {
        let address = self.address().await?;
        let now = u64::try_from(self.providers.clock().now().unix_seconds()).unwrap_or_default();
        let id = message.metadata.id;
        let broken = |error: hickory_proto::ProtoError| {
            DnsError::Invalid(format!("a message cannot be made: {error}"))
        };
        let verifier = message.finalize(&self.server.signer, now).map_err(broken)?;
        let octets = message.to_vec().map_err(broken)?;
        let answer = send(address, &octets, id, (self.server.transport, self.server.limit)).await?;
        let read = Message::from_vec(&answer).map_err(|error| {
            DnsError::Unavailable(format!("the answer of {address} cannot be read: {error}"))
        })?;
        self.refuse_tsig_error(&read)?;
        match verifier {
            Some(mut verifier) => match verifier.verify(&answer) {
                Ok(_) => Ok(read),
                // A server that does not know the key cannot sign that it does not.
                Err(_) if read.metadata.response_code != ResponseCode::NoError => self.refused(&read),
                Err(_) => {
                    Err(DnsError::Auth(format!("the answer of {address} is not signed with the TSIG key")))
                }
            },
            None => Ok(read),
        }
    }

    /// The TSIG errors of RFC 8945 section 5.2.
    fn refuse_tsig_error(&self, answer: &Message) -> Result<(), DnsError> {
        let key = text(self.server.signer.signer_name());
        let problem = match answer.signature().and_then(|record| record.data.error) {
            None => return Ok(()),
            Some(TsigError::BadKey) => format!("the server does not know the TSIG key {key}"),
            Some(TsigError::BadSig) => format!("the secret or the algorithm of the TSIG key {key} is wrong"),
            Some(TsigError::BadTime) => "its clock and ours are more than five minutes apart".to_owned(),
            Some(other) => format!("the TSIG key {key} is refused: {other:?}"),
        };
        Err(DnsError::Auth(problem))
    }

    fn refused(&self, answer: &Message) -> Result<Message, DnsError> {
        let key = text(self.server.signer.signer_name());
        Err(match answer.metadata.response_code {
            ResponseCode::NotAuth => {
                DnsError::Auth(format!("the server does not serve the zone, or refuses the TSIG key {key}"))
            }
            ResponseCode::NotZone => DnsError::ZoneNotFound("the name is not in the zone".to_owned()),
            ResponseCode::Refused => {
                DnsError::NotAllowed(format!("the server refuses updates with the key {key}"))
            }
            ResponseCode::ServFail => DnsError::Unavailable("the server failed (SERVFAIL)".to_owned()),
            code => DnsError::Invalid(format!("the server answers {code}")),
        })
    }

    async fn update(&self, message: Message) -> Result<Change, DnsError> {
        let answer = self.exchange(message).await?;
        match answer.metadata.response_code {
            ResponseCode::NoError => Ok(Change::default()),
            _ => self.refused(&answer).map(|_| Change::default()),
        }
    }

    fn record(&self, zone: &Zone, name: &str, value: &str) -> Result<(RecordSet, Name), DnsError> {
        let (zone, name) = (parse_name(&zone.apex)?, parse_name(name)?);
        if !zone.zone_of(&name) {
            return Err(DnsError::ZoneNotFound(format!(
                "{} is not in the zone {}",
                text(&name),
                text(&zone)
            )));
        }
        let parts = text_parts(value).into_iter().map(str::to_owned).collect();
        let record = Record::from_rdata(name, self.server.ttl, RData::TXT(TXT::new(parts)));
        Ok((RecordSet::from(record), zone))
    }

    /// The zone of a name by asking the server itself for the SOA, from the name upwards.
    async fn zone_by_soa(&self, name: &Name) -> Result<Zone, DnsError> {
        let address = self.address().await?;
        let mut present = name.clone();
        while !present.is_root() {
            let answer = ask(address, &question(&present, RecordType::SOA, false), self.server.limit).await?;
            let is_soa = |record: &&Record| matches!(&record.data, RData::SOA(_)) && record.name == present;
            if answer.metadata.authoritative && answer.answers.iter().any(|record| is_soa(&record)) {
                return Ok(zone(&present));
            }
            present = present.base_name();
        }
        Err(DnsError::ZoneNotFound(format!("the server {} has no zone for {}", self.server.host, text(name))))
    }
}

fn zone(name: &Name) -> Zone {
    Zone { id: text(name), apex: text(name) }
}

impl DnsProvider for Rfc2136 {
    fn traits(&self) -> ProviderTraits {
        ProviderTraits { by_hand: false, needs_lock: false, knows_zones: true, most_values: None }
    }

    fn propagation(&self) -> &PropagationSettings {
        &self.server.propagation
    }

    fn verify(&self) -> Answer<'_, Vec<String>> {
        Box::pin(async move {
            // A signed question proves the key; what it asks for does not matter when no zone is named.
            let asked = self.server.zones.first().cloned().unwrap_or_else(Name::root);
            let answer = self.exchange(question(&asked, RecordType::SOA, false)).await?;
            let code = answer.metadata.response_code;
            if self.server.zones.is_empty() {
                return Ok(Vec::new());
            }
            if code != ResponseCode::NoError || !answer.metadata.authoritative {
                return Err(DnsError::ZoneNotFound(format!(
                    "the server does not serve {} ({code})",
                    text(&asked)
                )));
            }
            Ok(self.server.zones.iter().map(text).collect())
        })
    }

    fn find_zone<'a>(&'a self, name: &'a str) -> Answer<'a, Zone> {
        Box::pin(async move {
            let name = parse_name(name)?;
            let named = self.server.zones.iter().filter(|zone| zone.zone_of(&name));
            match named.max_by_key(|zone| zone.num_labels()) {
                Some(longest) => Ok(zone(longest)),
                None if self.server.zones.is_empty() => self.zone_by_soa(&name).await,
                None => {
                    Err(DnsError::ZoneNotFound(format!("{} is in none of the configured zones", text(&name))))
                }
            }
        })
    }

    fn list_txt<'a>(&'a self, _: &'a Zone, name: &'a str) -> Answer<'a, Vec<String>> {
        Box::pin(async move {
            let question = question(&parse_name(name)?, RecordType::TXT, false);
            let answer = self.exchange(question).await?;
            Ok(answer.answers.iter().filter_map(|record| txt(&record.data)).collect())
        })
    }

    fn add_txt<'a>(&'a self, zone: &'a Zone, name: &'a str, value: &'a str) -> Answer<'a, Change> {
        Box::pin(async move {
            let (record, zone) = self.record(zone, name, value)?;
            self.update(update_message::append(record, zone, false, false)).await
        })
    }

    fn remove_txt<'a>(&'a self, zone: &'a Zone, name: &'a str, value: &'a str) -> Answer<'a, Change> {
        Box::pin(async move {
            let (record, zone) = self.record(zone, name, value)?;
            self.update(update_message::delete_by_rdata(record, zone, false)).await
        })
    }

    fn poll<'a>(&'a self, _: &'a str) -> Answer<'a, ChangeState> {
        Box::pin(async { Ok(ChangeState::Done) })
    }
}
