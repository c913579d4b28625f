//! Whatever happens to Redis, workers of the same process are woken, and those of others once it is back.

#![expect(clippy::unwrap_used, reason = "the helpers of a test may fail it")]

use std::time::{Duration, Instant};

use certmill_queue::{Queue, QueueError};
use launch::Redis;
use tokio::net::TcpListener;
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_process_is_woken_quickly() {
    let redis = Redis::start();
    let (api, worker) = (queue(&redis, "latency"), queue(&redis, "latency"));
    let mut waits = Vec::new();
    for _ in 0..9 {
        let sent = Instant::now();
        api.wake();
        in_time(worker.woken()).await;
        waits.push(sent.elapsed());
    }
    waits.sort();
    assert!(waits[4] < Duration::from_millis(250), "{waits:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn however_much_work_is_made_one_wake_up_stands_in_redis() {
    let redis = Redis::start();
    let api = queue(&redis, "flood");
    for _ in 0..10_000 {
        api.wake();
        tokio::task::yield_now().await;
    }
    let mut connection = connect(&redis).await;
    let mut waiting = 0_i64;
    let sent = async {
        while waiting == 0 {
            let mut count = redis::cmd("HLEN");
            waiting = count.arg("flood:wake-ups:data").query_async(&mut connection).await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    in_time(sent).await;
    // A note that nobody takes ends after two seconds, and the flood may have lasted longer.
    assert!((1..=3).contains(&waiting), "{waiting}");
    in_time(queue(&redis, "flood").woken()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wake_ups_cross_again_after_a_flush_and_a_restart() {
    let mut redis = Redis::start();
    let (api, worker) = (queue(&redis, "restart"), queue(&redis, "restart"));
    api.wake();
    in_time(worker.woken()).await;
    redis.flush_all();
    until_woken(&api, &worker).await;
    redis.stop();
    assert!(matches!(api.check().await, Err(QueueError::Unavailable(_))));
    redis.start_again();
    until_woken(&api, &worker).await;
    api.check().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_a_process_wakes_its_own_worker() {
    let refused = format!("redis://127.0.0.1:{}/", launch::free_port());
    // Takes connections and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hanging = format!("redis://{}/", silent.local_addr().unwrap());
    for url in [refused, hanging] {
        let queue = Queue::redis(&url, "alone").unwrap();
        let asked = Instant::now();
        for _ in 0..3 {
            queue.wake();
            in_time(queue.woken()).await;
        }
        assert!(asked.elapsed() < Duration::from_millis(500), "{url}: {:?}", asked.elapsed());
        let unavailable = in_time(queue.check()).await;
        assert!(matches!(unavailable, Err(QueueError::Unavailable(_))), "{url}");
        assert!(asked.elapsed() < Duration::from_secs(4), "{url}: {:?}", asked.elapsed());
        in_time(queue.close()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn content_that_kills_workers_is_discarded() {
    let redis = Redis::start();
    let mut connection = connect(&redis).await;
    // Not JSON: apalis fails before our code sees it, and would for ever.
    let key = |name: &str| format!("poison:wake-ups:{name}");
    let id = "01KB0000000000000000000000";
    let mut pipeline = redis::pipe();
    pipeline.atomic().cmd("HSET").arg(key("data")).arg(id).arg("{").ignore();
    let meta = format!("{}:{id}", key("meta"));
    let fields = ["attempts", "0", "max_attempts", "25", "status", "Pending"];
    pipeline.cmd("HSET").arg(meta).arg(&fields).ignore();
    pipeline.cmd("RPUSH").arg(key("active")).arg(id).ignore();
    pipeline.query_async::<()>(&mut connection).await.unwrap();

    let (api, worker) = (queue(&redis, "poison"), queue(&redis, "poison"));
    until_woken(&api, &worker).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_ends_leaves_nothing_behind() {
    let redis = Redis::start();
    let (api, worker) = (queue(&redis, "tidy"), queue(&redis, "tidy"));
    for _ in 0..20 {
        api.wake();
        in_time(worker.woken()).await;
    }
    let mut connection = connect(&redis).await;
    let swept = async {
        loop {
            let keys = keys(&mut connection).await;
            // The living worker is all that is left.
            if keys.iter().all(|key| key.starts_with("tidy:wake-ups:workers")) {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    let in_time = timeout(Duration::from_secs(20), swept).await;
    assert!(in_time.is_ok(), "left: {:?}", keys(&mut connection).await);
    worker.close().await;
    assert_eq!(keys(&mut connection).await, Vec::<String>::new());
}

#[tokio::test]
async fn wrong_settings_are_refused() {
    let url = "redis://127.0.0.1/";
    for (url, namespace) in [("not a url", "ns"), (url, ""), (url, "a*b")] {
        let refused = Queue::redis(url, namespace);
        assert!(matches!(refused, Err(QueueError::InvalidSettings(_))), "{url} {namespace}");
    }
}

/// As another process would hold it.
fn queue(redis: &Redis, namespace: &str) -> Queue {
    Queue::redis(&redis.url(), namespace).unwrap()
}

/// Calls until the other side notices: what is sent while Redis is away is lost.
async fn until_woken(api: &Queue, worker: &Queue) {
    let woken = async {
        loop {
            api.wake();
            if timeout(Duration::from_millis(200), worker.woken()).await.is_ok() {
                return;
            }
        }
    };
    timeout(Duration::from_mins(1), woken).await.expect("wake-ups never crossed again");
}

async fn connect(redis: &Redis) -> redis::aio::MultiplexedConnection {
    let client = redis::Client::open(redis.url()).unwrap();
    client.get_multiplexed_async_connection().await.unwrap()
}

async fn keys(connection: &mut redis::aio::MultiplexedConnection) -> Vec<String> {
    redis::cmd("KEYS").arg("tidy:*").query_async(connection).await.unwrap()
}

async fn in_time<F: Future>(future: F) -> F::Output {
    timeout(Duration::from_secs(30), future).await.expect("nothing happened for 30 s")
}
