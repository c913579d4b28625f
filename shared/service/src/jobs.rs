//! What workers do: taking jobs up, doing one, and putting back what failed.

mod cascade;
mod housekeeping;

use std::time::Duration;

use certmill_domain::{Job, JobId, JobKind, Timestamp};
use certmill_storage::jobs::{self, NewJob, Setback};
pub use certmill_storage::jobs::{Attempt, Running};
use certmill_storage::{WithLink, schedules};

use crate::{App, ServiceError, acme, crl};

/// Signs of life that a running job gives during its lease.
const HEARTBEATS: u32 = 3;
/// A claimed job may wait in the queue for this part of a lease before it is claimed again.
const IN_QUEUE: u32 = 4;
/// How many deliveries may be out at once, well below what the queue bears.
const MAX_OUTSTANDING: i64 = 500;

/// The right of one attempt to work on its job. Every transaction of a handler confirms or finishes it beside its
/// own writes, so that a worker that stalled and was replaced changes nothing.
#[derive(Clone)]
pub struct Lease {
    app: App,
    attempt: Attempt,
}

impl Lease {
    /// Confirms the lease in a handler's transaction and extends it.
    pub(crate) async fn confirm(&self, tx: &mut impl WithLink) -> Result<(), ServiceError> {
        Ok(jobs::confirm(tx, &self.attempt, self.app.now().plus(self.app.settings().job_lease)).await?)
    }

    /// Finishes the job in a handler's last transaction.
    pub(crate) async fn finish(&self, tx: &mut impl WithLink) -> Result<(), ServiceError> {
        Ok(jobs::finish(tx, &self.attempt, self.app.now()).await?)
    }

    /// Ends this attempt in a handler's last transaction; the work goes on at `run_at`, or at once if it was asked for
    /// meanwhile.
    pub(crate) async fn put_off(
        &self,
        tx: &mut impl WithLink,
        run_at: Timestamp,
    ) -> Result<(), ServiceError> {
        Ok(jobs::put_off(tx, &self.attempt, run_at, self.app.now()).await?)
    }

    /// Gives a sign of life, in a transaction of its own.
    pub async fn renew(&self) -> Result<(), ServiceError> {
        let mut tx = self.app.database().begin_system().await?;
        self.confirm(&mut tx).await?;
        Ok(tx.commit().await?)
    }
}

/// How often a running job gives a sign of life.
pub fn heartbeat(app: &App) -> Duration {
    app.settings().job_lease / HEARTBEATS
}

/// Gives back every job that is out under a lease: for a process that is the only one at work and has just begun, so that
/// whoever holds those leases is dead. Answers how many.
pub async fn reclaim(app: &App) -> Result<u64, ServiceError> {
    let mut tx = app.database().begin_system().await?;
    let reclaimed = jobs::reclaim(&mut tx).await?;
    tx.commit().await?;
    Ok(reclaimed)
}

/// A job that this process has taken up.
pub struct Taken {
    /// The job.
    pub running: Running,
    /// The right to work on it.
    pub lease: Lease,
}

/// Claims due jobs for delivery, no more of a kind than may run at once in the fleet.
pub async fn claim_due(app: &App) -> Result<Vec<Attempt>, ServiceError> {
    let now = app.now();
    let mut session = app.database().read_system().await?;
    let outlook = jobs::outlook(&mut session, now).await?;
    drop(session);
    let mut outstanding: i64 = outlook.leased.iter().map(|(_, count)| count).sum();
    let mut claimed = Vec::new();
    for kind in outlook.due {
        let leased = outlook.leased.iter().find(|(other, _)| *other == kind).map_or(0, |(_, n)| *n);
        let room = (kind.concurrency() - leased).min(MAX_OUTSTANDING - outstanding);
        if room <= 0 {
            continue;
        }
        let mut tx = app.database().begin_system().await?;
        let attempts =
            jobs::claim(&mut tx, kind, room, now, now.plus(app.settings().job_lease / IN_QUEUE)).await?;
        tx.commit().await?;
        outstanding += i64::try_from(attempts.len()).unwrap_or(0);
        claimed.extend(attempts);
    }
    Ok(claimed)
}

/// Takes back a claim that could not be delivered.
pub async fn unclaim(app: &App, attempt: &Attempt) -> Result<(), ServiceError> {
    let mut tx = app.database().begin_system().await?;
    jobs::unclaim(&mut tx, attempt).await?;
    Ok(tx.commit().await?)
}

/// Gives up jobs whose last attempt ended without a word; answers how many.
pub async fn bury_lost(app: &App) -> Result<u64, ServiceError> {
    let mut tx = app.database().begin_system().await?;
    let buried = jobs::bury_lost(&mut tx, app.now()).await?;
    tx.commit().await?;
    Ok(buried)
}

/// Takes up a delivered attempt; `None` when it is stale or was delivered before.
pub async fn start(app: &App, attempt: &Attempt) -> Result<Option<Taken>, ServiceError> {
    let mut tx = app.database().begin_system().await?;
    let running = jobs::start(&mut tx, attempt, app.now().plus(app.settings().job_lease)).await?;
    tx.commit().await?;
    let lease = Lease { app: app.clone(), attempt: attempt.clone() };
    Ok(running.map(|running| Taken { running, lease }))
}

/// Does a job to its end. The job is finished in the same transaction as its last effect.
pub async fn perform(app: &App, taken: &Taken) -> Result<(), ServiceError> {
    let tenant =
        || taken.running.tenant.ok_or_else(|| ServiceError::internal("a job about a row names its tenant"));
    let lease = &taken.lease;
    let request_id = taken.running.request_id.as_deref();
    match taken.running.job {
        Job::RebuildCrl(ca) => crl::rebuild(app, lease, tenant()?, ca).await,
        Job::RevokeCaCascade(ca) => cascade::revoke_below(app, lease, tenant()?, ca, request_id).await,
        Job::RegisterAcmeAccount(account) => acme::resume_registration(app, lease, tenant()?, account).await,
        Job::AdvanceOrder(order) => acme::advance_order(app, lease, (tenant()?, order), request_id).await,
        Job::AdvanceChallenge(challenge) => {
            acme::advance_challenge(app, lease, (tenant()?, challenge), request_id).await
        }
        Job::CheckRenewalWindow(certificate) => {
            acme::renewal::check_window(app, lease, tenant()?, certificate).await
        }
        Job::RenewCertificates => acme::renewal::renew_due(app, lease).await,
        Job::ExpireCertificates => housekeeping::expire_certificates(app, lease).await,
        Job::Sweep => housekeeping::sweep(app, lease).await,
        Job::PruneJobs => housekeeping::prune_jobs(app, lease).await,
    }
}

/// What became of an attempt that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aftermath {
    /// It will be tried again.
    Retry,
    /// It was given up.
    Dead,
    /// Another attempt has it.
    Superseded,
}

/// Puts an attempt back after a failure: later, or never again when all attempts are used up.
pub async fn fail(app: &App, taken: &Taken, reason: &str) -> Result<Aftermath, ServiceError> {
    let now = app.now();
    let attempt = &taken.running.attempt;
    let dead = taken.running.tries >= taken.running.max_attempts;
    let setback =
        if dead { Setback::Dead(now) } else { Setback::RetryAt(now.plus(backoff(taken.running.tries, app))) };
    set_back(app, attempt, &setback, reason).await.map(|kept| match (kept, dead) {
        (false, _) => Aftermath::Superseded,
        (true, true) => Aftermath::Dead,
        (true, false) => Aftermath::Retry,
    })
}

/// Gives an attempt back unfinished because this process stops; another one may take it at once.
pub async fn release(app: &App, attempt: &Attempt) -> Result<(), ServiceError> {
    set_back(app, attempt, &Setback::Released, "the worker stopped").await.map(drop)
}

async fn set_back(
    app: &App,
    attempt: &Attempt,
    setback: &Setback,
    reason: &str,
) -> Result<bool, ServiceError> {
    let mut tx = app.database().begin_system().await?;
    match jobs::set_back(&mut tx, attempt, setback, reason).await {
        Err(certmill_storage::StorageError::LeaseLost) => return Ok(false),
        other => other?,
    }
    tx.commit().await?;
    Ok(true)
}

/// 2 s, 4 s, 8 s … up to 5 min, and up to half as much again so that failures do not return together.
fn backoff(tries: i64, app: &App) -> Duration {
    let exponent = u32::try_from(tries.clamp(1, 9)).unwrap_or(9);
    let base = Duration::from_secs(2u64.pow(exponent).min(300));
    let mut random = [0; 2];
    app.entropy().fill(&mut random);
    base + base.mul_f64(f64::from(u16::from_be_bytes(random)) / f64::from(u16::MAX) / 2.0)
}

/// Enqueues the periodic work that is due. Of several processes, one takes each turn.
pub async fn run_schedules(app: &App) -> Result<(), ServiceError> {
    let now = app.now();
    for (job, every) in [
        (Job::Sweep, Duration::from_secs(30)),
        (Job::ExpireCertificates, Duration::from_mins(1)),
        (Job::RenewCertificates, Duration::from_mins(1)),
        (Job::PruneJobs, Duration::from_hours(1)),
    ] {
        take_turn(app, job, now, now.plus(every)).await?;
    }
    Ok(())
}

async fn take_turn(app: &App, job: Job, now: Timestamp, next: Timestamp) -> Result<(), ServiceError> {
    let mut tx = app.database().begin_system().await?;
    if schedules::take(&mut tx, job.kind().as_str(), now, next).await? {
        let id = JobId::generate(now, app.entropy());
        let new = NewJob { id, job, run_at: now, request_id: None, now };
        jobs::enqueue_system(&mut tx, &new).await?;
        tx.commit().await?;
    }
    Ok(())
}

/// How many jobs of each kind are in each state: kind, state, count.
pub async fn figures(app: &App) -> Result<Vec<(String, String, i64)>, ServiceError> {
    let mut session = app.database().read_system().await?;
    Ok(jobs::figures(&mut session).await?)
}

/// The kinds of jobs, for figures.
pub fn kinds() -> impl Iterator<Item = JobKind> {
    JobKind::ALL.into_iter()
}
