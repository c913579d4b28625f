//! CRLs: one present list per CA, and the entries from which the next one is made.

use certmill_domain::{CaId, Crl, CrlInfo, Stored, TenantId, Timestamp};
use certmill_x509::{RevocationReason, SerialNumber};

use crate::error::{corrupt, parsed};
use crate::query::Query;
use crate::words::CERTIFICATE_REVOCATION_REASON;
use crate::{Session, StorageError, SystemSession, Tx, WithLink, jobs};

/// A revoked certificate as a CRL lists it.
#[derive(Debug, Clone)]
pub struct RevokedEntry {
    /// Its serial number.
    pub serial_number: SerialNumber,
    /// When it was revoked.
    pub revoked_at: Timestamp,
    /// Why.
    pub reason: Stored<RevocationReason>,
}

type EntryRow = (Vec<u8>, i64, Option<i64>);
type InfoRow = (i64, i64, i64, i64);
type CrlRow = (i64, i64, i64, i64, Vec<u8>);

/// Stores a CA's first CRL.
pub async fn insert(tx: &mut Tx, ca: CaId, crl: &Crl) -> Result<(), StorageError> {
    let query = Query::new(
        "INSERT INTO crls (tenant_id, ca_id, number, this_update, next_update, entries, der) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(tx.tenant_key())
    .bind(ca.to_string())
    .bind(crl.info.number)
    .bind(crl.info.this_update.unix_micros())
    .bind(crl.info.next_update.unix_micros())
    .bind(crl.info.entries)
    .bind(crl.der.clone());
    tx.link().execute(query).await.map(drop)
}

/// Replaces a CA's CRL by the one with the next number; `false` when another build was first.
pub async fn replace(tx: &mut Tx, ca: CaId, crl: Crl) -> Result<bool, StorageError> {
    let query = Query::new(
        "UPDATE crls SET number = $1, this_update = $2, next_update = $3, entries = $4, der = $5 \
         WHERE tenant_id = $6 AND ca_id = $7 AND number = $1 - 1",
    )
    .bind(crl.info.number)
    .bind(crl.info.this_update.unix_micros())
    .bind(crl.info.next_update.unix_micros())
    .bind(crl.info.entries)
    .bind(crl.der)
    .bind(tx.tenant_key())
    .bind(ca.to_string());
    Ok(tx.link().execute(query).await? == 1)
}

/// The figures of a CA's present CRL.
pub async fn info(session: &mut Session, ca: CaId) -> Result<Option<CrlInfo>, StorageError> {
    let query = Query::new(
        "SELECT number, this_update, next_update, entries FROM crls WHERE tenant_id = $1 AND ca_id = $2",
    )
    .bind(session.tenant_key())
    .bind(ca.to_string());
    Ok(session.link().fetch_optional::<InfoRow>(query).await?.map(crl_info))
}

/// The figures of every present CRL of the tenant whose CA is in the list.
pub async fn infos(session: &mut Session, cas: &[CaId]) -> Result<Vec<(CaId, CrlInfo)>, StorageError> {
    if cas.is_empty() {
        return Ok(Vec::new());
    }
    let mut query =
        Query::new("SELECT ca_id, number, this_update, next_update, entries FROM crls WHERE tenant_id = ");
    query.push_bind(session.tenant_key()).push(" AND ca_id IN (");
    for (index, ca) in cas.iter().enumerate() {
        query.push(if index == 0 { "" } else { ", " }).push_bind(ca.to_string());
    }
    query.push(")");
    let rows: Vec<(String, i64, i64, i64, i64)> = session.link().fetch_all(query).await?;
    rows.into_iter()
        .map(|(ca, number, this, next, entries)| {
            Ok((parsed("crls", "ca_id", &ca)?, crl_info((number, this, next, entries))))
        })
        .collect()
}

/// The figures of a CA's present CRL, whoever owns it.
pub async fn public_info(session: &mut SystemSession, ca: CaId) -> Result<Option<CrlInfo>, StorageError> {
    let query = Query::new("SELECT number, this_update, next_update, entries FROM crls WHERE ca_id = $1")
        .bind(ca.to_string());
    Ok(session.link().fetch_optional::<InfoRow>(query).await?.map(crl_info))
}

/// A CA's present CRL, whoever owns it.
pub async fn public(session: &mut SystemSession, ca: CaId) -> Result<Option<Crl>, StorageError> {
    let query =
        Query::new("SELECT number, this_update, next_update, entries, der FROM crls WHERE ca_id = $1")
            .bind(ca.to_string());
    Ok(session.link().fetch_optional::<CrlRow>(query).await?.map(crl))
}

/// CAs, of any tenant, whose CRL ends before `before`.
pub async fn due(
    session: &mut SystemSession,
    kind: &'static str,
    before: Timestamp,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<(TenantId, CaId)>, StorageError> {
    let mut query = Query::new(
        "SELECT crls.tenant_id, crls.ca_id FROM crls \
         JOIN certificate_authorities ca ON ca.tenant_id = crls.tenant_id AND ca.id = crls.ca_id \
         WHERE crls.next_update < ",
    );
    query.push_bind(before.unix_micros()).push(" AND ca.not_after >= ").push_bind(now.unix_micros());
    query.push(" AND ");
    jobs::push_has_none(&mut query, kind, "crls.ca_id");
    query.push(" ORDER BY crls.next_update LIMIT ").push_bind(limit);
    let rows: Vec<(String, String)> = session.link().fetch_all(query).await?;
    rows.iter()
        .map(|(tenant, ca)| Ok((parsed("crls", "tenant_id", tenant)?, parsed("crls", "ca_id", ca)?)))
        .collect()
}

/// The next `limit` revoked, unexpired certificates of a CA in the order of their serial numbers, after `after`.
pub async fn revoked_page(
    session: &mut Session,
    ca: CaId,
    now: Timestamp,
    after: Option<&SerialNumber>,
    limit: i64,
) -> Result<Vec<RevokedEntry>, StorageError> {
    let query = Query::new(
        "SELECT serial_number, revoked_at, revocation_reason FROM certificates \
         WHERE tenant_id = $1 AND ca_id = $2 AND revoked_at IS NOT NULL AND not_after >= $3 \
         AND serial_number > $4 ORDER BY serial_number LIMIT $5",
    )
    .bind(session.tenant_key())
    .bind(ca.to_string())
    .bind(now.unix_micros())
    .bind(after.map_or_else(Vec::new, |serial| serial.as_bytes().to_vec()))
    .bind(limit);
    let reason = |code| CERTIFICATE_REVOCATION_REASON.read_code(code);
    let rows = session.link().fetch_all::<EntryRow>(query).await?;
    rows.into_iter().map(|row| revoked_entry(row, reason)).collect()
}

pub(crate) fn revoked_entry(
    (serial, revoked_at, code): EntryRow,
    reason: impl Fn(Option<i64>) -> Stored<RevocationReason>,
) -> Result<RevokedEntry, StorageError> {
    Ok(RevokedEntry {
        serial_number: SerialNumber::from_bytes(&serial)
            .map_err(|error| corrupt("certificates", "serial_number", error))?,
        revoked_at: Timestamp::from_unix_micros(revoked_at),
        reason: reason(code),
    })
}

fn crl((number, this_update, next_update, entries, der): CrlRow) -> Crl {
    Crl { info: crl_info((number, this_update, next_update, entries)), der }
}

fn crl_info((number, this_update, next_update, entries): InfoRow) -> CrlInfo {
    CrlInfo {
        number,
        this_update: Timestamp::from_unix_micros(this_update),
        next_update: Timestamp::from_unix_micros(next_update),
        entries,
    }
}
