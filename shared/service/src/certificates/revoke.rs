//! Revoking one certificate.

use std::time::Duration;

use certmill_domain::{Action, CaId, Certificate, CertificateId, Job, Timestamp};
use certmill_storage::{Tx, certificate_authorities, certificates};
use certmill_x509::{RevocationReason, SerialNumber};

use crate::change::Act;
use crate::{App, Caller, Noun, ServiceError};

/// How long a CRL build waits for more revocations of the same CA.
const COALESCE: Duration = Duration::from_millis(500);

/// Which certificate to revoke, and why.
#[derive(Debug, Clone)]
pub struct RevokeRequest {
    /// Its serial number.
    pub serial_number: SerialNumber,
    /// Its CA, should several certificates of the tenant have this serial number.
    pub ca_id: Option<CaId>,
    /// Why.
    pub reason: RevocationReason,
}

/// A revoked certificate.
#[derive(Debug, Clone)]
pub struct Revoked {
    /// Its id.
    pub certificate_id: CertificateId,
    /// Its serial number.
    pub serial_number: SerialNumber,
    /// When it was revoked.
    pub revoked_at: Timestamp,
    /// Why.
    pub reason: RevocationReason,
}

/// Revokes a certificate and has the CRL built anew. Repeating it answers the first revocation.
///
/// Costs the same however many are revoked already: one row is changed, and one job enqueued or found open.
pub async fn revoke(app: &App, caller: &Caller, request: &RevokeRequest) -> Result<Revoked, ServiceError> {
    let mut tx = app.change(caller).await?;
    let (certificate, ca) = ours(&mut tx, request).await?;
    let now = app.now();
    if !certificates::revoke(&mut tx, certificate.id, request.reason, now).await? {
        drop(tx);
        return first_revocation(app, caller, certificate.id).await;
    }
    app.enqueue_after(&mut tx, Job::RebuildCrl(ca), Some(&caller.request_id), COALESCE).await?;
    tx.commit(Act::new(Action::CertificateRevoke, certificate.id).after(request.reason.as_str())).await?;
    metrics::counter!("certmill_certificates_revoked_total").increment(1);
    app.wake_workers();
    Ok(Revoked {
        certificate_id: certificate.id,
        serial_number: certificate.serial_number,
        revoked_at: now,
        reason: request.reason,
    })
}

/// The certificate of this serial number that a CA of ours issued.
async fn ours(tx: &mut Tx, request: &RevokeRequest) -> Result<(Certificate, CaId), ServiceError> {
    if let Some(ca) = request.ca_id
        && certificate_authorities::find(tx, ca).await?.is_none()
    {
        return Err(ServiceError::not_found(Noun::Ca, ca));
    }
    let mut found = certificates::find_by_serial_number(tx, &request.serial_number).await?;
    found.retain(|certificate| request.ca_id.is_none_or(|wanted| certificate.ca_id == Some(wanted)));
    if found.is_empty() {
        return Err(ServiceError::not_found(Noun::Certificate, request.serial_number));
    }
    let mut ours: Vec<(Certificate, CaId)> =
        found.into_iter().filter_map(|certificate| certificate.ca_id.map(|ca| (certificate, ca))).collect();
    if ours.len() > 1 {
        return Err(ServiceError::field(
            "ca_id",
            "several certificates have this serial number: name the CA of the one to revoke",
        ));
    }
    ours.pop().ok_or_else(|| ServiceError::InvalidState {
        message: "no CA of this service issued the certificate with this serial number: only its issuer can revoke it"
            .to_owned(),
        state: "imported",
        possible_from: &["active", "expired"],
    })
}

async fn first_revocation(app: &App, caller: &Caller, id: CertificateId) -> Result<Revoked, ServiceError> {
    let mut session = app.database().read(caller.tenant).await?;
    let certificate = certificates::find(&mut session, id)
        .await?
        .ok_or_else(|| ServiceError::not_found(Noun::Certificate, id))?;
    match (certificate.revoked_at, certificate.revocation_reason) {
        (Some(revoked_at), Some(reason)) => {
            Ok(Revoked { certificate_id: id, serial_number: certificate.serial_number, revoked_at, reason })
        }
        _ => Err(ServiceError::internal("a certificate that could not be revoked is not revoked")),
    }
}
