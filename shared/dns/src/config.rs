//! Configurations: a JSON object per provider, of which the credentials are kept apart.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::ambient;
use crate::fields::{self, Field};
use crate::provider::DnsProvider;
use crate::{DnsError, PropagationSettings, Providers, providers};

/// What stands for a credential where it may be seen.
const HIDDEN: &str = "***";

/// Fields that say where credentials are sent to. Every field of a configuration is either one of these, a credential, or
/// without influence on that; a test asks for the decision about new ones.
const DESTINATIONS: [&str; 7] =
    ["base_url", "nameserver", "login_url", "sts_url", "token_url", "endpoint", "environment"];

/// A type of provider.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) aliases: &'static [&'static str],
    /// Its own fields.
    pub(crate) fields: &'static [Field],
    /// Those that it shares with others.
    pub(crate) common: &'static [Field],
    /// Finds what is wrong with a whole configuration.
    pub(crate) check: fn(&Value) -> Result<(), ConfigError>,
    pub(crate) open: Open,
}

impl Kind {
    /// Every field.
    pub(crate) fn all_fields(&self) -> Vec<Field> {
        [self.fields, self.common].concat()
    }

    /// The names of the fields that are credentials.
    pub(crate) fn credentials(&self) -> Vec<&'static str> {
        self.fields.iter().filter(|field| field.secret).map(|field| field.name).collect()
    }
}

/// A type of provider, as people and programs may know it beforehand.
#[derive(Debug, Clone)]
pub struct ProviderType {
    /// What it is called.
    pub name: &'static str,
    /// What it may be called too.
    pub aliases: &'static [&'static str],
    /// The fields of its configuration.
    pub fields: Vec<Field>,
}

/// Every type of provider with its fields.
pub fn catalogue() -> Vec<ProviderType> {
    let described =
        |kind: &Kind| ProviderType { name: kind.name, aliases: kind.aliases, fields: kind.all_fields() };
    providers::KINDS.iter().map(described).collect()
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
pub fn credentials(type_name: &str) -> Result<Vec<&'static str>, ConfigError> {
    kind(type_name).map(Kind::credentials)
}

/// Checks a configuration and takes the credentials out.
///
/// # Errors
/// What is wrong with it.
pub fn parse_config(type_name: &str, config: &Value) -> Result<ParsedConfig, ConfigError> {
    let kind = kind(type_name)?;
    fields::check(&kind.all_fields(), config)?;
    let Value::Object(mut fields) = config.clone() else {
        return Err(ConfigError::field("config", "must be a JSON object"));
    };
    fields.retain(|_, value| !value.is_null());
    let config = Value::Object(fields.clone());
    let credentials = kind.credentials();
    ambient::check_config(&config, &credentials)?;
    (kind.check)(&config)?;
    let (secret, public): (Map<String, Value>, Map<String, Value>) =
        fields.into_iter().partition(|(name, _)| credentials.contains(&name.as_str()));
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
            // The mask that was shown in place of a credential stands for the stored credential when it comes back.
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

/// What is wrong with `changes` because a stored credential would be sent to another place: the caller who changes that has to
/// know it. Empty when the place stays the same, or every stored credential comes along.
pub fn led_away(old: &Value, merged: &Value, secret: &[u8], changes: &Value) -> BTreeMap<String, String> {
    let moved: Vec<&str> =
        DESTINATIONS.into_iter().filter(|name| old.get(name) != merged.get(name)).collect();
    if moved.is_empty() {
        return BTreeMap::new();
    }
    let stored: Map<String, Value> = serde_json::from_slice(secret).unwrap_or_default();
    let problem =
        format!("must be sent again, because with another {} it goes elsewhere", moved.join(" and "));
    let again = |name: &str| changes.get(name).is_some_and(|sent| !sent.is_null() && sent != HIDDEN);
    let remains = |name: &str| merged.get(name).is_some() && !again(name);
    stored.into_iter().filter(|(name, _)| remains(name)).map(|(name, _)| (name, problem.clone())).collect()
}

/// Whether a configuration leaves every address to the provider's type, which knows those of the vendor.
pub(crate) fn speaks_to_vendor(config: &Value) -> bool {
    DESTINATIONS.iter().filter(|name| name.ends_with("_url")).all(|name| config.get(name).is_none())
}

/// The resolvers that a configuration names for its zones (`propagation.resolvers`); empty where it names none.
pub fn own_resolvers(public: &Value) -> Vec<SocketAddr> {
    let settings = public.get("propagation").cloned().unwrap_or_default();
    serde_json::from_value::<PropagationSettings>(settings)
        .map(|settings| settings.own_resolvers())
        .unwrap_or_default()
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
        let safe = ["unknown field", "missing field"].iter().any(|start| message.starts_with(start));
        let choice =
            message.strip_prefix("unknown variant ").and_then(|rest| rest.rsplit_once(", expected "));
        let problem = match choice {
            Some((_, known)) => format!("must be {known}"),
            None if safe => message,
            None => "has a value of the wrong type".to_owned(),
        };
        ConfigError::field(&field, problem)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Fields that neither hold credentials nor say where those are sent.
    const HARMLESS: &[&str] = &[
        "allowfrom",
        "access_key_id",
        "algorithm",
        "application_key",
        "ambient",
        "api_user",
        "client_id",
        "client_ip",
        "external_id",
        "fulldomain",
        "hosted_zone_id",
        "id",
        "managed_zone",
        "private_zone",
        "project",
        "project_id",
        "propagation",
        "protocol",
        "region",
        "resource_group",
        "role_arn",
        "server_id",
        "sharing_id",
        "subdomain",
        "subscription_id",
        "tenant_id",
        "timeout_seconds",
        "tsig_algorithm",
        "tsig_key",
        "ttl",
        "username",
        "zone",
        "zone_id",
        "zone_name",
        "zone_type",
        "zones",
    ];

    #[test]
    fn every_field_is_a_credential_a_destination_or_harmless() {
        for kind in providers::KINDS {
            let Err(ConfigError::Fields(fields)) = (kind.check)(&json!({ "no such field": 1 })) else {
                panic!("{} takes any field", kind.name);
            };
            let message = fields.into_values().collect::<String>();
            let names: Vec<&str> = message.split('`').skip(3).step_by(2).collect();
            assert!(message.starts_with("unknown field"), "{}: {message}", kind.name);
            for name in names {
                let credentials = kind.credentials();
                let places = [credentials.as_slice(), &DESTINATIONS, HARMLESS];
                let known = places.iter().filter(|list| list.contains(&name)).count();
                assert_eq!(
                    known, 1,
                    "decide whether `{name}` of {} says where credentials are sent",
                    kind.name
                );
            }
        }
    }

    #[test]
    fn the_table_has_the_fields_that_are_read() {
        for kind in providers::KINDS {
            let Err(ConfigError::Fields(fields)) = (kind.check)(&json!({ "no such field": 1 })) else {
                panic!("{} takes any field", kind.name);
            };
            let message = fields.into_values().collect::<String>();
            let mut read: Vec<&str> = message.split('`').skip(3).step_by(2).collect();
            read.extend(kind.common.iter().map(|field| field.name));
            let mut listed: Vec<&str> = kind.all_fields().iter().map(|field| field.name).collect();
            read.sort_unstable();
            read.dedup();
            listed.sort_unstable();
            assert_eq!(listed, read, "{}", kind.name);
            // Fields that the table calls optional may be absent.
            let needed = kind.all_fields().into_iter().filter(|field| field.required);
            let config: Map<String, Value> =
                needed.map(|field| (field.name.to_owned(), json!("x"))).collect();
            if let Err(error) = (kind.check)(&Value::Object(config)) {
                assert!(!error.to_string().contains("missing field"), "{}: {error}", kind.name);
            }
        }
    }

    #[test]
    fn every_missing_field_is_told_at_once() {
        let Err(ConfigError::Fields(fields)) = parse_config("azure_dns", &json!({ "subscription": "x" }))
        else {
            panic!("it lacks everything");
        };
        let names: Vec<&str> = fields.keys().map(String::as_str).collect();
        assert_eq!(names, ["client_id", "client_secret", "subscription", "subscription_id", "tenant_id"]);
    }

    #[test]
    fn a_credential_is_led_away_only_by_whoever_sends_it() {
        let (old, secret) = (json!({ "base_url": "https://a", "ttl": 1 }), br#"{"token":"t"}"#);
        let asked = |changes: Value| {
            let merged = merge(&old, secret, &changes).unwrap();
            led_away(&old, &merged, secret, &changes).into_keys().collect::<Vec<_>>()
        };
        assert_eq!(asked(json!({ "base_url": "https://b" })), ["token"]);
        assert_eq!(asked(json!({ "base_url": "https://b", "token": HIDDEN })), ["token"]);
        assert_eq!(asked(json!({ "base_url": null })), ["token"]);
        assert!(asked(json!({ "base_url": "https://b", "token": "t" })).is_empty());
        assert!(asked(json!({ "base_url": "https://b", "token": null })).is_empty());
        assert!(asked(json!({ "base_url": "https://a", "ttl": 2 })).is_empty());
    }
}
