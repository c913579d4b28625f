//! Figures of what ends and what waits, for alarms: read from the database once a minute.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use certmill_service::domain::Timestamp;
use certmill_service::{App, ServiceError, publish};
use certmill_storage::{endpoints, figures, publications, tenants};
use metrics::{Label, gauge};

use crate::upkeep::float;

const EVERY: Duration = Duration::from_mins(1);
/// CAs with figures of their own. Each has three series, and two more where it has delta CRLs, and a monitoring system pays for every one.
const MOST_CAS: i64 = 500;

/// The name of a metric, and its labels with their values.
type Series = (&'static str, Vec<(&'static str, String)>);

/// Tells the figures, for ever. Apart from the rest of the upkeep, which a slow database must not hold up for them.
pub(crate) async fn run(app: &App) {
    let mut given = BTreeSet::new();
    loop {
        match read(app).await {
            Ok(present) => {
                for ((name, labels), value) in &present {
                    set(name, labels, *value);
                }
                for (name, labels) in gone(&given, &present) {
                    set(name, labels, f64::NAN);
                }
                given = present.into_keys().collect();
            }
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "the figures of what ends could not be read");
            }
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// What was told before and is no more: a CA that was revoked, a source without certificates. A figure that stayed as it was
/// would be an alarm for ever.
fn gone<'a>(
    given: &'a BTreeSet<Series>,
    present: &'a BTreeMap<Series, f64>,
) -> impl Iterator<Item = &'a Series> {
    given.iter().filter(|series| !present.contains_key(*series))
}

fn set(name: &'static str, labels: &[(&'static str, String)], value: f64) {
    let labels: Vec<Label> = labels.iter().map(|(label, value)| Label::new(*label, value.clone())).collect();
    gauge!(name, labels).set(value);
}

async fn read(app: &App) -> Result<BTreeMap<Series, f64>, ServiceError> {
    let now = app.now();
    let mut session = app.database().read_system().await?;
    let mut found = BTreeMap::new();
    for ca in figures::cas(&mut session, now, MOST_CAS).await? {
        let labels = || vec![("tenant", ca.tenant_id.clone()), ("ca", ca.id.clone())];
        found.insert(("certmill_ca_not_after_timestamp_seconds", labels()), unix(ca.not_after));
        for (name, time) in [
            ("certmill_crl_this_update_timestamp_seconds", ca.this_update),
            ("certmill_crl_next_update_timestamp_seconds", ca.next_update),
            ("certmill_delta_crl_this_update_timestamp_seconds", ca.deltas.map(|deltas| deltas.this_update)),
            ("certmill_delta_crl_next_update_timestamp_seconds", ca.deltas.map(|deltas| deltas.next_update)),
        ] {
            if let Some(time) = time {
                found.insert((name, labels()), unix(time));
            }
        }
    }
    for (target, name) in app.publisher().places() {
        let (count, since) = publications::count_behind(&mut session, publish::row(target, name)).await?;
        let labels = || vec![("target", target.as_str().to_owned())];
        found.insert(("certmill_publications_behind", labels()), float(count));
        let behind = since.map_or(0.0, |since| now.since(since).as_secs_f64());
        found.insert(("certmill_publication_behind_seconds", labels()), behind);
    }
    for tenant in tenants::list(&mut session).await? {
        for expiring in figures::expiring(&mut session, tenant.id, now).await? {
            add_expiring(&mut found, &expiring);
        }
    }
    let renewals = figures::renewals(&mut session, now).await?;
    found.insert(("certmill_acme_renewals_failing", Vec::new()), float(renewals.failing));
    found.insert(("certmill_acme_renewals_overdue", Vec::new()), float(renewals.overdue));
    for (state, count) in figures::open_orders(&mut session).await? {
        found.insert(("certmill_acme_orders_open", vec![("state", state)]), float(count));
    }
    for (state, count) in endpoints::by_state(&mut session).await? {
        found.insert(("certmill_endpoints", vec![("state", state)]), float(count));
    }
    let late =
        endpoints::not_deployed(&mut session, (now, now.minus(app.settings().deployed_within))).await?;
    found.insert(("certmill_renewals_not_deployed", Vec::new()), float(late));
    let tokens = figures::expiring_tokens(&mut session, now).await?;
    found.insert(("certmill_tokens_expiring", vec![("within", "7d".to_owned())]), float(tokens));
    Ok(found)
}

/// Adds one tenant's certificates of one source to those of the others.
fn add_expiring(found: &mut BTreeMap<Series, f64>, expiring: &figures::Expiring) {
    for (within, count) in
        [("1d", expiring.within_1d), ("7d", expiring.within_7d), ("30d", expiring.within_30d)]
    {
        let labels = vec![("source", expiring.source.clone()), ("within", within.to_owned())];
        *found.entry(("certmill_certificates_expiring", labels)).or_default() += float(count);
    }
    let labels = vec![("source", expiring.source.clone())];
    let soonest = found.entry(("certmill_certificate_soonest_not_after_timestamp_seconds", labels));
    let soonest = soonest.or_insert(f64::INFINITY);
    *soonest = soonest.min(unix(expiring.soonest));
}

fn unix(time: Timestamp) -> f64 {
    float(time.unix_micros() / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expiring(within_1d: i64, soonest: i64) -> figures::Expiring {
        let soonest = Timestamp::from_unix_seconds(soonest);
        figures::Expiring { source: "acme".to_owned(), within_1d, within_7d: 5, within_30d: 9, soonest }
    }

    #[test]
    fn tenants_are_added_up_and_what_is_gone_is_told() {
        let mut present = BTreeMap::new();
        add_expiring(&mut present, &expiring(1, 2_000));
        add_expiring(&mut present, &expiring(2, 1_000));
        let label = |label, value: &str| (label, value.to_owned());
        let counts = |within| {
            present
                [&("certmill_certificates_expiring", vec![label("source", "acme"), label("within", within)])]
        };
        for (within, wanted) in [("1d", 3.0), ("7d", 10.0), ("30d", 18.0_f64)] {
            assert!((counts(within) - wanted).abs() < f64::EPSILON, "{within}");
        }
        let soonest = "certmill_certificate_soonest_not_after_timestamp_seconds";
        assert!((present[&(soonest, vec![label("source", "acme")])] - 1_000.0).abs() < f64::EPSILON);

        let revoked = ("certmill_ca_not_after_timestamp_seconds", vec![label("ca", "ca_gone")]);
        let given: BTreeSet<Series> = present.keys().cloned().chain([revoked.clone()]).collect();
        assert_eq!(gone(&given, &present).collect::<Vec<_>>(), [&revoked]);
    }
}
