//! The settings of looking at what is served.

use std::time::Duration;

use super::{Origins, span};
use crate::settings::EndpointsSettings;
use crate::{Config, ConfigError, EndpointsConfig};

const SHORTEST: Duration = Duration::from_mins(5);
const LONGEST: Duration = Duration::from_hours(30 * 24);

pub(super) fn fill_in(written: &EndpointsSettings, default: EndpointsConfig) -> EndpointsConfig {
    EndpointsConfig {
        check_every: span(written.check_every, default.check_every),
        deployed_within: span(written.deployed_within, default.deployed_within),
    }
}

pub(super) fn check(config: &Config, origins: &Origins<'_>) -> Result<(), ConfigError> {
    let EndpointsConfig { check_every, deployed_within } = config.endpoints;
    for (key, value) in
        [("endpoints.check_every", check_every), ("endpoints.deployed_within", deployed_within)]
    {
        if !(SHORTEST..=LONGEST).contains(&value) {
            return Err(origins.problem(key, "it must be from 5m to 30d".to_owned()));
        }
    }
    Ok(())
}
