//! CRLs: reading the present one, asking for a new one, and building it.

mod copies;
mod late;
mod rebuild;

use std::sync::Arc;
use std::time::Duration;

use certmill_domain::{Action, CaId, Crl, CrlInfo, Stored, TenantId, Timestamp};
use certmill_storage::jobs::Enqueued;
use certmill_storage::{certificate_authorities, crls};
use certmill_x509::{CrlBuilder, CrlHeader, RevocationReason, Signer};

pub(crate) use copies::CrlCopies;
pub(crate) use late::tell_late;
pub(crate) use rebuild::{next_number, rebuild};

use crate::change::Act;
use crate::jobs::Job;
use crate::{App, Caller, Noun, ServiceError};

/// How long a caller waits for the CRL that it asked for.
const WAIT: Duration = Duration::from_secs(30);

/// Who signs a CRL.
pub(crate) struct CrlIssuer<'a> {
    pub(crate) subject_der: &'a [u8],
    pub(crate) key_id: &'a [u8],
    pub(crate) signer: &'a dyn Signer,
}

/// A CA's first CRL: number 1, no entries.
pub(crate) fn sign_empty(
    issuer: &CrlIssuer<'_>,
    (this_update, next_update): (Timestamp, Timestamp),
) -> Result<Crl, ServiceError> {
    let info = CrlInfo { number: 1, this_update, next_update, entries: 0, builds: 1 };
    let der = sign(CrlBuilder::new(), issuer, &info)?;
    Ok(Crl { info, der })
}

/// Signs a CRL with these figures.
pub(crate) fn sign(
    builder: CrlBuilder,
    issuer: &CrlIssuer<'_>,
    info: &CrlInfo,
) -> Result<Vec<u8>, ServiceError> {
    let header = CrlHeader {
        issuer_der: issuer.subject_der,
        authority_key_id: issuer.key_id,
        crl_number: u64::try_from(info.number)
            .map_err(|_| ServiceError::internal("the number of a CRL is negative"))?,
        this_update: info.this_update.unix_seconds(),
        next_update: info.next_update.unix_seconds(),
    };
    Ok(builder.sign(&header, issuer.signer)?)
}

/// The reason that relying parties are told. A full CRL lists what was revoked as `removeFromCRL` without a reason: the code
/// is for delta CRLs only (RFC 5280 §5.3.1). So it does with a reason that only a newer version knows: a CRL with a code that
/// RFC 5280 does not have could be refused as a whole.
pub(crate) fn listed_reason(reason: &Stored<RevocationReason>) -> RevocationReason {
    match crate::ca::reason_or_none(reason) {
        RevocationReason::RemoveFromCrl => RevocationReason::Unspecified,
        reason => reason,
    }
}

/// The CRL of a CA whose figures the caller has just read, and may read. All who read it share one copy.
pub async fn present(app: &App, ca: CaId, figures: &CrlInfo) -> Result<Arc<Crl>, ServiceError> {
    app.crl_copies().present(app, ca, figures).await
}

/// The figures of the present CRL of a CA of any tenant.
pub async fn public_info(app: &App, ca: CaId) -> Result<CrlInfo, ServiceError> {
    let mut session = app.database().read_system().await?;
    crls::public_info(&mut session, ca).await?.ok_or_else(|| ServiceError::not_found(Noun::Ca, ca))
}

/// The present CRL of a CA of any tenant, out of the database: a copy of its own, which may be large.
async fn public(app: &App, ca: CaId) -> Result<Crl, ServiceError> {
    let mut session = app.database().read_system().await?;
    crls::public(&mut session, ca).await?.ok_or_else(|| ServiceError::not_found(Noun::Ca, ca))
}

/// The figures of a CA's present CRL.
pub async fn info(app: &App, tenant: TenantId, ca: CaId) -> Result<CrlInfo, ServiceError> {
    let mut session = app.database().read(tenant).await?;
    if let Some(info) = crls::info(&mut session, ca).await? {
        return Ok(info);
    }
    // One that waits for its certificate has none yet.
    let found = certificate_authorities::find(&mut session, ca).await?;
    let found = found.ok_or_else(|| ServiceError::not_found(Noun::Ca, ca))?;
    Err(crate::ca::wrong_state(&found, app.now(), "it has no CRL yet"))
}

/// What became of a request for a new CRL.
pub enum Requested {
    /// It was built within the waiting time.
    Built(Arc<Crl>),
    /// It is still being built; this is the present one.
    Pending(CrlInfo),
}

/// Asks for a new CRL and waits, at most 30 s, for a worker to build it.
pub async fn request(app: &App, caller: &Caller, ca: CaId) -> Result<Requested, ServiceError> {
    let before = info(app, caller.tenant, ca).await?;
    let mut change = app.change(caller).await?;
    let enqueued = app.enqueue(&mut change, Job::RebuildCrl(ca), Some(&caller.request_id)).await?;
    change.commit(Act::new(Action::CrlRebuild, ca)).await?;
    app.wake_workers();
    // A build that runs already may have read the revocations before this call: the one after it counts.
    let wanted = before.builds
        + match enqueued {
            Enqueued::Waiting => 1,
            Enqueued::BehindRunning => 2,
        };
    let arrived = async {
        let mut pause = Duration::from_millis(5);
        loop {
            tokio::time::sleep(pause).await;
            let figures = info(app, caller.tenant, ca).await?;
            if figures.builds >= wanted {
                return present(app, ca, &figures).await;
            }
            pause = (pause * 2).min(Duration::from_millis(250));
        }
    };
    match tokio::time::timeout(WAIT, arrived).await {
        Ok(crl) => Ok(Requested::Built(crl?)),
        Err(_) => Ok(Requested::Pending(info(app, caller.tenant, ca).await?)),
    }
}
