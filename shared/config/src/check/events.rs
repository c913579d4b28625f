//! The settings of events.

use std::time::Duration;

use super::Origins;
use crate::settings::EventsSettings;
use crate::{Config, ConfigError, EventsConfig};

/// Thresholds of what comes to its end: each is looked for in every tenant.
const MOST_THRESHOLDS: usize = 8;
const SHORTEST_THRESHOLD: Duration = Duration::from_hours(1);
const LONGEST_THRESHOLD: Duration = Duration::from_hours(3_650 * 24);

pub(super) fn fill_in(written: EventsSettings, default: EventsConfig) -> EventsConfig {
    let given = written.expiring.map(|list| list.0.into_iter().map(|threshold| threshold.0).collect());
    EventsConfig { expiring: given.unwrap_or(default.expiring) }
}

pub(super) fn check(config: &Config, origins: &Origins<'_>) -> Result<(), ConfigError> {
    let thresholds = &config.events.expiring;
    let is_wrong = |threshold: &Duration| !(SHORTEST_THRESHOLD..=LONGEST_THRESHOLD).contains(threshold);
    if thresholds.len() > MOST_THRESHOLDS || thresholds.iter().any(is_wrong) {
        let problem = format!("it must have at most {MOST_THRESHOLDS} entries from 1h to 3650d");
        return Err(origins.problem("events.expiring", problem));
    }
    Ok(())
}
