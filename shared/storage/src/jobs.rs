//! The jobs table: the truth about background work. See ARCHITECTURE.md, "Jobs".
//!
//! A job is pending until a dispatcher claims it under a lease (queued), a worker confirms the lease (running)
//! and finishes it (done), puts it off (pending again) or gives it up (dead). Every transition but the first
//! names the attempt, so a worker that lost its lease changes nothing.

use certmill_domain::{Job, JobId, JobKind, TenantId, Timestamp};

use crate::error::{corrupt, parsed};
use crate::query::Query;
use crate::{StorageError, SystemSession, SystemTx, Tx, WithLink};

/// What a new job needs beside the work itself.
#[derive(Debug, Clone)]
pub struct NewJob {
    /// Its id, should it become a row of its own.
    pub id: JobId,
    /// The work.
    pub job: Job,
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

/// One attempt at a job, as claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The job.
    pub job_id: JobId,
    /// Number of the attempt, from 1.
    pub number: i64,
}

/// A job as its worker sees it.
#[derive(Debug, Clone)]
pub struct Running {
    /// The attempt that holds the lease.
    pub attempt: Attempt,
    /// The work.
    pub job: Job,
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
    let kind = new.job.kind();
    let query = Query::new(
        "INSERT INTO jobs (id, tenant_id, kind, subject, state, priority, run_at, max_attempts, request_id, created_at) \
         VALUES ($1, $2, $3, $4, 'pending', $5, $6, $7, $8, $9) \
         ON CONFLICT (kind, subject) WHERE state IN ('pending', 'queued', 'running') DO UPDATE SET \
         run_at = CASE WHEN excluded.run_at < jobs.run_at THEN excluded.run_at ELSE jobs.run_at END, \
         rerun = (jobs.state = 'running') OR jobs.rerun \
         RETURNING rerun",
    )
    .bind(new.id.to_string())
    .bind(tenant)
    .bind(kind.as_str())
    .bind(new.job.subject())
    .bind(kind.priority())
    .bind(new.run_at.unix_micros())
    .bind(kind.max_attempts())
    .bind(new.request_id.clone())
    .bind(new.now.unix_micros());
    let row: Option<(bool,)> = tx.link().fetch_optional(query).await?;
    Ok(match row {
        Some((true,)) => Enqueued::BehindRunning,
        _ => Enqueued::Waiting,
    })
}

/// How many jobs of each kind are out under a lease, and which kinds have something due.
#[derive(Debug, Clone, Default)]
pub struct Outlook {
    /// Kind, and jobs of it that are queued or running under a lease that has not ended.
    pub leased: Vec<(JobKind, i64)>,
    /// Kinds with at least one job that could be claimed now.
    pub due: Vec<JobKind>,
}

const DUE: &str = "((state = 'pending' AND run_at <= $1) \
     OR (state IN ('queued', 'running') AND lease_until < $1 AND attempts - forgiven < max_attempts))";

/// Looks at what is out and what is due.
pub async fn outlook(session: &mut SystemSession, now: Timestamp) -> Result<Outlook, StorageError> {
    let now = now.unix_micros();
    let mut query = Query::new("SELECT DISTINCT kind FROM jobs WHERE ").bind(now);
    query.push(DUE);
    let due: Vec<(String,)> = session.link().fetch_all(query).await?;
    if due.is_empty() {
        return Ok(Outlook::default());
    }
    let query = Query::new(
        "SELECT kind, count(*) FROM jobs \
         WHERE state IN ('queued', 'running') AND lease_until >= $1 GROUP BY kind",
    )
    .bind(now);
    let leased: Vec<(String, i64)> = session.link().fetch_all(query).await?;
    Ok(Outlook {
        leased: leased
            .into_iter()
            .map(|(kind, count)| Ok((parsed("jobs", "kind", &kind)?, count)))
            .collect::<Result<_, StorageError>>()?,
        due: due
            .into_iter()
            .map(|(kind,)| parsed("jobs", "kind", &kind))
            .collect::<Result<_, StorageError>>()?,
    })
}

/// Claims up to `limit` due jobs of a kind until `lease_until`, those of ended leases included.
pub async fn claim(
    tx: &mut SystemTx,
    kind: JobKind,
    limit: i64,
    now: Timestamp,
    lease_until: Timestamp,
) -> Result<Vec<Attempt>, StorageError> {
    let skip_locked = tx.link().skip_locked();
    let mut query = Query::new(
        "UPDATE jobs SET state = 'queued', lease_until = $2, attempts = attempts + 1 \
         WHERE id IN (SELECT id FROM jobs WHERE kind = $3 AND ",
    )
    .bind(now.unix_micros())
    .bind(lease_until.unix_micros())
    .bind(kind.as_str())
    .bind(limit);
    query.push(DUE).push(" ORDER BY priority DESC, run_at, id LIMIT $4").push(skip_locked);
    query.push(") RETURNING id, attempts");
    let rows: Vec<(String, i64)> = tx.link().fetch_all(query).await?;
    rows.into_iter().map(|(id, number)| Ok(Attempt { job_id: parsed("jobs", "id", &id)?, number })).collect()
}

/// Gives up jobs whose last permitted attempt ended without a word (the worker died); answers how many.
pub async fn bury_lost(tx: &mut SystemTx, now: Timestamp) -> Result<u64, StorageError> {
    let query = Query::new(
        "UPDATE jobs SET state = 'dead', finished_at = $1, lease_until = NULL, \
         last_error = COALESCE(last_error, 'every attempt ended without a result: the worker died or stalled') \
         WHERE state IN ('queued', 'running') AND lease_until < $1 AND attempts - forgiven >= max_attempts",
    )
    .bind(now.unix_micros());
    tx.link().execute(query).await
}

/// Takes back claims that could not be delivered, as if they had not been made.
pub async fn unclaim(tx: &mut SystemTx, attempt: &Attempt) -> Result<(), StorageError> {
    let query = Query::new(
        "UPDATE jobs SET state = 'pending', lease_until = NULL, forgiven = forgiven + 1 \
         WHERE id = $1 AND attempts = $2 AND state = 'queued'",
    )
    .bind(attempt.job_id.to_string())
    .bind(attempt.number);
    tx.link().execute(query).await.map(drop)
}

type RunningRow = (String, String, Option<String>, i64, i64, Option<String>);

/// A worker takes up a delivered attempt; `None` when the delivery is stale or doubled and is to be dropped.
pub async fn start(
    tx: &mut SystemTx,
    attempt: &Attempt,
    lease_until: Timestamp,
) -> Result<Option<Running>, StorageError> {
    let query = Query::new(
        "UPDATE jobs SET state = 'running', lease_until = $1, rerun = FALSE \
         WHERE id = $2 AND attempts = $3 AND state = 'queued' \
         RETURNING kind, subject, tenant_id, attempts - forgiven, max_attempts, request_id",
    )
    .bind(lease_until.unix_micros())
    .bind(attempt.job_id.to_string())
    .bind(attempt.number);
    let Some(row) = tx.link().fetch_optional::<RunningRow>(query).await? else {
        return Ok(None);
    };
    let (kind, subject, tenant, tries, max_attempts, request_id) = row;
    let kind: JobKind = parsed("jobs", "kind", &kind)?;
    Ok(Some(Running {
        attempt: attempt.clone(),
        job: Job::from_parts(kind, &subject).map_err(|error| corrupt("jobs", "subject", error))?,
        tenant: tenant.map(|tenant| parsed("jobs", "tenant_id", &tenant)).transpose()?,
        tries,
        max_attempts,
        request_id,
    }))
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

/// Makes every job that is out under a lease due again; answers how many.
pub async fn reclaim(tx: &mut SystemTx) -> Result<u64, StorageError> {
    let query = Query::new(
        "UPDATE jobs SET state = 'pending', lease_until = NULL WHERE state IN ('queued', 'running')",
    );
    tx.link().execute(query).await
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
#[derive(Debug, Clone)]
pub enum Setback {
    /// It is to be tried again at this time.
    RetryAt(Timestamp),
    /// It is given up at this time.
    Dead(Timestamp),
    /// The worker shuts down: it is to be tried at once, and this attempt does not count.
    Released,
}

/// Ends an attempt that did not end well.
pub async fn set_back(
    tx: &mut SystemTx,
    attempt: &Attempt,
    setback: &Setback,
    reason: &str,
) -> Result<(), StorageError> {
    let reason: String = reason.chars().take(2_000).collect();
    let query = match setback {
        Setback::RetryAt(at) => Query::new(
            "UPDATE jobs SET state = 'pending', run_at = $1, last_error = $2, lease_until = NULL \
             WHERE id = $3 AND attempts = $4 AND state = 'running'",
        )
        .bind(at.unix_micros())
        .bind(reason),
        Setback::Dead(at) => Query::new(
            "UPDATE jobs SET state = 'dead', finished_at = $1, last_error = $2, lease_until = NULL \
             WHERE id = $3 AND attempts = $4 AND state = 'running'",
        )
        .bind(at.unix_micros())
        .bind(reason),
        Setback::Released => Query::new(
            "UPDATE jobs SET state = 'pending', forgiven = forgiven + $1, last_error = $2, lease_until = NULL \
             WHERE id = $3 AND attempts = $4 AND state IN ('queued', 'running')",
        )
        .bind(1_i64)
        .bind(reason),
    };
    let query = query.bind(attempt.job_id.to_string()).bind(attempt.number);
    expect_one(tx.link().execute(query).await?)
}

/// Whether this work is open.
pub async fn is_open(session: &mut impl WithLink, job: &Job) -> Result<bool, StorageError> {
    let query = Query::new(
        "SELECT id FROM jobs WHERE kind = $1 AND subject = $2 AND state IN ('pending', 'queued', 'running')",
    )
    .bind(job.kind().as_str())
    .bind(job.subject());
    Ok(session.link().fetch_optional::<(String,)>(query).await?.is_some())
}

/// Deletes jobs that were done before `done_before` or died before `dead_before`; answers how many.
pub async fn prune(
    tx: &mut SystemTx,
    done_before: Timestamp,
    dead_before: Timestamp,
) -> Result<u64, StorageError> {
    let query = Query::new(
        "DELETE FROM jobs WHERE (state = 'done' AND finished_at < $1) OR (state = 'dead' AND finished_at < $2)",
    )
    .bind(done_before.unix_micros())
    .bind(dead_before.unix_micros());
    tx.link().execute(query).await
}

/// How many jobs of each kind are in each state.
pub async fn figures(session: &mut SystemSession) -> Result<Vec<(String, String, i64)>, StorageError> {
    let query = Query::new("SELECT kind, state, count(*) FROM jobs GROUP BY kind, state");
    session.link().fetch_all(query).await
}

/// A job as an operator sees it, for tests and messages.
#[derive(Debug, Clone)]
pub struct JobRow {
    /// The work.
    pub job: Job,
    /// The database's word for its state.
    pub state: String,
    /// Attempts so far.
    pub attempts: i64,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
    /// The request that asked for it.
    pub request_id: Option<String>,
}

/// Every job, oldest first.
pub async fn list(session: &mut SystemSession) -> Result<Vec<JobRow>, StorageError> {
    let query =
        Query::new("SELECT kind, subject, state, attempts, last_error, request_id FROM jobs ORDER BY id");
    type Row = (String, String, String, i64, Option<String>, Option<String>);
    let rows: Vec<Row> = session.link().fetch_all(query).await?;
    rows.into_iter()
        .map(|(kind, subject, state, attempts, last_error, request_id)| {
            let kind = parsed("jobs", "kind", &kind)?;
            let job = Job::from_parts(kind, &subject).map_err(|error| corrupt("jobs", "subject", error))?;
            Ok(JobRow { job, state, attempts, last_error, request_id })
        })
        .collect()
}

fn expect_one(rows: u64) -> Result<(), StorageError> {
    if rows == 1 { Ok(()) } else { Err(StorageError::LeaseLost) }
}
