//! Events on their way to webhooks, and what became of them.

use certmill_domain::{Delivery, DeliveryId, DeliveryState, Timestamp, WebhookId};

use crate::error::parsed;
use crate::listing::{Extent, Listed};
use crate::query::{Query, Rows};
use crate::row::row;
use crate::webhooks::Room;
use crate::words::DELIVERY_STATE;
use crate::{Session, StorageError, SystemTx, Tx, WithLink};

const TABLE: &str = "webhook_deliveries";
const SELECT: &str = "SELECT d.id, d.sequence, d.event_id, d.event_type, d.object, d.state, d.attempts, d.next_at, \
     d.last_status, d.last_error, d.created_at, d.finished_at FROM webhook_deliveries d WHERE ";
const INSERT: &str = "INSERT INTO webhook_deliveries (tenant_id, id, webhook_id, sequence, event_id, event_type, object, \
     state, attempts, next_at, created_at)";

/// The size of a listed row.
const OCTETS: &str = "octet_length(d.object) + COALESCE(octet_length(d.last_error), 0)";

row! {
    struct Row {
        id: String,
        sequence: i64,
        event_id: String,
        event_type: String,
        object: String,
        state: String,
        attempts: i64,
        next_at: i64,
        last_status: Option<i64>,
        last_error: Option<String>,
        created_at: i64,
        finished_at: Option<i64>,
    }
}

/// What became of an attempt.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The state that follows.
    pub state: DeliveryState,
    /// When it is sent again, where it waits.
    pub next_at: Timestamp,
    /// The status of the answer.
    pub status: Option<i64>,
    /// What went wrong.
    pub error: Option<String>,
}

/// Stores new deliveries of a webhook.
pub async fn insert(tx: &mut Tx, webhook: WebhookId, deliveries: &[Delivery]) -> Result<(), StorageError> {
    if deliveries.is_empty() {
        return Ok(());
    }
    let (tenant, webhook) = (tx.tenant_key(), webhook.to_string());
    let mut rows = Rows::new(INSERT, 11);
    for delivery in deliveries {
        rows.value(tenant.clone())
            .value(delivery.id.to_string())
            .value(webhook.clone())
            .value(delivery.sequence)
            .value(delivery.event_id.clone())
            .value(delivery.event_type.clone())
            .value(delivery.object.clone())
            .value(DELIVERY_STATE.write(&delivery.state)?)
            .value(delivery.attempts)
            .value(delivery.next_at.unix_micros())
            .value(delivery.created_at.unix_micros());
    }
    tx.link().insert(rows).await
}

/// How many deliveries of a webhook wait.
pub async fn waiting(session: &mut Session, webhook: WebhookId) -> Result<Room, StorageError> {
    let query = Query::new(
        "SELECT CAST(COALESCE(SUM(CASE WHEN attempts = 0 THEN 1 ELSE 0 END), 0) AS BIGINT), COUNT(*) \
         FROM webhook_deliveries WHERE tenant_id = $1 AND webhook_id = $2 AND state = 'waiting'",
    )
    .bind(session.tenant_key())
    .bind(webhook.to_string());
    let row = session.link().fetch_optional::<(i64, i64)>(query).await?;
    let (fresh, all) = row.unwrap_or_default();
    Ok(Room { fresh, all })
}

/// The deliveries of a webhook that are due, oldest first: of each object the first that waits, since what happened to an
/// object is told in its order.
pub async fn due(
    session: &mut Session,
    webhook: WebhookId,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Delivery>, StorageError> {
    let mut query = Query::new(SELECT);
    query.push("d.tenant_id = ").push_bind(session.tenant_key());
    query.push(" AND d.webhook_id = ").push_bind(webhook.to_string());
    query.push(" AND d.state = 'waiting' AND d.next_at <= ").push_bind(now.unix_micros());
    query.push(
        " AND NOT EXISTS (SELECT 1 FROM webhook_deliveries e WHERE e.tenant_id = d.tenant_id \
         AND e.webhook_id = d.webhook_id AND e.state = 'waiting' AND e.object = d.object AND e.sequence < d.sequence) \
         ORDER BY d.sequence LIMIT ",
    );
    query.push_bind(limit);
    session.link().fetch_all::<Row>(query).await?.into_iter().map(delivery).collect()
}

/// Notes what became of an attempt.
pub async fn note(
    tx: &mut Tx,
    id: DeliveryId,
    outcome: &Outcome,
    now: Timestamp,
) -> Result<(), StorageError> {
    let finished = (outcome.state != DeliveryState::Waiting).then(|| now.unix_micros());
    let query = Query::new(
        "UPDATE webhook_deliveries SET state = $1, attempts = attempts + 1, next_at = $2, last_status = $3, \
         last_error = $4, finished_at = $5 WHERE tenant_id = $6 AND id = $7",
    )
    .bind(outcome.state.as_str())
    .bind(outcome.next_at.unix_micros())
    .bind(outcome.status)
    .bind(outcome.error.clone())
    .bind(finished)
    .bind(tx.tenant_key())
    .bind(id.to_string());
    tx.link().execute(query).await.map(drop)
}

/// Has a delivery sent anew, with all its attempts; `false` when there is none.
pub async fn repeat(
    tx: &mut Tx,
    webhook: WebhookId,
    id: DeliveryId,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let query = Query::new(
        "UPDATE webhook_deliveries SET state = 'waiting', attempts = 0, next_at = $1, finished_at = NULL \
         WHERE tenant_id = $2 AND webhook_id = $3 AND id = $4",
    )
    .bind(now.unix_micros())
    .bind(tx.tenant_key())
    .bind(webhook.to_string())
    .bind(id.to_string());
    Ok(tx.link().execute(query).await? == 1)
}

/// A delivery of a webhook.
pub async fn find(
    session: &mut Session,
    webhook: WebhookId,
    id: DeliveryId,
) -> Result<Option<Delivery>, StorageError> {
    let mut query = Query::new(SELECT);
    query.push("d.tenant_id = ").push_bind(session.tenant_key());
    query.push(" AND d.webhook_id = ").push_bind(webhook.to_string());
    query.push(" AND d.id = ").push_bind(id.to_string());
    session.link().fetch_optional::<Row>(query).await?.map(delivery).transpose()
}

/// The deliveries of a webhook, newest event first, those before the place `before`.
pub async fn list(
    session: &mut Session,
    webhook: WebhookId,
    state: Option<DeliveryState>,
    before: Option<i64>,
    wanted: Extent,
) -> Result<Listed<Delivery>, StorageError> {
    let mut query = Query::new(SELECT);
    query.push("d.tenant_id = ").push_bind(session.tenant_key());
    query.push(" AND d.webhook_id = ").push_bind(webhook.to_string());
    if let Some(state) = state {
        query.push(" AND d.state = ").push_bind(state.as_str());
    }
    query.end_filter();
    if let Some(before) = before {
        query.push(" AND d.sequence < ").push_bind(before);
    }
    query.push(" ORDER BY d.sequence DESC");
    session.link().fetch_page::<Row>(query, OCTETS, wanted).await?.read(delivery)
}

/// Deletes what waits for a webhook that is removed. What is finished goes with its age.
pub async fn forget_waiting(tx: &mut Tx, webhook: WebhookId) -> Result<(), StorageError> {
    let query = Query::new(
        "DELETE FROM webhook_deliveries WHERE tenant_id = $1 AND webhook_id = $2 AND state = 'waiting'",
    )
    .bind(tx.tenant_key())
    .bind(webhook.to_string());
    tx.link().execute(query).await.map(drop)
}

/// Deletes up to `limit` deliveries that have been finished since before `before`; answers how many.
pub async fn prune(tx: &mut SystemTx, before: Timestamp, limit: i64) -> Result<u64, StorageError> {
    let query = Query::new(
        "DELETE FROM webhook_deliveries WHERE (tenant_id, id) IN (SELECT tenant_id, id FROM webhook_deliveries \
         WHERE finished_at IS NOT NULL AND finished_at < $1 ORDER BY finished_at LIMIT $2)",
    )
    .bind(before.unix_micros())
    .bind(limit);
    tx.link().execute(query).await
}

fn delivery(row: Row) -> Result<Delivery, StorageError> {
    Ok(Delivery {
        id: parsed(TABLE, "id", &row.id)?,
        sequence: row.sequence,
        event_id: row.event_id,
        event_type: row.event_type,
        object: row.object,
        state: DELIVERY_STATE.read(&row.state),
        attempts: row.attempts,
        next_at: Timestamp::from_unix_micros(row.next_at),
        last_status: row.last_status,
        last_error: row.last_error,
        created_at: Timestamp::from_unix_micros(row.created_at),
        finished_at: row.finished_at.map(Timestamp::from_unix_micros),
    })
}
