//! What holds within a process holds over Redis.

#![expect(clippy::unwrap_used, reason = "the helpers of a test may fail it")]

use std::time::Duration;

use certmill_queue::Queue;
use tokio::time::timeout;

macro_rules! for_both_queues {
    ($($test:ident),+ $(,)?) => {
        mod in_process {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() { super::$test(certmill_queue::Queue::in_process()).await; })+
        }
        mod redis {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                let namespace = concat!("queue-", stringify!($test));
                let queue = certmill_queue::Queue::redis(&launch::shared_redis().url(), namespace);
                super::$test(queue.unwrap()).await;
            })+
        }
    };
}

for_both_queues!(
    a_wake_up_is_noticed,
    a_wake_up_waits_for_whoever_looks_later,
    several_count_as_one,
    nothing_is_noticed_when_nobody_called,
    it_can_be_used,
);

async fn a_wake_up_is_noticed(queue: Queue) {
    for _ in 0..3 {
        let waiting = tokio::spawn({
            let queue = queue.clone();
            async move { queue.woken().await }
        });
        queue.wake();
        in_time(waiting).await.unwrap();
    }
}

async fn a_wake_up_waits_for_whoever_looks_later(queue: Queue) {
    queue.wake();
    in_time(queue.woken()).await;
}

async fn several_count_as_one(queue: Queue) {
    for _ in 0..1_000 {
        queue.wake();
    }
    in_time(queue.woken()).await;
    // Over Redis a second one may be under way already; a third cannot be.
    let _ = timeout(Duration::from_millis(500), queue.woken()).await;
    assert!(timeout(Duration::from_millis(300), queue.woken()).await.is_err());
}

async fn nothing_is_noticed_when_nobody_called(queue: Queue) {
    assert!(timeout(Duration::from_millis(300), queue.woken()).await.is_err());
}

async fn it_can_be_used(queue: Queue) {
    queue.check().await.unwrap();
    queue.close().await;
}

/// Generous, because the machine may be busy; a test that waits so long has failed.
async fn in_time<F: Future>(future: F) -> F::Output {
    timeout(Duration::from_secs(30), future).await.expect("nothing happened for 30 s")
}
