//! `manual`: a person publishes the records, and takes them away.

use serde::Deserialize;
use serde_json::Value;

use crate::config::{self, ConfigError, Kind};
use crate::fields::{self, Field};
use crate::provider::{Answer, Change, ChangeState, DnsProvider, ProviderTraits, Zone};
use crate::{DnsError, PropagationSettings, Providers};

pub(crate) const KIND: Kind =
    Kind { name: "manual", aliases: &[], fields: FIELDS, common: fields::COMMON, check, open };

const FIELDS: &[Field] = &[];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    #[serde(default)]
    propagation: PropagationSettings,
}

fn check(config: &Value) -> Result<(), ConfigError> {
    config::read::<Config>(config)?.propagation.check()
}

fn open(_: &Providers, config: &Value, _: &[&str]) -> Result<Box<dyn DnsProvider>, DnsError> {
    let config: Config = config::read(config).map_err(|error| DnsError::Invalid(error.to_string()))?;
    Ok(Box::new(Manual(config.propagation)))
}

struct Manual(PropagationSettings);

impl DnsProvider for Manual {
    fn traits(&self) -> ProviderTraits {
        ProviderTraits {
            by_hand: true,
            needs_lock: false,
            locks_zone: false,
            knows_zones: false,
            most_values: None,
        }
    }

    fn propagation(&self) -> &PropagationSettings {
        &self.0
    }

    fn verify(&self) -> Answer<'_, Vec<String>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn find_zone<'a>(&'a self, name: &'a str) -> Answer<'a, Zone> {
        Box::pin(async move { Ok(Zone { id: name.to_owned(), apex: name.to_owned() }) })
    }

    fn list_txt<'a>(&'a self, _: &'a Zone, _: &'a str) -> Answer<'a, Vec<String>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn add_txt<'a>(&'a self, _: &'a Zone, _: &'a str, _: &'a str) -> Answer<'a, Change> {
        Box::pin(async { Ok(Change::default()) })
    }

    fn remove_txt<'a>(&'a self, _: &'a Zone, _: &'a str, _: &'a str) -> Answer<'a, Change> {
        Box::pin(async { Ok(Change::default()) })
    }

    fn poll<'a>(&'a self, _: &'a str) -> Answer<'a, ChangeState> {
        Box::pin(async { Ok(ChangeState::Done) })
    }
}
