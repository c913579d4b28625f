//! What a webhook may be.

use std::time::Duration;

use certmill_domain::{CaId, RoleName, TenantId, Timestamp, WebhookFilters};
use certmill_egress::EgressError;
use certmill_storage::{certificate_authorities, roles};

use super::{WantedFilters, way};
use crate::{App, ServiceError, events};

const LONGEST_NAME: usize = 128;
const LONGEST_URL: usize = 2048;
/// Types of events, CAs, roles and labels that a webhook may name.
const MOST_WORDS: usize = 64;
const LONGEST_LABEL: usize = 256;
/// How long a look for the address of a receiver may take.
const LOOKUP: Duration = Duration::from_secs(5);
const LONGEST_PREVIOUS: Duration = Duration::from_hours(30 * 24);

pub(super) fn name(name: String) -> Result<String, ServiceError> {
    if name.trim().is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        let problem = format!("must have 1 to {LONGEST_NAME} characters, none of them a control character");
        return Err(ServiceError::field("name", problem));
    }
    Ok(name)
}

pub(super) fn url(url: String) -> Result<String, ServiceError> {
    if url.len() > LONGEST_URL || url.chars().any(|c| c.is_control() || c == ' ') {
        let problem =
            format!("must be a URL of at most {LONGEST_URL} characters, such as https://hooks.example.com/x");
        return Err(ServiceError::field("url", problem));
    }
    Ok(url)
}

/// Whether the egress policy lets anything be sent there, as far as can be told now.
pub(super) async fn reachable(app: &App, tenant: TenantId, url: &str) -> Result<(), ServiceError> {
    let _place = app.place_to_call_out(tenant).await?;
    way(app, tenant).await?.judge(url, LOOKUP).await.map_err(|error| match error {
        EgressError::Setup(_) => ServiceError::Internal(Box::new(error)),
        error => ServiceError::field("url", error.to_string()),
    })
}

pub(super) fn events(words: Vec<String>) -> Result<Vec<String>, ServiceError> {
    if words.is_empty() || words.len() > MOST_WORDS {
        let problem = format!("must have 1 to {MOST_WORDS} entries, such as `certificate.*`, or `*` for all");
        return Err(ServiceError::field("events", problem));
    }
    match words.iter().find(|word| events::kinds_of(word).is_none()) {
        Some(word) => Err(events::unknown("events", word)),
        None => Ok(words),
    }
}

pub(super) fn filters(wanted: WantedFilters) -> Result<WebhookFilters, ServiceError> {
    let counts = [
        ("filters.ca_ids", wanted.ca_ids.len()),
        ("filters.roles", wanted.roles.len()),
        ("filters.tags", wanted.tags.len()),
    ];
    if let Some((field, count)) = counts.into_iter().find(|(_, count)| *count > MOST_WORDS) {
        return Err(ServiceError::field(
            field,
            format!("has {count} entries, of which {MOST_WORDS} are the most"),
        ));
    }
    let wrong = |field: &'static str| move |problem: String| ServiceError::field(field, problem);
    let ca_ids = wanted.ca_ids.iter().map(|text| text.parse::<CaId>());
    let ca_ids =
        ca_ids.collect::<Result<_, _>>().map_err(|error| wrong("filters.ca_ids")(error.to_string()))?;
    for role in &wanted.roles {
        role.parse::<RoleName>().map_err(wrong("filters.roles"))?;
    }
    let is_long = |text: &String| text.chars().count() > LONGEST_LABEL;
    if wanted.tags.iter().any(|(key, value)| is_long(key) || is_long(value)) {
        let problem =
            format!("has keys or values of more than {LONGEST_LABEL} characters, which no label has");
        return Err(ServiceError::field("filters.tags", problem));
    }
    Ok(WebhookFilters { ca_ids, roles: wanted.roles, tags: wanted.tags })
}

/// Refuses filters that nothing would ever pass, since they name what the tenant does not have.
pub(super) async fn are_there(
    app: &App,
    tenant: TenantId,
    filters: &WebhookFilters,
) -> Result<(), ServiceError> {
    let mut session = app.database().read(tenant).await?;
    for id in &filters.ca_ids {
        if certificate_authorities::find(&mut session, *id).await?.is_none() {
            return Err(ServiceError::field(
                "filters.ca_ids",
                format!("there is no certificate authority `{id}`"),
            ));
        }
    }
    for name in &filters.roles {
        if roles::find(&mut session, name).await?.is_none() {
            return Err(ServiceError::field("filters.roles", format!("there is no role `{name}`")));
        }
    }
    Ok(())
}

/// Until when a secret counts that is replaced now.
pub(super) fn previous_until(now: Timestamp, ttl: Duration) -> Result<Timestamp, ServiceError> {
    if ttl > LONGEST_PREVIOUS {
        return Err(ServiceError::field("previous_secret_ttl", "must be at most 30d"));
    }
    Ok(now.plus(ttl))
}
