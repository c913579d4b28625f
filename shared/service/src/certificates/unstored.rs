//! Certificates that are not stored, and revoking them: its serial number, its CA and its end are all that is known of it.

use certmill_domain::{Action, Timestamp};
use certmill_storage::Tx;
use certmill_storage::unstored_certificates::{self, UnstoredCertificate};

use super::later;
use super::revoke::{COALESCE, RevokeRequest, Revoked, Step};
use crate::ca::refuse_release;
use crate::change::{Act, Change};
use crate::roles::CachedRole;
use crate::{App, Caller, ServiceError, crl};

/// Whether more of a certificate is to be kept than what is needed to revoke it.
pub(super) fn is_stored(role: Option<&CachedRole>) -> bool {
    role.is_none_or(|role| !role.role.settings().no_store)
}

/// Refuses what needs a certificate that is stored.
pub(super) fn check(role: Option<&CachedRole>, is_reserved: bool) -> Result<(), ServiceError> {
    let Some(role) = role.filter(|role| is_reserved && !is_stored(Some(role))) else { return Ok(()) };
    let problem = format!(
        "the role `{}` does not store certificates (no_store): none can be a renewal, or that of a CSR on the desk",
        role.name
    );
    Err(ServiceError::field("role", problem))
}

/// The certificate of this serial number that is not stored; none when there is no such.
pub(super) async fn find(
    tx: &mut Tx,
    request: &RevokeRequest,
) -> Result<Option<UnstoredCertificate>, ServiceError> {
    let mut found = unstored_certificates::find(tx, &request.serial_number).await?;
    found.retain(|certificate| request.ca_id.is_none_or(|wanted| certificate.ca_id == wanted));
    if found.len() > 1 {
        let problem = "several certificates have this serial number: name the CA of the one to revoke";
        return Err(ServiceError::field("ca_id", problem));
    }
    Ok(found.pop())
}

/// Does with one what the request asks for; nothing when it has changed since it was read.
pub(super) async fn revoke(
    app: &App,
    caller: &Caller,
    mut tx: Change<'_>,
    certificate: &UnstoredCertificate,
    request: &RevokeRequest,
) -> Result<Option<Revoked>, ServiceError> {
    if request.use_acme == Some(true) {
        let problem = "is true, but a CA of this service issued the certificate: leave it out";
        return Err(ServiceError::field("use_acme", problem));
    }
    let standing = certificate.revoked.as_ref();
    let step = Step::from(certificate.id, standing, request.reason)?;
    let (reason, now) = (step.reason(standing.map(|(_, reason)| reason)), app.now());
    let before = standing.map(|(at, _)| *at);
    let of = (certificate.id, certificate.serial_number);
    if request.dry_run {
        if step == Step::Release {
            refuse_release(&mut tx, certificate.ca_id).await?;
        }
        let preview = later::preview(&mut tx, (certificate.ca_id, certificate.crl_shard), step, None).await?;
        return Ok(Some(Revoked::at_once(of, before, reason, Some(preview))));
    }
    if step == Step::Nothing {
        return Ok(Some(Revoked::at_once(of, before, reason, None)));
    }
    if !take(&mut tx, certificate, step, now).await? {
        return Ok(None);
    }
    if step == Step::Release {
        refuse_release(&mut tx, certificate.ca_id).await?;
    }
    if let Some(since) = request.invalidity_date.filter(|_| step != Step::Release) {
        unstored_certificates::set_invalidity(&mut tx, certificate, since.whole_seconds()).await?;
    }
    let lists = crl::changed(certificate.ca_id, certificate.crl_shard);
    crl::enqueue(app, &mut tx, &lists, Some(&caller.request_id), COALESCE).await?;
    let (action, revoked_at) = match step {
        Step::Release => (Action::CertificateRelease, None),
        Step::Revoke(_) => (Action::CertificateRevoke, Some(now)),
        Step::Nothing | Step::Change { .. } => (Action::CertificateRevoke, before),
    };
    tx.commit(Act::new(action, certificate.id).after(reason.as_str())).await?;
    if let Step::Revoke(_) = step {
        metrics::counter!("certmill_certificates_revoked_total").increment(1);
    }
    app.wake_workers();
    Ok(Some(Revoked::at_once(of, revoked_at, reason, None)))
}

async fn take(
    tx: &mut Tx,
    certificate: &UnstoredCertificate,
    step: Step,
    now: Timestamp,
) -> Result<bool, ServiceError> {
    Ok(match step {
        Step::Nothing => true,
        Step::Revoke(reason) => unstored_certificates::revoke(tx, certificate, reason, now).await?,
        Step::Change { seen, reason } => {
            unstored_certificates::change_reason(tx, certificate, seen, reason, now).await?
        }
        Step::Release => unstored_certificates::release(tx, certificate, now).await?,
    })
}
