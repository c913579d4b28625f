//! The former certificates of CAs that have another one for the same name and key.

use certmill_domain::{Ca, CaId, Timestamp};
use certmill_x509::{SerialNumber, sha256_hex};

use crate::certificate_authorities::stored_kind;
use crate::error::{corrupt, parsed};
use crate::query::Query;
use crate::{Session, StorageError, Tx, WithLink};

const TABLE: &str = "ca_certificates";

/// A certificate that a CA had before its present one.
#[derive(Debug, Clone)]
pub struct FormerCertificate {
    /// Its serial number.
    pub serial_number: SerialNumber,
    /// The certificate.
    pub certificate_der: Vec<u8>,
    /// Start of its validity.
    pub not_before: Timestamp,
    /// End of its validity, inclusive.
    pub not_after: Timestamp,
    /// When another one took its place.
    pub replaced_at: Timestamp,
}

/// Gives a CA another certificate, and keeps the one that it had. `false`, and nothing is changed, when `old` is not what it has
/// any more, or it is revoked.
pub async fn replace(tx: &mut Tx, old: &Ca, new: &Ca, now: Timestamp) -> Result<bool, StorageError> {
    let query = Query::new(
        "UPDATE certificate_authorities SET certificate_der = $1, common_name = $2, kind = $3, parent_id = $4, \
         serial_number = $5, not_before = $6, not_after = $7, path_length = $8, above_der = $9 \
         WHERE tenant_id = $10 AND id = $11 AND certificate_der = $12 AND revoked_at IS NULL",
    )
    .bind(new.certificate_der.clone())
    .bind(new.common_name.clone())
    .bind(stored_kind(new).as_str())
    .bind(new.parent_id.map(|id| id.to_string()))
    .bind(new.serial_number.as_bytes())
    .bind(new.not_before.unix_micros())
    .bind(new.not_after.unix_micros())
    .bind(new.path_length.map(i64::from))
    .bind(new.foreign.as_ref().and_then(|foreign| foreign.above_der.clone()))
    .bind(tx.tenant_key())
    .bind(new.id.to_string())
    .bind(old.certificate_der.clone());
    if tx.link().execute(query).await? != 1 {
        return Ok(false);
    }
    // One that it had before may come back.
    let query = Query::new(
        "DELETE FROM ca_certificates WHERE tenant_id = $1 AND ca_id = $2 AND fingerprint_sha256 = $3",
    )
    .bind(tx.tenant_key())
    .bind(new.id.to_string())
    .bind(sha256_hex(&new.certificate_der));
    tx.link().execute(query).await?;
    insert(tx, old, now).await?;
    Ok(true)
}

async fn insert(tx: &mut Tx, old: &Ca, now: Timestamp) -> Result<(), StorageError> {
    let is_below_strangers = old.foreign.as_ref().is_some_and(|foreign| foreign.above_der.is_some());
    let issuer = if is_below_strangers { None } else { Some(old.parent_id.unwrap_or(old.id)) };
    let query = Query::new(
        "INSERT INTO ca_certificates (tenant_id, ca_id, fingerprint_sha256, serial_number, certificate_der, issuer_id, \
         not_before, not_after, replaced_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(tx.tenant_key())
    .bind(old.id.to_string())
    .bind(sha256_hex(&old.certificate_der))
    .bind(old.serial_number.as_bytes())
    .bind(old.certificate_der.clone())
    .bind(issuer.map(|id| id.to_string()))
    .bind(old.not_before.unix_micros())
    .bind(old.not_after.unix_micros())
    .bind(now.unix_micros());
    tx.link().execute(query).await.map(drop)
}

/// How many former certificates of a CA have not ended.
pub async fn count(session: &mut Session, ca: CaId, now: Timestamp) -> Result<i64, StorageError> {
    let query = Query::new(
        "SELECT COUNT(*) FROM ca_certificates WHERE tenant_id = $1 AND ca_id = $2 AND not_after >= $3",
    )
    .bind(session.tenant_key())
    .bind(ca.to_string())
    .bind(now.unix_micros());
    session.link().fetch_count(query).await
}

/// Forgets the former certificates of a CA that have ended, but for as many as are to be `kept`, the last ones.
pub async fn forget_ended(tx: &mut Tx, ca: CaId, now: Timestamp, kept: i64) -> Result<(), StorageError> {
    let query = Query::new(
        "DELETE FROM ca_certificates WHERE tenant_id = $1 AND ca_id = $2 AND not_after < $3 \
         AND fingerprint_sha256 NOT IN (SELECT fingerprint_sha256 FROM ca_certificates WHERE tenant_id = $1 AND ca_id = $2 \
         AND not_after < $3 ORDER BY not_after DESC, fingerprint_sha256 LIMIT $4)",
    )
    .bind(tx.tenant_key())
    .bind(ca.to_string())
    .bind(now.unix_micros())
    .bind(kept);
    tx.link().execute(query).await.map(drop)
}

/// A former certificate of any CA of the tenant.
#[derive(Debug, Clone)]
pub struct FormerOf {
    /// The CA.
    pub ca: CaId,
    /// SHA-256 of the certificate, lower-case hex.
    pub fingerprint_sha256: String,
    /// The certificate.
    pub certificate_der: Vec<u8>,
    /// Whether the CA had signed it itself.
    pub is_self_signed: bool,
}

/// The former certificates of all CAs of the tenant, in the order of CA and fingerprint; those that follow `after`, so many at most.
pub async fn of_all(
    session: &mut Session,
    after: Option<&FormerOf>,
    limit: i64,
) -> Result<Vec<FormerOf>, StorageError> {
    type Columns = (String, String, Vec<u8>, Option<String>);
    let mut query = Query::new(
        "SELECT ca_id, fingerprint_sha256, certificate_der, issuer_id FROM ca_certificates WHERE tenant_id = ",
    );
    query.push_bind(session.tenant_key());
    if let Some(after) = after {
        query.push(" AND (ca_id, fingerprint_sha256) > (").push_bind(after.ca.to_string());
        query.push(", ").push_bind(after.fingerprint_sha256.clone()).push(")");
    }
    query.push(" ORDER BY ca_id, fingerprint_sha256 LIMIT ").push_bind(limit);
    let rows: Vec<Columns> = session.link().fetch_all(query).await?;
    rows.into_iter()
        .map(|(ca, fingerprint_sha256, certificate_der, issuer)| {
            let is_self_signed = issuer.as_ref() == Some(&ca);
            let ca = parsed(TABLE, "ca_id", &ca)?;
            Ok(FormerOf { ca, fingerprint_sha256, certificate_der, is_self_signed })
        })
        .collect()
}

/// The former certificates of a CA, the one that was replaced last first.
pub async fn list(session: &mut Session, ca: CaId) -> Result<Vec<FormerCertificate>, StorageError> {
    type Columns = (Vec<u8>, Vec<u8>, i64, i64, i64);
    let query = Query::new(
        "SELECT serial_number, certificate_der, not_before, not_after, replaced_at FROM ca_certificates \
         WHERE tenant_id = $1 AND ca_id = $2 ORDER BY replaced_at DESC, fingerprint_sha256",
    )
    .bind(session.tenant_key())
    .bind(ca.to_string());
    let rows: Vec<Columns> = session.link().fetch_all(query).await?;
    rows.into_iter()
        .map(|(serial_number, certificate_der, not_before, not_after, replaced_at)| {
            Ok(FormerCertificate {
                serial_number: SerialNumber::from_bytes(&serial_number)
                    .map_err(|error| corrupt(TABLE, "serial_number", error))?,
                certificate_der,
                not_before: Timestamp::from_unix_micros(not_before),
                not_after: Timestamp::from_unix_micros(not_after),
                replaced_at: Timestamp::from_unix_micros(replaced_at),
            })
        })
        .collect()
}

/// The CA of the tenant that had this certificate.
pub async fn owner(session: &mut Session, certificate_der: &[u8]) -> Result<Option<CaId>, StorageError> {
    let query = Query::new(
        "SELECT ca_id FROM ca_certificates WHERE tenant_id = $1 AND fingerprint_sha256 = $2 ORDER BY ca_id LIMIT 1",
    )
    .bind(session.tenant_key())
    .bind(sha256_hex(certificate_der));
    let row = session.link().fetch_optional::<(String,)>(query).await?;
    row.map(|(id,)| parsed(TABLE, "ca_id", &id)).transpose()
}

/// Former certificates of any CA of the tenant that have this serial number and have not ended: one, but for those of CAs from
/// elsewhere.
pub async fn good_with(
    session: &mut Session,
    serial_number: &SerialNumber,
    now: Timestamp,
) -> Result<Vec<Vec<u8>>, StorageError> {
    let query = Query::new(
        "SELECT certificate_der FROM ca_certificates WHERE tenant_id = $1 AND serial_number = $2 AND not_after >= $3 \
         ORDER BY fingerprint_sha256 LIMIT 20",
    )
    .bind(session.tenant_key())
    .bind(serial_number.as_bytes())
    .bind(now.unix_micros());
    let rows: Vec<(Vec<u8>,)> = session.link().fetch_all(query).await?;
    Ok(rows.into_iter().map(|(der,)| der).collect())
}

/// The CAs here, itself left out, that have issued former certificates of a CA.
pub async fn issuers(session: &mut Session, ca: CaId) -> Result<Vec<CaId>, StorageError> {
    let query = Query::new(
        "SELECT DISTINCT issuer_id FROM ca_certificates WHERE tenant_id = $1 AND ca_id = $2 AND issuer_id <> $2 \
         ORDER BY issuer_id",
    )
    .bind(session.tenant_key())
    .bind(ca.to_string());
    let rows: Vec<(String,)> = session.link().fetch_all(query).await?;
    rows.iter().map(|(id,)| parsed(TABLE, "issuer_id", id)).collect()
}

/// Says which CA here has issued a former certificate, of which that was not known.
pub async fn set_issuer(
    tx: &mut Tx,
    ca: CaId,
    certificate_der: &[u8],
    issuer: CaId,
) -> Result<(), StorageError> {
    let query = Query::new(
        "UPDATE ca_certificates SET issuer_id = $1 \
         WHERE tenant_id = $2 AND ca_id = $3 AND fingerprint_sha256 = $4 AND issuer_id IS NULL",
    )
    .bind(issuer.to_string())
    .bind(tx.tenant_key())
    .bind(ca.to_string())
    .bind(sha256_hex(certificate_der));
    tx.link().execute(query).await.map(drop)
}
