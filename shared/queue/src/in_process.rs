//! The queue of a service that runs as one process.

use std::{future, time::Duration};

use apalis::layers::WorkerBuilderExt;
use apalis::prelude::{TaskSink, WorkerBuilder, WorkerContext};
use apalis_core::backend::dequeue::VecDequeBackend;
use futures_util::FutureExt;
use tokio::sync::{Notify, watch};

use crate::{
    Delivery, QueueError,
    crew::Crew,
    gate::Gate,
    supervise::{Pace, Transport, Worker},
    sweep::Strikes,
};

/// Every push wakes every worker at once; this is for a wake-up that nobody thought of.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Deliveries in memory, lost with the process as in Redis with a FLUSHALL.
pub(crate) struct InProcess {
    deliveries: VecDequeBackend<String>,
    pushed: watch::Sender<()>,
    hints: Notify,
}

impl Default for InProcess {
    fn default() -> Self {
        Self { deliveries: VecDequeBackend::new(), pushed: watch::Sender::new(()), hints: Notify::new() }
    }
}

impl InProcess {
    pub(crate) async fn push(&self, delivery: &Delivery) -> Result<(), QueueError> {
        let mut deliveries = self.deliveries.clone();
        deliveries
            .push(delivery.to_string())
            .await
            .map_err(|error| QueueError::unavailable("pushing a delivery", error))?;
        self.pushed.send_replace(());
        Ok(())
    }

    pub(crate) fn hint(&self) {
        self.hints.notify_one();
    }

    pub(crate) async fn hinted(&self) {
        self.hints.notified().await;
    }
}

impl Transport for InProcess {
    fn pace(&self) -> Pace {
        Pace { interval: POLL_INTERVAL, pushed: self.pushed.subscribe() }
    }

    fn worker<H, Fut>(&self, context: WorkerContext, crew: Crew<H>) -> Worker
    where
        H: Fn(Delivery) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        WorkerBuilder::new(context)
            .backend(Gate::new(self.deliveries.clone(), crew.places()))
            // One hand-over at a time; the crew bounds the handlers.
            .concurrency(1)
            .build(move |payload: String| {
                let crew = crew.clone();
                async move { crew.take_on(payload).await }
            })
            .run()
            .boxed()
    }

    async fn retire(&self, _name: &str) {}

    async fn recover(&self, _strikes: &mut Strikes) {}

    async fn housekeeping(&self) {
        future::pending::<()>().await;
    }
}
