//! Periodic work: one row per schedule, taken by whichever process moves it first.

use std::time::Duration;

use certmill_domain::Timestamp;

use crate::query::Query;
use crate::{StorageError, SystemSession, SystemTx, WithLink};

/// Takes the schedule if it is due and moves it on by `every`; `false` when it is not due or another process had it.
///
/// A turn that lies further ahead than `every` was set by a process with a wrong clock, so it is due.
pub async fn take(
    tx: &mut SystemTx,
    name: &'static str,
    now: Timestamp,
    every: Duration,
) -> Result<bool, StorageError> {
    let query = Query::new(
        "INSERT INTO schedules (name, next_run_at) VALUES ($1, $2) \
         ON CONFLICT (name) DO UPDATE SET next_run_at = excluded.next_run_at \
         WHERE schedules.next_run_at <= $3 OR schedules.next_run_at > $2",
    )
    .bind(name)
    .bind(now.plus(every).unix_micros())
    .bind(now.unix_micros());
    Ok(tx.link().execute(query).await? == 1)
}

/// When each schedule is due next: name, time.
pub async fn list(session: &mut SystemSession) -> Result<Vec<(String, Timestamp)>, StorageError> {
    let query = Query::new("SELECT name, next_run_at FROM schedules");
    let rows: Vec<(String, i64)> = session.link().fetch_all(query).await?;
    Ok(rows.into_iter().map(|(name, at)| (name, Timestamp::from_unix_micros(at))).collect())
}
