//! Revoking a CA: it and the CAs under it stop issuing at once; a job revokes what they issued.

use certmill_domain::{Action, Ca, CaId, CaRevocation, Stored};
use certmill_storage::{Tx, ca_certificates, certificate_authorities, holds};
use certmill_x509::RevocationReason;

use super::CaWithCrl;
use crate::change::Act;
use crate::jobs::Job;
use crate::{App, Caller, Noun, ServiceError};

/// Revokes a CA, for no reason (`unspecified`) when none is given. Repeating it answers the first revocation and its progress. A CA
/// is revoked for good, and as with certificates only `keyCompromise` can follow another reason.
pub async fn revoke(
    app: &App,
    caller: &Caller,
    id: CaId,
    wanted: Option<RevocationReason>,
) -> Result<CaWithCrl, ServiceError> {
    if let Some(RevocationReason::CertificateHold | RevocationReason::RemoveFromCrl) = wanted {
        let problem = "a CA is revoked for good, with all that it has issued: certificateHold and removeFromCRL are for certificates";
        return Err(ServiceError::field("reason", problem));
    }
    let mut tx = app.change(caller).await?;
    let ca = certificate_authorities::find(&mut tx, id)
        .await?
        .ok_or_else(|| ServiceError::not_found(Noun::Ca, id))?;
    if let Some(standing) = &ca.revocation {
        if let Some((seen, reason)) = change_of(&ca.name, standing, wanted)?
            && certificate_authorities::change_reason(&mut tx, id, seen, reason).await?
        {
            rebuild_above(app, caller, &mut tx, &ca).await?;
            tx.commit(Act::new(Action::CaRevoke, id).after(reason.as_str())).await?;
            app.wake_workers();
        }
        return super::find(app, caller.tenant, id).await;
    }
    let reason = wanted.unwrap_or(RevocationReason::Unspecified);
    let revoked = certificate_authorities::revoke_tree(&mut tx, id, reason, below(reason), app.now()).await?;
    if !revoked.is_empty() {
        certificate_authorities::set_revocation_total(&mut tx, id).await?;
        app.enqueue(&mut tx, Job::RevokeCaCascade(id), Some(&caller.request_id)).await?;
        rebuild_above(app, caller, &mut tx, &ca).await?;
        tx.commit(Act::new(Action::CaRevoke, id).after(reason.as_str())).await?;
        app.wake_workers();
    }
    super::find(app, caller.tenant, id).await
}

/// The reason that stands and the one that follows it; none when it is as it was asked for (RFC 5280 §5.3.1).
fn change_of(
    name: &str,
    standing: &CaRevocation,
    wanted: Option<RevocationReason>,
) -> Result<Option<(RevocationReason, RevocationReason)>, ServiceError> {
    let Some(wanted) = wanted else {
        return Ok(None);
    };
    let seen = standing.reason.known()?;
    match (seen, wanted) {
        (seen, wanted) if seen == wanted => Ok(None),
        // One that was imported may have been suspended by who signed it.
        (RevocationReason::CertificateHold, _) | (_, RevocationReason::KeyCompromise) => {
            Ok(Some((seen, wanted)))
        }
        (seen, _) => Err(ServiceError::InvalidState {
            message: format!(
                "the certificate authority `{name}` was revoked at {} for {seen}, which stands: only keyCompromise can follow (RFC 5280 section 5.3.1)",
                standing.revoked_at
            ),
            state: "revoked",
            possible_from: &["active"],
        }),
    }
}

/// Has the lists made anew that the CA's certificates are on.
async fn rebuild_above(app: &App, caller: &Caller, tx: &mut Tx, ca: &Ca) -> Result<(), ServiceError> {
    if let Some(parent) = ca.parent_id {
        app.enqueue(tx, Job::RebuildCrl(parent), Some(&caller.request_id)).await?;
    }
    for issuer in ca_certificates::issuers(tx, ca.id).await? {
        app.enqueue(tx, Job::RebuildCrl(issuer), Some(&caller.request_id)).await?;
    }
    Ok(())
}

/// Refuses to make valid again what a CA has issued that is revoked. The transaction must have changed the certificate
/// already: so a cascade either finds it, or has made the CA's row what is read here.
pub(crate) async fn refuse_release(tx: &mut Tx, id: CaId) -> Result<(), ServiceError> {
    holds::ca(tx, id).await?;
    let ca = certificate_authorities::find(tx, id).await?;
    match ca.filter(|ca| ca.revocation.is_some()) {
        None => Ok(()),
        Some(ca) => Err(ServiceError::InvalidState {
            message: format!(
                "the certificate authority `{}` ({id}) that issued it is revoked, and with it all that it has issued: no suspension is lifted",
                ca.name
            ),
            state: "revoked",
            possible_from: &["active"],
        }),
    }
}

/// The reason that what is under a CA gets: its own key is not compromised when its issuer's is.
pub(crate) fn below(reason: RevocationReason) -> RevocationReason {
    match reason {
        RevocationReason::KeyCompromise => RevocationReason::CaCompromise,
        other => other,
    }
}

/// The reason to go on with: none (`unspecified`) for one that only a newer version knows. What is revoked has to be revoked
/// at once, whoever does it; the row keeps the reason as it is.
pub(crate) fn reason_or_none(stored: &Stored<RevocationReason>) -> RevocationReason {
    match stored {
        Stored::Known(reason) => *reason,
        Stored::Unknown(_) => RevocationReason::Unspecified,
    }
}
