//! Revoking one certificate.

use std::time::Duration;

use certmill_domain::{Action, CaId, Certificate, CertificateId, CertificateSource, Stored, Timestamp};
use certmill_storage::{Tx, certificate_authorities, certificates, scheduled_revocations};
use certmill_x509::{RevocationReason, SerialNumber};

use super::later::{self, Preview};
use super::unstored;
use crate::ca::refuse_release;
use crate::change::{Act, Change};
use crate::{App, Caller, Noun, ServiceError, acme, crl};

/// How long a CRL build waits for more revocations of the same CA.
pub(super) const COALESCE: Duration = Duration::from_millis(500);

/// Which certificate to revoke, and why.
#[derive(Debug, Clone)]
pub struct RevokeRequest {
    /// Its serial number.
    pub serial_number: SerialNumber,
    /// Its CA, should several certificates of the tenant have this serial number.
    pub ca_id: Option<CaId>,
    /// Why; *unspecified* for one that is not revoked yet. *removeFromCRL* lifts a suspension.
    pub reason: Option<RevocationReason>,
    /// Since when its key may have been in wrong hands (RFC 5280 §5.3.2).
    pub invalidity_date: Option<Timestamp>,
    /// When, if not at once.
    pub revoke_at: Option<Timestamp>,
    /// Whether what was scheduled is taken back, and nothing else done.
    pub cancel_scheduled: bool,
    /// Whether to say only what would become of it.
    pub dry_run: bool,
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
    /// When it was revoked; none when its suspension was lifted.
    pub revoked_at: Option<Timestamp>,
    /// When it is to be revoked, if that is later.
    pub revoke_at: Option<Timestamp>,
    /// Why.
    pub reason: Stored<RevocationReason>,
    /// Whether it came from an ACME server, which publishes the revocation itself.
    pub by_acme: bool,
    /// What would become of it, when that was all that was asked.
    pub preview: Option<Preview>,
}

impl Revoked {
    /// What becomes at once of a certificate that a CA of ours has issued.
    pub(super) const fn at_once(
        (certificate_id, serial_number): (CertificateId, SerialNumber),
        revoked_at: Option<Timestamp>,
        reason: Stored<RevocationReason>,
        preview: Option<Preview>,
    ) -> Self {
        Self { certificate_id, serial_number, revoked_at, revoke_at: None, reason, by_acme: false, preview }
    }
}

/// What a revocation does, as the certificate stands: a reason is a state, and RFC 5280 §5.3.1 says which can follow which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It is as it was asked for already.
    Nothing,
    Revoke(RevocationReason),
    Change {
        seen: RevocationReason,
        reason: RevocationReason,
    },
    Release,
}

impl Step {
    pub(super) fn of(
        certificate: &Certificate,
        wanted: Option<RevocationReason>,
    ) -> Result<Self, ServiceError> {
        let standing = certificate.revoked_at.zip(certificate.revocation_reason.clone());
        Self::from(certificate.id, standing.as_ref(), wanted)
    }

    /// The same, of a certificate that has been revoked since a time for a reason, or not.
    pub(super) fn from(
        id: CertificateId,
        standing: Option<&(Timestamp, Stored<RevocationReason>)>,
        wanted: Option<RevocationReason>,
    ) -> Result<Self, ServiceError> {
        use RevocationReason::{CertificateHold, KeyCompromise, RemoveFromCrl, Unspecified};
        let Some((at, stored)) = standing else {
            return match wanted {
                Some(RemoveFromCrl) => Err(ServiceError::InvalidState {
                    message: format!("{id} is not suspended: removeFromCRL lifts a certificateHold"),
                    state: "active",
                    possible_from: &["suspended"],
                }),
                wanted => Ok(Self::Revoke(wanted.unwrap_or(Unspecified))),
            };
        };
        let seen = match (stored.known(), wanted) {
            (Ok(seen), _) => seen,
            (Err(_), None) => return Ok(Self::Nothing),
            (Err(unknown), Some(_)) => return Err(unknown.into()),
        };
        match (seen, wanted) {
            (CertificateHold, None) => Ok(Self::Change { seen, reason: Unspecified }),
            (_, None) => Ok(Self::Nothing),
            (seen, Some(reason)) if seen == reason => Ok(Self::Nothing),
            (CertificateHold, Some(RemoveFromCrl)) => Ok(Self::Release),
            (CertificateHold, Some(reason)) | (_, Some(reason @ KeyCompromise)) => {
                Ok(Self::Change { seen, reason })
            }
            (seen, Some(_)) => Err(ServiceError::InvalidState {
                message: format!(
                    "{id} was revoked at {at} for {seen}, which stands: only keyCompromise can follow (RFC 5280 section 5.3.1)"
                ),
                state: "revoked",
                possible_from: &["active", "suspended"],
            }),
        }
    }

    /// Takes it; the reason that stands then, or nothing when the certificate has changed since it was read. What was scheduled
    /// for one that is revoked for good is taken back.
    pub(super) async fn take(
        self,
        tx: &mut Tx,
        id: CertificateId,
        now: Timestamp,
        invalid_since: Option<Timestamp>,
    ) -> Result<Option<RevocationReason>, ServiceError> {
        let (done, reason) = match self {
            Self::Nothing => return Ok(None),
            Self::Revoke(reason) => (certificates::revoke(tx, id, reason, now).await?, reason),
            Self::Change { seen, reason } => {
                (certificates::change_reason(tx, id, seen, reason, now).await?, reason)
            }
            Self::Release => (certificates::release(tx, id, now).await?, RevocationReason::RemoveFromCrl),
        };
        if !done {
            return Ok(None);
        }
        if let Some(since) = invalid_since.filter(|_| self != Self::Release) {
            certificates::set_invalidity(tx, id, since.whole_seconds()).await?;
        }
        if !matches!(reason, RevocationReason::CertificateHold | RevocationReason::RemoveFromCrl) {
            scheduled_revocations::delete(tx, id).await?;
        }
        Ok(Some(reason))
    }

    /// The reason that stands after it.
    pub(super) fn reason(self, standing: Option<&Stored<RevocationReason>>) -> Stored<RevocationReason> {
        match (self, standing) {
            (Self::Revoke(reason) | Self::Change { reason, .. }, _) => reason.into(),
            (Self::Release, _) => RevocationReason::RemoveFromCrl.into(),
            (Self::Nothing, Some(reason)) => reason.clone(),
            (Self::Nothing, None) => RevocationReason::Unspecified.into(),
        }
    }

    pub(super) const fn effect(self) -> &'static str {
        match self {
            Self::Nothing => "none",
            Self::Revoke(_) => "revoke",
            Self::Change { .. } => "change_reason",
            Self::Release => "release",
        }
    }
}

/// Attempts while others change the same certificate.
const ATTEMPTS: usize = 4;

/// Revokes a certificate, changes the reason as far as that can be, or lifts its suspension, and has the CRL built anew.
/// Repeating it answers what stands.
///
/// Costs the same however many are revoked already: one row is changed, and one job enqueued or found open.
pub async fn revoke(app: &App, caller: &Caller, request: &RevokeRequest) -> Result<Revoked, ServiceError> {
    if request.invalidity_date.is_some_and(|since| since > app.now()) {
        let problem = "lies in the future: it is when the key may have got into wrong hands";
        return Err(ServiceError::field("invalidity_date", problem));
    }
    if request.revoke_at.is_some() || request.cancel_scheduled {
        return later::schedule(app, caller, request).await;
    }
    for _ in 0..ATTEMPTS {
        let mut tx = app.change(caller).await?;
        if let Some(certificate) = unstored::find(&mut tx, request).await? {
            match unstored::revoke(app, caller, tx, &certificate, request).await? {
                Some(revoked) => return Ok(revoked),
                None => continue,
            }
        }
        let (certificate, issuer) = revocable(&mut tx, request).await?;
        let Issuer::Ours(ca) = issuer else {
            drop(tx);
            return revoke_by_acme(app, caller, &certificate, request).await;
        };
        let step = Step::of(&certificate, request.reason)?;
        if request.dry_run {
            if step == Step::Release {
                refuse_release(&mut tx, ca).await?;
            }
            let of_shard = (ca, certificate.crl_shard);
            let preview = later::preview(&mut tx, of_shard, step, certificate.renewed_by).await?;
            let reason = step.reason(certificate.revocation_reason.as_ref());
            let of = (certificate.id, certificate.serial_number);
            return Ok(Revoked::at_once(of, certificate.revoked_at, reason, Some(preview)));
        }
        if let Some(revoked) =
            take(app, caller, tx, (&certificate, ca), (step, request.invalidity_date)).await?
        {
            return Ok(revoked);
        }
    }
    Err(ServiceError::CallInProgress { seconds: 1 })
}

/// Revokes a certificate that a CA of ours has issued, or gives it this reason.
pub(crate) async fn revoke_own(
    app: &App,
    caller: &Caller,
    certificate: &Certificate,
    reason: RevocationReason,
) -> Result<Option<Revoked>, ServiceError> {
    let Some(ca) = certificate.ca_id else {
        return Err(ServiceError::internal("only what a CA of ours has issued is revoked here"));
    };
    let step = Step::of(certificate, Some(reason))?;
    let change = app.change(caller).await?;
    take(app, caller, change, (certificate, ca), (step, None)).await
}

/// Takes the step; nothing when the certificate has changed since it was read.
async fn take(
    app: &App,
    caller: &Caller,
    mut tx: Change<'_>,
    (certificate, ca): (&Certificate, CaId),
    (step, invalid_since): (Step, Option<Timestamp>),
) -> Result<Option<Revoked>, ServiceError> {
    let (id, now) = (certificate.id, app.now());
    if step == Step::Nothing {
        return first(certificate).map(Some);
    }
    let Some(reason) = step.take(&mut tx, id, now, invalid_since).await? else {
        return Ok(None);
    };
    if step == Step::Release {
        refuse_release(&mut tx, ca).await?;
    }
    let lists = crl::changed(ca, certificate.crl_shard);
    crl::enqueue(app, &mut tx, &lists, Some(&caller.request_id), COALESCE).await?;
    let action = match step {
        Step::Release => Action::CertificateRelease,
        Step::Nothing | Step::Revoke(_) | Step::Change { .. } => Action::CertificateRevoke,
    };
    tx.commit(Act::new(action, id).after(reason.as_str())).await?;
    if let Step::Revoke(_) = step {
        metrics::counter!("certmill_certificates_revoked_total").increment(1);
    }
    app.wake_workers();
    let revoked_at = match step {
        Step::Revoke(_) => Some(now),
        Step::Change { .. } => certificate.revoked_at,
        Step::Nothing | Step::Release => None,
    };
    Ok(Some(Revoked::at_once((id, certificate.serial_number), revoked_at, reason.into(), None)))
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
    for (field, given) in
        [("dry_run", request.dry_run), ("invalidity_date", request.invalidity_date.is_some())]
    {
        if given {
            let problem = "is for what a CA of this service has issued: an ACME server revokes this one";
            return Err(ServiceError::field(field, problem));
        }
    }
    if request.use_acme == Some(false) {
        let problem = "is false, but this certificate came from an ACME server, and nobody else can revoke it: leave it out";
        return Err(ServiceError::field("use_acme", problem));
    }
    let reason = request.reason.unwrap_or(RevocationReason::Unspecified);
    let revoked_at = acme::revoke(app, caller, certificate, reason).await?;
    Ok(Revoked {
        certificate_id: certificate.id,
        serial_number: certificate.serial_number,
        revoked_at: Some(revoked_at),
        revoke_at: None,
        reason: reason.into(),
        by_acme: true,
        preview: None,
    })
}

/// Who can revoke a certificate.
pub(super) enum Issuer {
    /// A CA of ours.
    Ours(CaId),
    /// The ACME server that it came from.
    Acme,
}

/// The certificate of this serial number that can be revoked from here, and by whom.
pub(super) async fn revocable(
    tx: &mut Tx,
    request: &RevokeRequest,
) -> Result<(Certificate, Issuer), ServiceError> {
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
    first(&certificate)
}

/// How a certificate was revoked.
fn first(certificate: &Certificate) -> Result<Revoked, ServiceError> {
    match (certificate.revoked_at, certificate.revocation_reason.clone()) {
        (Some(revoked_at), Some(reason)) => Ok(Revoked {
            certificate_id: certificate.id,
            serial_number: certificate.serial_number,
            revoked_at: Some(revoked_at),
            revoke_at: None,
            reason,
            by_acme: is_acme(certificate),
            preview: None,
        }),
        _ => Err(ServiceError::internal("a certificate that could not be revoked is not revoked")),
    }
}
