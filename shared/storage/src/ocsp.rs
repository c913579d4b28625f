//! What an OCSP responder asks.

use certmill_domain::{CaId, Stored, TenantId, Timestamp};
use certmill_x509::{RevocationReason, SerialNumber};

use crate::certificates::push_serial_number;
use crate::error::{corrupt, parsed};
use crate::query::Query;
use crate::words::{CA_REVOCATION_REASON, CERTIFICATE_REVOCATION_REASON};
use crate::{Session, StorageError, SystemSession, WithLink, inherited_revocations, unstored_certificates};

/// Since when a certificate is revoked, and why; nothing when it is not.
pub type Standing = Option<(Timestamp, Stored<RevocationReason>)>;

/// Tenant, end, since when it is revoked and why, and the serial number of its responder.
type ResponderRow = (String, i64, Option<i64>, Option<i64>, Option<Vec<u8>>);

/// Who answers for a CA.
#[derive(Debug, Clone)]
pub struct Responder {
    /// The CA's tenant.
    pub tenant: TenantId,
    /// When the CA's certificate ends.
    pub not_after: Timestamp,
    /// Since when the CA is revoked, and why.
    pub revoked: Standing,
    /// The serial number of the delegated responder's certificate; none when the CA answers itself.
    pub delegate: Option<SerialNumber>,
}

/// Who answers for a CA of any tenant: its delegated responder, if it wishes for one and that one's certificate is good from
/// `now` until `until`. A CA that is revoked answers itself, since nothing that it has issued is good.
pub async fn responder(
    session: &mut SystemSession,
    ca: CaId,
    (now, until): (Timestamp, Timestamp),
) -> Result<Option<Responder>, StorageError> {
    let query = Query::new(
        "SELECT ca.tenant_id, ca.not_after, ca.revoked_at, ca.revocation_reason, s.serial_number FROM certificate_authorities ca \
         LEFT JOIN ocsp_signers s ON s.tenant_id = ca.tenant_id AND s.ca_id = ca.id AND s.sealed_key IS NOT NULL \
         AND s.not_before <= $1 AND s.not_after >= $2 AND ca.ocsp_signer = 'delegated' AND ca.revoked_at IS NULL \
         WHERE ca.id = $3",
    )
    .bind(now.unix_micros())
    .bind(until.unix_micros())
    .bind(ca.to_string());
    let row = session.link().fetch_optional::<ResponderRow>(query).await?;
    row.map(|(tenant, end, revoked_at, reason, delegate)| {
        Ok(Responder {
            tenant: parsed("certificate_authorities", "tenant_id", &tenant)?,
            not_after: Timestamp::from_unix_micros(end),
            revoked: read((revoked_at, reason), |code| CA_REVOCATION_REASON.read_code(code)),
            delegate: delegate
                .map(|serial| SerialNumber::from_bytes(&serial))
                .transpose()
                .map_err(|error| corrupt("ocsp_signers", "serial_number", error))?,
        })
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
    if let Some(standing) = of_responder(session, ca, serial_number).await? {
        return Ok(Some(standing));
    }
    let inherited = inherited_revocations::find(session, ca, serial_number).await?;
    Ok(inherited.map(|entry| Some((entry.revoked_at, entry.reason))))
}

/// The same of the certificate of a delegated responder, which is revoked with its CA and never alone.
async fn of_responder(
    session: &mut Session,
    ca: CaId,
    serial_number: &SerialNumber,
) -> Result<Option<Standing>, StorageError> {
    let query = Query::new(
        "SELECT ca.revoked_at, CASE WHEN ca.revocation_reason = $1 THEN CAST($2 AS BIGINT) ELSE ca.revocation_reason END \
         FROM ocsp_signers s JOIN certificate_authorities ca ON ca.tenant_id = s.tenant_id AND ca.id = s.ca_id \
         WHERE s.tenant_id = $3 AND s.ca_id = $4 AND s.serial_number = $5",
    )
    .bind(i64::from(RevocationReason::KeyCompromise.code()))
    .bind(i64::from(RevocationReason::CaCompromise.code()))
    .bind(session.tenant_key())
    .bind(ca.to_string())
    .bind(serial_number.as_bytes());
    let row = session.link().fetch_optional::<(Option<i64>, Option<i64>)>(query).await?;
    Ok(row.map(|row| read(row, |code| CA_REVOCATION_REASON.read_code(code))))
}

fn read(
    (revoked_at, code): (Option<i64>, Option<i64>),
    reason: impl Fn(Option<i64>) -> Stored<RevocationReason>,
) -> Standing {
    revoked_at.map(|at| (Timestamp::from_unix_micros(at), reason(code)))
}
