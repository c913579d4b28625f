//! Challenges of orders, and the answers that the responders give.

mod progress;

use certmill_domain::{
    AcmeChallenge, AcmeChallengeId, AcmeOrderId, ChallengeType, DnsProviderId, TenantId, Timestamp, TxtRecord,
};

use crate::error::{parsed, to_json};
use crate::query::{Query, Rows};
use crate::row::row;
use crate::words::CHALLENGE_KIND;
use crate::{Session, StorageError, SystemSession, SystemTx, Tx, WithLink, jobs};

const TABLE: &str = "acme_challenges";
const SELECT: &str = "SELECT id, order_id, authorization_url, url, identifier, wildcard, kind, token, \
     key_authorization, state, record_name, record_value, zone, dns_provider_id, pending_change, exposure, \
     confirmations, submissions, additions, failures, forced, error, note, attempts, next_attempt_at, deadline_at, \
     published_at, submitted_at, validated_at, created_at, updated_at, dns_servers FROM acme_challenges WHERE ";

row! {
    struct Row {
        id: String,
        order_id: String,
        authorization_url: String,
        url: String,
        identifier: String,
        wildcard: bool,
        kind: String,
        token: String,
        key_authorization: String,
        state: String,
        record_name: Option<String>,
        record_value: Option<String>,
        zone: Option<String>,
        dns_provider_id: Option<String>,
        pending_change: Option<String>,
        exposure: String,
        confirmations: i64,
        submissions: i64,
        additions: i64,
        failures: i64,
        forced: bool,
        error: Option<String>,
        note: Option<String>,
        attempts: i64,
        next_attempt_at: Option<i64>,
        deadline_at: i64,
        published_at: Option<i64>,
        submitted_at: Option<i64>,
        validated_at: Option<i64>,
        created_at: i64,
        updated_at: i64,
        dns_servers: Option<String>,
    }
}

const INSERT: &str = "INSERT INTO acme_challenges (tenant_id, id, order_id, authorization_url, url, identifier, \
     wildcard, kind, token, key_authorization, state, exposure, deadline_at, next_attempt_at, validated_at, \
     created_at, updated_at)";

/// Stores the challenges of an order; those that are there already (by their authorization) stay as they are.
pub async fn insert(tx: &mut Tx, challenges: &[AcmeChallenge]) -> Result<(), StorageError> {
    let mut rows = Rows::new(INSERT, 17);
    rows.suffix = " ON CONFLICT (tenant_id, order_id, authorization_url) DO NOTHING";
    for challenge in challenges {
        let columns = progress::write(&challenge.progress)?;
        rows.value(tx.tenant_key())
            .value(challenge.id.to_string())
            .value(challenge.order_id.to_string())
            .value(challenge.authorization_url.clone())
            .value(challenge.url.clone())
            .value(challenge.identifier.clone())
            .value(challenge.wildcard)
            .value(CHALLENGE_KIND.write(&challenge.kind)?)
            .value(challenge.token.clone())
            .value(challenge.key_authorization.clone())
            .value(columns.state)
            .value(columns.exposure)
            .value(challenge.deadline_at.unix_micros())
            .value(challenge.next_attempt_at.map(Timestamp::unix_micros))
            .value(columns.validated_at.map(Timestamp::unix_micros))
            .value(challenge.created_at.unix_micros())
            .value(challenge.updated_at.unix_micros());
    }
    tx.link().insert(rows).await
}

/// Writes everything about a challenge that its job may change.
pub async fn save(tx: &mut Tx, challenge: &AcmeChallenge) -> Result<(), StorageError> {
    let micros = |time: Option<Timestamp>| time.map(Timestamp::unix_micros);
    let columns = progress::write(&challenge.progress)?;
    let record = columns.txt.as_ref().map(|txt| &txt.record);
    let additions = columns.txt.as_ref().and_then(|txt| txt.added).map_or(0, |added| added.times);
    let query = Query::new(
        "UPDATE acme_challenges SET state = $1, record_name = $2, record_value = $3, zone = $4, \
         dns_provider_id = $5, pending_change = $6, exposure = $7, confirmations = $8, submissions = $9, \
         error = $10, note = $11, attempts = $12, next_attempt_at = $13, deadline_at = $14, published_at = $15, \
         submitted_at = $16, validated_at = $17, updated_at = $18, additions = $19, failures = $20, dns_servers = $23 \
         WHERE tenant_id = $21 AND id = $22",
    )
    .bind(columns.state)
    .bind(record.map(|record| record.name.clone()))
    .bind(record.map(|record| record.value.clone()))
    .bind(record.map(|record| record.zone.clone()))
    .bind(record.map(|record| record.provider.to_string()))
    .bind(columns.pending_change.clone())
    .bind(columns.exposure)
    .bind(columns.confirmations)
    .bind(columns.told.map_or(0, |told| told.times))
    .bind(to_json(TABLE, "error", columns.failure.as_ref())?)
    .bind(challenge.note.clone())
    .bind(challenge.attempts)
    .bind(micros(challenge.next_attempt_at))
    .bind(challenge.deadline_at.unix_micros())
    .bind(micros(columns.published_at))
    .bind(micros(columns.told.map(|told| told.last)))
    .bind(micros(columns.validated_at))
    .bind(challenge.updated_at.unix_micros())
    .bind(additions)
    .bind(challenge.failures)
    .bind(tx.tenant_key())
    .bind(challenge.id.to_string())
    .bind(to_json(TABLE, "dns_servers", Some(&challenge.dns_servers).filter(|servers| !servers.is_empty()))?);
    tx.link().execute(query).await.map(drop)
}

/// A challenge of the tenant.
pub async fn find(session: &mut Session, id: AcmeChallengeId) -> Result<Option<AcmeChallenge>, StorageError> {
    let mut query = Query::new(SELECT);
    query.push("tenant_id = ").push_bind(session.tenant_key());
    query.push(" AND id = ").push_bind(id.to_string());
    session.link().fetch_optional::<Row>(query).await?.map(challenge).transpose()
}

/// The challenges of some orders, in the order of their identifiers.
pub async fn of_orders(
    session: &mut Session,
    orders: &[AcmeOrderId],
) -> Result<Vec<AcmeChallenge>, StorageError> {
    if orders.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = Query::new(SELECT);
    query.push("tenant_id = ").push_bind(session.tenant_key());
    for (at, order) in orders.iter().enumerate() {
        query.push(if at == 0 { " AND order_id IN (" } else { ", " }).push_bind(order.to_string());
    }
    query.push(") ORDER BY order_id, identifier, wildcard, id");
    session.link().fetch_all::<Row>(query).await?.into_iter().map(challenge).collect()
}

/// Notes that a person says a challenge is ready, or that this was taken into account.
pub async fn set_forced(tx: &mut Tx, id: AcmeChallengeId, forced: bool) -> Result<(), StorageError> {
    let query = Query::new("UPDATE acme_challenges SET forced = $1 WHERE tenant_id = $2 AND id = $3")
        .bind(forced)
        .bind(tx.tenant_key())
        .bind(id.to_string());
    tx.link().execute(query).await.map(drop)
}

/// Whether another challenge of the tenant, besides `id`, wants the same value at the same name, or has it there.
pub async fn is_shared(
    session: &mut Session,
    id: AcmeChallengeId,
    record: &TxtRecord,
) -> Result<bool, StorageError> {
    let mut query = Query::new("SELECT id FROM acme_challenges WHERE tenant_id = ");
    query.push_bind(session.tenant_key());
    query.push(" AND dns_provider_id = ").push_bind(record.provider.to_string());
    query.push(" AND record_name = ").push_bind(record.name.clone());
    query.push(" AND record_value = ").push_bind(record.value.clone());
    query.push(" AND id <> ").push_bind(id.to_string());
    query.push(" AND exposure NOT IN ('none', 'removing', 'removed') LIMIT 1");
    Ok(session.link().fetch_optional::<(String,)>(query).await?.is_some())
}

/// How many values of other challenges are at a name of a provider.
pub async fn others_present(
    session: &mut Session,
    id: AcmeChallengeId,
    record: &TxtRecord,
) -> Result<i64, StorageError> {
    let mut query = Query::new("SELECT count(*) FROM acme_challenges WHERE tenant_id = ");
    query.push_bind(session.tenant_key());
    query.push(" AND dns_provider_id = ").push_bind(record.provider.to_string());
    query.push(" AND record_name = ").push_bind(record.name.clone());
    query.push(" AND id <> ").push_bind(id.to_string());
    query.push(" AND exposure = 'present'");
    session.link().fetch_count(query).await
}

/// How many values of a provider are, or may be, out there.
pub async fn exposed_with(session: &mut Session, provider: DnsProviderId) -> Result<i64, StorageError> {
    let query = Query::new(
        "SELECT count(*) FROM acme_challenges WHERE tenant_id = $1 AND dns_provider_id = $2 \
         AND record_name IS NOT NULL AND exposure IN ('wanted', 'present', 'removing')",
    )
    .bind(session.tenant_key())
    .bind(provider.to_string());
    session.link().fetch_count(query).await
}

/// Challenges of any tenant whose answer may be out there although their next attempt was due before `before`.
pub async fn overdue(
    session: &mut SystemSession,
    kind: &'static str,
    before: Timestamp,
    limit: i64,
) -> Result<Vec<(TenantId, AcmeChallengeId)>, StorageError> {
    let mut query = Query::new(
        "SELECT tenant_id, id FROM acme_challenges WHERE exposure IN ('wanted', 'present', 'removing') \
         AND next_attempt_at < ",
    );
    query.push_bind(before.unix_micros()).push(" AND ");
    jobs::push_has_none(&mut query, kind, "acme_challenges.id");
    query.push(" ORDER BY next_attempt_at LIMIT ").push_bind(limit);
    let rows: Vec<(String, String)> = session.link().fetch_all(query).await?;
    rows.into_iter()
        .map(|(tenant, id)| Ok((parsed(TABLE, "tenant_id", &tenant)?, parsed(TABLE, "id", &id)?)))
        .collect()
}

/// Has the responders answer for a challenge until `expires_at`; `false` when another challenge is being answered there
/// (which for `tls-alpn-01` is any other of the same name).
pub async fn publish(
    tx: &mut Tx,
    challenge: &AcmeChallenge,
    expires_at: Timestamp,
) -> Result<bool, StorageError> {
    let kind = challenge.kind.known()?;
    let query = Query::new(
        "INSERT INTO acme_responses (kind, host, token, tenant_id, challenge_id, key_authorization, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (kind, host, token) DO UPDATE SET \
         expires_at = excluded.expires_at WHERE acme_responses.challenge_id = excluded.challenge_id",
    )
    .bind(kind.as_str())
    .bind(challenge.identifier.clone())
    .bind(response_token(kind, &challenge.token))
    .bind(tx.tenant_key())
    .bind(challenge.id.to_string())
    .bind(challenge.key_authorization.clone())
    .bind(expires_at.unix_micros());
    Ok(tx.link().execute(query).await? == 1)
}

/// The token under which an answer is found. A TLS handshake names none.
fn response_token(kind: ChallengeType, token: &str) -> String {
    match kind {
        ChallengeType::TlsAlpn01 => String::new(),
        ChallengeType::Http01 | ChallengeType::Dns01 => token.to_owned(),
    }
}

/// Has the responders stop answering for a challenge.
pub async fn unpublish(tx: &mut Tx, id: AcmeChallengeId) -> Result<(), StorageError> {
    let query = Query::new("DELETE FROM acme_responses WHERE tenant_id = $1 AND challenge_id = $2")
        .bind(tx.tenant_key())
        .bind(id.to_string());
    tx.link().execute(query).await.map(drop)
}

/// Deletes the challenges of an order that are over and of which nothing is published: the CA has lost what they are part of.
pub async fn forget_settled(tx: &mut Tx, order: AcmeOrderId) -> Result<u64, StorageError> {
    let query = Query::new(
        "DELETE FROM acme_challenges WHERE tenant_id = $1 AND order_id = $2 \
         AND state IN ('valid', 'invalid') AND exposure IN ('none', 'removed')",
    )
    .bind(tx.tenant_key())
    .bind(order.to_string());
    tx.link().execute(query).await
}

/// Deletes answers whose challenge is over.
pub async fn prune_responses(tx: &mut SystemTx, now: Timestamp) -> Result<u64, StorageError> {
    let query = Query::new("DELETE FROM acme_responses WHERE expires_at < $1").bind(now.unix_micros());
    tx.link().execute(query).await
}

/// The key authorization to answer with, whichever tenant's it is: for `http-01` by host and token, for `tls-alpn-01`
/// by host alone.
pub async fn response(
    session: &mut SystemSession,
    kind: ChallengeType,
    (host, token): (&str, &str),
    now: Timestamp,
) -> Result<Option<String>, StorageError> {
    let query = Query::new(
        "SELECT key_authorization FROM acme_responses WHERE kind = $1 AND host = $2 AND token = $3 AND expires_at > $4",
    )
    .bind(kind.as_str())
    .bind(host.to_owned())
    .bind(response_token(kind, token))
    .bind(now.unix_micros());
    let row = session.link().fetch_optional::<(String,)>(query).await?;
    Ok(row.map(|(key_authorization,)| key_authorization))
}

fn challenge(row: Row) -> Result<AcmeChallenge, StorageError> {
    Ok(AcmeChallenge {
        progress: progress::read(&row)?,
        id: parsed(TABLE, "id", &row.id)?,
        order_id: parsed(TABLE, "order_id", &row.order_id)?,
        authorization_url: row.authorization_url,
        url: row.url,
        identifier: row.identifier,
        wildcard: row.wildcard,
        kind: CHALLENGE_KIND.read(&row.kind),
        token: row.token,
        key_authorization: row.key_authorization,
        failures: row.failures,
        forced: row.forced,
        note: row.note,
        // This is shown to people only, so an answer in the form of a newer version is left out.
        dns_servers: row.dns_servers.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default(),
        attempts: row.attempts,
        next_attempt_at: row.next_attempt_at.map(Timestamp::from_unix_micros),
        deadline_at: Timestamp::from_unix_micros(row.deadline_at),
        created_at: Timestamp::from_unix_micros(row.created_at),
        updated_at: Timestamp::from_unix_micros(row.updated_at),
    })
}
