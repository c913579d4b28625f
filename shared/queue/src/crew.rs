//! The handlers that run, independent of the worker that fetched their deliveries.

use std::sync::Arc;

use apalis_core::error::BoxDynError;
use tokio::sync::{Notify, Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{Delivery, QueueError};

/// Runs handlers as tasks of their own. An apalis worker drops its tasks when it fails; these live on, and their number
/// stays bounded over all restarts of the worker.
#[derive(Clone)]
pub(crate) struct Crew<H> {
    handler: H,
    places: Arc<Semaphore>,
    freed: Arc<Notify>,
    running: TaskTracker,
    shutdown: CancellationToken,
}

/// Sends a fetched delivery back to the queue.
#[derive(Debug, thiserror::Error)]
#[error("the worker is shutting down")]
struct ShuttingDown;

impl<H, Fut> Crew<H>
where
    H: Fn(Delivery) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    pub(crate) fn new(
        handler: H,
        concurrency: usize,
        shutdown: CancellationToken,
    ) -> Result<Self, QueueError> {
        if !(1..=Semaphore::MAX_PERMITS).contains(&concurrency) {
            let message = format!("the concurrency cannot be {concurrency}");
            return Err(QueueError::InvalidSettings(message));
        }
        Ok(Self {
            handler,
            places: Arc::new(Semaphore::new(concurrency)),
            freed: Arc::default(),
            running: TaskTracker::new(),
            shutdown,
        })
    }

    /// Waits for a free place and starts the handler. It does not wait for its end, so that the delivery is settled with
    /// Redis at once: a connection lost later cannot make Redis deliver running work again.
    pub(crate) async fn take_on(&self, payload: String) -> Result<(), BoxDynError> {
        let Ok(delivery) = payload.parse::<Delivery>() else {
            tracing::warn!(payload.length = payload.len(), "Dropped a delivery that cannot be read");
            return Ok(());
        };
        let place = tokio::select! {
            biased;
            () = self.shutdown.cancelled() => return Err(ShuttingDown.into()),
            place = self.places.clone().acquire_owned() => place?,
        };
        let (handler, freed) = (self.handler.clone(), self.freed.clone());
        let job_id = delivery.job_id().to_owned();
        self.running.spawn(async move {
            // A task of its own only so that a panic can be seen and logged with the job's id.
            let handled = tokio::spawn(async move { handler(delivery).await }).await;
            if let Err(error) = handled {
                tracing::error!(job.id = job_id, %error, "The handler of a delivery panicked");
            }
            drop(place);
            freed.notify_one();
        });
        Ok(())
    }
}

impl<H> Crew<H> {
    /// One for each handler that may start now.
    pub(crate) fn places(&self) -> Arc<Semaphore> {
        self.places.clone()
    }

    /// Completes when a place has become free since the last call.
    pub(crate) async fn place_freed(&self) {
        self.freed.notified().await;
    }

    /// Waits for the end of every handler.
    pub(crate) async fn finish(&self) {
        self.running.close();
        self.running.wait().await;
    }
}
