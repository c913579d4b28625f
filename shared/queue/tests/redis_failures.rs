//! Whatever happens to Redis, the same `run` goes on with what is pushed afterwards.

#![expect(clippy::unwrap_used, reason = "the helpers of a test may fail it")]

mod common;

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use certmill_queue::{Delivery, Queue, QueueError};
use common::{Running, delivery, in_time, redis_queue};
use launch::Redis;
use tokio::sync::mpsc;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn goes_on_after_a_flush() {
    let redis = Redis::start();
    let queue = redis_queue(&redis).await;
    let mut running = Running::start(&queue, 4);
    queue.push(delivery(0)).await.unwrap();
    assert_eq!(running.next().await, delivery(0));
    for round in 1..4 {
        redis.flush_all();
        queue.push(delivery(round)).await.unwrap();
        assert_eq!(running.next().await, delivery(round));
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn goes_on_after_a_restart_and_starts_running_work_once() {
    let mut redis = Redis::start();
    let queue = redis_queue(&redis).await;
    let (started, mut starts) = mpsc::unbounded_channel();
    let (go_on, gate) = tokio::sync::watch::channel(false);
    let handler = move |one: Delivery| {
        let (started, mut gate) = (started.clone(), gate.clone());
        async move {
            started.send(one).unwrap();
            gate.wait_for(|open| *open).await.unwrap();
        }
    };
    let running = Running::with_handler(&queue, 4, handler);
    queue.push(delivery(0)).await.unwrap();
    assert_eq!(in_time(starts.recv()).await.unwrap(), delivery(0));

    redis.stop();
    let refused = in_time(queue.push(delivery(1))).await;
    assert!(matches!(refused, Err(QueueError::Unavailable { .. })));
    in_time(queue.ping()).await.unwrap_err();
    let asked = Instant::now();
    in_time(queue.hint()).await;
    assert!(asked.elapsed() < Duration::from_secs(3));
    while asked.elapsed() < Duration::from_millis(1500) {
        in_time(queue.ping()).await.unwrap_err();
    }
    redis.start_again();

    push_until_it_works(&queue, delivery(2)).await;
    assert_eq!(in_time(starts.recv()).await.unwrap(), delivery(2));
    go_on.send(true).unwrap();
    running.stop().await;
    assert!(starts.try_recv().is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stops_while_redis_is_away() {
    let mut redis = Redis::start();
    let queue = redis_queue(&redis).await;
    let mut running = Running::start(&queue, 1);
    queue.push(delivery(0)).await.unwrap();
    running.next().await;
    redis.stop();
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drops_what_it_cannot_read() {
    let redis = Redis::start();
    let queue = Queue::redis(&redis.url(), "drop").await.unwrap();
    let mut running = Running::start(&queue, 1);
    // As a later version would push it: JSON text, but not of the form this version knows.
    push_raw(&redis, "drop", r#""v9:something else""#).await;
    queue.push(delivery(1)).await.unwrap();
    assert_eq!(running.next().await, delivery(1));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recovers_from_content_that_kills_workers() {
    let redis = Redis::start();
    let queue = Queue::redis(&redis.url(), "poison").await.unwrap();
    // Not JSON: apalis fails before our code sees it, and would for ever.
    push_raw(&redis, "poison", "{").await;
    let mut running = Running::start(&queue, 1);
    wait_until_empty(&redis, "poison").await;
    queue.push(delivery(1)).await.unwrap();
    assert_eq!(running.next().await, delivery(1));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recovers_from_a_backlog_that_is_too_long() {
    let redis = Redis::start();
    let queue = Queue::redis(&redis.url(), "backlog").await.unwrap();
    for number in 0..8_500 {
        queue.push(delivery(number)).await.unwrap();
    }
    let mut running = Running::start(&queue, 4);
    wait_until_empty(&redis, "backlog").await;
    queue.push(delivery(9_000)).await.unwrap();
    while running.next().await != delivery(9_000) {}
    running.stop().await;
    let mut connection = connect(&redis).await;
    let mut keys = redis::cmd("KEYS");
    keys.arg("backlog:deliveries:meta:*");
    let left: Vec<String> = keys.query_async(&mut connection).await.unwrap();
    assert!(left.len() <= 1, "{} left", left.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leaves_nothing_behind() {
    let redis = Redis::start();
    let queue = Queue::redis(&redis.url(), "sweep").await.unwrap();
    let mut running = Running::start(&queue, 4);
    for number in 0..500 {
        queue.push(delivery(number)).await.unwrap();
    }
    let mut handled = HashSet::new();
    while handled.len() < 500 {
        handled.insert(running.next().await);
    }
    let mut connection = connect(&redis).await;
    let swept = async {
        loop {
            let keys: Vec<String> =
                redis::cmd("KEYS").arg("sweep:*").query_async(&mut connection).await.unwrap();
            // The living worker is all that is left.
            if keys.iter().all(|key| key.starts_with("sweep:deliveries:workers")) {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    in_time(swept).await;
    running.stop().await;
    let keys: Vec<String> = redis::cmd("KEYS").arg("sweep:*").query_async(&mut connection).await.unwrap();
    assert_eq!(keys, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_worker_picks_up_quickly() {
    let redis = Redis::start();
    let pusher = Queue::redis(&redis.url(), "latency").await.unwrap();
    // A second connection, as from another process: no push in this process wakes the worker.
    let queue = Queue::redis(&redis.url(), "latency").await.unwrap();
    let mut running = Running::start(&queue, 1);
    let mut waits = Vec::new();
    for number in 0..9 {
        let pushed = Instant::now();
        pusher.push(delivery(number)).await.unwrap();
        running.next().await;
        waits.push(pushed.elapsed());
    }
    waits.sort();
    assert!(waits[4] < Duration::from_millis(250), "{waits:?}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hints_come_again_after_a_restart() {
    let mut redis = Redis::start();
    let queue = redis_queue(&redis).await;
    // The subscription's own completion.
    in_time(queue.hinted()).await;
    redis.stop();
    redis.start_again();
    // A new subscription counts as a hint.
    in_time(queue.hinted()).await;
    in_time(queue.hint()).await;
    in_time(queue.hinted()).await;
}

#[tokio::test]
async fn tells_wrong_settings_from_an_absent_redis() {
    let url = format!("redis://127.0.0.1:{}/", launch::free_port());
    assert!(matches!(in_time(Queue::redis(&url, "ns")).await, Err(QueueError::Unavailable { .. })));
    for (url, namespace) in [("not a url", "ns"), (url.as_str(), ""), (url.as_str(), "a*b")] {
        let refused = in_time(Queue::redis(url, namespace)).await;
        assert!(matches!(refused, Err(QueueError::InvalidSettings(_))), "{url} {namespace}");
    }
}

async fn wait_until_empty(redis: &Redis, namespace: &str) {
    let mut connection = connect(redis).await;
    let data = format!("{namespace}:deliveries:data");
    let emptied = async {
        let left = async |connection: &mut _| -> i64 {
            let mut length = redis::cmd("HLEN");
            length.arg(&data).query_async(connection).await.unwrap()
        };
        while left(&mut connection).await > 0 {
            tokio::task::yield_now().await;
        }
    };
    in_time(emptied).await;
}

async fn push_until_it_works(queue: &Queue, one: Delivery) {
    let pushed = async {
        while queue.push(one.clone()).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    in_time(pushed).await;
}

/// Adds a payload in the layout of apalis-redis 1.0.
async fn push_raw(redis: &Redis, namespace: &str, payload: &str) {
    let mut connection = connect(redis).await;
    let key = |name: &str| format!("{namespace}:deliveries:{name}");
    let id = "01KB0000000000000000000000";
    let mut pipeline = redis::pipe();
    pipeline.atomic().cmd("HSET").arg(key("data")).arg(id).arg(payload).ignore();
    let meta = format!("{}:{id}", key("meta"));
    pipeline
        .cmd("HSET")
        .arg(meta)
        .arg(&["attempts", "0", "max_attempts", "25", "status", "Pending"])
        .ignore();
    pipeline.cmd("RPUSH").arg(key("active")).arg(id).ignore();
    pipeline.query_async::<()>(&mut connection).await.unwrap();
}

async fn connect(redis: &Redis) -> redis::aio::MultiplexedConnection {
    let client = redis::Client::open(redis.url()).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}
