//! Bodies: those that come must keep coming, and those that go keep their request in hand.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Duration, Instant, Sleep, sleep_until};

use crate::Limits;
use crate::pulse::InHand;

/// A request's body that fails with [`io::ErrorKind::TimedOut`] when it pauses for longer than [`Limits::body_timeout`],
/// or comes slower than [`Limits::body_min_rate`] after that time.
pub(crate) struct Paced {
    body: Incoming,
    pause: Duration,
    rate: u32,
    /// Absent until the body is read: the time before that is ours and not the client's.
    clock: Option<Clock>,
}

struct Clock {
    began: Instant,
    octets: u64,
    over: Pin<Box<Sleep>>,
}

impl Paced {
    pub(crate) fn new(body: Incoming, limits: &Limits) -> Self {
        Self { body, pause: limits.body_timeout, rate: limits.body_min_rate, clock: None }
    }
}

/// When a body that began at `began` and of which `octets` have come must have sent more.
fn deadline(began: Instant, now: Instant, octets: u64, (pause, rate): (Duration, u32)) -> Instant {
    let earned = Duration::from_millis(octets.min(1 << 40) * 1_000 / u64::from(rate.max(1)));
    (began + pause + earned).min(now + pause)
}

impl Body for Paced {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = &mut *self;
        let pace = (this.pause, this.rate);
        let polled = Pin::new(&mut this.body).poll_frame(context);
        let clock = this.clock.get_or_insert_with(|| {
            let now = Instant::now();
            Clock { began: now, octets: 0, over: Box::pin(sleep_until(now + pace.0)) }
        });
        match polled {
            Poll::Pending => match clock.over.as_mut().poll(context) {
                Poll::Ready(()) => Poll::Ready(Some(Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "the body of the request came too slowly",
                )))),
                Poll::Pending => Poll::Pending,
            },
            Poll::Ready(Some(Ok(frame))) => {
                clock.octets += frame.data_ref().map_or(0, |data| data.len() as u64);
                clock.over.as_mut().reset(deadline(clock.began, Instant::now(), clock.octets, pace));
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(other) => Poll::Ready(other.map(|read| read.map_err(io::Error::other))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer's body with the request that it answers, which is in hand until all of it is written.
pub(crate) struct Answer<B> {
    pub(crate) body: B,
    pub(crate) _in_hand: InHand,
}

impl<B: Body + Unpin> Body for Answer<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_may_pause_and_then_must_keep_its_rate() {
        let second = Duration::from_secs(1);
        let (began, pace) = (Instant::now(), (20 * second, 1000));
        let left = |after: u32, octets| deadline(began, began + after * second, octets, pace) - began;
        assert_eq!(left(0, 0), 20 * second);
        assert_eq!(left(1, 100_000), 21 * second, "never longer than one pause");
        assert_eq!(left(19, 1), 20 * second + Duration::from_millis(1), "one octet earns its share");
        assert_eq!(left(50, 40_000), 60 * second);
    }
}
