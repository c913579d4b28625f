//! The streams of HTTP/2, each a task of its own.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

tokio::task_local! {
    static ANSWERED: Arc<AtomicBool>;
}

/// Runs the streams of a connection. A stream whose answer is ready and that makes no progress with it is dropped, which
/// resets it: its client grants no octets (RFC 9113 §5.2), and on the connection itself there may be nothing to write.
#[derive(Clone)]
pub(crate) struct Streams {
    pub(crate) longest_stall: Duration,
    pub(crate) end: CancellationToken,
}

/// The answer to the stream in hand is ready. Does nothing on HTTP/1, where a connection is one stream.
pub(crate) fn answered() {
    let _ = ANSWERED.try_with(|answered| answered.store(true, Ordering::Relaxed));
}

impl<F> hyper::rt::Executor<F> for Streams
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        let answered = Arc::new(AtomicBool::new(false));
        let stream = ANSWERED.scope(Arc::clone(&answered), stream);
        let (longest, end) = (self.longest_stall, self.end.clone());
        tokio::spawn(async move {
            let mut stream = pin!(stream);
            let mut stalled = pin!(sleep(longest));
            let mut is_timed = false;
            let watched = poll_fn(|context| {
                if is_timed && stalled.as_mut().poll(context).is_ready() {
                    return Poll::Ready(());
                }
                let polled = stream.as_mut().poll(context);
                if polled.is_pending() && answered.load(Ordering::Relaxed) {
                    is_timed = true;
                    stalled.as_mut().reset(Instant::now() + longest);
                    // The timer has just been set, so this poll only registers the waker.
                    let _ = stalled.as_mut().poll(context);
                }
                polled
            });
            tokio::select! {
                () = watched => {}
                () = end.cancelled() => {}
            }
        });
    }
}
