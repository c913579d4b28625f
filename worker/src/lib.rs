//! The worker: it claims due jobs, does them, and keeps the periodic work going.
//!
//! A job goes from [`claims`] (which jobs, for whom) over [`pool`] (places, wake-ups, shutdown) to [`attempt`] (the
//! handler under its deadline and lease, and what became of it). The kinds of jobs and their handlers stand in
//! `certmill_service::jobs`.

mod attempt;
mod claims;
mod figures;
mod pool;
mod upkeep;

use std::time::Duration;

use certmill_service::{App, ServiceError};
use tokio_util::sync::CancellationToken;

pub use attempt::{Outcome, run as attempt};
pub use claims::Places;
use pool::WorkerPool;
pub use upkeep::{api_upkeep, run_schedules};

/// How a worker runs.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many orders, and how many challenges, are worked on at the same time; the places of the other lanes follow from
    /// it (`Lane::places`).
    pub concurrency: usize,
    /// How long jobs in hand may go on after a shutdown was asked for; what is not done by then is given back.
    pub grace: Duration,
    /// Whether no other process works on the database, so that every lease at the start belongs to a dead process.
    pub alone: bool,
}

/// Runs until `shutdown` is cancelled, then finishes the jobs in hand.
///
/// # Errors
/// Only before anything has begun, when the database cannot be asked.
pub async fn run(app: App, options: Options, shutdown: CancellationToken) -> Result<(), ServiceError> {
    let mut pool = WorkerPool::new(app.clone(), &options);
    if options.alone {
        pool.take_over().await?;
    }
    tokio::select! {
        () = pool.run(&shutdown) => {}
        () = upkeep::run(&app) => {}
        () = figures::run(&app) => {}
        () = upkeep::tell_webhooks(&app) => {}
        () = upkeep::index_names(&app) => {}
    }
    pool.finish(options.grace).await;
    upkeep::flush(&app, true).await;
    app.queue().close().await;
    Ok(())
}
