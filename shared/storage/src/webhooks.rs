//! Webhooks.

use certmill_domain::{TenantId, Timestamp, Webhook, WebhookId};

use crate::error::{corrupt, from_json, parsed, to_json};
use crate::listing::{Extent, Listed};
use crate::query::Query;
use crate::row::row;
use crate::words::WEBHOOK_FORMAT;
use crate::{Session, StorageError, SystemSession, Tx, WithLink};

const TABLE: &str = "webhooks";
const SELECT: &str = "SELECT id, name, url, events, filters, format, is_active, previous_secret_until, place, failures, \
     paused_until, last_error, delivered_at, created_at, updated_at FROM webhooks WHERE ";

/// The size of a listed row.
const OCTETS: &str = "octet_length(name) + octet_length(url) + octet_length(events) + octet_length(filters) + \
     COALESCE(octet_length(last_error), 0)";

row! {
    struct Row {
        id: String,
        name: String,
        url: String,
        events: String,
        filters: String,
        format: String,
        is_active: bool,
        previous_secret_until: Option<i64>,
        place: i64,
        failures: i64,
        paused_until: Option<i64>,
        last_error: Option<String>,
        delivered_at: Option<i64>,
        created_at: i64,
        updated_at: i64,
    }
}

/// Secrets as they are stored.
#[derive(Debug, Clone)]
pub struct SealedSecrets {
    /// The sealed value.
    pub value: Vec<u8>,
    /// The time that the seal covers.
    pub sealed_at: Timestamp,
}

/// Stores a new webhook. [`StorageError::AlreadyExists`] when the tenant has one of this name.
pub async fn insert(tx: &mut Tx, webhook: &Webhook, secrets: SealedSecrets) -> Result<(), StorageError> {
    let query = Query::new(
        "INSERT INTO webhooks (tenant_id, id, name, url, events, filters, format, sealed_secrets, sealed_at, \
         is_active, place, failures, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, $12, $12)",
    )
    .bind(tx.tenant_key())
    .bind(webhook.id.to_string())
    .bind(webhook.name.clone())
    .bind(webhook.url.clone())
    .bind(to_json(TABLE, "events", Some(&webhook.events))?)
    .bind(to_json(TABLE, "filters", Some(&webhook.filters))?)
    .bind(WEBHOOK_FORMAT.write(&webhook.format)?)
    .bind(secrets.value)
    .bind(secrets.sealed_at.unix_micros())
    .bind(webhook.is_active)
    .bind(webhook.place)
    .bind(webhook.created_at.unix_micros());
    tx.link().execute(query).await.map(drop)
}

/// Writes what callers can change of a webhook, if it did not change since `seen` (its `updated_at`); `false` when it did, or
/// is gone. Without secrets those that are stored stay. A pause ends.
pub async fn update(
    tx: &mut Tx,
    webhook: &Webhook,
    secrets: Option<SealedSecrets>,
    seen: Timestamp,
) -> Result<bool, StorageError> {
    let (sealed, sealed_at) = match secrets {
        Some(secrets) => (Some(secrets.value), Some(secrets.sealed_at.unix_micros())),
        None => (None, None),
    };
    let query = Query::new(
        "UPDATE webhooks SET name = $1, url = $2, events = $3, filters = $4, format = $5, is_active = $6, place = $7, \
         sealed_secrets = COALESCE($8, sealed_secrets), sealed_at = COALESCE($9, sealed_at), previous_secret_until = $10, \
         failures = 0, paused_until = NULL, updated_at = $11 \
         WHERE tenant_id = $12 AND id = $13 AND updated_at = $14",
    )
    .bind(webhook.name.clone())
    .bind(webhook.url.clone())
    .bind(to_json(TABLE, "events", Some(&webhook.events))?)
    .bind(to_json(TABLE, "filters", Some(&webhook.filters))?)
    .bind(WEBHOOK_FORMAT.write(&webhook.format)?)
    .bind(webhook.is_active)
    .bind(webhook.place)
    .bind(sealed)
    .bind(sealed_at)
    .bind(webhook.previous_secret_until.map(Timestamp::unix_micros))
    .bind(webhook.updated_at.unix_micros())
    .bind(tx.tenant_key())
    .bind(webhook.id.to_string())
    .bind(seen.unix_micros());
    Ok(tx.link().execute(query).await? == 1)
}

/// A webhook of the tenant.
pub async fn find(session: &mut Session, id: WebhookId) -> Result<Option<Webhook>, StorageError> {
    let mut query = Query::new(SELECT);
    query.push("tenant_id = ").push_bind(session.tenant_key());
    query.push(" AND id = ").push_bind(id.to_string());
    session.link().fetch_optional::<Row>(query).await?.map(webhook).transpose()
}

/// The sealed secrets of a webhook.
pub async fn sealed_secrets(
    session: &mut Session,
    id: WebhookId,
) -> Result<Option<SealedSecrets>, StorageError> {
    let query = Query::new("SELECT sealed_secrets, sealed_at FROM webhooks WHERE tenant_id = $1 AND id = $2")
        .bind(session.tenant_key())
        .bind(id.to_string());
    let row = session.link().fetch_optional::<(Vec<u8>, i64)>(query).await?;
    Ok(row.map(|(value, at)| SealedSecrets { value, sealed_at: Timestamp::from_unix_micros(at) }))
}

/// The tenant's webhooks, newest first, those after `before` in that order.
pub async fn list(
    session: &mut Session,
    before: Option<WebhookId>,
    wanted: Extent,
) -> Result<Listed<Webhook>, StorageError> {
    let mut query = Query::new(SELECT);
    query.push("tenant_id = ").push_bind(session.tenant_key());
    query.end_filter();
    if let Some(before) = before {
        query.push(" AND id < ").push_bind(before.to_string());
    }
    query.push(" ORDER BY id DESC");
    session.link().fetch_page::<Row>(query, OCTETS, wanted).await?.read(webhook)
}

/// How many webhooks the tenant has.
pub async fn count(session: &mut Session) -> Result<i64, StorageError> {
    let query = Query::new("SELECT COUNT(*) FROM webhooks WHERE tenant_id = $1").bind(session.tenant_key());
    session.link().fetch_count(query).await
}

/// Deletes a webhook; `false` when there is none.
pub async fn delete(tx: &mut Tx, id: WebhookId) -> Result<bool, StorageError> {
    let query = Query::new("DELETE FROM webhooks WHERE tenant_id = $1 AND id = $2")
        .bind(tx.tenant_key())
        .bind(id.to_string());
    Ok(tx.link().execute(query).await? == 1)
}

/// Notes that the events up to a place have become deliveries; `false` when the webhook is not active any more, or somebody
/// else has moved it meanwhile.
pub async fn advance(tx: &mut Tx, id: WebhookId, (from, to): (i64, i64)) -> Result<bool, StorageError> {
    let query = Query::new(
        "UPDATE webhooks SET place = $1 WHERE tenant_id = $2 AND id = $3 AND place = $4 AND is_active = TRUE",
    )
    .bind(to)
    .bind(tx.tenant_key())
    .bind(id.to_string())
    .bind(from);
    Ok(tx.link().execute(query).await? == 1)
}

/// Notes that the receiver took something.
pub async fn note_delivered(tx: &mut Tx, id: WebhookId, now: Timestamp) -> Result<(), StorageError> {
    let query = Query::new(
        "UPDATE webhooks SET failures = 0, paused_until = NULL, last_error = NULL, delivered_at = $1 \
         WHERE tenant_id = $2 AND id = $3",
    )
    .bind(now.unix_micros())
    .bind(tx.tenant_key())
    .bind(id.to_string());
    tx.link().execute(query).await.map(drop)
}

/// Notes what went wrong, how often in a row the receiver could not be spoken to, and until when it is left alone.
pub async fn note_failure(
    tx: &mut Tx,
    id: WebhookId,
    error: &str,
    (failures, paused_until): (i64, Option<Timestamp>),
) -> Result<(), StorageError> {
    let query = Query::new(
        "UPDATE webhooks SET failures = $1, paused_until = $2, last_error = $3 WHERE tenant_id = $4 AND id = $5",
    )
    .bind(failures)
    .bind(paused_until.map(Timestamp::unix_micros))
    .bind(error.to_owned())
    .bind(tx.tenant_key())
    .bind(id.to_string());
    tx.link().execute(query).await.map(drop)
}

/// Sends nothing to a webhook any more; `false` when that was so already.
pub async fn disable(tx: &mut Tx, id: WebhookId, error: &str, now: Timestamp) -> Result<bool, StorageError> {
    let query = Query::new(
        "UPDATE webhooks SET is_active = FALSE, last_error = $1, updated_at = $2 \
         WHERE tenant_id = $3 AND id = $4 AND is_active = TRUE",
    )
    .bind(error.to_owned())
    .bind(now.unix_micros())
    .bind(tx.tenant_key())
    .bind(id.to_string());
    Ok(tx.link().execute(query).await? == 1)
}

/// How many deliveries of a webhook may wait before no more events are read for it.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// Of those that were not tried yet.
    pub fresh: i64,
    /// Of all, those that were refused and are tried again included.
    pub all: i64,
}

/// The place up to which every webhook in use has been told everything; none when there is no webhook.
pub async fn told_to_all(session: &mut Session) -> Result<Option<i64>, StorageError> {
    let query = Query::new(
        "SELECT MIN(place) FROM (SELECT place FROM webhooks WHERE tenant_id = $1 AND is_active = TRUE \
         UNION ALL SELECT sequence - 1 FROM webhook_deliveries WHERE tenant_id = $1) AS places",
    )
    .bind(session.tenant_key());
    let row = session.link().fetch_optional::<(Option<i64>,)>(query).await?;
    Ok(row.and_then(|(place,)| place))
}

/// Active webhooks for which there is something to do and no job: something has happened and there is room for more that
/// waits, or something is due that does not wait for what happened to the same object before. Where there are more than
/// `limit`, chance decides which, so that none is always last.
pub async fn behind(
    session: &mut SystemSession,
    kind: &'static str,
    now: Timestamp,
    room: Room,
    limit: i64,
) -> Result<Vec<(TenantId, WebhookId)>, StorageError> {
    let query = Query::new(
        "SELECT w.tenant_id, w.id FROM webhooks w WHERE w.is_active = TRUE \
         AND (w.paused_until IS NULL OR w.paused_until <= $1) \
         AND (EXISTS (SELECT 1 FROM audit_heads h WHERE h.tenant_id = w.tenant_id AND h.sequence > w.place \
             AND NOT EXISTS (SELECT 1 FROM webhook_deliveries d WHERE d.tenant_id = w.tenant_id AND d.webhook_id = w.id \
               AND d.state = 'waiting' AND d.attempts = 0 LIMIT 1 OFFSET $4) \
             AND NOT EXISTS (SELECT 1 FROM webhook_deliveries d WHERE d.tenant_id = w.tenant_id AND d.webhook_id = w.id \
               AND d.state = 'waiting' LIMIT 1 OFFSET $5)) \
           OR EXISTS (SELECT 1 FROM webhook_deliveries d WHERE d.tenant_id = w.tenant_id AND d.webhook_id = w.id \
             AND d.state = 'waiting' AND d.next_at <= $1 AND NOT EXISTS (SELECT 1 FROM webhook_deliveries e \
               WHERE e.tenant_id = d.tenant_id AND e.webhook_id = d.webhook_id AND e.state = 'waiting' \
               AND e.object = d.object AND e.sequence < d.sequence))) \
         AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.kind = $2 AND j.subject = w.id \
           AND j.state IN ('pending', 'queued', 'running')) ORDER BY random() LIMIT $3",
    )
    .bind(now.unix_micros())
    .bind(kind)
    .bind(limit)
    .bind(room.fresh - 1)
    .bind(room.all - 1);
    let rows: Vec<(String, String)> = session.link().fetch_all(query).await?;
    rows.into_iter()
        .map(|(tenant, id)| Ok((parsed(TABLE, "tenant_id", &tenant)?, parsed(TABLE, "id", &id)?)))
        .collect()
}

fn webhook(row: Row) -> Result<Webhook, StorageError> {
    let time = |micros: Option<i64>| micros.map(Timestamp::from_unix_micros);
    let absent = |column| move || corrupt(TABLE, column, "is absent");
    Ok(Webhook {
        id: parsed(TABLE, "id", &row.id)?,
        name: row.name,
        url: row.url,
        events: from_json(TABLE, "events", Some(&row.events))?.ok_or_else(absent("events"))?,
        filters: from_json(TABLE, "filters", Some(&row.filters))?.ok_or_else(absent("filters"))?,
        format: WEBHOOK_FORMAT.read(&row.format),
        is_active: row.is_active,
        previous_secret_until: time(row.previous_secret_until),
        place: row.place,
        failures: row.failures,
        paused_until: time(row.paused_until),
        last_error: row.last_error,
        delivered_at: time(row.delivered_at),
        created_at: Timestamp::from_unix_micros(row.created_at),
        updated_at: Timestamp::from_unix_micros(row.updated_at),
    })
}
