//! Discoveries, and what became of their targets.

use certmill_domain::{
    CertificateId, Discovery, DiscoveryId, Stored, Target, TargetState, TenantId, Timestamp,
};

use crate::error::parsed;
use crate::query::{Query, Rows};
use crate::row::row;
use crate::words::TARGET_STATE;
use crate::{Session, StorageError, SystemSession, SystemTx, Tx, WithLink, jobs};

const TABLE: &str = "discovery_targets";
const INSERT: &str = "INSERT INTO discovery_targets (tenant_id, discovery_id, position, endpoint, state)";

row! {
    struct Row {
        position: i64,
        endpoint: String,
        state: String,
        reason: Option<String>,
        certificate_id: Option<String>,
    }
}

/// Stores a discovery with its targets, in canonical form.
pub async fn insert(tx: &mut Tx, discovery: &Discovery, endpoints: &[String]) -> Result<(), StorageError> {
    let query =
        Query::new("INSERT INTO discoveries (tenant_id, id, targets, created_at) VALUES ($1, $2, $3, $4)")
            .bind(tx.tenant_key())
            .bind(discovery.id.to_string())
            .bind(discovery.targets)
            .bind(discovery.created_at.unix_micros());
    tx.link().execute(query).await?;
    let mut rows = Rows::new(INSERT, 5);
    for (position, endpoint) in (0_i64..).zip(endpoints) {
        rows.value(tx.tenant_key())
            .value(discovery.id.to_string())
            .value(position)
            .value(endpoint.clone())
            .value(TARGET_STATE.write(&TargetState::Waiting.into())?);
    }
    tx.link().insert(rows).await
}

/// A discovery of the tenant.
pub async fn find(session: &mut Session, id: DiscoveryId) -> Result<Option<Discovery>, StorageError> {
    let query = Query::new(
        "SELECT d.targets, (SELECT COUNT(*) FROM discovery_targets t WHERE t.tenant_id = d.tenant_id \
         AND t.discovery_id = d.id AND t.state = 'waiting'), d.created_at, d.finished_at FROM discoveries d \
         WHERE d.tenant_id = $1 AND d.id = $2",
    )
    .bind(session.tenant_key())
    .bind(id.to_string());
    let row = session.link().fetch_optional::<(i64, i64, i64, Option<i64>)>(query).await?;
    Ok(row.map(|(targets, waiting, created_at, finished_at)| Discovery {
        id,
        targets,
        done: targets - waiting,
        created_at: Timestamp::from_unix_micros(created_at),
        finished_at: finished_at.map(Timestamp::from_unix_micros),
    }))
}

/// The targets of a discovery in their order.
pub async fn targets(session: &mut Session, id: DiscoveryId) -> Result<Vec<Target>, StorageError> {
    let mut query = select(session.tenant_key(), id);
    query.push(" ORDER BY position");
    session.link().fetch_all::<Row>(query).await?.into_iter().map(target).collect()
}

/// Targets that nobody has looked at yet, those in front first.
pub async fn waiting(
    session: &mut Session,
    id: DiscoveryId,
    limit: i64,
) -> Result<Vec<Target>, StorageError> {
    let mut query = select(session.tenant_key(), id);
    query.push(" AND state = 'waiting' ORDER BY position LIMIT ").push_bind(limit);
    session.link().fetch_all::<Row>(query).await?.into_iter().map(target).collect()
}

fn select(tenant: String, id: DiscoveryId) -> Query {
    let mut query = Query::new(
        "SELECT position, endpoint, state, reason, certificate_id FROM discovery_targets WHERE tenant_id = ",
    );
    query.push_bind(tenant).push(" AND discovery_id = ").push_bind(id.to_string());
    query
}

/// What became of a target.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What it is.
    pub state: TargetState,
    /// Why nothing was seen or taken.
    pub reason: Option<String>,
    /// The certificate in the inventory.
    pub certificate_id: Option<CertificateId>,
}

/// Writes down what became of a target; `false` when somebody else has done so before.
pub async fn note(
    tx: &mut Tx,
    id: DiscoveryId,
    position: i64,
    outcome: Outcome,
) -> Result<bool, StorageError> {
    let query = Query::new(
        "UPDATE discovery_targets SET state = $1, reason = $2, certificate_id = $3 \
         WHERE tenant_id = $4 AND discovery_id = $5 AND position = $6 AND state = 'waiting'",
    )
    .bind(TARGET_STATE.write(&Stored::Known(outcome.state))?)
    .bind(outcome.reason)
    .bind(outcome.certificate_id.map(|id| id.to_string()))
    .bind(tx.tenant_key())
    .bind(id.to_string())
    .bind(position);
    Ok(tx.link().execute(query).await? == 1)
}

/// Notes that all targets were looked at.
pub async fn finish(tx: &mut Tx, id: DiscoveryId, now: Timestamp) -> Result<(), StorageError> {
    let query = Query::new(
        "UPDATE discoveries SET finished_at = $1 WHERE tenant_id = $2 AND id = $3 AND finished_at IS NULL",
    )
    .bind(now.unix_micros())
    .bind(tx.tenant_key())
    .bind(id.to_string());
    tx.link().execute(query).await.map(drop)
}

/// How many discoveries of the tenant are not over.
pub async fn count_open(session: &mut Session) -> Result<i64, StorageError> {
    let query = Query::new("SELECT COUNT(*) FROM discoveries WHERE tenant_id = $1 AND finished_at IS NULL")
        .bind(session.tenant_key());
    session.link().fetch_count(query).await
}

/// Discoveries of any tenant that are not over and have no job of this kind.
pub async fn stopped(
    session: &mut SystemSession,
    kind: &'static str,
    limit: i64,
) -> Result<Vec<(TenantId, DiscoveryId)>, StorageError> {
    let mut query = Query::new("SELECT tenant_id, id FROM discoveries WHERE finished_at IS NULL AND ");
    jobs::push_has_none(&mut query, kind, "discoveries.id");
    query.push(" ORDER BY id LIMIT ").push_bind(limit);
    let rows: Vec<(String, String)> = session.link().fetch_all(query).await?;
    rows.into_iter()
        .map(|(tenant, id)| {
            Ok((parsed("discoveries", "tenant_id", &tenant)?, parsed("discoveries", "id", &id)?))
        })
        .collect()
}

/// Deletes discoveries that were over before a time; answers how many, `limit` at most.
pub async fn prune(tx: &mut SystemTx, before: Timestamp, limit: i64) -> Result<u64, StorageError> {
    let query = Query::new(
        "DELETE FROM discoveries WHERE (tenant_id, id) IN (SELECT tenant_id, id FROM discoveries \
         WHERE finished_at IS NOT NULL AND finished_at < $1 ORDER BY finished_at LIMIT $2)",
    )
    .bind(before.unix_micros())
    .bind(limit);
    tx.link().execute(query).await
}

fn target(row: Row) -> Result<Target, StorageError> {
    Ok(Target {
        position: row.position,
        endpoint: row.endpoint,
        state: TARGET_STATE.read(&row.state),
        reason: row.reason,
        certificate_id: row
            .certificate_id
            .as_deref()
            .map(|id| parsed(TABLE, "certificate_id", id))
            .transpose()?,
    })
}
