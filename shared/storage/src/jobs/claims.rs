//! From waiting to claimed, tenant by tenant, and back again when a lease has ended.

use std::time::Duration;

use certmill_domain::{JobId, TenantId, Timestamp};

use super::{Attempt, Claimed};
use crate::error::parsed;
use crate::query::Query;
use crate::row::row;
use crate::{StorageError, SystemSession, SystemTx, WithLink};

/// Which of these kinds have a job that is due.
pub async fn due_kinds(
    session: &mut SystemSession,
    kinds: impl IntoIterator<Item = &'static str>,
    now: Timestamp,
) -> Result<Vec<String>, StorageError> {
    let mut query = Query::new("");
    for kind in kinds {
        query.push(if query.text.is_empty() { "SELECT " } else { " UNION ALL SELECT " });
        query.push("CAST(").push_bind(kind).push(" AS TEXT) WHERE EXISTS (SELECT 1 FROM jobs ");
        query.push("WHERE state = 'pending' AND kind = ").push_bind(kind);
        query.push(" AND run_at <= ").push_bind(now.unix_micros()).push(")");
    }
    let rows: Vec<(String,)> = session.link().fetch_all(query).await?;
    Ok(rows.into_iter().map(|(kind,)| kind).collect())
}

/// Up to `limit` tenants that have a due job of this kind, in the order of their ids, those after `after` only. The
/// system's own work is that of the tenant without a name.
///
/// It steps from one tenant to the next in the index, so that the rows of a tenant with very many jobs are not read.
pub async fn waiting_tenants(
    tx: &mut impl WithLink,
    kind: &'static str,
    after: Option<&str>,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<String>, StorageError> {
    let mut query = Query::new(
        "WITH RECURSIVE waiting (tenant) AS (SELECT min(coalesce(tenant_id, '')) FROM jobs \
           WHERE state = 'pending' AND kind = $1 AND coalesce(tenant_id, '') ",
    );
    query.push(if after.is_some() { "> $2" } else { ">= $2" }).push(
        " UNION ALL SELECT (SELECT min(coalesce(tenant_id, '')) FROM jobs \
           WHERE state = 'pending' AND kind = $1 AND coalesce(tenant_id, '') > waiting.tenant) \
         FROM waiting WHERE waiting.tenant IS NOT NULL) \
         SELECT tenant FROM waiting WHERE tenant IS NOT NULL AND EXISTS (SELECT 1 FROM jobs \
           WHERE state = 'pending' AND kind = $1 AND coalesce(tenant_id, '') = waiting.tenant AND run_at <= $3) \
         LIMIT $4",
    );
    let query =
        query.bind(kind).bind(after.unwrap_or_default().to_owned()).bind(now.unix_micros()).bind(limit);
    let rows: Vec<(String,)> = tx.link().fetch_all(query).await?;
    Ok(rows.into_iter().map(|(tenant,)| tenant).collect())
}

/// What is to be claimed.
#[derive(Debug, Clone)]
pub struct Claim<'a> {
    /// The kind of job.
    pub kind: &'static str,
    /// The tenant, as [`waiting_tenants`] names it.
    pub tenant: &'a str,
    /// At most so many.
    pub limit: i64,
    /// The present time.
    pub now: Timestamp,
    /// The end of the lease.
    pub lease_until: Timestamp,
}

type ClaimedRow = (String, String, String, Option<String>, i64, i64, i64, Option<String>);

/// Claims due jobs, the longest waiting first.
pub async fn claim(tx: &mut SystemTx, claim: &Claim<'_>) -> Result<Vec<Claimed>, StorageError> {
    let skip_locked = tx.link().skip_locked();
    let mut query = Query::new(
        "UPDATE jobs SET state = 'running', lease_until = $1, attempts = attempts + 1, rerun = FALSE \
         WHERE id IN (SELECT id FROM jobs WHERE state = 'pending' AND kind = $2 \
         AND coalesce(tenant_id, '') = $3 AND run_at <= $4 ORDER BY run_at, id LIMIT $5",
    )
    .bind(claim.lease_until.unix_micros())
    .bind(claim.kind)
    .bind(claim.tenant.to_owned())
    .bind(claim.now.unix_micros())
    .bind(claim.limit);
    query.push(skip_locked).push(
        ") RETURNING id, kind, subject, tenant_id, attempts, attempts - forgiven, max_attempts, request_id",
    );
    let rows: Vec<ClaimedRow> = tx.link().fetch_all(query).await?;
    rows.into_iter().map(claimed).collect()
}

fn claimed(row: ClaimedRow) -> Result<Claimed, StorageError> {
    let (id, kind, subject, tenant, number, tries, max_attempts, request_id) = row;
    let tenant = tenant.map(|tenant| parsed::<TenantId>("jobs", "tenant_id", &tenant)).transpose()?;
    let attempt = Attempt { job_id: parsed("jobs", "id", &id)?, number };
    Ok(Claimed { attempt, kind, subject, tenant, tries, max_attempts, request_id })
}

/// What became of jobs whose lease has ended without a word of their worker.
#[derive(Debug, Clone, Default)]
pub struct Ended {
    /// They are due again, as their next attempt.
    pub returned: u64,
    /// That was their last attempt.
    pub dead: Vec<Dead>,
}

/// A job that was given up.
#[derive(Debug, Clone)]
pub struct Dead {
    /// Its id.
    pub id: JobId,
    /// The tenant, unless the job was the system's own.
    pub tenant: Option<TenantId>,
    /// The word for what was to be done.
    pub kind: String,
    /// What it was about.
    pub subject: String,
    /// What went wrong last.
    pub error: String,
}

const OVER: &str = "state IN ('queued', 'running') AND (lease_until < $1 OR lease_until > $2)";

/// Whether there is a lease that [`end_leases`] would end.
pub async fn any_lease_over(
    session: &mut SystemSession,
    now: Timestamp,
    longest: Duration,
) -> Result<bool, StorageError> {
    let mut query = Query::new("SELECT id FROM jobs WHERE ");
    query.push(OVER).push(" LIMIT 1");
    let query = query.bind(now.unix_micros()).bind(now.plus(longest).unix_micros());
    Ok(session.link().fetch_optional::<(String,)>(query).await?.is_some())
}

row! {
    struct DeadRow {
        id: String,
        tenant_id: Option<String>,
        kind: String,
        subject: String,
        last_error: Option<String>,
    }
}

/// Ends leases that are over at `now`, and those that end later than `longest` from now: no lease is that long, so a wrong
/// clock wrote it.
pub async fn end_leases(tx: &mut SystemTx, now: Timestamp, longest: Duration) -> Result<Ended, StorageError> {
    let bounds = |query: Query| query.bind(now.unix_micros()).bind(now.plus(longest).unix_micros());
    let mut dead = bounds(Query::new(
        "UPDATE jobs SET state = 'dead', finished_at = $1, lease_until = NULL, \
         last_error = COALESCE(last_error, 'every attempt ended without a result: the worker died or stalled') \
         WHERE attempts - forgiven >= max_attempts AND ",
    ));
    dead.push(OVER).push(" RETURNING id, tenant_id, kind, subject, last_error");
    let mut returned = bounds(Query::new("UPDATE jobs SET state = 'pending', lease_until = NULL WHERE "));
    returned.push(OVER);
    let dead = tx.link().fetch_all::<DeadRow>(dead).await?.into_iter().map(|row| {
        let DeadRow { id, tenant_id, kind, subject, last_error } = row;
        let tenant = tenant_id.map(|tenant| parsed::<TenantId>("jobs", "tenant_id", &tenant)).transpose()?;
        Ok(Dead {
            id: parsed("jobs", "id", &id)?,
            tenant,
            kind,
            subject,
            error: last_error.unwrap_or_default(),
        })
    });
    let dead = dead.collect::<Result<_, StorageError>>()?;
    Ok(Ended { dead, returned: tx.link().execute(returned).await? })
}

/// Makes every job that is out under a lease due again; answers how many. For a process that is the only one at work.
pub async fn return_all(tx: &mut SystemTx) -> Result<u64, StorageError> {
    let query = Query::new(
        "UPDATE jobs SET state = 'pending', lease_until = NULL WHERE state IN ('queued', 'running')",
    );
    tx.link().execute(query).await
}

/// Makes jobs of a kind due that wait for a time later than `longest` from now: no job of this kind is put off that far,
/// so a wrong clock did it. Answers how many.
pub async fn bring_forward(
    tx: &mut SystemTx,
    kind: &'static str,
    now: Timestamp,
    longest: Duration,
) -> Result<u64, StorageError> {
    let query =
        Query::new("UPDATE jobs SET run_at = $1 WHERE state = 'pending' AND kind = $2 AND run_at > $3")
            .bind(now.unix_micros())
            .bind(kind)
            .bind(now.plus(longest).unix_micros());
    tx.link().execute(query).await
}

/// Since when the longest waiting due job of a kind is due.
pub async fn oldest_due(
    session: &mut SystemSession,
    kind: &'static str,
    now: Timestamp,
) -> Result<Option<Timestamp>, StorageError> {
    let query = Query::new(
        "SELECT run_at FROM jobs WHERE state = 'pending' AND kind = $1 AND run_at <= $2 ORDER BY run_at LIMIT 1",
    )
    .bind(kind)
    .bind(now.unix_micros());
    let row: Option<(i64,)> = session.link().fetch_optional(query).await?;
    Ok(row.map(|(at,)| Timestamp::from_unix_micros(at)))
}
