//! Whether a TXT value has arrived at the servers that a CA will ask.

mod look;
mod view;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::ConfigError;

pub(crate) use self::look::{look, txt};
pub use self::view::{AddressView, Propagation, Seen, ServerView};

/// The most servers that are asked, and the most resolvers.
const SERVERS: usize = 20;
const RESOLVERS: usize = 8;
const LONGEST_WAIT: u32 = 24 * 60 * 60;
/// A server that fails is waited for so long; then those that answer decide.
const PATIENCE: Duration = Duration::from_mins(1);

/// How it is found out that a value has arrived. Part of a provider's configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PropagationSettings {
    /// Which servers to ask.
    pub mode: PropagationMode,
    /// Servers to ask instead of those of the zone: IP address, or address and port.
    pub nameservers: Vec<String>,
    /// Resolvers that know the names of this provider's zones, where the usual ones do not or know others: they are asked for
    /// aliases and name servers, and in the mode `recursive` for the value.
    pub resolvers: Vec<String>,
    /// Seconds after which a value that has not arrived will not.
    pub timeout_seconds: u32,
    /// Seconds to leave a new value alone before it is looked for.
    pub settle_seconds: u32,
    /// In the mode `wait`: seconds after which the value is taken to be there.
    pub wait_seconds: u32,
    /// How many servers must have it.
    pub min_success: MinSuccess,
}

/// Which servers to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PropagationMode {
    /// The zone's authoritative servers.
    #[default]
    Authoritative,
    /// The same, of which more than half are enough.
    Majority,
    /// The named servers, which may ask others: for zones that are only visible inside.
    Recursive,
    /// None: it waits for a fixed time.
    Wait,
    /// None: it waits for the time to settle only.
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
            resolvers: Vec::new(),
            settle_seconds: 5,
            wait_seconds: 120,
            min_success: MinSuccess::All,
        }
    }
}

impl PropagationSettings {
    /// How long a new value is left alone.
    pub fn settle(&self) -> Duration {
        let seconds = match self.mode {
            PropagationMode::Wait => self.wait_seconds,
            PropagationMode::Authoritative
            | PropagationMode::Majority
            | PropagationMode::Recursive
            | PropagationMode::None => self.settle_seconds,
        };
        Duration::from_secs(seconds.into())
    }

    /// Whether no server is asked.
    pub fn asks_nobody(&self) -> bool {
        matches!(self.mode, PropagationMode::Wait | PropagationMode::None)
    }

    /// The resolvers of its own; empty where the usual ones are asked.
    pub fn own_resolvers(&self) -> Vec<SocketAddr> {
        self.resolvers.iter().filter_map(|text| address(text)).collect()
    }

    /// The servers to ask in place of the zone's, with their names.
    fn named_servers(&self) -> Vec<(String, SocketAddr)> {
        let recursive = self.mode == PropagationMode::Recursive && self.nameservers.is_empty();
        let named = if recursive { &self.resolvers } else { &self.nameservers };
        named.iter().filter_map(|text| Some((text.clone(), address(text)?))).collect()
    }

    fn needs_all(&self) -> bool {
        self.mode != PropagationMode::Majority && self.min_success == MinSuccess::All
    }

    /// How long a server that fails is waited for.
    fn patience(&self) -> Duration {
        PATIENCE.min(Duration::from_secs(self.timeout_seconds.into()) / 2)
    }

    /// Finds what is wrong.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        check_addresses("propagation.nameservers", &self.nameservers, SERVERS)?;
        check_addresses("propagation.resolvers", &self.resolvers, RESOLVERS)?;
        if self.mode == PropagationMode::Recursive && self.nameservers.is_empty() && self.resolvers.is_empty()
        {
            let problem = "or propagation.nameservers must name the resolvers to ask in the mode recursive";
            return Err(ConfigError::field("propagation.resolvers", problem));
        }
        for (field, seconds) in [
            ("propagation.timeout_seconds", self.timeout_seconds),
            ("propagation.settle_seconds", self.settle_seconds),
            ("propagation.wait_seconds", self.wait_seconds),
        ] {
            if seconds > LONGEST_WAIT {
                return Err(ConfigError::field(field, format!("must be at most {LONGEST_WAIT}, a day")));
            }
        }
        if self.mode == PropagationMode::Wait && self.wait_seconds > self.timeout_seconds {
            let problem = format!(
                "must be at most propagation.timeout_seconds, which is {}: raise that too",
                self.timeout_seconds
            );
            return Err(ConfigError::field("propagation.wait_seconds", problem));
        }
        Ok(())
    }
}

fn check_addresses(field: &str, texts: &[String], most: usize) -> Result<(), ConfigError> {
    if let Some(wrong) = texts.iter().find(|text| address(text).is_none()) {
        let wrong: String = wrong.chars().take(64).collect();
        let problem = format!("`{wrong}` is no address such as 192.0.2.1 or 192.0.2.1:53");
        return Err(ConfigError::field(field, problem));
    }
    if texts.len() > most {
        return Err(ConfigError::field(field, format!("at most {most} are asked")));
    }
    Ok(())
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
    /// How long the value has been published. A server that fails is waited for at first, and not for ever.
    pub waited: Duration,
}

/// An address with or without a port.
fn address(text: &str) -> Option<SocketAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    text.parse().ok().or_else(|| bare.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, 53)))
}
