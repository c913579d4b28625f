//! Buckets that processes share, and a Redis that is refused, hangs, or comes back.

#![expect(clippy::unwrap_used, reason = "the helpers of a test may fail it")]

use std::net::TcpListener;
use std::time::{Duration, Instant};

use certmill_queue::{SharedBuckets, TakenCall};
use launch::Redis;

/// So slow that nothing is added during a test.
const HOUR: Duration = Duration::from_hours(1);

fn buckets(url: &str) -> SharedBuckets {
    SharedBuckets::open(url, "test").unwrap()
}

/// Buckets whose calls are all answered, however busy the machine is.
fn patient(url: &str) -> SharedBuckets {
    buckets(url).answering_within(Duration::from_secs(20))
}

async fn started() -> Redis {
    tokio::task::spawn_blocking(Redis::start).await.unwrap()
}

/// Takes a call as soon as Redis answers.
async fn taken(buckets: &SharedBuckets, bucket: &str, interval: Duration, burst: u32) -> TakenCall {
    let answered = async {
        loop {
            if let Some(call) = buckets.take(bucket, interval, burst).await {
                return call;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), answered).await.expect("Redis is never asked")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_take_from_one_bucket_and_no_more_than_it_holds() {
    let redis = started().await;
    let processes = [patient(&redis.url()), patient(&redis.url())];
    for process in &processes {
        taken(process, "warm", HOUR, 100).await;
    }
    let calls = (0..40).map(|at| {
        let process = processes[at % 2].clone();
        tokio::spawn(async move { taken(&process, "a", HOUR, 10).await })
    });
    let mut allowed = 0;
    for call in calls.collect::<Vec<_>>() {
        allowed += usize::from(call.await.unwrap().allowed);
    }
    assert_eq!(allowed, 10);
    let refused = taken(&processes[0], "a", HOUR, 10).await;
    let hours = 10 * i64::try_from(HOUR.as_micros()).unwrap();
    let missing = refused.full_at_micros - refused.now_micros;
    assert!(!refused.allowed && (hours - 60_000_000..=hours).contains(&missing), "{refused:?}");
    // Another bucket is not concerned.
    assert!(taken(&processes[1], "b", HOUR, 10).await.allowed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_added_when_its_time_has_come_and_full_buckets_are_forgotten() {
    let redis = started().await;
    let buckets = patient(&redis.url());
    let interval = Duration::from_millis(300);
    let first = taken(&buckets, "a", interval, 1).await;
    assert!(first.allowed);
    assert_eq!(first.full_at_micros - first.now_micros, 300_000);
    let next = loop {
        let call = taken(&buckets, "a", interval, 1).await;
        if call.allowed {
            break call;
        }
        assert_eq!(call.full_at_micros, first.full_at_micros);
    };
    assert!(next.now_micros >= first.full_at_micros, "{first:?} {next:?}");

    let mut connection =
        redis::Client::open(redis.url()).unwrap().get_multiplexed_async_connection().await.unwrap();
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query_async(&mut connection).await.unwrap();
    assert_eq!(keys, ["test:limits:a"]);
    let gone = async {
        while redis::cmd("DBSIZE").query_async::<i64>(&mut connection).await.unwrap() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone).await.expect("the key does not expire");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_stored_under_a_higher_limit_is_cut() {
    let redis = started().await;
    let buckets = patient(&redis.url());
    for _ in 0..5 {
        assert!(taken(&buckets, "a", HOUR, 5).await.allowed);
    }
    let refused = taken(&buckets, "a", Duration::from_mins(1), 2).await;
    assert!(!refused.allowed);
    assert_eq!(refused.full_at_micros - refused.now_micros, 120_000_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_killed_and_comes_back_is_used_again() {
    let mut redis = started().await;
    let buckets = patient(&redis.url());
    assert!(taken(&buckets, "a", HOUR, 1).await.allowed);
    let mut redis = tokio::task::spawn_blocking(move || {
        redis.stop();
        redis
    })
    .await
    .unwrap();
    assert_eq!(buckets.take("a", HOUR, 1).await, None);
    // While it is away nobody waits for it, but for one call a second.
    let began = Instant::now();
    for _ in 0..1_000 {
        assert_eq!(buckets.take("a", HOUR, 1).await, None);
    }
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    let redis = tokio::task::spawn_blocking(move || {
        redis.start_again();
        redis
    })
    .await
    .unwrap();
    assert!(taken(&buckets, "a", HOUR, 1).await.allowed, "it is empty and the bucket full");
    redis.flush_all();
    assert!(taken(&buckets, "a", HOUR, 1).await.allowed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_hangs_holds_nobody_up() {
    // It accepts connections and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let buckets = buckets(&format!("redis://{}/", silent.local_addr().unwrap()));
    let began = Instant::now();
    for _ in 0..1_000 {
        assert_eq!(buckets.take("a", HOUR, 1).await, None);
    }
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_redis_refuses_is_no_error_and_a_bad_url_is_one_without_its_password() {
    let redis = started().await;
    let mut connection =
        redis::Client::open(redis.url()).unwrap().get_multiplexed_async_connection().await.unwrap();
    redis::cmd("LPUSH").arg("test:limits:a").arg("x").query_async::<()>(&mut connection).await.unwrap();
    let buckets = patient(&redis.url());
    assert!(taken(&buckets, "b", HOUR, 1).await.allowed);
    assert_eq!(buckets.take("a", HOUR, 1).await, None);
    let wrong = SharedBuckets::open(&redis.url().replace("//", "//:secret@"), "test").unwrap();
    assert_eq!(wrong.take("b", HOUR, 1).await, None);
    let error = SharedBuckets::open("http://:secret@localhost", "test").unwrap_err();
    assert!(!error.to_string().contains("secret"), "{error}");
}
