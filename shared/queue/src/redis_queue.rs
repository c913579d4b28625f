//! The queue of a fleet, over apalis-redis.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use apalis::layers::WorkerBuilderExt;
use apalis::prelude::{TaskSink, WorkerBuilder, WorkerContext};
use apalis_redis::{Config, RedisStorage};
use futures_util::{FutureExt, StreamExt};
use redis::{
    Client, RedisError, RedisResult,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use tokio::{
    sync::{Notify, watch},
    time::{sleep, timeout},
};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    Delivery, QueueError,
    crew::Crew,
    gate::Gate,
    supervise::{Pace, Transport, Worker},
    sweep::{Keys, Strikes},
};

/// The longest an idle worker leaves a delivery of another process waiting.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(5);
/// After so many intervals a worker counts as dead and what it held is delivered again.
const MISSED_HEARTBEATS: usize = 3;
const CONNECT_WITHIN: Duration = Duration::from_secs(1);
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// Covers a reconnect and the answer after it.
const CALL_WITHIN: Duration = Duration::from_secs(4);
/// How often a quiet subscription is asked whether it is still connected.
const SUBSCRIPTION_CHECK: Duration = Duration::from_secs(15);
/// Between two subscriptions, so that a Redis that drops them makes no busy loop.
const RESUBSCRIBE_AFTER: Duration = Duration::from_millis(500);

pub(crate) struct RedisQueue {
    client: Client,
    connection: ConnectionManager,
    storage: RedisStorage<String>,
    keys: Keys,
    pushed: watch::Sender<()>,
    hints: Arc<Notify>,
    subscription: OnceLock<AbortOnDropHandle<()>>,
}

impl RedisQueue {
    pub(crate) async fn connect(url: &str, namespace: &str) -> Result<Self, QueueError> {
        let keys = Keys::new(namespace)?;
        // The URL may hold a password, so it is not repeated.
        let client = Client::open(url)
            .map_err(|error| QueueError::InvalidSettings(format!("the Redis URL: {}", error.category())))?;
        let settings = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(CONNECT_WITHIN))
            .set_response_timeout(Some(ANSWER_WITHIN))
            // The supervisor repeats, with delays of its own; a call here fails fast.
            .set_number_of_retries(1)
            .set_max_delay(Duration::from_millis(100));
        let connection = ConnectionManager::new_with_config(client.clone(), settings)
            .await
            .map_err(|error| QueueError::unavailable("connecting to Redis", error))?;
        let storage = RedisStorage::new(connection.clone()).with_config(storage_config(&keys));
        Ok(Self {
            client,
            connection,
            storage,
            keys,
            pushed: watch::Sender::new(()),
            hints: Arc::default(),
            subscription: OnceLock::new(),
        })
    }

    pub(crate) async fn push(&self, delivery: &Delivery) -> Result<(), QueueError> {
        let mut storage = self.storage.clone();
        let failed = "pushing a delivery to Redis";
        match timeout(CALL_WITHIN, storage.push(delivery.to_string())).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(QueueError::unavailable(failed, error)),
            Err(elapsed) => return Err(QueueError::unavailable(failed, elapsed)),
        }
        self.pushed.send_replace(());
        Ok(())
    }

    pub(crate) async fn ping(&self) -> Result<(), QueueError> {
        let mut connection = self.connection.clone();
        let ping = redis::cmd("PING");
        match timeout(CALL_WITHIN, ping.query_async::<()>(&mut connection)).await {
            Ok(answer) => {
                answer.map_err(|error| QueueError::unavailable("asking Redis for an answer", error))
            }
            Err(elapsed) => Err(QueueError::unavailable("asking Redis for an answer", elapsed)),
        }
    }

    pub(crate) async fn hint(&self) -> RedisResult<()> {
        let mut connection = self.connection.clone();
        let mut publish = redis::cmd("PUBLISH");
        publish.arg(self.keys.hint_channel()).arg("");
        publish.query_async(&mut connection).await
    }

    pub(crate) fn hint_locally(&self) {
        self.hints.notify_one();
    }

    /// Subscribes at the first call, so that a process that only gives hints holds no second connection.
    pub(crate) async fn hinted(&self) {
        self.subscription.get_or_init(|| {
            let subscription = subscribe(self.client.clone(), self.keys.hint_channel(), self.hints.clone());
            AbortOnDropHandle::new(tokio::spawn(subscription))
        });
        self.hints.notified().await;
    }
}

impl Transport for RedisQueue {
    fn pace(&self) -> Pace {
        Pace { interval: POLL_INTERVAL, pushed: self.pushed.subscribe() }
    }

    fn worker<H, Fut>(&self, context: WorkerContext, crew: Crew<H>) -> Worker
    where
        H: Fn(Delivery) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        WorkerBuilder::new(context)
            .backend(Gate::new(self.storage.clone(), crew.places()))
            // One hand-over at a time; the crew bounds the handlers. More would fill apalis' channel of acknowledgements,
            // which nobody empties during a shutdown.
            .concurrency(1)
            .build(move |payload: String| {
                let crew = crew.clone();
                async move { crew.take_on(payload).await }
            })
            .run()
            .boxed()
    }

    async fn retire(&self, name: &str) {
        self.keys.retire_worker(&self.connection, name).await;
    }

    async fn recover(&self, strikes: &mut Strikes) {
        // Without Redis there is nothing wrong with what it stores.
        if self.ping().await.is_ok() && strikes.add() {
            tracing::error!("The queue's workers fail again and again; its content in Redis is discarded");
            self.keys.discard_everything(&self.connection).await;
        }
    }

    async fn housekeeping(&self) {
        self.keys.sweep_forever(&self.connection).await;
    }
}

/// The settings without which apalis-redis is not safe.
fn storage_config(keys: &Keys) -> Config {
    Config::default()
        .queue(keys.queue())
        // Heartbeats and acknowledgements stand still while fetched deliveries are buffered.
        .batch_size(1)
        // The defaults take five minutes to notice that a worker is dead.
        .heartbeat_interval(HEARTBEAT_INTERVAL)
        .missed_heartbeats(MISSED_HEARTBEATS)
        // A delivery is held for milliseconds, so a lock says nothing and costs a round trip.
        .lock_tasks(false)
        // This is the acknowledgement: without it every delivery would come back.
        .persist_results(true)
        // Nobody listens.
        .emit_events(false)
}

async fn subscribe(client: Client, channel: String, hints: Arc<Notify>) {
    loop {
        if let Err(error) = listen(&client, &channel, &hints).await {
            tracing::debug!(%error, "The subscription to hints was lost");
        }
        sleep(RESUBSCRIBE_AFTER).await;
    }
}

/// Passes hints on until the connection ends.
async fn listen(client: &Client, channel: &str, hints: &Notify) -> Result<(), RedisError> {
    let subscribed = async {
        let mut subscription = client.get_async_pubsub().await?;
        subscription.subscribe(channel).await?;
        RedisResult::Ok(subscription)
    };
    let (mut sink, mut messages) = timeout(CALL_WITHIN, subscribed).await.map_err(timed_out)??.split();
    // Hints of the time without a subscription are lost, so assume that there was one.
    hints.notify_one();
    loop {
        match timeout(SUBSCRIPTION_CHECK, messages.next()).await {
            Ok(Some(_)) => hints.notify_one(),
            Ok(None) => return Ok(()),
            // A connection that a firewall has forgotten looks like a quiet one.
            Err(_) => {
                timeout(ANSWER_WITHIN, sink.ping::<redis::Value>()).await.map_err(timed_out)?.map(|_| ())?;
            }
        }
    }
}

fn timed_out(elapsed: tokio::time::error::Elapsed) -> RedisError {
    RedisError::from(std::io::Error::from(elapsed))
}
