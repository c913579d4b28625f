//! The jobs table: the truth about background work. See ARCHITECTURE.md, "Jobs".
//!
//! A job is pending until a worker claims it under a lease (running) and finishes it (done), puts it off (pending
//! again) or gives it up (dead). Every transition but the first names the attempt, so a worker that lost its lease
//! changes nothing. Kinds are plain text here: a row of a kind that only a newer version knows is a row like any other.

mod claims;
mod operations;

use certmill_domain::{JobId, TenantId, Timestamp};

pub use self::claims::{
    Claim, Dead, Ended, any_lease_over, bring_forward, claim, due_kinds, end_leases, oldest_due, return_all,
    waiting_tenants,
};
pub use self::operations::{Filter, JobRow, cancel, counts, find, list, list_all, retry};
use crate::query::Query;
use crate::{StorageError, SystemTx, Tx, WithLink};

/// A new job.
#[derive(Debug, Clone)]
pub struct NewJob {
    /// Its id, should it become a row of its own.
    pub id: JobId,
    /// The word for what is to be done.
    pub kind: &'static str,
    /// What it is about: with the kind it is unique among open jobs.
    pub subject: String,
    /// After how many attempts it is given up.
    pub max_attempts: i64,
    /// When it is due.
    pub run_at: Timestamp,
    /// The request that asked for it.
    pub request_id: Option<String>,
    /// The present time.
    pub now: Timestamp,
}

/// What became of an enqueue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enqueued {
    /// The work will be done from the beginning after this transaction.
    Waiting,
    /// The same work is being done right now and will be done once more afterwards.
    BehindRunning,
}

/// One attempt at a job, as claimed. The number only grows, so a pair never comes twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The job.
    pub job_id: JobId,
    /// Number of the attempt, from 1.
    pub number: i64,
}

/// A job that a worker has claimed.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// The attempt that holds the lease.
    pub attempt: Attempt,
    /// The word for what is to be done.
    pub kind: String,
    /// What it is about.
    pub subject: String,
    /// The tenant, unless the job is the system's own.
    pub tenant: Option<TenantId>,
    /// How many attempts there were that count, this one included.
    pub tries: i64,
    /// After how many of them it is given up.
    pub max_attempts: i64,
    /// The request that asked for it.
    pub request_id: Option<String>,
}

/// Enqueues work of the transaction's tenant. The same work that is open already is not enqueued twice: it is
/// brought forward, and done once more if it is running.
pub async fn enqueue(tx: &mut Tx, new: &NewJob) -> Result<Enqueued, StorageError> {
    let tenant = tx.tenant_key();
    insert(tx, Some(tenant), new).await
}

/// Enqueues work of the system itself.
pub async fn enqueue_system(tx: &mut SystemTx, new: &NewJob) -> Result<Enqueued, StorageError> {
    insert(tx, None, new).await
}

async fn insert(
    tx: &mut impl WithLink,
    tenant: Option<String>,
    new: &NewJob,
) -> Result<Enqueued, StorageError> {
    let query = Query::new(
        "INSERT INTO jobs (id, tenant_id, kind, subject, state, priority, run_at, max_attempts, request_id, created_at) \
         VALUES ($1, $2, $3, $4, 'pending', 0, $5, $6, $7, $8) \
         ON CONFLICT (kind, subject) WHERE state IN ('pending', 'queued', 'running') DO UPDATE SET \
         run_at = CASE WHEN excluded.run_at < jobs.run_at THEN excluded.run_at ELSE jobs.run_at END, \
         rerun = (jobs.state = 'running') OR jobs.rerun \
         RETURNING rerun",
    )
    .bind(new.id.to_string())
    .bind(tenant)
    .bind(new.kind)
    .bind(new.subject.clone())
    .bind(new.run_at.unix_micros())
    .bind(new.max_attempts)
    .bind(new.request_id.clone())
    .bind(new.now.unix_micros());
    let row: Option<(bool,)> = tx.link().fetch_optional(query).await?;
    Ok(match row {
        Some((true,)) => Enqueued::BehindRunning,
        _ => Enqueued::Waiting,
    })
}

/// Confirms inside a handler's transaction that the attempt still holds the lease, and extends it.
/// [`StorageError::LeaseLost`] otherwise: the transaction must be dropped.
pub async fn confirm(
    tx: &mut impl WithLink,
    attempt: &Attempt,
    lease_until: Timestamp,
) -> Result<(), StorageError> {
    let query =
        Query::new("UPDATE jobs SET lease_until = $1 WHERE id = $2 AND attempts = $3 AND state = 'running'")
            .bind(lease_until.unix_micros())
            .bind(attempt.job_id.to_string())
            .bind(attempt.number);
    expect_one(tx.link().execute(query).await?)
}

/// Ends an attempt well. Work that was asked for again meanwhile becomes pending again.
pub async fn finish(tx: &mut impl WithLink, attempt: &Attempt, now: Timestamp) -> Result<(), StorageError> {
    let query = Query::new(
        "UPDATE jobs SET \
         state = CASE WHEN rerun THEN 'pending' ELSE 'done' END, \
         forgiven = CASE WHEN rerun THEN attempts ELSE forgiven END, \
         run_at = CASE WHEN rerun THEN $1 ELSE run_at END, \
         finished_at = CASE WHEN rerun THEN NULL ELSE $1 END, \
         lease_until = NULL, last_error = NULL, rerun = FALSE \
         WHERE id = $2 AND attempts = $3 AND state = 'running'",
    )
    .bind(now.unix_micros())
    .bind(attempt.job_id.to_string())
    .bind(attempt.number);
    expect_one(tx.link().execute(query).await?)
}

/// Ends an attempt whose work goes on at `run_at`: waiting is a later time, never a sleep. Work that was asked for
/// meanwhile goes on at once.
pub async fn put_off(
    tx: &mut impl WithLink,
    attempt: &Attempt,
    run_at: Timestamp,
    now: Timestamp,
) -> Result<(), StorageError> {
    let query = Query::new(
        "UPDATE jobs SET state = 'pending', forgiven = attempts, \
         run_at = CASE WHEN rerun THEN $1 ELSE $2 END, \
         lease_until = NULL, last_error = NULL, rerun = FALSE \
         WHERE id = $3 AND attempts = $4 AND state = 'running'",
    )
    .bind(now.unix_micros())
    .bind(run_at.unix_micros())
    .bind(attempt.job_id.to_string())
    .bind(attempt.number);
    expect_one(tx.link().execute(query).await?)
}

/// How an attempt ended that did not end well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failed {
    /// It is to be tried again at this time.
    RetryAt(Timestamp),
    /// It is given up at this time.
    Dead(Timestamp),
    /// The worker shuts down: it is to be tried at once, and this attempt does not count.
    Released,
}

/// Ends an attempt that did not end well.
pub async fn fail(
    tx: &mut impl WithLink,
    attempt: &Attempt,
    failed: Failed,
    reason: &str,
) -> Result<(), StorageError> {
    let reason: String = reason.chars().take(2_000).collect();
    let query = match failed {
        Failed::RetryAt(at) => Query::new(
            "UPDATE jobs SET state = 'pending', run_at = $1, last_error = $2, lease_until = NULL \
             WHERE id = $3 AND attempts = $4 AND state = 'running'",
        )
        .bind(at.unix_micros())
        .bind(reason),
        Failed::Dead(at) => Query::new(
            "UPDATE jobs SET state = 'dead', finished_at = $1, last_error = $2, lease_until = NULL \
             WHERE id = $3 AND attempts = $4 AND state = 'running'",
        )
        .bind(at.unix_micros())
        .bind(reason),
        Failed::Released => Query::new(
            "UPDATE jobs SET state = 'pending', forgiven = forgiven + $1, last_error = $2, lease_until = NULL \
             WHERE id = $3 AND attempts = $4 AND state = 'running'",
        )
        .bind(1_i64)
        .bind(reason),
    };
    let query = query.bind(attempt.job_id.to_string()).bind(attempt.number);
    expect_one(tx.link().execute(query).await?)
}

/// Leaves out of a search for what has no job the rows that have one: there may be so many that they fill every page.
/// `subject` is the column with the id of the row.
pub(crate) fn push_has_none(query: &mut Query, kind: &'static str, subject: &'static str) {
    query.push("NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.kind = ").push_bind(kind);
    query.push(" AND jobs.subject = ").push(subject);
    query.push(" AND jobs.state IN ('pending', 'queued', 'running'))");
}

/// Whether this work is open.
pub async fn is_open(
    session: &mut impl WithLink,
    kind: &'static str,
    subject: String,
) -> Result<bool, StorageError> {
    let query = Query::new(
        "SELECT id FROM jobs WHERE kind = $1 AND subject = $2 AND state IN ('pending', 'queued', 'running')",
    )
    .bind(kind)
    .bind(subject);
    Ok(session.link().fetch_optional::<(String,)>(query).await?.is_some())
}

/// Deletes up to `limit` jobs that were done before `done_before` and as many that died before `dead_before`; answers how many.
pub async fn prune(
    tx: &mut SystemTx,
    done_before: Timestamp,
    dead_before: Timestamp,
    limit: i64,
) -> Result<u64, StorageError> {
    let mut pruned = 0;
    for (state, before) in [("done", done_before), ("dead", dead_before)] {
        // Written so that SQLite takes the index of the ends, and not that of the states, which most rows have in common.
        let query = Query::new(
            "DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE finished_at IS NOT NULL AND finished_at < $1 \
             AND NOT state <> $2 ORDER BY finished_at LIMIT $3)",
        )
        .bind(before.unix_micros())
        .bind(state)
        .bind(limit);
        pruned += tx.link().execute(query).await?;
    }
    Ok(pruned)
}

fn expect_one(rows: u64) -> Result<(), StorageError> {
    if rows == 1 { Ok(()) } else { Err(StorageError::LeaseLost) }
}
