//! One suite for both queues: what holds in process holds over Redis.

#![expect(clippy::unwrap_used, reason = "the helpers of a test may fail it")]

mod common;

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use certmill_queue::{Delivery, Queue, QueueError, RunOptions};
use common::{Running, delivery, in_time, redis_queue};
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

macro_rules! for_both_queues {
    ($($test:ident),+ $(,)?) => {
        mod in_process {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() { super::$test(certmill_queue::Queue::in_process()).await; })+
        }
        mod redis {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() { super::$test(super::redis_queue(launch::shared_redis()).await).await; })+
        }
    };
}

for_both_queues!(
    handles_every_delivery,
    keeps_to_the_concurrency,
    shares_between_two_workers,
    leaves_waiting_deliveries_to_a_free_worker,
    outlives_a_panicking_handler,
    finishes_running_handlers_at_shutdown,
    takes_no_more_after_shutdown,
    keeps_deliveries_until_a_worker_comes,
    wakes_on_a_hint,
    refuses_a_concurrency_of_zero,
    answers_a_ping,
);

async fn handles_every_delivery(queue: Queue) {
    let mut running = Running::start(&queue, 8);
    let expected: HashSet<Delivery> = (0..300).map(delivery).collect();
    for one in &expected {
        queue.push(one.clone()).await.unwrap();
    }
    let mut handled = HashSet::new();
    while handled.len() < expected.len() {
        assert!(handled.insert(running.next().await), "delivered twice");
    }
    assert_eq!(handled, expected);
    running.stop().await;
}

async fn keeps_to_the_concurrency(queue: Queue) {
    const CONCURRENCY: usize = 3;
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let gate = Arc::new(Semaphore::new(0));
    let (started, mut starts) = mpsc::unbounded_channel();
    let handler = {
        let (now, most, gate) = (now.clone(), most.clone(), gate.clone());
        move |_| {
            let (now, most, gate, started) = (now.clone(), most.clone(), gate.clone(), started.clone());
            async move {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                started.send(()).unwrap();
                gate.acquire().await.unwrap().forget();
                now.fetch_sub(1, Ordering::SeqCst);
            }
        }
    };
    let running = Running::with_handler(&queue, CONCURRENCY, handler);
    for number in 0..12 {
        queue.push(delivery(number)).await.unwrap();
    }
    for _ in 0..CONCURRENCY {
        in_time(starts.recv()).await.unwrap();
    }
    // All places are taken and each end lets one more start.
    for _ in CONCURRENCY..12 {
        assert_eq!(now.load(Ordering::SeqCst), CONCURRENCY);
        gate.add_permits(1);
        in_time(starts.recv()).await.unwrap();
    }
    gate.add_permits(CONCURRENCY);
    running.stop().await;
    assert_eq!(most.load(Ordering::SeqCst), CONCURRENCY);
}

async fn shares_between_two_workers(queue: Queue) {
    // A handler holds its only place until the other worker has started too, so one worker alone cannot go on.
    let both = Arc::new(tokio::sync::Barrier::new(2));
    let (done, mut ends) = mpsc::unbounded_channel();
    let handler = move |one: Delivery| {
        let (both, done) = (both.clone(), done.clone());
        async move {
            both.wait().await;
            done.send(one).unwrap();
        }
    };
    let workers =
        [Running::with_handler(&queue, 1, handler.clone()), Running::with_handler(&queue, 1, handler)];
    for number in 0..20 {
        queue.push(delivery(number)).await.unwrap();
    }
    let mut handled = HashSet::new();
    for _ in 0..20 {
        handled.insert(in_time(ends.recv()).await.unwrap());
    }
    assert_eq!(handled.len(), 20);
    for worker in workers {
        worker.stop().await;
    }
}

async fn leaves_waiting_deliveries_to_a_free_worker(queue: Queue) {
    let (started, mut starts) = mpsc::unbounded_channel();
    let busy = Running::with_handler(&queue, 1, move |_| {
        let started = started.clone();
        async move {
            started.send(()).unwrap();
            std::future::pending::<()>().await;
        }
    });
    queue.push(delivery(0)).await.unwrap();
    in_time(starts.recv()).await.unwrap();
    for number in 1..10 {
        queue.push(delivery(number)).await.unwrap();
    }
    let mut free = Running::start(&queue, 1);
    for _ in 1..10 {
        free.next().await;
    }
    free.stop().await;
    // Its handler never ends.
    busy.run.abort();
}

async fn outlives_a_panicking_handler(queue: Queue) {
    let (done, mut ends) = mpsc::unbounded_channel();
    let handler = move |one: Delivery| {
        let done = done.clone();
        // The one panics while the future is made, the other while it runs.
        assert_ne!(one, delivery(0), "panics on purpose");
        async move {
            assert_ne!(one, delivery(1), "panics on purpose");
            done.send(one).unwrap();
        }
    };
    let running = Running::with_handler(&queue, 1, handler);
    for number in 0..3 {
        queue.push(delivery(number)).await.unwrap();
    }
    assert_eq!(in_time(ends.recv()).await.unwrap(), delivery(2));
    running.stop().await;
}

async fn finishes_running_handlers_at_shutdown(queue: Queue) {
    let (started, mut starts) = mpsc::unbounded_channel();
    let (go_on, ended) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
    let handler = {
        let (go_on, ended) = (go_on.clone(), ended.clone());
        move |_| {
            let (started, go_on, ended) = (started.clone(), go_on.clone(), ended.clone());
            async move {
                started.send(()).unwrap();
                go_on.acquire().await.unwrap().forget();
                ended.fetch_add(1, Ordering::SeqCst);
            }
        }
    };
    let running = Running::with_handler(&queue, 16, handler);
    for number in 0..16 {
        queue.push(delivery(number)).await.unwrap();
    }
    for _ in 0..16 {
        in_time(starts.recv()).await.unwrap();
    }
    running.shutdown.cancel();
    assert!(!running.run.is_finished());
    go_on.add_permits(16);
    running.stop().await;
    assert_eq!(ended.load(Ordering::SeqCst), 16);
}

async fn takes_no_more_after_shutdown(queue: Queue) {
    let first = Running::start(&queue, 1);
    first.stop().await;
    queue.push(delivery(1)).await.unwrap();
    let mut second = Running::start(&queue, 1);
    assert_eq!(second.next().await, delivery(1));
    second.stop().await;

    // A shutdown that is already over before the start.
    let over = CancellationToken::new();
    over.cancel();
    let options = RunOptions { concurrency: 1, worker_name: "test".to_owned() };
    in_time(queue.run(options, |_| async {}, over)).await.unwrap();
}

async fn keeps_deliveries_until_a_worker_comes(queue: Queue) {
    for number in 0..5 {
        queue.push(delivery(number)).await.unwrap();
    }
    let mut running = Running::start(&queue, 2);
    let mut handled = HashSet::new();
    for _ in 0..5 {
        handled.insert(running.next().await);
    }
    assert_eq!(handled, (0..5).map(delivery).collect());
    running.stop().await;
}

async fn wakes_on_a_hint(queue: Queue) {
    // The first call may complete because a new subscription assumes that it has missed something; hints until it does.
    let waiting = Arc::new(Notify::new());
    let waiter = {
        let (queue, waiting) = (queue.clone(), waiting.clone());
        tokio::spawn(async move {
            queue.hint().await;
            for _ in 0..3 {
                queue.hinted().await;
                waiting.notify_one();
            }
        })
    };
    for _ in 0..3 {
        in_time(waiting.notified()).await;
        queue.hint().await;
    }
    in_time(waiter).await.unwrap();
}

async fn refuses_a_concurrency_of_zero(queue: Queue) {
    let options = RunOptions { concurrency: 0, worker_name: "test".to_owned() };
    let refused = in_time(queue.run(options, |_| async {}, CancellationToken::new())).await;
    assert!(matches!(refused, Err(QueueError::InvalidSettings(_))));
}

async fn answers_a_ping(queue: Queue) {
    in_time(queue.ping()).await.unwrap();
}
