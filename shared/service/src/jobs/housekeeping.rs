//! Periodic jobs: marking ended certificates, finding what is due, deleting old jobs.

use certmill_domain::Job;
use certmill_storage::{certificate_authorities, certificates, crls, jobs, tenants};

use super::Lease;
use crate::{App, ServiceError};

const BATCH: i64 = 500;

/// Marks certificates whose validity has ended as expired.
pub(super) async fn expire_certificates(app: &App, lease: &Lease) -> Result<(), ServiceError> {
    let mut session = app.database().read_system().await?;
    let tenants = tenants::list(&mut session).await?;
    drop(session);
    let mut total = 0;
    for tenant in tenants {
        loop {
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

/// Enqueues what is due and has no job: CRLs near their end, revocations that were not carried through. Deletes
/// idempotency keys that have expired.
pub(super) async fn sweep(app: &App, lease: &Lease) -> Result<(), ServiceError> {
    super::bury_lost(app).await?;
    crate::idempotency::prune(app).await?;
    let now = app.now();
    let mut session = app.database().read_system().await?;
    let before = now.plus(app.settings().crl_renew_before);
    let crls = crls::due(&mut session, before, now, BATCH).await?;
    let revocations = certificate_authorities::unfinished_revocations(&mut session, BATCH).await?;
    drop(session);
    let due = crls
        .into_iter()
        .map(|(tenant, ca)| (tenant, Job::RebuildCrl(ca)))
        .chain(revocations.into_iter().map(|(tenant, ca)| (tenant, Job::RevokeCaCascade(ca))));
    for (tenant, job) in due {
        let mut tx = app.database().begin(tenant).await?;
        lease.confirm(&mut tx).await?;
        // What is open already is left alone: enqueueing it would bring a retry forward and defeat its backoff.
        if !jobs::is_open(&mut tx, &job).await? {
            app.enqueue(&mut tx, job, None).await?;
            tx.commit().await?;
        }
    }
    finish(app, lease).await?;
    app.wake_workers();
    Ok(())
}

/// Deletes jobs past their retention.
pub(super) async fn prune_jobs(app: &App, lease: &Lease) -> Result<(), ServiceError> {
    let now = app.now();
    let settings = app.settings();
    let mut tx = app.database().begin_system().await?;
    let pruned =
        jobs::prune(&mut tx, now.minus(settings.done_jobs_kept), now.minus(settings.dead_jobs_kept)).await?;
    lease.finish(&mut tx).await?;
    tx.commit().await?;
    tracing::debug!(jobs = pruned, "deleted old jobs");
    Ok(())
}

async fn finish(app: &App, lease: &Lease) -> Result<(), ServiceError> {
    let mut tx = app.database().begin_system().await?;
    lease.finish(&mut tx).await?;
    Ok(tx.commit().await?)
}
