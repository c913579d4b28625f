//! What CAs had revoked before they came here. It stays on their CRLs, until the certificate itself is imported and tells when
//! it ends.

use certmill_domain::{CaId, Stored, Timestamp};
use certmill_x509::{RevocationReason, SerialNumber};

use crate::error::corrupt;
use crate::query::{Query, Rows};
use crate::words::CERTIFICATE_REVOCATION_REASON;
use crate::{Session, StorageError, Tx, WithLink};

const TABLE: &str = "inherited_revocations";
const INSERT: &str = "INSERT INTO inherited_revocations (tenant_id, ca_id, serial_number, revoked_at, \
     revocation_reason, invalidity_at)";

/// A revocation from before.
#[derive(Debug, Clone)]
pub struct InheritedRevocation {
    /// The serial number of the certificate.
    pub serial_number: SerialNumber,
    /// When it was revoked.
    pub revoked_at: Timestamp,
    /// Why.
    pub reason: Stored<RevocationReason>,
    /// Since when its key may have been in wrong hands.
    pub invalidity_at: Option<Timestamp>,
}

type Row = (Vec<u8>, i64, Option<i64>, Option<i64>);

/// Stores what a CA had revoked: serial number, time, reason, and since when the key may have been in wrong hands.
pub async fn insert(
    tx: &mut Tx,
    ca: CaId,
    entries: Vec<(SerialNumber, Timestamp, RevocationReason, Option<Timestamp>)>,
) -> Result<(), StorageError> {
    let tenant = tx.tenant_key();
    let mut rows = Rows::new(INSERT, 6);
    // A list may name a certificate twice; the first entry is the one that relying parties find.
    rows.suffix = " ON CONFLICT DO NOTHING";
    for (serial_number, revoked_at, reason, invalidity_at) in entries {
        rows.value(tenant.clone())
            .value(ca.to_string())
            .value(serial_number.as_bytes())
            .value(revoked_at.unix_micros())
            .value(i64::from(reason.code()))
            .value(invalidity_at.map(Timestamp::unix_micros));
    }
    tx.link().insert(rows).await
}

/// All that a CA has inherited, in the order of the serial numbers.
pub async fn list(session: &mut Session, ca: CaId) -> Result<Vec<InheritedRevocation>, StorageError> {
    let query = Query::new(
        "SELECT serial_number, revoked_at, revocation_reason, invalidity_at FROM inherited_revocations \
         WHERE tenant_id = $1 AND ca_id = $2 ORDER BY serial_number",
    )
    .bind(session.tenant_key())
    .bind(ca.to_string());
    session.link().fetch_all::<Row>(query).await?.into_iter().map(read).collect()
}

/// What a CA has inherited about one certificate.
pub async fn find(
    session: &mut Session,
    ca: CaId,
    serial_number: &SerialNumber,
) -> Result<Option<InheritedRevocation>, StorageError> {
    let query = Query::new(
        "SELECT serial_number, revoked_at, revocation_reason, invalidity_at FROM inherited_revocations \
         WHERE tenant_id = $1 AND ca_id = $2 AND serial_number = $3",
    )
    .bind(session.tenant_key())
    .bind(ca.to_string())
    .bind(serial_number.as_bytes());
    session.link().fetch_optional::<Row>(query).await?.map(read).transpose()
}

/// Takes what a CA has inherited about one certificate away, which from then on has a row of its own.
pub async fn take(
    tx: &mut Tx,
    ca: CaId,
    serial_number: &SerialNumber,
) -> Result<Option<InheritedRevocation>, StorageError> {
    let query = Query::new(
        "DELETE FROM inherited_revocations WHERE tenant_id = $1 AND ca_id = $2 AND serial_number = $3 \
         RETURNING serial_number, revoked_at, revocation_reason, invalidity_at",
    )
    .bind(tx.tenant_key())
    .bind(ca.to_string())
    .bind(serial_number.as_bytes());
    tx.link().fetch_optional::<Row>(query).await?.map(read).transpose()
}

fn read((serial, revoked_at, code, invalidity_at): Row) -> Result<InheritedRevocation, StorageError> {
    Ok(InheritedRevocation {
        serial_number: SerialNumber::from_bytes(&serial)
            .map_err(|error| corrupt(TABLE, "serial_number", error))?,
        revoked_at: Timestamp::from_unix_micros(revoked_at),
        reason: CERTIFICATE_REVOCATION_REASON.read_code(code),
        invalidity_at: invalidity_at.map(Timestamp::from_unix_micros),
    })
}
