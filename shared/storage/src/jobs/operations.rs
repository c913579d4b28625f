//! Jobs as an operator sees and handles them.

use certmill_domain::{JobId, TenantId, Timestamp};

use crate::error::parsed;
use crate::listing::{Extent, Listed};
use crate::query::Query;
use crate::row::row;
use crate::{Session, StorageError, SystemSession, Tx, WithLink};

const SELECT: &str = "SELECT id, tenant_id, kind, subject, state, attempts, max_attempts, last_error, request_id, run_at, \
     lease_until, created_at, finished_at FROM jobs";

/// The size of a listed row.
const OCTETS: &str = "octet_length(subject) + COALESCE(octet_length(last_error), 0) + \
     COALESCE(octet_length(request_id), 0)";

row! {
    struct Row {
        id: String,
        tenant_id: Option<String>,
        kind: String,
        subject: String,
        state: String,
        attempts: i64,
        max_attempts: i64,
        last_error: Option<String>,
        request_id: Option<String>,
        run_at: i64,
        lease_until: Option<i64>,
        created_at: i64,
        finished_at: Option<i64>,
    }
}

/// A job. Kind and state are the words of the database, which a newer version may have written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRow {
    /// Its id.
    pub id: JobId,
    /// The tenant, unless the job is the system's own.
    pub tenant: Option<TenantId>,
    /// What is done.
    pub kind: String,
    /// What it is about; empty for periodic work.
    pub subject: String,
    /// `pending`, `running`, `done` or `dead`; `queued` where an older version has claimed it.
    pub state: String,
    /// Attempts so far.
    pub attempts: i64,
    /// After how many attempts in a row it is given up.
    pub max_attempts: i64,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
    /// The request that asked for it.
    pub request_id: Option<String>,
    /// When it is or was due.
    pub run_at: Timestamp,
    /// The end of its lease while a worker has it.
    pub lease_until: Option<Timestamp>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it was done or given up.
    pub finished_at: Option<Timestamp>,
}

/// Which jobs are listed.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of this kind.
    pub kind: Option<String>,
    /// In this state.
    pub state: Option<String>,
    /// About this.
    pub subject: Option<String>,
}

/// Jobs of the tenant, the newest first, older than `before`.
pub async fn list(
    session: &mut Session,
    filter: &Filter,
    before: Option<JobId>,
    wanted: Extent,
) -> Result<Listed<JobRow>, StorageError> {
    let mut query = Query::new(SELECT);
    query.push(" WHERE tenant_id = ").push_bind(session.tenant_key());
    let conditions = [
        (" AND kind = ", &filter.kind),
        (" AND state = ", &filter.state),
        (" AND subject = ", &filter.subject),
    ];
    for (condition, value) in conditions {
        if let Some(value) = value {
            query.push(condition).push_bind(value.clone());
        }
    }
    query.end_filter();
    if let Some(before) = before {
        query.push(" AND id < ").push_bind(before.to_string());
    }
    query.push(" ORDER BY id DESC");
    session.link().fetch_page::<Row>(query, OCTETS, wanted).await?.read(job)
}

/// A job of the tenant.
pub async fn find(session: &mut Session, id: JobId) -> Result<Option<JobRow>, StorageError> {
    let mut query = Query::new(SELECT);
    query.push(" WHERE tenant_id = ").push_bind(session.tenant_key());
    query.push(" AND id = ").push_bind(id.to_string());
    session.link().fetch_optional::<Row>(query).await?.map(job).transpose()
}

/// Every job of every tenant, oldest first.
pub async fn list_all(session: &mut SystemSession) -> Result<Vec<JobRow>, StorageError> {
    let mut query = Query::new(SELECT);
    query.push(" ORDER BY id");
    session.link().fetch_all::<Row>(query).await?.into_iter().map(job).collect()
}

/// Makes a pending or dead job of the tenant due now, with all its attempts before it; `false` when it is in no such
/// state, or when the same work is open as another job.
pub async fn retry(tx: &mut Tx, id: JobId, now: Timestamp) -> Result<bool, StorageError> {
    let query = Query::new(
        "UPDATE jobs SET state = 'pending', run_at = $1, forgiven = attempts, finished_at = NULL \
         WHERE tenant_id = $2 AND id = $3 AND (state = 'pending' OR (state = 'dead' AND NOT EXISTS (SELECT 1 \
           FROM jobs other WHERE other.kind = jobs.kind AND other.subject = jobs.subject \
           AND other.state IN ('pending', 'queued', 'running'))))",
    )
    .bind(now.unix_micros())
    .bind(tx.tenant_key())
    .bind(id.to_string());
    Ok(tx.link().execute(query).await? == 1)
}

/// Gives a pending job of the tenant up, with the reason; `false` when it is not pending.
pub async fn cancel(tx: &mut Tx, id: JobId, reason: String, now: Timestamp) -> Result<bool, StorageError> {
    let query = Query::new(
        "UPDATE jobs SET state = 'dead', finished_at = $1, last_error = $2 \
         WHERE tenant_id = $3 AND id = $4 AND state = 'pending'",
    )
    .bind(now.unix_micros())
    .bind(reason)
    .bind(tx.tenant_key())
    .bind(id.to_string());
    Ok(tx.link().execute(query).await? == 1)
}

/// How many jobs of each kind are in each state: kind, state, count.
pub async fn counts(session: &mut SystemSession) -> Result<Vec<(String, String, i64)>, StorageError> {
    let query =
        Query::new("SELECT kind, state, count(*) FROM jobs WHERE state <> 'done' GROUP BY kind, state");
    session.link().fetch_all(query).await
}

fn job(row: Row) -> Result<JobRow, StorageError> {
    Ok(JobRow {
        id: parsed("jobs", "id", &row.id)?,
        tenant: row.tenant_id.map(|tenant| parsed("jobs", "tenant_id", &tenant)).transpose()?,
        kind: row.kind,
        subject: row.subject,
        state: row.state,
        attempts: row.attempts,
        max_attempts: row.max_attempts,
        last_error: row.last_error,
        request_id: row.request_id,
        run_at: Timestamp::from_unix_micros(row.run_at),
        lease_until: row.lease_until.map(Timestamp::from_unix_micros),
        created_at: Timestamp::from_unix_micros(row.created_at),
        finished_at: row.finished_at.map(Timestamp::from_unix_micros),
    })
}
