//! Revoking at a time to come: a row says when and why, and a job does it then.

use std::time::Duration;

use certmill_domain::{
    Action, CaId, Certificate, CertificateId, CertificateStatus, CrlId, EventKind, Timestamp,
};
use certmill_storage::{Tx, certificate_authorities, certificates, crls, holds, scheduled_revocations};
use certmill_x509::RevocationReason;
use serde_json::json;

use super::revoke::{COALESCE, Issuer, RevokeRequest, Revoked, Step, revocable};
use super::unstored;
use crate::change::{Act, Change};
use crate::jobs::{Job, Lease};
use crate::{App, Caller, ServiceError, crl, events};

/// What a revocation would do.
#[derive(Debug, Clone)]
pub struct Preview {
    /// `revoke`, `change_reason`, `release`, `schedule`, `cancel` or `none`.
    pub effect: &'static str,
    /// When those who read CRLs know at the latest: then the present one ends.
    pub crl_known_by: Option<Timestamp>,
    /// When those know at the latest who read delta CRLs too: then the present one ends.
    pub delta_crl_known_by: Option<Timestamp>,
    /// The certificate that has taken its place.
    pub renewed_by: Option<CertificateId>,
    /// The shard of its CA that it is in: 0 when it names the full list.
    pub crl_shard: u32,
    /// The lists that change.
    pub lists: Vec<CrlId>,
}

/// The list that a certificate of this shard names.
fn named(ca: CaId, shard: u32) -> CrlId {
    CrlId::of_shard(ca, shard)
}

/// What a step would do, and when it would be known.
pub(super) async fn preview(
    tx: &mut Tx,
    (ca, crl_shard): (CaId, u32),
    step: Step,
    renewed_by: Option<CertificateId>,
) -> Result<Preview, ServiceError> {
    let present = crls::info(tx, named(ca, crl_shard)).await?;
    let delta = crls::info(tx, named(ca, crl_shard).delta()).await?;
    let lists = if step == Step::Nothing { Vec::new() } else { changed(tx, ca, crl_shard).await? };
    Ok(Preview {
        effect: step.effect(),
        crl_known_by: present.map(|crl| crl.next_update).filter(|_| step != Step::Nothing),
        delta_crl_known_by: delta.map(|crl| crl.next_update).filter(|_| step != Step::Nothing),
        renewed_by,
        crl_shard,
        lists,
    })
}

/// The lists that change, and the delta CRLs to them behind these.
async fn changed(tx: &mut Tx, ca: CaId, crl_shard: u32) -> Result<Vec<CrlId>, ServiceError> {
    let mut lists = crl::changed(ca, crl_shard);
    for delta in lists.clone().into_iter().map(CrlId::delta) {
        if crls::info(tx, delta).await?.is_some() {
            lists.push(delta);
        }
    }
    Ok(lists)
}

/// How long before its time a revocation gets its job. The sweep, which comes every half minute, gives it to what is later.
pub(crate) const AHEAD: Duration = Duration::from_hours(1);

/// Schedules a revocation, or takes the one back that was scheduled.
pub(super) async fn schedule(
    app: &App,
    caller: &Caller,
    request: &RevokeRequest,
) -> Result<Revoked, ServiceError> {
    let mut change = app.change(caller).await?;
    if unstored::find(&mut change, request).await?.is_some() {
        let field = if request.cancel_scheduled { "cancel_scheduled" } else { "revoke_at" };
        let problem = "is not for a certificate whose role has no_store: revoke it at once";
        return Err(ServiceError::field(field, problem));
    }
    let (certificate, issuer) = revocable(&mut change, request).await?;
    let Issuer::Ours(ca) = issuer else {
        let field = if request.cancel_scheduled { "cancel_scheduled" } else { "revoke_at" };
        let problem = "is for what a CA of this service has issued: an ACME server revokes this one, at once";
        return Err(ServiceError::field(field, problem));
    };
    holds::certificate(&mut change, certificate.id).await?;
    let Some(revoke_at) = request.revoke_at.map(Timestamp::whole_seconds) else {
        return cancel(change, request, &certificate).await;
    };
    let reason = check(app, request, &certificate, revoke_at)?;
    let crl_shard = certificate.crl_shard;
    let present = crls::info(&mut change, named(ca, crl_shard)).await?;
    let row = certificate_authorities::find(&mut change, ca).await?;
    let answer = |preview| Revoked {
        certificate_id: certificate.id,
        serial_number: certificate.serial_number,
        revoked_at: certificate.revoked_at,
        revoke_at: Some(revoke_at),
        reason: reason.into(),
        by_acme: false,
        preview,
    };
    if request.dry_run {
        // The last list before that time promises the next one by then at the latest.
        let deltas = row.as_ref().and_then(|ca| ca.delta_crl_validity);
        let validity = row.and_then(|ca| ca.crl_validity).unwrap_or(app.settings().crl_lifetime);
        let lists = changed(&mut change, ca, crl_shard).await?;
        return Ok(answer(Some(Preview {
            effect: "schedule",
            crl_known_by: present.map(|_| revoke_at.plus(validity)),
            delta_crl_known_by: deltas.map(|validity| revoke_at.plus(validity)),
            renewed_by: certificate.renewed_by,
            crl_shard,
            lists,
        })));
    }
    let since = request.invalidity_date.map(Timestamp::whole_seconds);
    scheduled_revocations::set(&mut change, certificate.id, (revoke_at, reason), since).await?;
    let wait = revoke_at.since(app.now());
    if wait < AHEAD {
        let job = Job::RevokeScheduled(certificate.id);
        app.enqueue_after(&mut change, job, Some(&caller.request_id), wait).await?;
    }
    let said = format!("{revoke_at} {}", reason.as_str());
    change.commit(Act::new(Action::CertificateRevokeLater, certificate.id).after(said)).await?;
    Ok(answer(None))
}

/// Whether it can be revoked then; the reason.
fn check(
    app: &App,
    request: &RevokeRequest,
    certificate: &Certificate,
    revoke_at: Timestamp,
) -> Result<RevocationReason, ServiceError> {
    if request.cancel_scheduled {
        let problem = "takes back what was scheduled: give either it or revoke_at";
        return Err(ServiceError::field("cancel_scheduled", problem));
    }
    let now = app.now();
    if revoke_at <= now {
        let problem = "does not lie in the future: leave it out to revoke at once";
        return Err(ServiceError::field("revoke_at", problem));
    }
    if revoke_at > certificate.not_after {
        let problem = format!("lies after the end of the certificate, which is at {}", certificate.not_after);
        return Err(ServiceError::field("revoke_at", problem));
    }
    match Step::of(certificate, request.reason)? {
        Step::Revoke(reason) | Step::Change { reason, .. } => Ok(reason),
        Step::Release => {
            let problem = "is for revocations: a suspension is lifted at once";
            Err(ServiceError::field("revoke_at", problem))
        }
        Step::Nothing => Err(ServiceError::InvalidState {
            message: format!("{} is revoked for this reason already", certificate.id),
            state: CertificateStatus::Revoked.as_str(),
            possible_from: &["active", "suspended"],
        }),
    }
}

async fn cancel(
    mut change: Change<'_>,
    request: &RevokeRequest,
    certificate: &Certificate,
) -> Result<Revoked, ServiceError> {
    let id = certificate.id;
    let Some(scheduled) = scheduled_revocations::find(&mut change, id).await? else {
        return Err(ServiceError::InvalidState {
            message: format!("no revocation of {id} is scheduled"),
            state: if certificate.revoked_at.is_some() { "revoked" } else { "active" },
            possible_from: &["scheduled"],
        });
    };
    if !request.dry_run {
        scheduled_revocations::delete(&mut change, id).await?;
        let said = format!("{} {}", scheduled.revoke_at, scheduled.reason);
        change.commit(Act::new(Action::CertificateRevokeCancel, id).before(said)).await?;
    }
    Ok(Revoked {
        certificate_id: id,
        serial_number: certificate.serial_number,
        revoked_at: certificate.revoked_at,
        revoke_at: None,
        reason: scheduled.reason,
        by_acme: false,
        preview: request.dry_run.then_some(Preview {
            effect: "cancel",
            crl_known_by: None,
            delta_crl_known_by: None,
            renewed_by: certificate.renewed_by,
            crl_shard: certificate.crl_shard,
            lists: Vec::new(),
        }),
    })
}

/// Does what is scheduled for a certificate, if its time has come. What cannot follow the reason that stands by now is over.
pub(crate) async fn revoke_scheduled(
    app: &App,
    lease: &Lease,
    id: CertificateId,
) -> Result<(), ServiceError> {
    let mut tx = app.database().begin(lease.tenant()?).await?;
    holds::certificate(&mut tx, id).await?;
    let scheduled = scheduled_revocations::find(&mut tx, id).await?;
    let certificate = certificates::find(&mut tx, id).await?;
    let (Some(scheduled), Some(certificate)) = (scheduled, certificate) else {
        lease.finish(&mut tx).await?;
        return Ok(tx.commit().await?);
    };
    let now = app.now();
    if scheduled.revoke_at > now {
        // It was scheduled anew. What is far off gets another job then.
        if scheduled.revoke_at.since(now) < AHEAD {
            lease.put_off(&mut tx, scheduled.revoke_at).await?;
        } else {
            lease.finish(&mut tx).await?;
        }
        return Ok(tx.commit().await?);
    }
    let reason = crate::ca::reason_or_none(&scheduled.reason);
    let taken = match (Step::of(&certificate, Some(reason)), certificate.ca_id) {
        (Ok(step), Some(ca)) => step.take(&mut tx, id, now, scheduled.invalidity_at).await?.zip(Some(ca)),
        _ => None,
    };
    scheduled_revocations::delete(&mut tx, id).await?;
    if let Some((reason, ca)) = taken {
        let data = json!({ "reason": reason.as_str(), "scheduled_for": scheduled.revoke_at.to_string() });
        let what = (Action::CertificateRevoke, EventKind::CertificateRevoked);
        events::raise_act(app, &mut tx, what, id, (reason.as_str(), data));
        let lists = crl::changed(ca, certificate.crl_shard);
        crl::enqueue(app, &mut tx, &lists, lease.request_id(), COALESCE).await?;
        metrics::counter!("certmill_certificates_revoked_total").increment(1);
    }
    lease.finish(&mut tx).await?;
    tx.commit().await?;
    app.wake_workers();
    Ok(())
}
