//! Notices: mails that tell owners what happens to what they own. A notice is the digest of a day, but for what cannot wait.
//!
//! As for webhooks, a tenant has a place in the feed of its events, so causing an event costs nothing. One job for each tenant reads
//! on (`gather`), makes lines of what owners are told, and has the mail server take the notices that are due (`send`).

mod gather;
mod owners;
mod send;
mod words;

use std::time::{Duration, Instant};

use certmill_domain::{Owners, TenantId};
use certmill_storage::notices as rows;

pub(crate) use owners::{check, check_tag, read};

use crate::jobs::{Job, JobKind, Lease};
use crate::{App, ServiceError};

/// What an operator sets about notices.
#[derive(Debug, Clone, Default)]
pub struct NoticeSettings {
    /// When in a day digests are sent, from midnight (UTC) on.
    pub digest_at: Duration,
    /// Who is told of what nobody else is told of.
    pub default_owners: Owners,
    /// Domains, in small letters, in and below which owners may have their addresses; all when there are none.
    pub allowed_domains: Vec<String>,
}

/// After so long the rest is left to the next job, so that none meets its deadline.
const ENOUGH: Duration = Duration::from_mins(1);
/// A tenant in which much happens gets a job this often.
const LOOK: Duration = Duration::from_secs(20);
/// Tenants that get a job in one turn.
const MOST_WOKEN: i64 = 200;
/// How long it is known what became of a notice.
const KEPT: Duration = Duration::from_hours(14 * 24);
/// Old notices that are deleted at a time, and so many times per sweep.
const PRUNED: i64 = 500;
const PRUNED_AT_ONCE: usize = 100;

/// Enqueues the jobs of tenants whose owners are to be told something. Nothing where no mail server is configured.
///
/// # Errors
/// When the database cannot be asked.
pub async fn wake(app: &App) -> Result<(), ServiceError> {
    if app.mailer().is_none() {
        return Ok(());
    }
    let (kind, now) = (JobKind::SendNotices.as_str(), app.now());
    let mut session = app.database().read_system().await?;
    let behind = rows::behind(&mut session, kind, (now, now.minus(LOOK)), MOST_WOKEN).await?;
    drop(session);
    let is_any = !behind.is_empty();
    for tenant in behind {
        let mut tx = app.database().begin(tenant).await?;
        app.enqueue(&mut tx, Job::SendNotices(tenant), None).await?;
        tx.commit().await?;
    }
    if is_any {
        app.wake_workers();
    }
    Ok(())
}

/// Tells the owners of a tenant what has happened, as far as it is due.
pub(crate) async fn deliver(app: &App, lease: &Lease, tenant: TenantId) -> Result<(), ServiceError> {
    let started = Instant::now();
    let turn = Turn { app, lease, tenant };
    // A process without a mail server, which an operator has configured for another one only, leaves everything as it is.
    if let Some(mailer) = app.mailer() {
        while started.elapsed() < ENOUGH && turn.read_on().await? {}
        turn.send_due(mailer, started).await?;
    }
    let mut tx = app.database().begin(tenant).await?;
    lease.finish(&mut tx).await?;
    Ok(tx.commit().await?)
}

/// Deletes notices that were over long ago.
pub(crate) async fn prune(app: &App) -> Result<(), ServiceError> {
    let before = app.now().minus(KEPT);
    for _ in 0..PRUNED_AT_ONCE {
        let mut tx = app.database().begin_system().await?;
        let pruned = rows::prune(&mut tx, before, PRUNED).await?;
        tx.commit().await?;
        if pruned < PRUNED.unsigned_abs() {
            break;
        }
    }
    Ok(())
}

/// A job of a tenant. Each of its transactions confirms the lease, and none is open while the mail server is spoken to.
struct Turn<'a> {
    app: &'a App,
    lease: &'a Lease,
    tenant: TenantId,
}
