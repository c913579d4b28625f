//! What an operator can do with the jobs of a tenant: look, have one done now, give one up.

use certmill_domain::{Action, JobId, TenantId};
use certmill_storage::jobs::{self, Filter, JobRow};

use super::{Job, JobKind};
use crate::change::Act;
use crate::{App, Caller, Noun, Page, PageRequest, ServiceError, acme};

/// The tenant's jobs, the newest first.
pub async fn list(
    app: &App,
    tenant: TenantId,
    filter: &Filter,
    page: &PageRequest,
) -> Result<Page<JobRow>, ServiceError> {
    let (limit, before) = (page.rows()?, page.key()?);
    let mut session = app.database().read(tenant).await?;
    let rows = jobs::list(&mut session, filter, before, limit).await?;
    Ok(Page::of(rows, |job| job.id.to_string()))
}

/// One job of the tenant.
pub async fn find(app: &App, tenant: TenantId, id: JobId) -> Result<JobRow, ServiceError> {
    let mut session = app.database().read(tenant).await?;
    jobs::find(&mut session, id).await?.ok_or_else(|| ServiceError::not_found(Noun::Job, id))
}

/// Has a job that waits or was given up done now, with all its attempts before it.
pub async fn retry(app: &App, caller: &Caller, id: JobId) -> Result<JobRow, ServiceError> {
    let present = find(app, caller.tenant, id).await?;
    let mut change = app.change(caller).await?;
    if !jobs::retry(&mut change, id, app.now()).await? {
        let message = match present.state.as_str() {
            "dead" => format!("the same work waits or runs as another job already, so {id} stays as it is"),
            state => format!("{id} is {state}"),
        };
        return Err(ServiceError::InvalidState {
            message,
            state: state_word(&present.state),
            possible_from: &["pending", "dead"],
        });
    }
    change.commit(Act::new(Action::JobRetry, id)).await?;
    app.wake_workers();
    find(app, caller.tenant, id).await
}

/// Gives a job up that does not run. An order's job takes the order along; work without which the service would be
/// wrong cannot be given up.
pub async fn cancel(app: &App, caller: &Caller, id: JobId) -> Result<JobRow, ServiceError> {
    let present = find(app, caller.tenant, id).await?;
    match Job::from_row(&present.kind, &present.subject) {
        Some(Job::AdvanceOrder(order)) => {
            acme::orders::cancel(app, caller, order).await?;
            return find(app, caller.tenant, id).await;
        }
        Some(Job::CheckRenewalWindow(_)) => {}
        _ => {
            let why =
                JobKind::parse(&present.kind).map_or("this version does not know what it is for", why_not);
            let message = format!("a job of kind {} cannot be cancelled: {why}", present.kind);
            let state = state_word(&present.state);
            return Err(ServiceError::InvalidState { message, state, possible_from: &[] });
        }
    }
    let mut change = app.change(caller).await?;
    let reason = format!("cancelled by request {}", caller.request_id);
    if !jobs::cancel(&mut change, id, reason, app.now()).await? {
        let message = format!("{id} is {}", present.state);
        let state = state_word(&present.state);
        return Err(ServiceError::InvalidState { message, state, possible_from: &["pending"] });
    }
    change.commit(Act::new(Action::JobCancel, id)).await?;
    find(app, caller.tenant, id).await
}

fn why_not(kind: JobKind) -> &'static str {
    match kind {
        JobKind::RevokeScheduled => "it finds nothing to do once the revocation itself is taken back",
        JobKind::RebuildCrl
        | JobKind::RebuildCrlShard
        | JobKind::RebuildDeltaCrl
        | JobKind::RevokeCaCascade
        | JobKind::PublishToFolder
        | JobKind::PublishToStore => "without it revocations would not be published",
        JobKind::RegisterAcmeAccount => "the CA may have the account already; deactivate the account instead",
        JobKind::RollOverAcmeAccountKey => "the CA may have the new key already, and this finds it out",
        JobKind::AdvanceChallenge => "it takes back what was published; cancel the order instead",
        JobKind::AdvanceOrder | JobKind::CheckRenewalWindow => "it can",
        JobKind::RenewCertificates
        | JobKind::ExpireCertificates
        | JobKind::TellExpiry
        | JobKind::Sweep
        | JobKind::Forget
        | JobKind::PruneJobs => "the service does it from time to time",
        JobKind::RenewOcspSigner => {
            "the service begins it anew while the CA is to have an OCSP responder; set its `ocsp_signer` to `ca` instead"
        }
        JobKind::Discover => "it ends by itself when all its targets were looked at",
        JobKind::CheckEndpoints => {
            "the service begins it anew while something is to be looked at; take the endpoints away instead"
        }
        JobKind::DeliverEvents => {
            "the service begins it anew while there is something to send; switch the webhook off instead"
        }
        JobKind::SendNotices => {
            "the service begins it anew while there is something to send; take the owners away instead"
        }
    }
}

/// The words that states have; another one is of a newer version.
fn state_word(state: &str) -> &'static str {
    ["pending", "queued", "running", "done", "dead"]
        .into_iter()
        .find(|word| *word == state)
        .unwrap_or("unknown")
}
