//! CRLs: one present list per CA, and the entries from which the next one is made.

use std::time::Duration;

use certmill_domain::{CaId, Crl, CrlInfo, Stored, TenantId, Timestamp};
use certmill_x509::{RevocationReason, SerialNumber};

use crate::certificates::push_serial_number;
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
type InfoRow = (i64, i64, i64, i64, i64);
type CrlRow = (i64, i64, i64, i64, i64, Vec<u8>);

/// Stores a CA's first CRL.
pub async fn insert(tx: &mut Tx, ca: CaId, crl: &Crl) -> Result<(), StorageError> {
    let query = Query::new(
        "INSERT INTO crls (tenant_id, ca_id, number, this_update, next_update, entries, builds, der) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(tx.tenant_key())
    .bind(ca.to_string())
    .bind(crl.info.number)
    .bind(crl.info.this_update.unix_micros())
    .bind(crl.info.next_update.unix_micros())
    .bind(crl.info.entries)
    .bind(crl.info.builds)
    .bind(crl.der.clone());
    tx.link().execute(query).await.map(drop)
}

/// Replaces a CA's CRL, whose number the caller has read, by the next one; `false` when another build was first.
pub async fn replace(tx: &mut Tx, ca: CaId, seen: i64, crl: Crl) -> Result<bool, StorageError> {
    let query = Query::new(
        "UPDATE crls SET number = $1, this_update = $2, next_update = $3, entries = $4, builds = $5, der = $6, \
         previous_update = this_update \
         WHERE tenant_id = $7 AND ca_id = $8 AND number = $9",
    )
    .bind(crl.info.number)
    .bind(crl.info.this_update.unix_micros())
    .bind(crl.info.next_update.unix_micros())
    .bind(crl.info.entries)
    .bind(crl.info.builds)
    .bind(crl.der)
    .bind(tx.tenant_key())
    .bind(ca.to_string())
    .bind(seen);
    Ok(tx.link().execute(query).await? == 1)
}

/// A CA's present CRL in DER.
pub async fn der(session: &mut Session, ca: CaId) -> Result<Option<Vec<u8>>, StorageError> {
    let query = Query::new("SELECT der FROM crls WHERE tenant_id = $1 AND ca_id = $2")
        .bind(session.tenant_key())
        .bind(ca.to_string());
    Ok(session.link().fetch_optional::<(Vec<u8>,)>(query).await?.map(|(der,)| der))
}

/// Since when the keys of a CA's revoked certificates may have been in wrong hands, of those for which it was said.
pub async fn invalidities(
    session: &mut Session,
    ca: CaId,
) -> Result<Vec<(SerialNumber, Timestamp)>, StorageError> {
    let query = Query::new(
        "SELECT serial_number, invalidity_at FROM certificates \
         WHERE tenant_id = $1 AND ca_id = $2 AND invalidity_at IS NOT NULL AND revoked_at IS NOT NULL",
    )
    .bind(session.tenant_key())
    .bind(ca.to_string());
    let rows = session.link().fetch_all::<(Vec<u8>, i64)>(query).await?;
    rows.into_iter()
        .map(|(serial, since)| {
            let serial = SerialNumber::from_bytes(&serial)
                .map_err(|error| corrupt("certificates", "serial_number", error))?;
            Ok((serial, Timestamp::from_unix_micros(since)))
        })
        .collect()
}

/// Which of these certificates of a CA have a reason to leave its list at `now`: they have ended, or a suspension was lifted.
/// Each is looked up by itself, since the index of serial numbers holds their first octets.
pub async fn leaving(
    session: &mut Session,
    ca: CaId,
    serials: &[SerialNumber],
    now: Timestamp,
) -> Result<Vec<SerialNumber>, StorageError> {
    if serials.is_empty() {
        return Ok(Vec::new());
    }
    let mut query = Query::new("");
    for (index, serial) in serials.iter().enumerate() {
        query.push(if index == 0 { "" } else { " UNION ALL " });
        query.push("SELECT c.serial_number FROM certificates c WHERE c.tenant_id = ");
        query.push_bind(session.tenant_key()).push(" AND c.ca_id = ").push_bind(ca.to_string());
        push_serial_number(&mut query, serial);
        query.push(" AND (c.not_after < ").push_bind(now.unix_micros());
        query.push(" OR (c.revoked_at IS NULL AND c.released_at IS NOT NULL))");
    }
    for serial in serials {
        query.push(" UNION ALL SELECT u.serial_number FROM unstored_certificates u WHERE u.tenant_id = ");
        query.push_bind(session.tenant_key()).push(" AND u.ca_id = ").push_bind(ca.to_string());
        query.push(" AND u.serial_number = ").push_bind(serial.as_bytes());
        query.push(" AND (u.not_after < ").push_bind(now.unix_micros());
        query.push(" OR (u.revoked_at IS NULL AND u.released_at IS NOT NULL))");
    }
    query.push(" UNION ALL SELECT serial_number FROM certificate_authorities WHERE tenant_id = ");
    query.push_bind(session.tenant_key()).push(" AND parent_id = ").push_bind(ca.to_string());
    query.push(" AND not_after < ").push_bind(now.unix_micros());
    let rows: Vec<(Vec<u8>,)> = session.link().fetch_all(query).await?;
    rows.into_iter()
        .map(|(serial,)| {
            SerialNumber::from_bytes(&serial).map_err(|error| corrupt("certificates", "serial_number", error))
        })
        .collect()
}

/// The figures of a CA's present CRL.
pub async fn info(session: &mut Session, ca: CaId) -> Result<Option<CrlInfo>, StorageError> {
    let query = Query::new(
        "SELECT number, this_update, next_update, entries, builds FROM crls WHERE tenant_id = $1 AND ca_id = $2",
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
    let mut query = Query::new(
        "SELECT ca_id, number, this_update, next_update, entries, builds FROM crls WHERE tenant_id = ",
    );
    query.push_bind(session.tenant_key()).push(" AND ca_id IN (");
    for (index, ca) in cas.iter().enumerate() {
        query.push(if index == 0 { "" } else { ", " }).push_bind(ca.to_string());
    }
    query.push(")");
    let rows: Vec<(String, i64, i64, i64, i64, i64)> = session.link().fetch_all(query).await?;
    rows.into_iter()
        .map(|(ca, number, this, next, entries, builds)| {
            Ok((parsed("crls", "ca_id", &ca)?, crl_info((number, this, next, entries, builds))))
        })
        .collect()
}

/// The figures of a CA's present CRL, whoever owns it.
pub async fn public_info(session: &mut SystemSession, ca: CaId) -> Result<Option<CrlInfo>, StorageError> {
    let query =
        Query::new("SELECT number, this_update, next_update, entries, builds FROM crls WHERE ca_id = $1")
            .bind(ca.to_string());
    Ok(session.link().fetch_optional::<InfoRow>(query).await?.map(crl_info))
}

/// A CA's present CRL, whoever owns it.
pub async fn public(session: &mut SystemSession, ca: CaId) -> Result<Option<Crl>, StorageError> {
    let query = Query::new(
        "SELECT number, this_update, next_update, entries, builds, der FROM crls WHERE ca_id = $1",
    )
    .bind(ca.to_string());
    Ok(session.link().fetch_optional::<CrlRow>(query).await?.map(crl))
}

/// CAs, of any tenant, whose next CRL is due: the present one ends within the CA's own overlap (a third of its own validity
/// when that is all it has), else within `ahead`.
pub async fn due(
    session: &mut SystemSession,
    kind: &'static str,
    ahead: Duration,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<(TenantId, CaId)>, StorageError> {
    let mut query = Query::new(
        "SELECT crls.tenant_id, crls.ca_id FROM crls \
         JOIN certificate_authorities ca ON ca.tenant_id = crls.tenant_id AND ca.id = crls.ca_id \
         WHERE crls.next_update - COALESCE(ca.crl_overlap * 1000000, ca.crl_validity * 1000000 / 3, ",
    );
    let ahead = i64::try_from(ahead.as_micros()).unwrap_or(i64::MAX);
    query
        .push_bind(ahead)
        .push(") < ")
        .push_bind(now.unix_micros())
        .push(" AND ca.not_after >= ")
        .push_bind(now.unix_micros());
    query.push(" AND ");
    jobs::push_has_none(&mut query, kind, "crls.ca_id");
    query.push(" ORDER BY crls.next_update LIMIT ").push_bind(limit);
    let rows: Vec<(String, String)> = session.link().fetch_all(query).await?;
    rows.iter()
        .map(|(tenant, ca)| Ok((parsed("crls", "tenant_id", tenant)?, parsed("crls", "ca_id", ca)?)))
        .collect()
}

/// A CRL that is about to end, or has.
#[derive(Debug, Clone)]
pub struct Late {
    /// Whose it is.
    pub tenant: TenantId,
    /// The CA.
    pub ca: CaId,
    /// Its number.
    pub number: i64,
    /// When it ends.
    pub next_update: Timestamp,
}

/// CRLs of CAs in use that are in the last hour and the last tenth of their time, or past it, and of which that was not told yet.
pub async fn late(
    session: &mut SystemSession,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Late>, StorageError> {
    type Row = (String, String, i64, i64);
    let query = Query::new(
        "SELECT crls.tenant_id, crls.ca_id, crls.number, crls.next_update FROM crls \
         JOIN certificate_authorities ca ON ca.tenant_id = crls.tenant_id AND ca.id = crls.ca_id \
         WHERE crls.next_update < $1 AND (crls.next_update - $2) * 10 < crls.next_update - crls.this_update \
         AND (crls.late_number IS NULL OR crls.late_number <> crls.number) \
         AND ca.revoked_at IS NULL AND ca.not_after > $2 ORDER BY crls.next_update LIMIT $3",
    )
    .bind(now.plus(Duration::from_hours(1)).unix_micros())
    .bind(now.unix_micros())
    .bind(limit);
    let rows: Vec<Row> = session.link().fetch_all(query).await?;
    rows.into_iter()
        .map(|(tenant, ca, number, next_update)| {
            Ok(Late {
                tenant: parsed("crls", "tenant_id", &tenant)?,
                ca: parsed("crls", "ca_id", &ca)?,
                number,
                next_update: Timestamp::from_unix_micros(next_update),
            })
        })
        .collect()
}

/// Notes that it was told of this CRL that it is late; `false` when there is a newer one, or it was told before.
pub async fn note_late(tx: &mut Tx, ca: CaId, number: i64) -> Result<bool, StorageError> {
    let query = Query::new(
        "UPDATE crls SET late_number = $1 WHERE tenant_id = $2 AND ca_id = $3 AND number = $1 \
         AND (late_number IS NULL OR late_number <> $1)",
    )
    .bind(number)
    .bind(tx.tenant_key())
    .bind(ca.to_string());
    Ok(tx.link().execute(query).await? == 1)
}

/// The next `limit` revoked certificates of a CA that have not ended before `since`, in the order of their serial numbers,
/// after `after`.
pub async fn revoked_page(
    session: &mut Session,
    ca: CaId,
    since: Timestamp,
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
    .bind(since.unix_micros())
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

fn crl((number, this_update, next_update, entries, builds, der): CrlRow) -> Crl {
    Crl { info: crl_info((number, this_update, next_update, entries, builds)), der }
}

fn crl_info((number, this_update, next_update, entries, builds): InfoRow) -> CrlInfo {
    CrlInfo {
        number,
        this_update: Timestamp::from_unix_micros(this_update),
        next_update: Timestamp::from_unix_micros(next_update),
        entries,
        builds,
    }
}
