//! Wake-ups: "there is work, look at the jobs table now", within a process and between processes.
//!
//! The truth about jobs is a table elsewhere, and workers look at it each second in any case. A wake-up only saves
//! that second, so it may be lost (a crash, a FLUSHALL, no Redis at all) or doubled. Sending one never waits and never
//! fails.
//!
//! This is the only crate that names apalis and redis.

mod error;
mod in_process;
mod keys;
mod look;
mod rate_limits;
mod redis_queue;
mod supervise;

use std::fmt;
use std::sync::Arc;

pub use crate::error::QueueError;
use crate::in_process::InProcess;
pub use crate::look::RedisState;
pub use crate::rate_limits::{SharedBuckets, TakenCall};
use crate::redis_queue::RedisQueue;

/// Carries wake-ups from the process that made work to a worker.
trait Carrier {
    /// Says that there is work.
    fn wake(&self);

    /// Completes when a wake-up has come since the last call; several count as one. For one waiting task per process.
    fn woken(&self) -> impl Future<Output = ()> + Send;

    /// Whether wake-ups reach other processes now.
    fn check(&self) -> impl Future<Output = Result<(), QueueError>> + Send;

    /// Takes no wake-ups any more, and leaves nothing behind.
    fn close(&self) -> impl Future<Output = ()> + Send;
}

/// The way of wake-ups. Clones share it.
#[derive(Clone)]
pub struct Queue(Kind);

#[derive(Clone)]
enum Kind {
    InProcess(Arc<InProcess>),
    Redis(Arc<RedisQueue>),
}

/// Calls a method of whichever carrier it is.
macro_rules! carrier {
    ($queue:expr, $carrier:ident => $call:expr) => {
        match &$queue.0 {
            Kind::InProcess($carrier) => $call,
            Kind::Redis($carrier) => $call,
        }
    };
}

impl Queue {
    /// Wake-ups within this process.
    pub fn in_process() -> Self {
        Self(Kind::InProcess(Arc::default()))
    }

    /// Wake-ups between processes over Redis 7 or newer; `redis://` and `unix://` URLs. Redis need not be there, now or
    /// ever: without it wake-ups stay within the process. Everything that is stored has a key that starts with the
    /// namespace, and none of it needs to survive. Needs a Tokio runtime.
    ///
    /// # Errors
    /// [`QueueError::InvalidSettings`] for a malformed URL, or a namespace that is not made of letters, digits, `-` and
    /// `_`.
    pub fn redis(url: &str, namespace: &str) -> Result<Self, QueueError> {
        Ok(Self(Kind::Redis(Arc::new(RedisQueue::new(url, namespace)?))))
    }

    /// Says, after a commit, that there is work. Returns at once.
    pub fn wake(&self) {
        carrier!(self, carrier => carrier.wake());
    }

    /// Completes when there may be work: a wake-up has come since the last call, or one may have been missed. Several count
    /// as one. Meant for one waiting task per process, a worker's.
    pub async fn woken(&self) {
        carrier!(self, carrier => carrier.woken().await);
    }

    /// Asks whether wake-ups reach other processes now.
    ///
    /// # Errors
    /// [`QueueError::Unavailable`] when Redis does not answer in time, which costs no more than a second per job.
    pub async fn check(&self) -> Result<(), QueueError> {
        carrier!(self, carrier => carrier.check().await)
    }

    /// Takes no wake-ups any more and signs this process's worker off: for an orderly end.
    pub async fn close(&self) {
        carrier!(self, carrier => carrier.close().await);
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the connection, whose URL may hold a password.
        formatter.write_str(match self.0 {
            Kind::InProcess(_) => "Queue::InProcess",
            Kind::Redis(_) => "Queue::Redis",
        })
    }
}
