//! How certificates are revoked, suspended and released.

use certmill_domain::{CaId, CertificateId, Timestamp};
use certmill_x509::RevocationReason;

use super::TABLE;
use crate::error::parsed;
use crate::query::Query;
use crate::{Session, StorageError, Tx, WithLink};

/// Revokes a certificate; `false` when it was revoked before (or does not exist), and then nothing changes.
pub async fn revoke(
    tx: &mut Tx,
    id: CertificateId,
    reason: RevocationReason,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let query = Query::new(
        "UPDATE certificates SET status = 'revoked', revoked_at = $1, revocation_reason = $2, crl_changed_at = $1 \
         WHERE tenant_id = $3 AND id = $4 AND revoked_at IS NULL",
    )
    .bind(now.unix_micros())
    .bind(i64::from(reason.code()))
    .bind(tx.tenant_key())
    .bind(id.to_string());
    Ok(tx.link().execute(query).await? == 1)
}

/// Notes since when the key of a revoked certificate may have been in wrong hands.
pub async fn set_invalidity(tx: &mut Tx, id: CertificateId, since: Timestamp) -> Result<(), StorageError> {
    let query = Query::new("UPDATE certificates SET invalidity_at = $1 WHERE tenant_id = $2 AND id = $3")
        .bind(since.unix_micros())
        .bind(tx.tenant_key())
        .bind(id.to_string());
    tx.link().execute(query).await.map(drop)
}

/// Gives a revoked certificate another reason; `false` when it is not revoked for the one that the caller has seen.
pub async fn change_reason(
    tx: &mut Tx,
    id: CertificateId,
    seen: RevocationReason,
    reason: RevocationReason,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let query = Query::new(
        "UPDATE certificates SET revocation_reason = $1, crl_changed_at = $5 \
         WHERE tenant_id = $2 AND id = $3 AND revoked_at IS NOT NULL AND revocation_reason = $4",
    )
    .bind(i64::from(reason.code()))
    .bind(tx.tenant_key())
    .bind(id.to_string())
    .bind(i64::from(seen.code()))
    .bind(now.unix_micros());
    Ok(tx.link().execute(query).await? == 1)
}

/// Ends the suspension of a certificate; `false` when it is not suspended.
pub async fn release(tx: &mut Tx, id: CertificateId, now: Timestamp) -> Result<bool, StorageError> {
    let query = Query::new(
        "UPDATE certificates SET status = CASE WHEN not_after < $1 THEN 'expired' ELSE 'active' END, \
         revoked_at = NULL, revocation_reason = NULL, invalidity_at = NULL, released_at = $1, \
         crl_changed_at = $1 \
         WHERE tenant_id = $2 AND id = $3 AND revoked_at IS NOT NULL AND revocation_reason = $4",
    )
    .bind(now.unix_micros())
    .bind(tx.tenant_key())
    .bind(id.to_string())
    .bind(i64::from(RevocationReason::CertificateHold.code()));
    Ok(tx.link().execute(query).await? == 1)
}

/// Revokes the next `limit` active certificates of a CA. Answers how many there were.
pub async fn revoke_batch(
    tx: &mut Tx,
    ca: CaId,
    reason: RevocationReason,
    now: Timestamp,
    limit: i64,
) -> Result<u64, StorageError> {
    let query = Query::new(
        "UPDATE certificates SET status = 'revoked', revoked_at = $1, revocation_reason = $2, crl_changed_at = $1 \
         WHERE tenant_id = $3 AND id IN (SELECT id FROM certificates \
         WHERE tenant_id = $3 AND ca_id = $4 AND status = 'active' ORDER BY id LIMIT $5) \
         AND status = 'active'",
    )
    .bind(now.unix_micros())
    .bind(i64::from(reason.code()))
    .bind(tx.tenant_key())
    .bind(ca.to_string())
    .bind(limit);
    tx.link().execute(query).await
}

/// A certificate that was revoked among those which this one has replaced, one after the other, of which so many are looked at. Those
/// that were revoked as `superseded` do not count: their successor is what was wished for.
pub async fn revoked_before(
    session: &mut Session,
    id: CertificateId,
    depth: i64,
) -> Result<Option<CertificateId>, StorageError> {
    let query = Query::new(
        "WITH RECURSIVE older (id, depth) AS (\
           SELECT renewed_from, 1 FROM certificates WHERE tenant_id = $1 AND id = $2 \
           UNION ALL SELECT c.renewed_from, o.depth + 1 FROM older o JOIN certificates c \
             ON c.tenant_id = $1 AND c.id = o.id WHERE o.depth < $3) \
         SELECT c.id FROM older o JOIN certificates c ON c.tenant_id = $1 AND c.id = o.id \
         WHERE c.revoked_at IS NOT NULL AND COALESCE(c.revocation_reason, 0) <> $4 LIMIT 1",
    )
    .bind(session.tenant_key())
    .bind(id.to_string())
    .bind(depth)
    .bind(i64::from(RevocationReason::Superseded.code()));
    let row = session.link().fetch_optional::<(String,)>(query).await?;
    row.map(|(id,)| parsed(TABLE, "id", &id)).transpose()
}
