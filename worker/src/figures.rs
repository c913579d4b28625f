//! Figures of what ends and what waits, for alarms: read from the database once a minute.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use certmill_service::domain::Timestamp;
use certmill_service::{App, ServiceError};
use certmill_storage::{figures, tenants};
use metrics::{Label, gauge};

const EVERY: Duration = Duration::from_mins(1);
/// CAs with figures of their own. Each has three series, and a monitoring system pays for every one.
const MOST_CAS: i64 = 500;

/// The figures of one process, and which of them it has given.
#[derive(Default)]
pub(crate) struct Figures {
    read_at: Option<Instant>,
    /// Series that were there at the last look: name and labels.
    given: BTreeSet<Series>,
}

/// The name of a metric, and its labels with their values.
type Series = (&'static str, Vec<(&'static str, String)>);

impl Figures {
    /// Reads the figures when they are older than a minute.
    pub(crate) async fn refresh(&mut self, app: &App) -> Result<(), ServiceError> {
        if self.read_at.is_some_and(|at| at.elapsed() < EVERY) {
            return Ok(());
        }
        let present = read(app).await?;
        self.read_at = Some(Instant::now());
        for ((name, labels), value) in &present {
            set(name, labels, *value);
        }
        // A CA that was revoked, a source without certificates: a series that stayed as it was would be an alarm for ever.
        for (name, labels) in &self.given {
            if !present.contains_key(&(*name, labels.clone())) {
                set(name, labels, f64::NAN);
            }
        }
        self.given = present.into_keys().collect();
        Ok(())
    }
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
        ] {
            if let Some(time) = time {
                found.insert((name, labels()), unix(time));
            }
        }
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

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float; counts stay far below 2^52")]
fn float(count: i64) -> f64 {
    count as f64
}

fn unix(time: Timestamp) -> f64 {
    float(time.unix_micros() / 1_000_000)
}
