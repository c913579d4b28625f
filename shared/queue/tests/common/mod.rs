//! What the test files share.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use certmill_queue::{Delivery, Queue, QueueError, RunOptions};
use launch::Redis;
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

/// A worker in the background that reports what it handles.
pub struct Running {
    pub shutdown: CancellationToken,
    pub run: JoinHandle<Result<(), QueueError>>,
    handled: mpsc::UnboundedReceiver<Delivery>,
}

impl Running {
    pub fn start(queue: &Queue, concurrency: usize) -> Self {
        let (sender, handled) = mpsc::unbounded_channel();
        let handler = move |one: Delivery| {
            let sender = sender.clone();
            async move { sender.send(one).expect("the test listens") }
        };
        Self { handled, ..Self::with_handler(queue, concurrency, handler) }
    }

    pub fn with_handler<H, Fut>(queue: &Queue, concurrency: usize, handler: H) -> Self
    where
        H: Fn(Delivery) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let shutdown = CancellationToken::new();
        let options = RunOptions { concurrency, worker_name: "test".to_owned() };
        let (queue, token) = (queue.clone(), shutdown.clone());
        let run = tokio::spawn(async move { queue.run(options, handler, token).await });
        let (_, handled) = mpsc::unbounded_channel();
        Self { shutdown, run, handled }
    }

    pub async fn next(&mut self) -> Delivery {
        in_time(self.handled.recv()).await.expect("the worker runs")
    }

    pub async fn stop(self) {
        self.shutdown.cancel();
        in_time(self.run).await.expect("no panic").expect("no error");
    }
}

pub fn delivery(number: i64) -> Delivery {
    Delivery::new(format!("job_{number}"), number % 3)
}

/// A queue with a namespace of its own.
pub async fn redis_queue(redis: &Redis) -> Queue {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let namespace = format!("test-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
    Queue::redis(&redis.url(), &namespace).await.expect("Redis answers")
}

/// Generous, because the machine may be busy; a test that waits so long has failed.
pub async fn in_time<F: Future>(future: F) -> F::Output {
    timeout(Duration::from_secs(30), future).await.expect("nothing happened for 30 s")
}
