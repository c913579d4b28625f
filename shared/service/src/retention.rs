//! Forgetting what is over, as far as the operator wishes it: in batches that hold nothing for long, tenants in turn.
//!
//! A batch is a transaction that confirms the lease, deletes the rows with all that refers to them, and writes one audit row.
//! No position is kept: a batch finds what is left, in whichever process it runs.

use std::time::{Duration, Instant};

use certmill_domain::{Action, Retention, TenantId};
use certmill_storage::certificates::text;
use certmill_storage::forgetting::{self, Forgettable, Walk, Wanted};
use certmill_storage::tenants;

use crate::change::Act;
use crate::jobs::Lease;
use crate::{App, Caller, ServiceError, expiry, failpoint};

/// After so long the rest is left to the next attempt.
const ENOUGH: Duration = Duration::from_mins(1);
/// When that comes.
const PAUSE: Duration = Duration::from_secs(5);
/// How long what is known of a certificate that is not stored is kept after its end: clocks of relying parties differ.
const UNSTORED: Duration = Duration::from_hours(1);
/// Entries of the index of common names that are looked at together.
const STRETCH: i64 = 1_000;
/// How often that index is gone through at most: once a turn, and not again where a turn has several attempts.
const WALKED_EVERY: Duration = Duration::from_mins(30);
const WALK: &str = "common names";

/// How long this is kept; for ever where it is none.
const fn kept(retention: &Retention, what: Forgettable) -> Option<Duration> {
    match what {
        Forgettable::Certificates => retention.certificates,
        Forgettable::PrivateKeys => retention.private_keys,
        Forgettable::Csrs => retention.csrs,
        Forgettable::AcmeOrders => retention.acme_orders,
        Forgettable::Events => retention.events,
        // Their role (`no_store`) asks for it.
        Forgettable::UnstoredCertificates => Some(UNSTORED),
    }
}

/// What is to be forgotten of whom.
#[derive(Clone, Copy)]
struct Task {
    tenant: TenantId,
    what: Forgettable,
    kept: Duration,
}

/// The periodic job: forgets what is over, a batch of each tenant and kind in turn, until nothing is left.
pub(crate) async fn forget(app: &App, lease: &Lease) -> Result<(), ServiceError> {
    let mut left = tasks(app).await?;
    let started = Instant::now();
    let mut pace = Pace::default();
    while !left.is_empty() && started.elapsed() < ENOUGH {
        let mut again = Vec::new();
        for task in left {
            if started.elapsed() >= ENOUGH || forget_batch(app, lease, task, &mut pace).await? {
                again.push(task);
            }
        }
        left = again;
    }
    let names_are_clear = app.settings().retention.certificates.is_none() || clear_names(app, lease).await?;
    let mut tx = app.database().begin_system().await?;
    if left.is_empty() && names_are_clear {
        lease.finish(&mut tx).await?;
    } else {
        // Other work of this sort comes first.
        lease.put_off(&mut tx, app.now().plus(PAUSE)).await?;
    }
    Ok(tx.commit().await?)
}

/// What is not kept for ever, of every tenant.
async fn tasks(app: &App) -> Result<Vec<Task>, ServiceError> {
    let retention = app.settings().retention;
    let kinds: Vec<(Forgettable, Duration)> =
        Forgettable::ALL.into_iter().filter_map(|what| Some((what, kept(&retention, what)?))).collect();
    let mut session = app.database().read_system().await?;
    let mut tenants = tenants::list(&mut session).await?;
    drop(session);
    // The first tenant changes, so that none is always late.
    expiry::rotate(&mut tenants, app.entropy());
    let of =
        |tenant: TenantId| kinds.iter().map(move |(what, kept)| Task { tenant, what: *what, kept: *kept });
    Ok(tenants.iter().flat_map(|tenant| of(tenant.id)).collect())
}

/// Forgets a batch; `false` when there was nothing.
async fn forget_batch(app: &App, lease: &Lease, task: Task, pace: &mut Pace) -> Result<bool, ServiceError> {
    let Task { tenant, what, kept } = task;
    let now = app.now();
    let wanted = Wanted { what, before: now.minus(kept), now, limit: pace.rows };
    let mut session = app.database().read(tenant).await?;
    let is_any = forgetting::is_any(&mut session, &wanted).await?;
    drop(session);
    if !is_any {
        return Ok(false);
    }
    let caller = Caller::service(app, tenant, lease.request_id());
    let mut change = app.change(&caller).await?;
    let began = Instant::now();
    lease.confirm(&mut *change).await?;
    let forgotten = forgetting::forget(&mut change, &wanted).await?;
    if forgotten.is_empty() {
        // Others hold what is left.
        return Ok(false);
    }
    let count = forgotten.len();
    let said = format!("{count} that were over before {}", wanted.before);
    change.commit(Act::new(action(what), said).before(forgotten.join("\n"))).await?;
    failpoint::reached("retention.forgotten");
    pace.learn(began.elapsed());
    metrics::counter!("certmill_forgotten_total", "kind" => what.as_str()).increment(count as u64);
    tracing::debug!(tenant.id = %tenant, kind = what.as_str(), count, "forgot what was over");
    Ok(true)
}

const fn action(what: Forgettable) -> Action {
    match what {
        Forgettable::Certificates => Action::CertificateForget,
        Forgettable::PrivateKeys => Action::PrivateKeyForget,
        Forgettable::Csrs => Action::CsrForget,
        Forgettable::AcmeOrders => Action::AcmeOrderForget,
        Forgettable::Events => Action::EventForget,
        Forgettable::UnstoredCertificates => Action::UnstoredForget,
    }
}

/// How many rows a batch has, so that none holds its locks for longer than about 50 ms whatever the machine.
struct Pace {
    rows: i64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { rows: 20 }
    }
}

impl Pace {
    const LONGEST: Duration = Duration::from_millis(50);
    const MOST_ROWS: i64 = 500;

    fn learn(&mut self, took: Duration) {
        if took > Self::LONGEST / 2 {
            self.rows = (self.rows / 2).max(1);
        } else if took < Self::LONGEST / 5 {
            self.rows = (self.rows * 2).min(Self::MOST_ROWS);
        }
    }
}

/// Goes on through the index of common names, and takes out what is left there of forgotten certificates; `false` when there is
/// more to look at.
async fn clear_names(app: &App, lease: &Lease) -> Result<bool, ServiceError> {
    let now = app.now();
    let started = Instant::now();
    let mut session = app.database().read_system().await?;
    let mut walk = match forgetting::walk(&mut session, WALK).await? {
        Some(walk) if walk.place > 0 => walk,
        Some(walk) if walk.began_at <= now && now < walk.began_at.plus(WALKED_EVERY) => return Ok(true),
        _ => Walk { place: 0, began_at: now },
    };
    drop(session);
    // Rows that were stored a moment ago and are over as well are in the index then.
    if !text::catch_up(app.database()).await? {
        return Ok(false);
    }
    loop {
        let stretch = text::stale(app.database(), walk.place, STRETCH).await?;
        let is_over = stretch.last.is_none();
        let is_enough = started.elapsed() >= ENOUGH;
        walk.place = stretch.last.unwrap_or(0);
        if is_over || is_enough || !stretch.stale.is_empty() {
            let mut tx = app.database().begin_system().await?;
            lease.confirm(&mut tx).await?;
            text::forget(&mut tx, &stretch.stale).await?;
            forgetting::set_walk(&mut tx, WALK, walk).await?;
            tx.commit().await?;
        }
        if is_over || is_enough {
            return Ok(is_over);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_grow_where_they_are_quick_and_shrink_where_they_are_not() {
        let mut pace = Pace::default();
        for _ in 0..10 {
            pace.learn(Duration::from_millis(3));
        }
        assert_eq!(pace.rows, Pace::MOST_ROWS);
        pace.learn(Duration::from_millis(15));
        assert_eq!(pace.rows, Pace::MOST_ROWS);
        for _ in 0..20 {
            pace.learn(Duration::from_millis(400));
        }
        assert_eq!(pace.rows, 1, "some progress is always made");
    }
}
