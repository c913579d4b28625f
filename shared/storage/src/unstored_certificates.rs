//! Certificates of roles that do not store them: what is needed to revoke one, until its end.

use certmill_domain::{CaId, CertificateId, CrlId, Stored, Timestamp};
use certmill_x509::{RevocationReason, SerialNumber};

use crate::crls::{RevokedEntry, push_page, revoked_entry, shard_of};
use crate::error::parsed;
use crate::ocsp::Standing;
use crate::query::{Query, Rows};
use crate::row::row;
use crate::words::CERTIFICATE_REVOCATION_REASON;
use crate::{Session, StorageError, Tx, WithLink};

const TABLE: &str = "unstored_certificates";
const INSERT: &str = "INSERT INTO unstored_certificates (tenant_id, serial_number, ca_id, certificate_id, not_after, crl_shard)";

/// A certificate about which no more is known.
#[derive(Debug, Clone)]
pub struct UnstoredCertificate {
    /// What the audit log calls it.
    pub id: CertificateId,
    /// Its serial number.
    pub serial_number: SerialNumber,
    /// Its CA.
    pub ca_id: CaId,
    /// Its end.
    pub not_after: Timestamp,
    /// The shard of its CA that it is in.
    pub crl_shard: u32,
    /// Since when it is revoked, and why.
    pub revoked: Standing,
}

row! {
    struct Row {
        certificate_id: String,
        ca_id: String,
        not_after: i64,
        crl_shard: i64,
        revoked_at: Option<i64>,
        revocation_reason: Option<i64>,
    }
}

/// Notes certificates.
pub async fn insert(tx: &mut Tx, batch: &[UnstoredCertificate]) -> Result<(), StorageError> {
    if batch.is_empty() {
        return Ok(());
    }
    let tenant = tx.tenant_key();
    let mut rows = Rows::new(INSERT, 6);
    for certificate in batch {
        rows.value(tenant.clone())
            .value(certificate.serial_number.as_bytes())
            .value(certificate.ca_id.to_string())
            .value(certificate.id.to_string())
            .value(certificate.not_after.unix_micros())
            .value(i64::from(certificate.crl_shard));
    }
    tx.link().insert(rows).await
}

/// Those of the tenant with this serial number.
pub async fn find(
    session: &mut Session,
    serial_number: &SerialNumber,
) -> Result<Vec<UnstoredCertificate>, StorageError> {
    let query = Query::new(
        "SELECT certificate_id, ca_id, not_after, crl_shard, revoked_at, revocation_reason FROM unstored_certificates \
         WHERE tenant_id = $1 AND serial_number = $2",
    )
    .bind(session.tenant_key())
    .bind(serial_number.as_bytes());
    let rows = session.link().fetch_all::<Row>(query).await?;
    rows.into_iter()
        .map(|row| {
            Ok(UnstoredCertificate {
                id: parsed(TABLE, "certificate_id", &row.certificate_id)?,
                serial_number: *serial_number,
                ca_id: parsed(TABLE, "ca_id", &row.ca_id)?,
                not_after: Timestamp::from_unix_micros(row.not_after),
                crl_shard: shard_of(row.crl_shard)?,
                revoked: standing(row.revoked_at, row.revocation_reason),
            })
        })
        .collect()
}

fn standing(revoked_at: Option<i64>, reason: Option<i64>) -> Standing {
    let reason = || -> Stored<RevocationReason> { CERTIFICATE_REVOCATION_REASON.read_code(reason) };
    revoked_at.map(|at| (Timestamp::from_unix_micros(at), reason()))
}

/// Revokes one; `false` when it was before.
pub async fn revoke(
    tx: &mut Tx,
    certificate: &UnstoredCertificate,
    reason: RevocationReason,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let query = Query::new(
        "UPDATE unstored_certificates SET revoked_at = $1, revocation_reason = $2, crl_changed_at = $1 \
         WHERE revoked_at IS NULL AND tenant_id = ",
    )
    .bind(now.unix_micros())
    .bind(i64::from(reason.code()));
    run(tx, query, certificate).await
}

/// Gives a revoked one another reason; `false` when it is not revoked for the one that the caller has seen.
pub async fn change_reason(
    tx: &mut Tx,
    certificate: &UnstoredCertificate,
    seen: RevocationReason,
    reason: RevocationReason,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let query = Query::new(
        "UPDATE unstored_certificates SET revocation_reason = $1, crl_changed_at = $3 \
         WHERE revoked_at IS NOT NULL AND revocation_reason = $2 AND tenant_id = ",
    )
    .bind(i64::from(reason.code()))
    .bind(i64::from(seen.code()))
    .bind(now.unix_micros());
    run(tx, query, certificate).await
}

/// Ends a suspension; `false` when it is not suspended.
pub async fn release(
    tx: &mut Tx,
    certificate: &UnstoredCertificate,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let query = Query::new(
        "UPDATE unstored_certificates SET revoked_at = NULL, revocation_reason = NULL, invalidity_at = NULL, \
         released_at = $1, crl_changed_at = $1 WHERE revoked_at IS NOT NULL AND revocation_reason = $2 AND tenant_id = ",
    )
    .bind(now.unix_micros())
    .bind(i64::from(RevocationReason::CertificateHold.code()));
    run(tx, query, certificate).await
}

/// Notes since when the key of a revoked one may have been in wrong hands.
pub async fn set_invalidity(
    tx: &mut Tx,
    certificate: &UnstoredCertificate,
    since: Timestamp,
) -> Result<bool, StorageError> {
    let query = Query::new("UPDATE unstored_certificates SET invalidity_at = $1 WHERE tenant_id = ")
        .bind(since.unix_micros());
    run(tx, query, certificate).await
}

/// Runs a change that ends where the tenant is to be named, on one certificate.
async fn run(tx: &mut Tx, mut query: Query, certificate: &UnstoredCertificate) -> Result<bool, StorageError> {
    query.push_bind(tx.tenant_key());
    query.push(" AND serial_number = ").push_bind(certificate.serial_number.as_bytes());
    query.push(" AND ca_id = ").push_bind(certificate.ca_id.to_string());
    Ok(tx.link().execute(query).await? == 1)
}

/// Revokes the next `limit` of a CA that have not ended and are not revoked; answers how many there were.
pub async fn revoke_batch(
    tx: &mut Tx,
    ca: CaId,
    reason: RevocationReason,
    now: Timestamp,
    limit: i64,
) -> Result<u64, StorageError> {
    let query = Query::new(
        "UPDATE unstored_certificates SET revoked_at = $1, revocation_reason = $2, crl_changed_at = $1 \
         WHERE tenant_id = $3 AND ca_id = $4 AND revoked_at IS NULL AND serial_number IN \
         (SELECT serial_number FROM unstored_certificates WHERE tenant_id = $3 AND not_after >= $1 AND ca_id = $4 \
         AND revoked_at IS NULL ORDER BY not_after LIMIT $5)",
    )
    .bind(now.unix_micros())
    .bind(i64::from(reason.code()))
    .bind(tx.tenant_key())
    .bind(ca.to_string())
    .bind(limit);
    tx.link().execute(query).await
}

/// A revoked one as a list has it: the entry, and since when the key may have been in wrong hands.
pub type Entry = (RevokedEntry, Option<Timestamp>);

/// The next `limit` revoked ones of a list that have not ended before `since`, in the order of their serial numbers.
pub async fn revoked_page(
    session: &mut Session,
    list: CrlId,
    since: Timestamp,
    after: Option<&SerialNumber>,
    limit: i64,
) -> Result<Vec<Entry>, StorageError> {
    type Row = (Vec<u8>, i64, Option<i64>, Option<i64>);
    let mut query = Query::new(
        "SELECT serial_number, revoked_at, revocation_reason, invalidity_at FROM unstored_certificates \
         WHERE revoked_at IS NOT NULL AND tenant_id = ",
    );
    push_page(&mut query, session.tenant_key(), (list, since, after), limit);
    let rows = session.link().fetch_all::<Row>(query).await?;
    rows.into_iter()
        .map(|(serial, revoked_at, reason, invalidity)| {
            let read = |code| CERTIFICATE_REVOCATION_REASON.read_code(code);
            let entry = revoked_entry((serial, revoked_at, reason), read)?;
            Ok((entry, invalidity.map(Timestamp::from_unix_micros)))
        })
        .collect()
}
