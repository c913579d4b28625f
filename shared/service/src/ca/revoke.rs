//! Revoking a CA: it and the CAs under it stop issuing at once; a job revokes what they issued.

use certmill_domain::{Action, CaId, Stored};
use certmill_storage::{ca_certificates, certificate_authorities};
use certmill_x509::RevocationReason;

use super::CaWithCrl;
use crate::change::Act;
use crate::jobs::Job;
use crate::{App, Caller, Noun, ServiceError};

/// Revokes a CA. Repeating it answers the first revocation and its progress.
pub async fn revoke(
    app: &App,
    caller: &Caller,
    id: CaId,
    reason: RevocationReason,
) -> Result<CaWithCrl, ServiceError> {
    let mut tx = app.change(caller).await?;
    let ca = certificate_authorities::find(&mut tx, id)
        .await?
        .ok_or_else(|| ServiceError::not_found(Noun::Ca, id))?;
    let revoked = certificate_authorities::revoke_tree(&mut tx, id, reason, below(reason), app.now()).await?;
    if !revoked.is_empty() {
        certificate_authorities::set_revocation_total(&mut tx, id).await?;
        app.enqueue(&mut tx, Job::RevokeCaCascade(id), Some(&caller.request_id)).await?;
        if let Some(parent) = ca.parent_id {
            app.enqueue(&mut tx, Job::RebuildCrl(parent), Some(&caller.request_id)).await?;
        }
        for issuer in ca_certificates::issuers(&mut tx, id).await? {
            app.enqueue(&mut tx, Job::RebuildCrl(issuer), Some(&caller.request_id)).await?;
        }
        tx.commit(Act::new(Action::CaRevoke, id).after(reason.as_str())).await?;
        app.wake_workers();
    }
    super::find(app, caller.tenant, id).await
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
