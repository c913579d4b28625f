//! Certificates that are to be revoked later.

use certmill_domain::{CertificateId, Stored, TenantId, Timestamp};
use certmill_x509::RevocationReason;

use crate::error::parsed;
use crate::query::Query;
use crate::words::CERTIFICATE_REVOCATION_REASON;
use crate::{Session, StorageError, SystemSession, Tx, WithLink, jobs};

const TABLE: &str = "scheduled_revocations";

/// A revocation to come.
#[derive(Debug, Clone)]
pub struct ScheduledRevocation {
    /// When.
    pub revoke_at: Timestamp,
    /// Why.
    pub reason: Stored<RevocationReason>,
    /// Since when the key may be in wrong hands.
    pub invalidity_at: Option<Timestamp>,
}

/// Schedules the revocation of a certificate, in the place of the one that was scheduled before.
pub async fn set(
    tx: &mut Tx,
    certificate: CertificateId,
    (revoke_at, reason): (Timestamp, RevocationReason),
    invalidity_at: Option<Timestamp>,
) -> Result<(), StorageError> {
    let query = Query::new(
        "INSERT INTO scheduled_revocations (tenant_id, certificate_id, revoke_at, revocation_reason, invalidity_at) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (tenant_id, certificate_id) DO UPDATE SET \
         revoke_at = excluded.revoke_at, revocation_reason = excluded.revocation_reason, \
         invalidity_at = excluded.invalidity_at",
    )
    .bind(tx.tenant_key())
    .bind(certificate.to_string())
    .bind(revoke_at.unix_micros())
    .bind(i64::from(reason.code()))
    .bind(invalidity_at.map(Timestamp::unix_micros));
    tx.link().execute(query).await.map(drop)
}

/// What is scheduled for a certificate.
pub async fn find(
    session: &mut Session,
    certificate: CertificateId,
) -> Result<Option<ScheduledRevocation>, StorageError> {
    let query = Query::new(
        "SELECT revoke_at, revocation_reason, invalidity_at FROM scheduled_revocations \
         WHERE tenant_id = $1 AND certificate_id = $2",
    )
    .bind(session.tenant_key())
    .bind(certificate.to_string());
    let row = session.link().fetch_optional::<(i64, i64, Option<i64>)>(query).await?;
    Ok(row.map(|(revoke_at, code, invalidity_at)| ScheduledRevocation {
        revoke_at: Timestamp::from_unix_micros(revoke_at),
        reason: CERTIFICATE_REVOCATION_REASON.read_code(Some(code)),
        invalidity_at: invalidity_at.map(Timestamp::from_unix_micros),
    }))
}

/// Takes back what is scheduled for a certificate; `false` when nothing is.
pub async fn delete(tx: &mut Tx, certificate: CertificateId) -> Result<bool, StorageError> {
    let query = Query::new("DELETE FROM scheduled_revocations WHERE tenant_id = $1 AND certificate_id = $2")
        .bind(tx.tenant_key())
        .bind(certificate.to_string());
    Ok(tx.link().execute(query).await? == 1)
}

/// Certificates, of any tenant, that are to be revoked before `before` and have no job for it.
pub async fn due(
    session: &mut SystemSession,
    kind: &'static str,
    before: Timestamp,
    limit: i64,
) -> Result<Vec<(TenantId, CertificateId)>, StorageError> {
    let mut query =
        Query::new("SELECT tenant_id, certificate_id FROM scheduled_revocations WHERE revoke_at < ");
    query.push_bind(before.unix_micros()).push(" AND ");
    jobs::push_has_none(&mut query, kind, "scheduled_revocations.certificate_id");
    query.push(" ORDER BY revoke_at LIMIT ").push_bind(limit);
    let rows: Vec<(String, String)> = session.link().fetch_all(query).await?;
    rows.into_iter()
        .map(|(tenant, id)| Ok((parsed(TABLE, "tenant_id", &tenant)?, parsed(TABLE, "certificate_id", &id)?)))
        .collect()
}
