//! What an OCSP responder asks.

use certmill_domain::{CaId, Stored, TenantId, Timestamp};
use certmill_x509::{RevocationReason, SerialNumber};

use crate::certificates::push_serial_number;
use crate::error::parsed;
use crate::query::Query;
use crate::words::{CA_REVOCATION_REASON, CERTIFICATE_REVOCATION_REASON};
use crate::{Session, StorageError, SystemSession, WithLink, inherited_revocations, unstored_certificates};

/// Since when a certificate is revoked, and why; nothing when it is not.
pub type Standing = Option<(Timestamp, Stored<RevocationReason>)>;

/// The tenant of a CA, and when its certificate ends.
pub async fn owner(
    session: &mut SystemSession,
    ca: CaId,
) -> Result<Option<(TenantId, Timestamp)>, StorageError> {
    let query = Query::new("SELECT tenant_id, not_after FROM certificate_authorities WHERE id = $1")
        .bind(ca.to_string());
    let row = session.link().fetch_optional::<(String, i64)>(query).await?;
    row.map(|(tenant, end)| {
        Ok((parsed("certificate_authorities", "tenant_id", &tenant)?, Timestamp::from_unix_micros(end)))
    })
    .transpose()
}

/// How the certificate stands that this CA has issued under this serial number, a CA's below it or its own included; none
/// when it has issued none. What it had revoked before it came here counts too.
pub async fn standing(
    session: &mut Session,
    ca: CaId,
    serial_number: &SerialNumber,
) -> Result<Option<Standing>, StorageError> {
    let mut query =
        Query::new("SELECT c.revoked_at, c.revocation_reason FROM certificates c WHERE c.tenant_id = ");
    query.push_bind(session.tenant_key());
    push_serial_number(&mut query, serial_number);
    query.push(" AND c.ca_id = ").push_bind(ca.to_string());
    if let Some(row) = session.link().fetch_optional::<(Option<i64>, Option<i64>)>(query).await? {
        return Ok(Some(read(row, |code| CERTIFICATE_REVOCATION_REASON.read_code(code))));
    }
    let unstored = unstored_certificates::find(session, serial_number).await?;
    if let Some(found) = unstored.into_iter().find(|found| found.ca_id == ca) {
        return Ok(Some(found.revoked));
    }
    let query = Query::new(
        "SELECT revoked_at, revocation_reason FROM certificate_authorities \
         WHERE tenant_id = $1 AND serial_number = $2 \
         AND (parent_id = $3 OR (id = $3 AND parent_id IS NULL AND above_der IS NULL)) \
         UNION SELECT ca.revoked_at, ca.revocation_reason FROM ca_certificates f \
         JOIN certificate_authorities ca ON ca.tenant_id = f.tenant_id AND ca.id = f.ca_id \
         WHERE f.tenant_id = $1 AND f.serial_number = $2 AND f.issuer_id = $3",
    )
    .bind(session.tenant_key())
    .bind(serial_number.as_bytes())
    .bind(ca.to_string());
    let row = session.link().fetch_optional::<(Option<i64>, Option<i64>)>(query).await?;
    if let Some(row) = row {
        return Ok(Some(read(row, |code| CA_REVOCATION_REASON.read_code(code))));
    }
    let inherited = inherited_revocations::find(session, ca, serial_number).await?;
    Ok(inherited.map(|entry| Some((entry.revoked_at, entry.reason))))
}

fn read(
    (revoked_at, code): (Option<i64>, Option<i64>),
    reason: impl Fn(Option<i64>) -> Stored<RevocationReason>,
) -> Standing {
    revoked_at.map(|at| (Timestamp::from_unix_micros(at), reason(code)))
}
