//! The worker: it claims due jobs, takes them from the queue, does them, and keeps the periodic work going.

mod dispatch;
mod run_job;
mod upkeep;

use std::time::Duration;

use certmill_queue::{QueueError, RunOptions};
use certmill_service::App;
use tokio_util::sync::CancellationToken;

pub use upkeep::api_upkeep;

/// How a worker runs.
#[derive(Debug, Clone)]
pub struct Options {
    /// The start of its name; what makes it unique is appended.
    pub name: String,
    /// How many jobs it does at the same time.
    pub concurrency: usize,
    /// How long jobs in hand may go on after a shutdown was asked for; what is not done by then is given back.
    pub grace: Duration,
}

/// Why a worker could not run.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The queue does not take these options.
    #[error("the worker's queue cannot run")]
    Queue(#[from] QueueError),
}

/// Runs until `shutdown` is cancelled, then finishes the jobs in hand.
pub async fn run(app: App, options: Options, shutdown: CancellationToken) -> Result<(), WorkerError> {
    let give_back = CancellationToken::new();
    let queue = app.queue().clone();
    let handler = {
        let (app, give_back) = (app.clone(), give_back.clone());
        move |delivery| run_job::handle(app.clone(), delivery, give_back.clone())
    };
    let run_options = RunOptions { concurrency: options.concurrency, worker_name: options.name };
    let deadline = async {
        shutdown.cancelled().await;
        tokio::time::sleep(options.grace).await;
        give_back.cancel();
        // The queue ends once every handler has; this branch only has to outlive them.
        std::future::pending::<()>().await;
    };
    tokio::select! {
        result = queue.run(run_options, handler, shutdown.clone()) => result?,
        () = deadline => {}
        () = dispatch::run(&app) => {}
        () = upkeep::run(&app) => {}
    }
    upkeep::flush(&app).await;
    Ok(())
}
