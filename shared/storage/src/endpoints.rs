//! Endpoints of certificates, and what was found there.

use std::collections::BTreeSet;

use certmill_domain::{
    CertificateEndpoint, CertificateId, EndpointState, Served, Stored, TenantId, Timestamp,
};

use crate::error::{corrupt, from_json, parsed, to_json};
use crate::query::{Query, Rows};
use crate::row::row;
use crate::words::ENDPOINT_STATE;
use crate::{Session, StorageError, SystemSession, Tx, WithLink};

const TABLE: &str = "certificate_endpoints";
const SELECT: &str = "SELECT certificate_id, endpoint, state, reason, findings, deployed_since, served_serial_number, \
     served_fingerprint, served_not_after, served_certificate_id, renewed_at, asked_at, failures, checked_at, next_check_at \
     FROM certificate_endpoints WHERE tenant_id = ";
const INSERT: &str = "INSERT INTO certificate_endpoints (tenant_id, certificate_id, endpoint, state, findings, failures, \
     next_check_at, asked_at, renewed_at, told_at)";

row! {
    struct Row {
        certificate_id: String,
        endpoint: String,
        state: String,
        reason: Option<String>,
        findings: String,
        deployed_since: Option<i64>,
        served_serial_number: Option<String>,
        served_fingerprint: Option<String>,
        served_not_after: Option<i64>,
        served_certificate_id: Option<String>,
        renewed_at: Option<i64>,
        asked_at: Option<i64>,
        failures: i64,
        checked_at: Option<i64>,
        next_check_at: i64,
    }
}

/// The endpoints of a certificate, in the order of their texts.
pub async fn of_certificate(
    session: &mut Session,
    certificate: CertificateId,
) -> Result<Vec<CertificateEndpoint>, StorageError> {
    let mut query = Query::new(SELECT);
    query.push_bind(session.tenant_key());
    query.push(" AND certificate_id = ").push_bind(certificate.to_string()).push(" ORDER BY endpoint");
    session.link().fetch_all::<Row>(query).await?.into_iter().map(endpoint).collect()
}

/// How many endpoints the tenant has.
pub async fn count(session: &mut Session) -> Result<i64, StorageError> {
    let query = Query::new("SELECT COUNT(*) FROM certificate_endpoints WHERE tenant_id = $1")
        .bind(session.tenant_key());
    session.link().fetch_count(query).await
}

/// Gives a certificate these endpoints and no others. What is known of those that it has already stays; the new ones are to be
/// looked at now. They are expected to serve a renewal as its other endpoints are: since the same time, and whether that was told
/// already. Where there is no other one, since `renewed_at`.
pub async fn set(
    tx: &mut Tx,
    certificate: CertificateId,
    wanted: &BTreeSet<String>,
    renewed_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), StorageError> {
    let query = Query::new(
        "SELECT MAX(renewed_at), MAX(told_at) FROM certificate_endpoints WHERE tenant_id = $1 AND certificate_id = $2",
    )
    .bind(tx.tenant_key())
    .bind(certificate.to_string());
    let others = tx.link().fetch_optional::<(Option<i64>, Option<i64>)>(query).await?;
    let (since, told_at) = others.unwrap_or_default();
    let since = since.or(renewed_at.map(Timestamp::unix_micros));
    let present = of_certificate(tx, certificate).await?;
    for gone in present.iter().filter(|known| !wanted.contains(&known.endpoint)) {
        let query = Query::new(
            "DELETE FROM certificate_endpoints WHERE tenant_id = $1 AND certificate_id = $2 AND endpoint = $3",
        )
        .bind(tx.tenant_key())
        .bind(certificate.to_string())
        .bind(gone.endpoint.clone());
        tx.link().execute(query).await?;
    }
    let mut rows = Rows::new(INSERT, 10);
    for new in wanted.iter().filter(|text| !present.iter().any(|known| known.endpoint == **text)) {
        rows.value(tx.tenant_key())
            .value(certificate.to_string())
            .value(new.clone())
            .value(ENDPOINT_STATE.write(&EndpointState::Unchecked.into())?)
            .value("[]")
            .value(0)
            .value(now.unix_micros())
            .value(now.unix_micros())
            .value(since)
            .value(told_at);
    }
    tx.link().insert(rows).await
}

/// Has the endpoints of a certificate go on to its renewal, which nobody has seen there yet.
pub async fn follow(
    tx: &mut Tx,
    (old, renewal): (CertificateId, CertificateId),
    now: Timestamp,
    next_check_at: Timestamp,
) -> Result<(), StorageError> {
    let query = Query::new(
        "UPDATE certificate_endpoints SET certificate_id = $1, state = $2, reason = NULL, deployed_since = NULL, \
         renewed_at = $3, told_at = NULL, asked_at = NULL, failures = 0, next_check_at = $4 \
         WHERE tenant_id = $5 AND certificate_id = $6 AND endpoint NOT IN (\
           SELECT n.endpoint FROM certificate_endpoints n WHERE n.tenant_id = $5 AND n.certificate_id = $1)",
    )
    .bind(renewal.to_string())
    .bind(ENDPOINT_STATE.write(&EndpointState::Unchecked.into())?)
    .bind(now.unix_micros())
    .bind(next_check_at.unix_micros())
    .bind(tx.tenant_key())
    .bind(old.to_string());
    tx.link().execute(query).await.map(drop)
}

/// Notes that somebody wants all endpoints of a certificate looked at. Answers how many there are.
pub async fn ask(tx: &mut Tx, certificate: CertificateId, now: Timestamp) -> Result<u64, StorageError> {
    let query = Query::new(
        "UPDATE certificate_endpoints SET asked_at = $1 WHERE tenant_id = $2 AND certificate_id = $3",
    )
    .bind(now.unix_micros())
    .bind(tx.tenant_key())
    .bind(certificate.to_string());
    tx.link().execute(query).await
}

/// The endpoints that are to be looked at now: those that somebody asked for, then those that are due longest.
pub async fn due(
    session: &mut Session,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<CertificateEndpoint>, StorageError> {
    let mut query = Query::new(SELECT);
    query.push_bind(session.tenant_key()).push(" AND asked_at IS NOT NULL ORDER BY asked_at LIMIT ");
    query.push_bind(limit);
    let mut found = session.link().fetch_all::<Row>(query).await?;
    let left = limit - i64::try_from(found.len()).unwrap_or(limit);
    if left > 0 {
        let mut query = Query::new(SELECT);
        query.push_bind(session.tenant_key()).push(" AND asked_at IS NULL AND next_check_at <= ");
        query.push_bind(now.unix_micros()).push(" ORDER BY next_check_at LIMIT ").push_bind(left);
        found.extend(session.link().fetch_all::<Row>(query).await?);
    }
    found.into_iter().map(endpoint).collect()
}

/// What a look has found.
#[derive(Debug, Clone)]
pub struct Found {
    /// What it is.
    pub state: EndpointState,
    /// Why no certificate was seen.
    pub reason: Option<String>,
    /// What is wrong with the certificate.
    pub findings: Vec<String>,
    /// The certificate that was seen; when none was, the one before stays.
    pub served: Option<Served>,
    /// Since when the right one is seen there.
    pub deployed_since: Option<Timestamp>,
    /// How often in a row none was seen.
    pub failures: i64,
    /// When the look began.
    pub began_at: Timestamp,
    /// When it was over.
    pub checked_at: Timestamp,
    /// When the next one comes.
    pub next_check_at: Timestamp,
}

/// Writes down what was found; `false` when the endpoint was taken away or has gone on to a renewal meanwhile.
pub async fn note(tx: &mut Tx, seen: &CertificateEndpoint, found: Found) -> Result<bool, StorageError> {
    let mut query = Query::new("UPDATE certificate_endpoints SET state = ");
    query.push_bind(ENDPOINT_STATE.write(&Stored::Known(found.state))?);
    query.push(", reason = ").push_bind(found.reason);
    query.push(", deployed_since = ").push_bind(found.deployed_since.map(Timestamp::unix_micros));
    query.push(", failures = ").push_bind(found.failures);
    query.push(", checked_at = ").push_bind(found.checked_at.unix_micros());
    query.push(", next_check_at = ").push_bind(found.next_check_at.unix_micros());
    // Whoever asked after this look had begun wants another one.
    query.push(", asked_at = CASE WHEN asked_at > ").push_bind(found.began_at.unix_micros());
    query.push(" THEN asked_at ELSE NULL END");
    if let Some(served) = found.served {
        query.push(", findings = ").push_bind(to_json(TABLE, "findings", Some(&found.findings))?);
        query.push(", served_serial_number = ").push_bind(served.serial_number);
        query.push(", served_fingerprint = ").push_bind(served.fingerprint_sha256);
        query.push(", served_not_after = ").push_bind(served.not_after.unix_micros());
        let id = served.certificate_id.map(|id| id.to_string());
        query.push(", served_certificate_id = ").push_bind(id);
    }
    query.push(" WHERE tenant_id = ").push_bind(tx.tenant_key());
    query.push(" AND certificate_id = ").push_bind(seen.certificate_id.to_string());
    query.push(" AND endpoint = ").push_bind(seen.endpoint.clone());
    Ok(tx.link().execute(query).await? == 1)
}

/// Renewals that are neither revoked nor over, that came before `before` and are not served everywhere, and of which that was not
/// told yet. Endpoints that nobody has looked at since are left for later.
pub async fn untold(
    session: &mut Session,
    (now, before): (Timestamp, Timestamp),
    limit: i64,
) -> Result<Vec<CertificateId>, StorageError> {
    let query = Query::new(
        "SELECT DISTINCT e.certificate_id FROM certificate_endpoints e \
         JOIN certificates c ON c.tenant_id = e.tenant_id AND c.id = e.certificate_id \
         WHERE e.tenant_id = $1 AND c.revoked_at IS NULL AND c.not_after >= $2 AND e.renewed_at IS NOT NULL \
         AND e.deployed_since IS NULL AND e.renewed_at <= $3 AND e.state <> 'unchecked' AND NOT EXISTS (\
           SELECT 1 FROM certificate_endpoints t WHERE t.tenant_id = e.tenant_id AND t.certificate_id = e.certificate_id \
           AND t.told_at IS NOT NULL) ORDER BY e.certificate_id LIMIT $4",
    )
    .bind(session.tenant_key())
    .bind(now.unix_micros())
    .bind(before.unix_micros())
    .bind(limit);
    let rows: Vec<(String,)> = session.link().fetch_all(query).await?;
    rows.into_iter().map(|(id,)| parsed(TABLE, "certificate_id", &id)).collect()
}

/// Notes that it was told that a renewal is not served; `false` when that was so already, or it was renewed again. The
/// certificate must be held.
pub async fn set_told(tx: &mut Tx, certificate: CertificateId, now: Timestamp) -> Result<bool, StorageError> {
    let query = Query::new(
        "UPDATE certificate_endpoints SET told_at = $1 WHERE tenant_id = $2 AND certificate_id = $3 AND told_at IS NULL",
    )
    .bind(now.unix_micros())
    .bind(tx.tenant_key())
    .bind(certificate.to_string());
    Ok(tx.link().execute(query).await? > 0)
}

/// Whether `old` is among the certificates that `newest` has replaced, of which so many are looked at.
pub async fn is_replaced_by(
    session: &mut Session,
    old: CertificateId,
    newest: CertificateId,
    depth: i64,
) -> Result<bool, StorageError> {
    let query = Query::new(
        "WITH RECURSIVE older (id, depth) AS (\
           SELECT renewed_from, 1 FROM certificates WHERE tenant_id = $1 AND id = $2 \
           UNION ALL SELECT c.renewed_from, o.depth + 1 FROM older o JOIN certificates c \
             ON c.tenant_id = $1 AND c.id = o.id WHERE o.depth < $4) \
         SELECT id FROM older WHERE id = $3 LIMIT 1",
    )
    .bind(session.tenant_key())
    .bind(newest.to_string())
    .bind(old.to_string())
    .bind(depth);
    Ok(session.link().fetch_optional::<(String,)>(query).await?.is_some())
}

/// Tenants with an endpoint that is to be looked at and without a job of this kind. Where there are more than `limit`, chance
/// decides which, so that nobody is always last.
pub async fn waiting_tenants(
    session: &mut SystemSession,
    kind: &'static str,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<TenantId>, StorageError> {
    let query = Query::new(
        "SELECT t.id FROM tenants t WHERE (EXISTS (SELECT 1 FROM certificate_endpoints e WHERE e.tenant_id = t.id \
           AND e.next_check_at <= $1) OR EXISTS (SELECT 1 FROM certificate_endpoints a WHERE a.tenant_id = t.id \
           AND a.asked_at IS NOT NULL)) \
         AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.kind = $2 AND j.subject = t.id \
           AND j.state IN ('pending', 'queued', 'running')) ORDER BY random() LIMIT $3",
    )
    .bind(now.unix_micros())
    .bind(kind)
    .bind(limit);
    let rows: Vec<(String,)> = session.link().fetch_all(query).await?;
    rows.into_iter().map(|(id,)| parsed("tenants", "id", &id)).collect()
}

/// Endpoints of all tenants by state.
pub async fn by_state(session: &mut SystemSession) -> Result<Vec<(String, i64)>, StorageError> {
    let query = Query::new("SELECT state, COUNT(*) FROM certificate_endpoints GROUP BY state");
    session.link().fetch_all(query).await
}

/// Certificates of all tenants, neither revoked nor over, that took the place of another one before `before` and are not served
/// everywhere.
pub async fn not_deployed(
    session: &mut SystemSession,
    (now, before): (Timestamp, Timestamp),
) -> Result<i64, StorageError> {
    let query = Query::new(
        "SELECT COUNT(*) FROM (SELECT DISTINCT e.tenant_id, e.certificate_id FROM certificate_endpoints e \
         JOIN certificates c ON c.tenant_id = e.tenant_id AND c.id = e.certificate_id \
         WHERE e.renewed_at IS NOT NULL AND e.deployed_since IS NULL AND e.renewed_at <= $2 \
         AND c.revoked_at IS NULL AND c.not_after >= $1) AS late",
    )
    .bind(now.unix_micros())
    .bind(before.unix_micros());
    session.link().fetch_count(query).await
}

fn endpoint(row: Row) -> Result<CertificateEndpoint, StorageError> {
    let time = |micros: Option<i64>| micros.map(Timestamp::from_unix_micros);
    let served = match (row.served_serial_number, row.served_fingerprint, time(row.served_not_after)) {
        (Some(serial_number), Some(fingerprint_sha256), Some(not_after)) => Some(Served {
            serial_number,
            fingerprint_sha256,
            not_after,
            certificate_id: row
                .served_certificate_id
                .as_deref()
                .map(|id| parsed(TABLE, "served_certificate_id", id))
                .transpose()?,
        }),
        _ => None,
    };
    Ok(CertificateEndpoint {
        certificate_id: parsed(TABLE, "certificate_id", &row.certificate_id)?,
        endpoint: row.endpoint,
        state: ENDPOINT_STATE.read(&row.state),
        reason: row.reason,
        findings: from_json(TABLE, "findings", Some(&row.findings))?
            .ok_or_else(|| corrupt(TABLE, "findings", "is absent"))?,
        deployed_since: time(row.deployed_since),
        served,
        renewed_at: time(row.renewed_at),
        asked_at: time(row.asked_at),
        failures: row.failures,
        checked_at: time(row.checked_at),
        next_check_at: Timestamp::from_unix_micros(row.next_check_at),
    })
}
