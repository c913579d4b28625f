//! The places of a worker process, and the loop that fills them.

use std::time::Duration;

use certmill_service::jobs::{JobKind, LONGEST_LEASE, Lane};
use certmill_service::{App, ServiceError, events};
use certmill_storage::jobs::{self, Claimed};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::claims::{Places, tenant_name};
use crate::{Options, attempt};

/// How long a due job can go unnoticed when no wake-up came.
const TICK: Duration = Duration::from_secs(1);
/// The pause after a failure.
const AFTER_FAILURE: Duration = Duration::from_secs(2);

/// Does jobs in a bounded number of places, of which each lane has its own.
pub(crate) struct WorkerPool {
    app: App,
    lanes: Vec<Places>,
    running: TaskTracker,
    give_back: CancellationToken,
    /// Says whose place in which lane has become free. As many messages as there are places can be under way.
    freed: (mpsc::UnboundedSender<Freed>, mpsc::UnboundedReceiver<Freed>),
    clock_was_wrong: bool,
}

struct Freed {
    lane: Lane,
    tenant: String,
}

impl WorkerPool {
    /// A pool with nothing in hand.
    pub(crate) fn new(app: App, options: &Options) -> Self {
        let places = |lane: Lane| Places::new(lane, lane.places(options.concurrency));
        Self {
            app,
            lanes: Lane::ALL.into_iter().map(places).collect(),
            running: TaskTracker::new(),
            give_back: CancellationToken::new(),
            freed: mpsc::unbounded_channel(),
            clock_was_wrong: false,
        }
    }

    /// Makes every job due again that is under a lease, because the process that held it is dead.
    pub(crate) async fn take_over(&self) -> Result<(), ServiceError> {
        let mut tx = self.app.database().begin_system().await?;
        let returned = jobs::return_all(&mut tx).await?;
        tx.commit().await?;
        if returned > 0 {
            tracing::info!(jobs = returned, "going on with what was in hand when the process ended");
        }
        Ok(())
    }

    /// Claims due jobs and starts them, until `shutdown` is cancelled. Whether a wake-up came over Redis, a place became
    /// free or just a second has passed, the same look at the table follows.
    pub(crate) async fn run(&mut self, shutdown: &CancellationToken) {
        while !shutdown.is_cancelled() {
            let pause = match self.fill().await {
                Ok(()) => TICK,
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "jobs could not be claimed");
                    AFTER_FAILURE
                }
            };
            let app = self.app.clone();
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = app.queue().woken() => {}
                Some(freed) = self.freed.1.recv() => self.give_back(&freed),
                () = tokio::time::sleep(pause) => {}
            }
            while let Ok(freed) = self.freed.1.try_recv() {
                self.give_back(&freed);
            }
        }
    }

    fn give_back(&mut self, freed: &Freed) {
        for places in self.lanes.iter_mut().filter(|places| places.lane() == freed.lane) {
            places.give_back(&freed.tenant);
        }
    }

    /// Claims and starts what is due and finds a place.
    async fn fill(&mut self) -> Result<(), ServiceError> {
        let app = self.app.clone();
        app.look_at_database_clock().await?;
        if app.clock_is_wrong() {
            if !std::mem::replace(&mut self.clock_was_wrong, true) {
                tracing::error!(
                    difference_seconds = app.clock_difference(),
                    "this machine's clock differs from the database's: set it; until then no jobs are taken"
                );
            }
            return Ok(());
        }
        self.clock_was_wrong = false;
        self.end_leases().await?;
        let mut session = app.database().read_system().await?;
        let known = JobKind::ALL.iter().map(|kind| kind.as_str());
        let due = jobs::due_kinds(&mut session, known, app.now()).await?;
        drop(session);
        for at in 0..self.lanes.len() {
            let Some(places) = self.lanes.get_mut(at) else { continue };
            let lane = places.lane();
            let is_due = lane.kinds().any(|kind| due.iter().any(|word| word == kind.as_str()));
            if is_due && places.any_free() {
                for job in places.claim(&app).await? {
                    self.start(lane, job);
                }
            }
        }
        Ok(())
    }

    /// Makes jobs due again whose lease has ended without a word.
    async fn end_leases(&self) -> Result<(), ServiceError> {
        let now = self.app.now();
        let mut session = self.app.database().read_system().await?;
        if !jobs::any_lease_over(&mut session, now, LONGEST_LEASE).await? {
            return Ok(());
        }
        drop(session);
        let mut tx = self.app.database().begin_system().await?;
        let ended = jobs::end_leases(&mut tx, now, LONGEST_LEASE).await?;
        let dead = u64::try_from(ended.dead.len()).unwrap_or(u64::MAX);
        events::tell_dead(&self.app, &mut tx, ended.dead).await?;
        tx.commit().await?;
        for (count, outcome) in [(ended.returned, "returned"), (dead, "dead")] {
            metrics::counter!("certmill_job_leases_ended_total", "outcome" => outcome).increment(count);
        }
        if dead > 0 {
            tracing::error!(jobs = dead, "jobs were given up: every attempt ended without a result");
        }
        if ended.returned > 0 {
            tracing::warn!(jobs = ended.returned, "going on with jobs whose worker died or stalled");
        }
        Ok(())
    }

    fn start(&self, lane: Lane, job: Claimed) {
        let (app, give_back, freed) = (self.app.clone(), self.give_back.clone(), self.freed.0.clone());
        self.running.spawn(async move {
            let tenant = tenant_name(&job);
            attempt::run(&app, job, &give_back).await;
            // After a shutdown there is no receiver, and no job is claimed either.
            let _ = freed.send(Freed { lane, tenant });
        });
    }

    /// Waits for the jobs in hand; what is not done after `grace` is given back.
    pub(crate) async fn finish(&self, grace: Duration) {
        self.running.close();
        if tokio::time::timeout(grace, self.running.wait()).await.is_err() {
            self.give_back.cancel();
            self.running.wait().await;
        }
    }
}
