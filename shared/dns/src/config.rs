//! Configurations: a JSON object per provider, of which the credentials are kept apart.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::provider::DnsProvider;
use crate::{DnsError, Providers, providers};

/// What stands for a credential where it may be seen.
const HIDDEN: &str = "***";

/// A type of provider.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) aliases: &'static [&'static str],
    /// The fields that are credentials.
    pub(crate) credentials: &'static [&'static str],
    /// Finds what is wrong with a whole configuration.
    pub(crate) check: fn(&Value) -> Result<(), ConfigError>,
    pub(crate) open: Open,
}

/// Makes a client of a provider from its whole configuration and the names of the credentials in it.
type Open = fn(&Providers, &Value, &[&str]) -> Result<Box<dyn DnsProvider>, DnsError>;

/// What is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// There is no such type.
    #[error("`{0}` is unknown: use one of {known}", known = types().collect::<Vec<_>>().join(", "))]
    UnknownType(String),
    /// Fields, each with what would be right.
    #[error("the configuration is not valid: {}", .0.iter().map(|(field, problem)| format!("`{field}` {problem}")).collect::<Vec<_>>().join("; "))]
    Fields(BTreeMap<String, String>),
}

impl ConfigError {
    /// One wrong field.
    pub(crate) fn field(name: &str, problem: impl Into<String>) -> Self {
        Self::Fields(BTreeMap::from([(name.to_owned(), problem.into())]))
    }

    /// The same of an object that is the field `name` of another.
    pub(crate) fn below(self, name: &str) -> Self {
        match self {
            Self::Fields(fields) => {
                let inside = |field: String| match field.as_str() {
                    "config" => name.to_owned(),
                    _ => format!("{name}.{field}"),
                };
                Self::Fields(fields.into_iter().map(|(field, problem)| (inside(field), problem)).collect())
            }
            unknown @ Self::UnknownType(_) => unknown,
        }
    }
}

/// A configuration that was found good.
#[derive(Debug)]
pub struct ParsedConfig {
    /// The type, in its own spelling.
    pub kind: &'static str,
    /// What may be shown.
    pub public: Value,
    /// The credentials: a JSON object, to be sealed.
    pub secret: Zeroizing<Vec<u8>>,
}

/// The types of providers.
pub fn types() -> impl Iterator<Item = &'static str> {
    providers::KINDS.iter().map(|kind| kind.name)
}

pub(crate) fn kind(name: &str) -> Result<&'static Kind, ConfigError> {
    providers::KINDS
        .iter()
        .find(|kind| kind.name == name || kind.aliases.contains(&name))
        .ok_or_else(|| ConfigError::UnknownType(name.chars().take(64).collect()))
}

/// The names of the fields that are credentials in a configuration of this type.
///
/// # Errors
/// [`ConfigError::UnknownType`].
pub fn credentials(type_name: &str) -> Result<&'static [&'static str], ConfigError> {
    kind(type_name).map(|kind| kind.credentials)
}

/// Checks a configuration and takes the credentials out.
///
/// # Errors
/// What is wrong with it.
pub fn parse_config(type_name: &str, config: &Value) -> Result<ParsedConfig, ConfigError> {
    let kind = kind(type_name)?;
    (kind.check)(config)?;
    let Value::Object(fields) = config else {
        return Err(ConfigError::field("config", "must be a JSON object"));
    };
    let (secret, public): (Map<String, Value>, Map<String, Value>) =
        fields.clone().into_iter().partition(|(name, _)| kind.credentials.contains(&name.as_str()));
    let secret = Zeroizing::new(Value::Object(secret).to_string().into_bytes());
    Ok(ParsedConfig { kind: kind.name, public: Value::Object(public), secret })
}

/// A configuration with some fields changed: those of `changes` take the place of those that were, null takes one away, and
/// what is absent stays, credentials among it. The result is to be parsed.
///
/// # Errors
/// When `changes` is no object, or what was stored cannot be read.
pub fn merge(public: &Value, secret: &[u8], changes: &Value) -> Result<Value, ConfigError> {
    let Value::Object(changes) = changes else {
        return Err(ConfigError::field("config", "must be a JSON object"));
    };
    let mut merged = joined(public, secret)?;
    if let Value::Object(fields) = &mut merged {
        for (name, value) in changes {
            // What was shown in place of a credential and comes back means the credential.
            if value.is_null() {
                fields
                    .remove(name)
                    .ok_or_else(|| ConfigError::field(name, "is not set: there is nothing to take away"))?;
            } else if value != HIDDEN {
                fields.insert(name.clone(), value.clone());
            }
        }
    }
    Ok(merged)
}

/// Both parts of a configuration together.
pub(crate) fn joined(public: &Value, secret: &[u8]) -> Result<Value, ConfigError> {
    let unreadable = || ConfigError::field("config", "cannot be read any more: set it anew");
    let secret: Map<String, Value> = match secret {
        [] => Map::new(),
        secret => serde_json::from_slice(secret).map_err(|_| unreadable())?,
    };
    let Value::Object(mut fields) = public.clone() else {
        return Err(unreadable());
    };
    fields.extend(secret);
    Ok(Value::Object(fields))
}

/// A configuration as it may be shown: credentials that are there are hidden.
pub fn shown(public: &Value, secret: &[u8]) -> Value {
    let mut shown = public.clone();
    let secret: Map<String, Value> = serde_json::from_slice(secret).unwrap_or_default();
    if let Value::Object(fields) = &mut shown {
        fields.extend(secret.into_iter().map(|(name, _)| (name, Value::from(HIDDEN))));
    }
    shown
}

/// Reads a configuration into its type. Messages of the reader may quote a value, so they are replaced where they would.
pub(crate) fn read<T: DeserializeOwned>(config: &Value) -> Result<T, ConfigError> {
    serde_path_to_error::deserialize(config).map_err(|error| {
        let path = error.path().to_string();
        let message = error.inner().to_string();
        let field = if path == "." { "config".to_owned() } else { path };
        let safe = ["unknown field", "missing field", "unknown variant"]
            .iter()
            .any(|start| message.starts_with(start));
        let problem = if safe { message } else { "has a value of the wrong type".to_owned() };
        ConfigError::field(&field, problem)
    })
}
