//! Revoking one certificate.

use std::time::Duration;

use certmill_domain::{Action, CaId, Certificate, CertificateId, CertificateSource, Stored, Timestamp};
use certmill_storage::{Tx, certificate_authorities, certificates};
use certmill_x509::{RevocationReason, SerialNumber};

use crate::change::Act;
use crate::jobs::Job;
use crate::{App, Caller, Noun, ServiceError, acme};

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
    /// Whether the ACME server that it came from is to revoke it, as it does when absent; nobody else can.
    pub use_acme: Option<bool>,
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
    pub reason: Stored<RevocationReason>,
    /// Whether it came from an ACME server, which publishes the revocation itself.
    pub by_acme: bool,
}

/// Revokes a certificate and has the CRL built anew. Repeating it answers the first revocation.
///
/// Costs the same however many are revoked already: one row is changed, and one job enqueued or found open.
pub async fn revoke(app: &App, caller: &Caller, request: &RevokeRequest) -> Result<Revoked, ServiceError> {
    let mut tx = app.change(caller).await?;
    let (certificate, issuer) = revocable(&mut tx, request).await?;
    let ca = match issuer {
        Issuer::Ours(ca) => ca,
        Issuer::Acme => {
            drop(tx);
            return revoke_by_acme(app, caller, &certificate, request).await;
        }
    };
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
        reason: request.reason.into(),
        by_acme: false,
    })
}

async fn revoke_by_acme(
    app: &App,
    caller: &Caller,
    certificate: &Certificate,
    request: &RevokeRequest,
) -> Result<Revoked, ServiceError> {
    if certificate.revoked_at.is_some() {
        return first_revocation(app, caller, certificate.id).await;
    }
    if request.use_acme == Some(false) {
        let problem = "is false, but this certificate came from an ACME server, and nobody else can revoke it: leave it out";
        return Err(ServiceError::field("use_acme", problem));
    }
    let revoked_at = acme::revoke(app, caller, certificate, request.reason).await?;
    Ok(Revoked {
        certificate_id: certificate.id,
        serial_number: certificate.serial_number,
        revoked_at,
        reason: request.reason.into(),
        by_acme: true,
    })
}

/// Who can revoke a certificate.
enum Issuer {
    /// A CA of ours.
    Ours(CaId),
    /// The ACME server that it came from.
    Acme,
}

/// The certificate of this serial number that can be revoked from here, and by whom.
async fn revocable(tx: &mut Tx, request: &RevokeRequest) -> Result<(Certificate, Issuer), ServiceError> {
    if let Some(ca) = request.ca_id
        && certificate_authorities::find(tx, ca).await?.is_none()
    {
        return Err(ServiceError::not_found(Noun::Ca, ca));
    }
    let mut found = certificates::find_by_serial_number(tx, &request.serial_number).await?;
    found.retain(|certificate| request.ca_id.is_none_or(|wanted| certificate.ca_id == Some(wanted)));
    // Who says `use_acme` means one of those, should several issuers have used the number.
    if request.use_acme == Some(true) && found.iter().any(is_acme) {
        found.retain(is_acme);
    }
    if found.is_empty() {
        return Err(ServiceError::not_found(Noun::Certificate, request.serial_number));
    }
    let mut revocable: Vec<(Certificate, Issuer)> = Vec::with_capacity(found.len());
    for certificate in found {
        let issuer = match certificate.ca_id {
            Some(ca) => Issuer::Ours(ca),
            None if certificate.source.known()? == CertificateSource::Acme => Issuer::Acme,
            None => continue,
        };
        revocable.push((certificate, issuer));
    }
    if revocable.len() > 1 {
        return Err(ServiceError::field(
            "ca_id",
            "several certificates have this serial number: name the CA of the one to revoke, or say use_acme",
        ));
    }
    let Some((certificate, issuer)) = revocable.pop() else {
        return Err(ServiceError::InvalidState {
            message:
                "no CA of this service issued the certificate with this serial number: only its issuer can revoke it"
                    .to_owned(),
            state: "imported",
            possible_from: &["active", "expired"],
        });
    };
    if request.use_acme == Some(true) && matches!(issuer, Issuer::Ours(_)) {
        let problem = "is true, but a CA of this service issued the certificate: leave it out";
        return Err(ServiceError::field("use_acme", problem));
    }
    Ok((certificate, issuer))
}

fn is_acme(certificate: &Certificate) -> bool {
    certificate.source == CertificateSource::Acme
}

async fn first_revocation(app: &App, caller: &Caller, id: CertificateId) -> Result<Revoked, ServiceError> {
    let mut session = app.database().read(caller.tenant).await?;
    let certificate = certificates::find(&mut session, id)
        .await?
        .ok_or_else(|| ServiceError::not_found(Noun::Certificate, id))?;
    let by_acme = is_acme(&certificate);
    match (certificate.revoked_at, certificate.revocation_reason) {
        (Some(revoked_at), Some(reason)) => {
            let serial_number = certificate.serial_number;
            Ok(Revoked { certificate_id: id, serial_number, revoked_at, reason, by_acme })
        }
        _ => Err(ServiceError::internal("a certificate that could not be revoked is not revoked")),
    }
}
