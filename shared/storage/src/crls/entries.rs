//! What a CRL lists, and what may leave it.

use certmill_domain::{CaId, CrlId, Stored, Timestamp};
use certmill_x509::{RevocationReason, SerialNumber};

use crate::certificates::push_serial_number;
use crate::error::corrupt;
use crate::query::Query;
use crate::words::CERTIFICATE_REVOCATION_REASON;
use crate::{Session, StorageError, WithLink};

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
/// Since when the keys of revoked certificates of a list may have been in wrong hands, of those for which it was said.
pub async fn invalidities(
    session: &mut Session,
    list: CrlId,
) -> Result<Vec<(SerialNumber, Timestamp)>, StorageError> {
    let mut query = Query::new(
        "SELECT serial_number, invalidity_at FROM certificates \
         WHERE invalidity_at IS NOT NULL AND revoked_at IS NOT NULL AND tenant_id = ",
    );
    query.push_bind(session.tenant_key()).push(" AND ca_id = ").push_bind(list.ca().to_string());
    if !list.is_full() {
        // With the unary plus SQLite takes the index of certificates with such a date, which are few.
        query.push(" AND +crl_shard = ").push_bind(i64::from(list.shard()));
    }
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
    query.push(" UNION ALL SELECT serial_number FROM ca_certificates WHERE tenant_id = ");
    query.push_bind(session.tenant_key()).push(" AND issuer_id = ").push_bind(ca.to_string());
    query.push(" AND not_after < ").push_bind(now.unix_micros());
    let rows: Vec<(Vec<u8>,)> = session.link().fetch_all(query).await?;
    rows.into_iter()
        .map(|(serial,)| {
            SerialNumber::from_bytes(&serial).map_err(|error| corrupt("certificates", "serial_number", error))
        })
        .collect()
}

/// The next `limit` revoked certificates of a list that have not ended before `since`, in the order of their serial numbers,
/// after `after`.
pub async fn revoked_page(
    session: &mut Session,
    list: CrlId,
    since: Timestamp,
    after: Option<&SerialNumber>,
    limit: i64,
) -> Result<Vec<RevokedEntry>, StorageError> {
    let mut query = Query::new(
        "SELECT serial_number, revoked_at, revocation_reason FROM certificates \
         WHERE revoked_at IS NOT NULL AND tenant_id = ",
    );
    push_page(&mut query, session.tenant_key(), (list, since, after), limit);
    let reason = |code| CERTIFICATE_REVOCATION_REASON.read_code(code);
    let rows = session.link().fetch_all::<EntryRow>(query).await?;
    rows.into_iter().map(|row| revoked_entry(row, reason)).collect()
}

/// Goes on with a query of revoked certificates from the tenant on.
pub(crate) fn push_page(
    query: &mut Query,
    tenant: String,
    (list, since, after): (CrlId, Timestamp, Option<&SerialNumber>),
    limit: i64,
) {
    query.push_bind(tenant).push(" AND ca_id = ").push_bind(list.ca().to_string());
    push_shard(query, list);
    query.push(" AND not_after >= ").push_bind(since.unix_micros());
    let after = after.map_or_else(Vec::new, |serial| serial.as_bytes().to_vec());
    query.push(" AND serial_number > ").push_bind(after);
    query.push(" ORDER BY serial_number LIMIT ").push_bind(limit);
}

/// The full list has the certificates of all shards.
fn push_shard(query: &mut Query, list: CrlId) {
    if !list.is_full() {
        query.push(" AND crl_shard = ").push_bind(i64::from(list.shard()));
    }
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
