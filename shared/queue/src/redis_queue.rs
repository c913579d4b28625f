//! Wake-ups of a fleet, carried by apalis-redis: each is taken by one worker process.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use apalis::layers::WorkerBuilderExt;
use apalis::prelude::{TaskSink, WorkerBuilder, WorkerContext};
use apalis_redis::{Config, RedisStorage};
use futures_util::FutureExt;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, RedisError};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::keys::Keys;
use crate::supervise::{Worker, supervise};
use crate::{Carrier, QueueError};

const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(5);
/// After so many intervals a worker counts as dead.
const MISSED_HEARTBEATS: usize = 3;
const CONNECT_WITHIN: Duration = Duration::from_secs(1);
const ANSWER_WITHIN: Duration = Duration::from_secs(1);
/// Covers a reconnect and the answer after it.
const CALL_WITHIN: Duration = Duration::from_secs(2);
/// A wake-up that no worker takes for so long is followed by another one.
const WAITING_FOR: Duration = Duration::from_secs(2);

pub(crate) struct RedisQueue {
    shared: Arc<Shared>,
    /// Held so that it ends with the queue.
    _sender: AbortOnDropHandle<()>,
    listener: Mutex<Option<JoinHandle<()>>>,
    closed: CancellationToken,
}

/// What the tasks in the background work with.
pub(crate) struct Shared {
    pub(crate) connection: ConnectionManager,
    storage: RedisStorage<String>,
    pub(crate) keys: Keys,
    /// This process has made work that others have not been told of.
    to_send: Notify,
    /// There may be work for a worker of this process.
    woken: Notify,
}

impl RedisQueue {
    pub(crate) fn new(url: &str, namespace: &str) -> Result<Self, QueueError> {
        let keys = Keys::new(namespace)?;
        // The URL may hold a password, so it is not repeated.
        let invalid = |error: RedisError| {
            QueueError::InvalidSettings(format!("the Redis URL cannot be used: {}", error.category()))
        };
        let settings = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(CONNECT_WITHIN))
            .set_response_timeout(Some(ANSWER_WITHIN))
            // Callers retry with delays of their own, so a single call fails fast.
            .set_number_of_retries(1)
            .set_max_delay(Duration::from_millis(100));
        let client = Client::open(url).map_err(invalid)?;
        let connection = ConnectionManager::new_lazy_with_config(client, settings).map_err(invalid)?;
        let storage = RedisStorage::new(connection.clone()).with_config(storage_config(&keys));
        let shared =
            Arc::new(Shared { connection, storage, keys, to_send: Notify::new(), woken: Notify::new() });
        Ok(Self {
            _sender: AbortOnDropHandle::new(tokio::spawn(send_wake_ups(shared.clone()))),
            shared,
            listener: Mutex::new(None),
            closed: CancellationToken::new(),
        })
    }
}

impl Carrier for RedisQueue {
    fn wake(&self) {
        // A worker in this process needs no Redis.
        self.shared.woken.notify_one();
        self.shared.to_send.notify_one();
    }

    /// Listens from the first call on, so that a process without a worker takes no wake-ups from those that have one.
    async fn woken(&self) {
        {
            let mut listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner);
            listener.get_or_insert_with(|| tokio::spawn(supervise(self.shared.clone(), self.closed.clone())));
        }
        self.shared.woken.notified().await;
    }

    async fn check(&self) -> Result<(), QueueError> {
        let mut connection = self.shared.connection.clone();
        let ping = redis::cmd("PING");
        match timeout(CALL_WITHIN, ping.query_async::<()>(&mut connection)).await {
            Ok(answer) => answer.map_err(|error| QueueError::Unavailable(error.to_string())),
            Err(_) => Err(QueueError::Unavailable(format!("no answer within {} s", CALL_WITHIN.as_secs()))),
        }
    }

    async fn close(&self) {
        self.closed.cancel();
        let listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(listener) = listener {
            // Joining only fails when the task panicked, and then it has ended too.
            let _ = listener.await;
        }
    }
}

impl Shared {
    /// An apalis worker that takes wake-ups for this process.
    pub(crate) fn worker(self: &Arc<Self>, context: WorkerContext) -> Worker {
        let shared = self.clone();
        WorkerBuilder::new(context)
            .backend(self.storage.clone())
            .concurrency(1)
            .build(move |_: String| {
                let shared = shared.clone();
                async move { shared.taken().await }
            })
            .run()
            .boxed()
    }

    /// A wake-up has come. The next one may be sent from here on; only then the table is looked at, so that no work lies
    /// between the look and the next wake-up.
    async fn taken(&self) -> Result<(), RedisError> {
        let cleared = self.keys.clear_waiting(&self.connection).await;
        self.woken.notify_one();
        cleared
    }

    /// Sends a wake-up unless one waits already: however much work is made, one entry stands in Redis.
    async fn send(&self) -> Result<(), String> {
        let first = self.keys.set_waiting(&self.connection, WAITING_FOR).await;
        if first.map_err(|error| error.to_string())? {
            let mut storage = self.storage.clone();
            storage.push("wake".to_owned()).await.map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}

/// Sends what [`Carrier::wake`] asks for, one at a time. What cannot be sent is dropped: workers look by themselves.
async fn send_wake_ups(shared: Arc<Shared>) {
    let mut failing = false;
    loop {
        shared.to_send.notified().await;
        let sent = timeout(CALL_WITHIN, shared.send()).await;
        let sent = sent.unwrap_or_else(|_| Err(format!("no answer within {} s", CALL_WITHIN.as_secs())));
        match &sent {
            Ok(()) if failing => tracing::info!("Redis is back: workers are woken at once again"),
            Err(reason) if !failing => {
                tracing::warn!(reason, "Redis cannot be used: workers find jobs when they look, each second");
            }
            Ok(()) | Err(_) => {}
        }
        failing = sent.is_err();
    }
}

/// The settings without which apalis-redis is not safe.
fn storage_config(keys: &Keys) -> Config {
    Config::default()
        .queue(keys.queue())
        // Heartbeats and acknowledgements stand still while fetched wake-ups are buffered.
        .batch_size(1)
        // The defaults take five minutes to notice that a worker is dead.
        .heartbeat_interval(HEARTBEAT_INTERVAL)
        .missed_heartbeats(MISSED_HEARTBEATS)
        // A wake-up is held for milliseconds, so a lock says nothing and costs a round trip.
        .lock_tasks(false)
        // This is the acknowledgement: without it every wake-up would come back.
        .persist_results(true)
        // There is no listener for these events.
        .emit_events(false)
}
