//! Wake-ups for workers: which job to run next, and "look at the jobs table now".
//!
//! The truth about jobs is a table elsewhere. This crate carries [`Delivery`] values between processes, over Redis or
//! inside one process, and promises little on purpose: a delivery may be lost (a crash, a FLUSHALL) or doubled, and the
//! jobs table makes both harmless. What it does promise is that [`Queue::run`] never stalls: whatever Redis does, the
//! next delivery pushed after it is back is handled, without a person or a restart.
//!
//! A delivery counts as done for the queue when a handler starts with it, not when the handler ends. A lost connection
//! therefore never starts running work a second time; work lost in a crash comes back when its lease in the jobs table
//! runs out.
//!
//! This is the only crate that names apalis and redis.

mod crew;
mod delivery;
mod error;
mod gate;
mod in_process;
mod redis_queue;
mod supervise;
mod sweep;

use std::{fmt, sync::Arc, time::Duration};

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::{
    crew::Crew,
    in_process::InProcess,
    redis_queue::RedisQueue,
    supervise::{Names, supervise},
};
pub use crate::{delivery::Delivery, error::QueueError};

/// A hint is worth less than the request that gives it, so it may not hold that up for longer.
const HINT_WITHIN: Duration = Duration::from_secs(1);

/// A queue of deliveries and its hint signal. Clones share the same queue.
#[derive(Clone)]
pub struct Queue(Backend);

#[derive(Clone)]
enum Backend {
    InProcess(Arc<InProcess>),
    Redis(Arc<RedisQueue>),
}

/// How [`Queue::run`] works.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// How many handlers run at the same time, at least 1.
    pub concurrency: usize,
    /// The start of the worker's name in Redis and in logs. A part that is unique per start and restart is appended,
    /// because Redis refuses a name for some time after a crash.
    pub worker_name: String,
}

impl Queue {
    /// A queue in the memory of this process.
    pub fn in_process() -> Self {
        Self(Backend::InProcess(Arc::default()))
    }

    /// A queue in Redis 7 or newer; `redis://` and `unix://` URLs. Everything it stores has a key that starts with the
    /// namespace, and none of it needs to survive.
    ///
    /// # Errors
    /// [`QueueError::InvalidSettings`] for a malformed URL, or a namespace that is not made of letters, digits, `-` and
    /// `_`; [`QueueError::Unavailable`] when Redis cannot be reached now.
    pub async fn redis(url: &str, namespace: &str) -> Result<Self, QueueError> {
        let queue = RedisQueue::connect(url, namespace).await?;
        Ok(Self(Backend::Redis(Arc::new(queue))))
    }

    /// Adds a delivery, which one of the running workers takes next.
    ///
    /// Keep fewer than about 5,000 waiting: apalis-redis reads all of them at each fetch and fails at 8,000, upon which
    /// the queue is emptied by its workers.
    ///
    /// # Errors
    /// [`QueueError::Unavailable`] when Redis cannot be reached; the delivery may have been added in spite of it.
    pub async fn push(&self, delivery: Delivery) -> Result<(), QueueError> {
        match &self.0 {
            Backend::InProcess(queue) => queue.push(&delivery).await,
            Backend::Redis(queue) => queue.push(&delivery).await,
        }
    }

    /// Says "look at the jobs table now" to whoever waits in [`Queue::hinted`], in every process. Best effort: it takes a
    /// second at most and does not fail, because the table is looked at from time to time anyway.
    pub async fn hint(&self) {
        match &self.0 {
            Backend::InProcess(queue) => queue.hint(),
            Backend::Redis(queue) => {
                let published = timeout(HINT_WITHIN, queue.hint()).await;
                if !matches!(published, Ok(Ok(()))) {
                    tracing::debug!("A hint could not be published");
                    // A dispatcher in this very process can be told without Redis.
                    queue.hint_locally();
                }
            }
        }
    }

    /// Completes when a hint has come since the last call, or when one may have been missed because the connection to
    /// Redis was new. Several hints count as one. Meant for one waiting task per process.
    pub async fn hinted(&self) {
        match &self.0 {
            Backend::InProcess(queue) => queue.hinted().await,
            Backend::Redis(queue) => queue.hinted().await,
        }
    }

    /// Asks whether the queue can be used now.
    ///
    /// # Errors
    /// [`QueueError::Unavailable`] when Redis does not answer in time.
    pub async fn ping(&self) -> Result<(), QueueError> {
        match &self.0 {
            Backend::InProcess(_) => Ok(()),
            Backend::Redis(queue) => queue.ping().await,
        }
    }

    /// Hands deliveries to the handler until `shutdown` is cancelled, then takes no more, waits for the handlers that run
    /// and returns.
    ///
    /// Handlers run as tasks of their own, at most [`RunOptions::concurrency`] at a time. A handler that panics is logged
    /// and costs nothing else. Redis may stop, restart, or lose everything in the meantime. Dropping the returned future
    /// stops the fetching but not the handlers that run.
    ///
    /// # Errors
    /// [`QueueError::InvalidSettings`] before anything has started; nothing after that.
    pub async fn run<H, Fut>(
        &self,
        options: RunOptions,
        handler: H,
        shutdown: CancellationToken,
    ) -> Result<(), QueueError>
    where
        H: Fn(Delivery) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let names = Names::new(&options.worker_name)?;
        let crew = Crew::new(handler, options.concurrency, shutdown.clone())?;
        match &self.0 {
            Backend::InProcess(queue) => supervise(&**queue, names, &crew, &shutdown).await,
            Backend::Redis(queue) => supervise(&**queue, names, &crew, &shutdown).await,
        }
        crew.finish().await;
        Ok(())
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the connection, whose URL may hold a password.
        formatter.write_str(match self.0 {
            Backend::InProcess(_) => "Queue::InProcess",
            Backend::Redis(_) => "Queue::Redis",
        })
    }
}
