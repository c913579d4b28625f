//! Revoking everything under a revoked CA, batch by batch.

use std::time::{Duration, Instant};

use certmill_domain::{CaId, CrlId, TenantId};
use certmill_storage::{certificate_authorities, certificates, crls, unstored_certificates};

use super::Lease;
use crate::ca::find;
use crate::{App, ServiceError, crl};

/// After so long the rest is left to the next attempt, so that none meets its deadline.
const ENOUGH: Duration = Duration::from_mins(2);
/// Certificates per transaction: small enough that issuing elsewhere does not wait noticeably.
const BATCH: i64 = 500;

/// Revokes what the CAs under `top`, and `top` itself, have issued. Each batch is a transaction of its own that
/// confirms the lease; a worker that takes over goes on with whatever is still active.
pub(super) async fn revoke_below(app: &App, lease: &Lease, top: CaId) -> Result<(), ServiceError> {
    let tenant = lease.tenant()?;
    let mut session = app.database().read(tenant).await?;
    let cas = certificate_authorities::revoked_with(&mut session, top).await?;
    drop(session);
    count_sub_cas(app, lease, tenant, top, &cas).await?;
    let started = Instant::now();
    for ca in &cas {
        while revoke_batch(app, lease, tenant, top, *ca).await? {
            if started.elapsed() > ENOUGH {
                let mut tx = app.database().begin(tenant).await?;
                lease.put_off(&mut tx, app.now()).await?;
                return Ok(tx.commit().await?);
            }
        }
    }
    let mut tx = app.database().begin(tenant).await?;
    lease.finish(&mut tx).await?;
    certificate_authorities::complete_revocation(&mut tx, top, app.now()).await?;
    for ca in &cas {
        let mut lists = vec![CrlId::full(*ca)];
        lists.extend(crls::shards(&mut tx, *ca).await?.into_iter().map(|(list, _)| list));
        crl::enqueue(app, &mut tx, &lists, lease.request_id(), Duration::ZERO).await?;
    }
    tx.commit().await?;
    app.wake_workers();
    tracing::info!(tenant.id = %tenant, ca.id = %top, "revoked everything under a revoked CA");
    Ok(())
}

/// The CAs under `top` were revoked with it; they count as progress once.
async fn count_sub_cas(
    app: &App,
    lease: &Lease,
    tenant: TenantId,
    top: CaId,
    cas: &[CaId],
) -> Result<(), ServiceError> {
    let below = i64::try_from(cas.len()).unwrap_or(i64::MAX) - 1;
    let mut tx = app.database().begin(tenant).await?;
    lease.confirm(&mut tx).await?;
    certificate_authorities::start_revocation_progress(&mut tx, top, below).await?;
    Ok(tx.commit().await?)
}

/// Revokes one batch; `false` when nothing was left.
async fn revoke_batch(
    app: &App,
    lease: &Lease,
    tenant: TenantId,
    top: CaId,
    ca: CaId,
) -> Result<bool, ServiceError> {
    let revocation = find(app, tenant, ca).await?.ca.revocation;
    let revocation =
        revocation.ok_or_else(|| ServiceError::internal("a CA in a revocation cascade is revoked"))?;
    let mut tx = app.database().begin(tenant).await?;
    lease.confirm(&mut tx).await?;
    let reason = crate::ca::below(crate::ca::reason_or_none(&revocation.reason));
    let mut revoked = certificates::revoke_batch(&mut tx, ca, reason, app.now(), BATCH).await?;
    if revoked == 0 {
        revoked = unstored_certificates::revoke_batch(&mut tx, ca, reason, app.now(), BATCH).await?;
    }
    if revoked == 0 {
        return Ok(false);
    }
    let revoked = i64::try_from(revoked).unwrap_or(i64::MAX);
    let counted: &[CaId] = if ca == top { &[top] } else { &[top, ca] };
    certificate_authorities::add_revocation_progress(&mut tx, counted, revoked).await?;
    tx.commit().await?;
    metrics::counter!("certmill_certificates_revoked_total").increment(revoked.unsigned_abs());
    Ok(true)
}
