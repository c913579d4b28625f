//! Whether a TXT value has arrived at the servers that a CA will ask.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use hickory_proto::op::ResponseCode;
use hickory_proto::rr::{RData, RecordType};
use serde::{Deserialize, Serialize};

use crate::config::ConfigError;
use crate::exchange::{ask, question};
use crate::lookup::parse_name;
use crate::{DnsError, Providers};

/// For the answer of one server.
const LIMIT: Duration = Duration::from_secs(5);
/// The most servers that are asked.
const SERVERS: usize = 20;
const LONGEST_WAIT: u32 = 24 * 60 * 60;

/// How it is found out that a value has arrived. Part of a provider's configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PropagationSettings {
    /// Whom to ask.
    pub mode: PropagationMode,
    /// Servers to ask instead of those of the zone: IP address, or address and port.
    pub nameservers: Vec<String>,
    /// Seconds after which a value that has not arrived will not.
    pub timeout_seconds: u32,
    /// Seconds to leave a new value alone before it is looked for.
    pub settle_seconds: u32,
    /// How many servers must have it.
    pub min_success: MinSuccess,
}

/// Whom to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PropagationMode {
    /// The zone's authoritative servers.
    #[default]
    Authoritative,
    /// The named servers, which may ask others: for zones that are only visible inside.
    Recursive,
    /// Nobody: the time to settle is all there is.
    None,
}

/// How many servers must have a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MinSuccess {
    /// Every one.
    #[default]
    All,
    /// More than half.
    Majority,
}

impl Default for PropagationSettings {
    fn default() -> Self {
        Self {
            mode: PropagationMode::Authoritative,
            nameservers: Vec::new(),
            timeout_seconds: 600,
            settle_seconds: 5,
            min_success: MinSuccess::All,
        }
    }
}

impl PropagationSettings {
    /// Finds what is wrong.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if let Some(wrong) = self.nameservers.iter().find(|server| address(server).is_none()) {
            let wrong: String = wrong.chars().take(64).collect();
            let problem = format!("`{wrong}` is no address such as 192.0.2.1 or 192.0.2.1:53");
            return Err(ConfigError::field("propagation.nameservers", problem));
        }
        if self.nameservers.len() > SERVERS {
            return Err(ConfigError::field(
                "propagation.nameservers",
                format!("at most {SERVERS} are asked"),
            ));
        }
        if self.mode == PropagationMode::Recursive && self.nameservers.is_empty() {
            let problem = "needs the resolvers to ask in the mode recursive";
            return Err(ConfigError::field("propagation.nameservers", problem));
        }
        for (field, seconds) in [
            ("propagation.timeout_seconds", self.timeout_seconds),
            ("propagation.settle_seconds", self.settle_seconds),
        ] {
            if seconds > LONGEST_WAIT {
                return Err(ConfigError::field(field, format!("must be at most {LONGEST_WAIT}, a day")));
            }
        }
        Ok(())
    }
}

/// What is looked for, and where.
#[derive(Debug, Clone)]
pub struct PropagationCheck {
    /// The name.
    pub name: String,
    /// The value.
    pub value: String,
    /// The zone, where it is known.
    pub zone: Option<String>,
    /// How.
    pub settings: PropagationSettings,
}

/// What one server has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// The value.
    Value,
    /// Other values only.
    OtherValues(Vec<String>),
    /// None.
    Absent,
    /// It did not answer as it should.
    Failed(String),
}

/// A server and what it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerView {
    /// Its name, where it has one.
    pub name: String,
    /// Where it was asked.
    pub address: SocketAddr,
    /// What it has.
    pub seen: Seen,
}

/// What the servers have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Propagation {
    /// Every server that was asked.
    pub servers: Vec<ServerView>,
    /// Whether enough of them have the value.
    pub complete: bool,
}

impl Propagation {
    /// Whether no server has the value.
    pub fn is_nowhere(&self) -> bool {
        !self.servers.is_empty() && self.servers.iter().all(|server| server.seen != Seen::Value)
    }
}

impl fmt::Display for Propagation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let have = self.servers.iter().filter(|server| server.seen == Seen::Value).count();
        write!(f, "seen at {have} of {} name servers", self.servers.len())?;
        for server in self.servers.iter().filter(|server| server.seen != Seen::Value).take(4) {
            write!(f, "; {} ({}) ", server.name, server.address.ip())?;
            match &server.seen {
                Seen::Value => {}
                Seen::OtherValues(values) => write!(f, "has {} other values", values.len())?,
                Seen::Absent => write!(f, "has none")?,
                Seen::Failed(reason) => write!(f, "failed: {reason}")?,
            }
        }
        Ok(())
    }
}

/// Looks once.
pub(crate) async fn look(providers: &Providers, check: &PropagationCheck) -> Result<Propagation, DnsError> {
    if check.settings.mode == PropagationMode::None {
        return Ok(Propagation { servers: Vec::new(), complete: true });
    }
    let servers = servers(providers, check).await?;
    let recursive = check.settings.mode == PropagationMode::Recursive;
    let views = stream::iter(servers).map(|(name, address)| async move {
        let seen = match providers.policy().check(address.ip(), address.port()) {
            Err(denial) => Seen::Failed(denial.to_string()),
            Ok(()) => seen_at(address, check, recursive).await,
        };
        ServerView { name, address, seen }
    });
    let servers: Vec<ServerView> = views.buffered(SERVERS).collect().await;
    let have = servers.iter().filter(|server| server.seen == Seen::Value).count();
    let complete = match check.settings.min_success {
        MinSuccess::All => have == servers.len(),
        MinSuccess::Majority => have * 2 > servers.len(),
    };
    Ok(Propagation { complete: complete && have > 0, servers })
}

async fn seen_at(address: SocketAddr, check: &PropagationCheck, recursive: bool) -> Seen {
    let name = match parse_name(&check.name) {
        Ok(name) => name,
        Err(error) => return Seen::Failed(error.to_string()),
    };
    let answer = match ask(address, &question(&name, RecordType::TXT, recursive), LIMIT).await {
        Ok(answer) => answer,
        Err(error) => return Seen::Failed(error.to_string()),
    };
    match answer.metadata.response_code {
        ResponseCode::NXDomain => return Seen::Absent,
        ResponseCode::NoError if answer.metadata.authoritative || recursive => {}
        ResponseCode::NoError => return Seen::Failed("it does not answer for the zone".to_owned()),
        code => return Seen::Failed(format!("it answers {code}")),
    }
    let values: Vec<String> = answer.answers.iter().filter_map(|record| txt(&record.data)).collect();
    if values.contains(&check.value) {
        Seen::Value
    } else if values.is_empty() {
        Seen::Absent
    } else {
        Seen::OtherValues(values)
    }
}

/// The text of a TXT record: its parts without anything between them.
pub(crate) fn txt(data: &RData) -> Option<String> {
    match data {
        RData::TXT(txt) => Some(String::from_utf8_lossy(&txt.txt_data.concat()).into_owned()),
        _ => None,
    }
}

/// The servers to ask, with their names.
async fn servers(
    providers: &Providers,
    check: &PropagationCheck,
) -> Result<Vec<(String, SocketAddr)>, DnsError> {
    if !check.settings.nameservers.is_empty() {
        let named = check.settings.nameservers.iter().filter_map(|text| Some((text.clone(), address(text)?)));
        return Ok(named.collect());
    }
    let resolver = providers.resolver();
    let zone = match &check.zone {
        Some(zone) => zone.clone(),
        None => resolver.zone_of(&check.name).await?,
    };
    let mut servers = Vec::new();
    for name in resolver.name_servers(&zone).await? {
        let addresses = resolver.addresses(&name).await?;
        let port = providers.authoritative_port();
        // What a name leads to inside is nobody's business, and no CA asks there.
        let allowed = addresses.into_iter().filter(|ip| providers.policy().check(*ip, port).is_ok());
        servers.extend(allowed.map(|ip| (name.clone(), SocketAddr::new(ip, port))));
    }
    servers.truncate(SERVERS);
    if servers.is_empty() {
        return Err(DnsError::Unavailable(format!(
            "the name servers of {zone} cannot be looked up, or the egress policy does not allow their addresses"
        )));
    }
    Ok(servers)
}

/// An address with or without a port.
fn address(text: &str) -> Option<SocketAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    text.parse().ok().or_else(|| bare.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, 53)))
}
