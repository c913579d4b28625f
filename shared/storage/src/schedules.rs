//! Periodic work: one row per schedule, taken by whichever process moves it first.

use certmill_domain::Timestamp;

use crate::query::Query;
use crate::{StorageError, SystemTx, WithLink};

/// Takes the schedule if it is due and moves it to `next`; `false` when it is not due or another process had it.
pub async fn take(
    tx: &mut SystemTx,
    name: &'static str,
    now: Timestamp,
    next: Timestamp,
) -> Result<bool, StorageError> {
    let query = Query::new(
        "INSERT INTO schedules (name, next_run_at) VALUES ($1, $2) \
         ON CONFLICT (name) DO UPDATE SET next_run_at = excluded.next_run_at \
         WHERE schedules.next_run_at <= $3",
    )
    .bind(name)
    .bind(next.unix_micros())
    .bind(now.unix_micros());
    Ok(tx.link().execute(query).await? == 1)
}
