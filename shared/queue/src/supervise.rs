//! Keeps an apalis worker alive.

use std::{panic::AssertUnwindSafe, time::Duration};

use apalis_core::{
    error::{BoxDynError, WorkerError},
    worker::context::WorkerContext,
};
use futures_util::{FutureExt, future::BoxFuture};
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{Delivery, QueueError, crew::Crew, sweep::Strikes};

const FIRST_DELAY: Duration = Duration::from_millis(100);
const LONGEST_DELAY: Duration = Duration::from_secs(2);
/// A worker that lived this long was not part of the same trouble.
const HEALTHY_AFTER: Duration = Duration::from_secs(10);
/// How long a worker may take to give back what it holds; it needs two round trips.
const CLOSE_WITHIN: Duration = Duration::from_secs(5);

/// A worker that has not been polled yet.
pub(crate) type Worker = BoxFuture<'static, Result<(), WorkerError>>;

/// When a worker looks for deliveries.
///
/// apalis' own poll strategies lose their waker after one slow answer, and its in-process queue keeps one waker for all
/// workers; both end in a worker that sleeps for ever. Polling the worker's whole future from outside needs no waker.
pub(crate) struct Pace {
    pub(crate) interval: Duration,
    pub(crate) pushed: watch::Receiver<()>,
}

/// Worker names that no other start, on any machine, has used.
pub(crate) struct Names {
    prefix: String,
    restarts: u64,
}

impl Names {
    pub(crate) fn new(prefix: &str) -> Result<Self, QueueError> {
        let start =
            getrandom::u64().map_err(|error| QueueError::unavailable("drawing a random number", error))?;
        let prefix = format!("{prefix}-{}-{start:016x}", std::process::id());
        Ok(Self { prefix, restarts: 0 })
    }

    /// A name that apalis-redis has not seen: it refuses a name until a heartbeat interval after a crash has passed.
    fn next(&mut self) -> String {
        self.restarts += 1;
        format!("{}-{}", self.prefix, self.restarts)
    }
}

/// What differs between the queues.
pub(crate) trait Transport: Sync {
    /// When its workers look for deliveries.
    fn pace(&self) -> Pace;

    /// A new worker that hands what it fetches to the crew.
    fn worker<H, Fut>(&self, context: WorkerContext, crew: Crew<H>) -> Worker
    where
        H: Fn(Delivery) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static;

    /// Cleans up after the worker of this name.
    fn retire(&self, name: &str) -> impl Future<Output = ()> + Send;

    /// Does what helps against the failure of a worker before the next one starts.
    fn recover(&self, strikes: &mut Strikes) -> impl Future<Output = ()> + Send;

    /// Works beside the workers; never completes.
    fn housekeeping(&self) -> impl Future<Output = ()> + Send;
}

/// Keeps one worker and the housekeeping running until the shutdown.
pub(crate) async fn supervise<T, H, Fut>(
    transport: &T,
    names: Names,
    crew: &Crew<H>,
    shutdown: &CancellationToken,
) where
    T: Transport,
    H: Fn(Delivery) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    tokio::select! {
        () = keep_working(transport, names, crew, shutdown) => {}
        () = transport.housekeeping() => {}
    }
}

/// Starts a worker and, until the shutdown, another one whenever it ends. Any Redis error ends an apalis worker.
async fn keep_working<T, H, Fut>(
    transport: &T,
    mut names: Names,
    crew: &Crew<H>,
    shutdown: &CancellationToken,
) where
    T: Transport,
    H: Fn(Delivery) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let mut pace = transport.pace();
    let mut strikes = Strikes::default();
    let mut delay = FIRST_DELAY;
    while !shutdown.is_cancelled() {
        let name = names.next();
        let context = WorkerContext::new(&name);
        let started = Instant::now();
        let worker = transport.worker(context.clone(), crew.clone());
        let result = drive(worker, &context, &mut pace, crew, shutdown).await;
        transport.retire(&name).await;
        if shutdown.is_cancelled() {
            break;
        }
        if started.elapsed() > HEALTHY_AFTER {
            delay = FIRST_DELAY;
        }
        match result {
            Ok(()) => tracing::warn!(worker.name = name, "The queue's worker ended; it is started again"),
            Err(error) => {
                tracing::warn!(worker.name = name, %error, "The queue's worker failed; it is started again");
                transport.recover(&mut strikes).await;
            }
        }
        // Only the shutdown cuts the delay short, and then there is nothing to start.
        let _ = timeout(delay, shutdown.cancelled()).await;
        delay = LONGEST_DELAY.min(delay * 2);
    }
}

async fn drive<H>(
    worker: Worker,
    context: &WorkerContext,
    pace: &mut Pace,
    crew: &Crew<H>,
    shutdown: &CancellationToken,
) -> Result<(), BoxDynError> {
    // The worker only fetches and hands over; what a panic in it leaves behind is dropped with it.
    let mut worker = AssertUnwindSafe(worker).catch_unwind();
    let mut tick = interval(pace.interval);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            ended = &mut worker => return settle(ended),
            () = shutdown.cancelled() => break,
            _ = tick.tick() => {}
            Ok(()) = pace.pushed.changed() => {}
            () = crew.place_freed() => {}
        }
    }
    if context.stop().is_err() {
        // The worker has not been polled yet, so it holds nothing.
        return Ok(());
    }
    match timeout(CLOSE_WITHIN, worker).await {
        Ok(ended) => settle(ended),
        Err(elapsed) => Err(elapsed.into()),
    }
}

fn settle(ended: std::thread::Result<Result<(), WorkerError>>) -> Result<(), BoxDynError> {
    match ended {
        Ok(result) => Ok(result?),
        Err(_) => Err("the worker panicked".into()),
    }
}
