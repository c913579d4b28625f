//! What apalis-redis leaves behind in Redis, and how it goes away.

use std::{collections::VecDeque, time::Duration};

use redis::{RedisResult, aio::ConnectionManager};
use tokio::time::{Instant, interval, timeout};

use crate::QueueError;

const SWEEP_INTERVAL: Duration = Duration::from_secs(5);
/// Small enough that one step blocks Redis for less than a millisecond.
const SWEEP_BATCH: usize = 200;
/// What is left after so many steps waits for the next sweep.
const SWEEP_STEPS: usize = 100;
/// The keys of apalis-redis 1.0 that all wake-ups and workers share.
const SHARED: [&str; 7] = ["data", "active", "scheduled", "done", "dead", "signal", "workers"];
const CALL_WITHIN: Duration = Duration::from_secs(4);
const DISCARD_WITHIN: Duration = Duration::from_secs(30);

/// Failures with a working Redis within this time count together.
const FAILURE_WINDOW: Duration = Duration::from_mins(5);
const FAILURES_TO_DISCARD: usize = 8;

/// The names under which the queue keeps things in Redis.
pub(crate) struct Keys {
    namespace: String,
}

impl Keys {
    pub(crate) fn new(namespace: &str) -> Result<Self, QueueError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        // Others could make the keys of two namespaces the same.
        if namespace.is_empty() || !namespace.bytes().all(plain) {
            let message = "the namespace has to be made of letters, digits, `-` and `_`".to_owned();
            return Err(QueueError::InvalidSettings(message));
        }
        let namespace = namespace.to_owned();
        Ok(Self { namespace })
    }

    /// The queue's name for apalis.
    pub(crate) fn queue(&self) -> String {
        format!("{}:wake-ups", self.namespace)
    }

    /// Takes note that a wake-up waits for a worker; `false` when one does already. The note ends by itself, in case
    /// the worker that took the wake-up died with it.
    pub(crate) async fn set_waiting(
        &self,
        connection: &ConnectionManager,
        lasting: Duration,
    ) -> RedisResult<bool> {
        let mut set = redis::cmd("SET");
        set.arg(self.waiting()).arg("1").arg("NX").arg("PX").arg(lasting.as_millis().to_string());
        let answer: Option<String> = set.query_async(&mut connection.clone()).await?;
        Ok(answer.is_some())
    }

    /// Takes note that no wake-up waits any more.
    pub(crate) async fn clear_waiting(&self, connection: &ConnectionManager) -> RedisResult<()> {
        redis::cmd("DEL").arg(self.waiting()).query_async(&mut connection.clone()).await
    }

    fn waiting(&self) -> String {
        format!("{}:waiting", self.namespace)
    }

    /// Removes finished wake-ups from time to time: apalis-redis keeps each of them for ever, and its own vacuum reads
    /// all of them, waiting ones too, in one script. Several workers may sweep at the same time.
    pub(crate) async fn sweep_forever(&self, connection: &ConnectionManager) {
        let mut tick = interval(SWEEP_INTERVAL);
        loop {
            tick.tick().await;
            for _ in 0..SWEEP_STEPS {
                // The next sweep finds what a failed step has left.
                let step = timeout(CALL_WITHIN, self.sweep_step(connection.clone())).await;
                if !matches!(step, Ok(Ok(1..))) {
                    break;
                }
            }
        }
    }

    /// A wake-up is in `done` or `dead` only after it has been taken out of every other set, so its data can go. `dead`
    /// is where apalis puts what went back at a shutdown 25 times.
    async fn sweep_step(&self, mut connection: ConnectionManager) -> RedisResult<usize> {
        let (data, meta) = (self.key("data"), self.key("meta"));
        let mut swept = 0;
        for set in [self.key("done"), self.key("dead")] {
            let mut sample = redis::cmd("SRANDMEMBER");
            sample.arg(&set).arg(SWEEP_BATCH);
            let finished: Vec<String> = sample.query_async(&mut connection).await?;
            if finished.is_empty() {
                continue;
            }
            let metas: Vec<String> = finished.iter().map(|id| format!("{meta}:{id}")).collect();
            let mut pipeline = redis::pipe();
            pipeline.atomic().cmd("HDEL").arg(&data).arg(&finished).ignore();
            pipeline.cmd("UNLINK").arg(&metas).ignore();
            pipeline.cmd("SREM").arg(&set).arg(&finished).ignore();
            pipeline.query_async::<()>(&mut connection).await?;
            swept += finished.len();
        }
        Ok(swept)
    }

    /// Whether Redis answers.
    pub(crate) async fn ping(&self, connection: &ConnectionManager) -> bool {
        let ping = redis::cmd("PING");
        matches!(timeout(CALL_WITHIN, ping.query_async::<()>(&mut connection.clone())).await, Ok(Ok(())))
    }

    /// Forgets a worker that has ended and gives back what it had fetched, at once instead of after missed heartbeats.
    /// Best effort: the heartbeats of other workers do the same later, all but the worker's metadata.
    pub(crate) async fn retire_worker(&self, connection: &ConnectionManager, name: &str) {
        let (inflight, active) = (self.key(&format!("inflight:{name}")), self.key("active"));
        let mut connection = connection.clone();
        let retired = async {
            let mut members = redis::cmd("SMEMBERS");
            let held: Vec<String> = members.arg(&inflight).query_async(&mut connection).await?;
            let mut pipeline = redis::pipe();
            pipeline.atomic();
            if !held.is_empty() {
                pipeline.cmd("RPUSH").arg(&active).arg(&held).ignore();
            }
            pipeline.cmd("UNLINK").arg(&inflight).ignore();
            pipeline.cmd("UNLINK").arg(self.key(&format!("workers:metadata:{name}"))).ignore();
            pipeline.cmd("ZREM").arg(self.key("workers")).arg(name).ignore();
            pipeline.query_async::<()>(&mut connection).await
        };
        if !matches!(timeout(CALL_WITHIN, retired).await, Ok(Ok(()))) {
            tracing::debug!(worker.name = name, "A worker that has ended is left for the others to clean up");
        }
    }

    /// Empties the queue, as a FLUSHALL of its own keys. That ends every failure that lies in the stored content: too many
    /// waiting wake-ups, a payload that cannot be decoded, a wake-up without data. Workers look at the jobs table in any case.
    pub(crate) async fn discard_everything(&self, connection: &ConnectionManager) {
        let discarded = timeout(DISCARD_WITHIN, self.discard(connection.clone())).await;
        if !matches!(discarded, Ok(Ok(()))) {
            tracing::warn!("The keys of wake-ups in Redis could not be discarded");
        }
    }

    async fn discard(&self, mut connection: ConnectionManager) -> RedisResult<()> {
        let mut pipeline = redis::pipe();
        pipeline.atomic();
        pipeline.cmd("HKEYS").arg(self.key("data"));
        pipeline.cmd("ZRANGE").arg(self.key("workers")).arg(0).arg(-1);
        // In one step, so that a wake-up pushed meanwhile is either gone or whole.
        pipeline.cmd("UNLINK").arg(&SHARED.map(|name| self.key(name))).ignore();
        let (ids, workers): (Vec<String>, Vec<String>) = pipeline.query_async(&mut connection).await?;
        // No wake-up or worker will have one of these names again.
        let leftovers: Vec<String> = ids
            .iter()
            .map(|id| format!("meta:{id}"))
            .chain(workers.iter().map(|name| format!("inflight:{name}")))
            .chain(workers.iter().map(|name| format!("workers:metadata:{name}")))
            .map(|name| self.key(&name))
            .collect();
        for keys in leftovers.chunks(SWEEP_BATCH) {
            redis::cmd("UNLINK").arg(keys).query_async::<()>(&mut connection).await?;
        }
        Ok(())
    }

    fn key(&self, name: &str) -> String {
        format!("{}:{name}", self.queue())
    }
}

/// Counts failures of workers while Redis itself works: they mean that what Redis stores makes workers fail.
#[derive(Default)]
pub(crate) struct Failures(VecDeque<Instant>);

impl Failures {
    /// Adds a failure; `true` when it is one too many, upon which the count begins again.
    pub(crate) fn add(&mut self) -> bool {
        let now = Instant::now();
        self.0.push_back(now);
        self.0.retain(|at| now.duration_since(*at) < FAILURE_WINDOW);
        let out = self.0.len() >= FAILURES_TO_DISCARD;
        if out {
            self.0.clear();
        }
        out
    }
}
