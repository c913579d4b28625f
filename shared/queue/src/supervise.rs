//! Keeps an apalis worker alive: any Redis error ends one.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use apalis_core::error::{BoxDynError, WorkerError};
use apalis_core::worker::context::WorkerContext;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::keys::Failures;
use crate::redis_queue::Shared;

/// How often a worker looks for wake-ups. apalis' own poll strategies lose their waker after one slow answer and end in a
/// worker that sleeps for ever; polling the worker's whole future from outside needs no waker.
const POLL_INTERVAL: Duration = Duration::from_millis(50);
const FIRST_DELAY: Duration = Duration::from_millis(100);
const LONGEST_DELAY: Duration = Duration::from_secs(2);
/// A worker that lived this long was not part of the same trouble.
const HEALTHY_AFTER: Duration = Duration::from_secs(10);
/// How long a worker may take to give back what it holds; it needs two round trips.
const CLOSE_WITHIN: Duration = Duration::from_secs(3);

/// A worker that has not been polled yet.
pub(crate) type Worker = BoxFuture<'static, Result<(), WorkerError>>;

/// Keeps one worker and the tidying of its keys going until `closed`.
pub(crate) async fn supervise(shared: Arc<Shared>, closed: CancellationToken) {
    tokio::select! {
        () = keep_working(&shared, &closed) => {}
        () = shared.keys.sweep_forever(&shared.connection) => {}
    }
}

async fn keep_working(shared: &Arc<Shared>, closed: &CancellationToken) {
    // Unique, because apalis-redis refuses a name for some time after a crash.
    let start = getrandom::u64().unwrap_or_default();
    let prefix = format!("worker-{}-{start:016x}", std::process::id());
    let mut failures = Failures::default();
    let mut delay = FIRST_DELAY;
    for restart in 0_u64.. {
        if closed.is_cancelled() {
            return;
        }
        let name = format!("{prefix}-{restart}");
        let context = WorkerContext::new(&name);
        let started = Instant::now();
        let result = drive(shared.worker(context.clone()), &context, closed).await;
        shared.keys.retire_worker(&shared.connection, &name).await;
        if started.elapsed() > HEALTHY_AFTER {
            delay = FIRST_DELAY;
        }
        if let Err(error) = result {
            tracing::debug!(worker.name = name, %error, "The worker for wake-ups failed; it is started again");
            // Without Redis there is nothing wrong with what it stores.
            if shared.keys.ping(&shared.connection).await && failures.add() {
                tracing::error!(
                    "The workers for wake-ups fail again and again; their keys in Redis are discarded"
                );
                shared.keys.discard_everything(&shared.connection).await;
            }
        }
        // Only the end cuts the delay short, and then there is nothing to start.
        let _ = timeout(delay, closed.cancelled()).await;
        delay = LONGEST_DELAY.min(delay * 2);
    }
}

async fn drive(
    worker: Worker,
    context: &WorkerContext,
    closed: &CancellationToken,
) -> Result<(), BoxDynError> {
    // The worker only passes wake-ups on; what a panic in it leaves behind is dropped with it.
    let mut worker = AssertUnwindSafe(worker).catch_unwind();
    let mut tick = interval(POLL_INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            ended = &mut worker => return settle(ended),
            () = closed.cancelled() => break,
            _ = tick.tick() => {}
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
