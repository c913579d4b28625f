//! Periodic jobs: marking ended certificates, finding what is due, deleting old jobs.

use std::time::{Duration, Instant};

use certmill_domain::{CrlId, TenantId};
use certmill_storage::crls::BuildKinds;
use certmill_storage::{
    SystemSession, acme_challenges, acme_orders, certificate_authorities, certificates, crls, discoveries,
    jobs, ocsp_signers, scheduled_revocations, tenants,
};

use super::{Job, JobKind, Lease};
use crate::certificates::AHEAD;
use crate::issuer::crl_address;
use crate::{App, ServiceError, acme, crl, publish};

const BATCH: i64 = 500;
/// After so long a turn ends, well before its deadline.
const ENOUGH: Duration = Duration::from_mins(2);
/// An order or a challenge that should have been worked on so long ago has lost its job.
const OVERDUE: Duration = Duration::from_mins(1);

/// Marks certificates whose validity has ended as expired.
pub(super) async fn expire_certificates(app: &App, lease: &Lease) -> Result<(), ServiceError> {
    let mut session = app.database().read_system().await?;
    let mut tenants = tenants::list(&mut session).await?;
    drop(session);
    crate::expiry::rotate(&mut tenants, app.entropy());
    let mut total = 0;
    let started = Instant::now();
    for tenant in tenants {
        // The next turn finds what is left.
        while started.elapsed() < ENOUGH {
            let mut tx = app.database().begin(tenant.id).await?;
            lease.confirm(&mut tx).await?;
            let expired = certificates::expire_batch(&mut tx, app.now(), BATCH).await?;
            tx.commit().await?;
            total += expired;
            if expired < BATCH.unsigned_abs() {
                break;
            }
        }
    }
    if total > 0 {
        tracing::info!(certificates = total, "certificates have expired");
    }
    finish(app, lease).await
}

/// Enqueues what is due and has no job: CRLs near their end, responders of OCSP halfway to theirs, revocations that were not carried through or whose time comes
/// (their jobs put themselves off until then). Deletes
/// idempotency keys that have expired, and what ACME servers and responders have left.
pub(super) async fn sweep(app: &App, lease: &Lease) -> Result<(), ServiceError> {
    bring_forward(app).await?;
    crate::idempotency::prune(app).await?;
    prune_left(app).await?;
    acme::prune_pauses(app, BATCH).await?;
    crate::webhooks::prune(app).await?;
    crate::discoveries::prune(app).await?;
    crate::notices::prune(app).await?;
    crl::tell_late(app, lease, BATCH).await?;
    publish::tell_late(app, lease, BATCH).await?;
    let now = app.now();
    let mut session = app.database().read_system().await?;
    let ahead = app.settings().crl_renew_before;
    let kinds = BuildKinds {
        full: JobKind::RebuildCrl.as_str(),
        shard: JobKind::RebuildCrlShard.as_str(),
        delta: JobKind::RebuildDeltaCrl.as_str(),
    };
    let mut crls = crls::due(&mut session, kinds, ahead, now, BATCH).await?;
    crls.extend(renamed(app, &mut session, kinds).await?);
    crls.extend(crls::overtaken(&mut session, kinds, BATCH).await?);
    crls.extend(crls::deltas::due(&mut session, kinds, now, BATCH).await?);
    let revocations = certificate_authorities::unfinished_revocations(
        &mut session,
        JobKind::RevokeCaCascade.as_str(),
        BATCH,
    )
    .await?;
    let scheduled = JobKind::RevokeScheduled.as_str();
    let scheduled = scheduled_revocations::due(&mut session, scheduled, now.plus(AHEAD), BATCH).await?;
    let (order, challenge) = (JobKind::AdvanceOrder.as_str(), JobKind::AdvanceChallenge.as_str());
    let orders = acme_orders::overdue(&mut session, order, now.minus(OVERDUE), BATCH).await?;
    let challenges = acme_challenges::overdue(&mut session, challenge, now.minus(OVERDUE), BATCH).await?;
    let discoveries = discoveries::stopped(&mut session, JobKind::Discover.as_str(), BATCH).await?;
    let signers = ocsp_signers::due(&mut session, JobKind::RenewOcspSigner.as_str(), now, BATCH).await?;
    drop(session);
    let registrations = acme::overdue_registrations(app, BATCH).await?;
    let rollovers = acme::overdue_rollovers(app, BATCH).await?;
    let publications = publish::due(app, BATCH).await?;
    let due = crls
        .into_iter()
        .map(|(tenant, list)| (tenant, crl::job(list)))
        .chain(signers.into_iter().map(|(tenant, ca)| (tenant, Job::RenewOcspSigner(ca))))
        .chain(revocations.into_iter().map(|(tenant, ca)| (tenant, Job::RevokeCaCascade(ca))))
        .chain(scheduled.into_iter().map(|(tenant, id)| (tenant, Job::RevokeScheduled(id))))
        .chain(orders.into_iter().map(|(tenant, order)| (tenant, Job::AdvanceOrder(order))))
        .chain(challenges.into_iter().map(|(tenant, challenge)| (tenant, Job::AdvanceChallenge(challenge))))
        .chain(discoveries.into_iter().map(|(tenant, discovery)| (tenant, Job::Discover(discovery))))
        .chain(publications)
        .chain(registrations.into_iter().map(|(tenant, account)| (tenant, Job::RegisterAcmeAccount(account))))
        .chain(rollovers.into_iter().map(|(tenant, account)| (tenant, Job::RollOverAcmeAccountKey(account))));
    for (tenant, job) in due {
        let mut tx = app.database().begin(tenant).await?;
        lease.confirm(&mut tx).await?;
        // Jobs that were enqueued meanwhile are left alone: enqueueing again would bring a retry forward and defeat its backoff.
        if !app.is_open(&mut tx, job).await? {
            app.enqueue(&mut tx, job, None).await?;
            tx.commit().await?;
            metrics::counter!("certmill_sweep_finds_total", "kind" => job.kind().as_str()).increment(1);
        }
    }
    finish(app, lease).await?;
    app.wake_workers();
    Ok(())
}

/// Lists of shards that were built before the service got its present address: certificates name them by that one now. Looked
/// for after the start of a process, which is when it changes.
async fn renamed(
    app: &App,
    session: &mut SystemSession,
    kinds: BuildKinds,
) -> Result<Vec<(TenantId, CrlId)>, ServiceError> {
    if app.crl_addresses_are_checked() {
        return Ok(Vec::new());
    }
    let found = crls::unnamed(session, kinds, &crl_address(app), BATCH).await?;
    if found.is_empty() {
        app.note_checked_crl_addresses();
    }
    Ok(found)
}

/// Makes jobs due that a process with a wrong clock has put off too far.
async fn bring_forward(app: &App) -> Result<(), ServiceError> {
    let mut tx = app.database().begin_system().await?;
    let mut moved = 0;
    for kind in JobKind::ALL {
        moved += jobs::bring_forward(&mut tx, kind.as_str(), app.now(), kind.horizon()).await?;
    }
    tx.commit().await?;
    if moved > 0 {
        tracing::warn!(
            jobs = moved,
            "jobs were put off further than any can be: some process had a wrong clock"
        );
    }
    Ok(())
}

/// Deletes the responders' answers to challenges that were not tidied up, delta CRLs that no list names any more, and certificates
/// of OCSP responders that have ended.
async fn prune_left(app: &App) -> Result<(), ServiceError> {
    let mut tx = app.database().begin_system().await?;
    acme_challenges::prune_responses(&mut tx, app.now()).await?;
    crls::deltas::prune(&mut tx, app.now()).await?;
    tx.commit().await?;
    // By itself, so that it waits for no change of a CA while it holds what that one waits for.
    let mut tx = app.database().begin_system().await?;
    ocsp_signers::prune(&mut tx, app.now()).await?;
    Ok(tx.commit().await?)
}

/// Deletes jobs past their retention.
pub(super) async fn prune_jobs(app: &App, lease: &Lease) -> Result<(), ServiceError> {
    let now = app.now();
    let settings = app.settings();
    let (done, dead) = (now.minus(settings.done_jobs_kept), now.minus(settings.dead_jobs_kept));
    let started = Instant::now();
    let mut total = 0;
    // The next turn finds what is left.
    while started.elapsed() < ENOUGH {
        let mut tx = app.database().begin_system().await?;
        lease.confirm(&mut tx).await?;
        let pruned = jobs::prune(&mut tx, done, dead, BATCH).await?;
        tx.commit().await?;
        total += pruned;
        if pruned < BATCH.unsigned_abs() {
            break;
        }
    }
    tracing::debug!(jobs = total, "deleted old jobs");
    finish(app, lease).await
}

async fn finish(app: &App, lease: &Lease) -> Result<(), ServiceError> {
    let mut tx = app.database().begin_system().await?;
    lease.finish(&mut tx).await?;
    Ok(tx.commit().await?)
}
