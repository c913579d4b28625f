//! What a connection is doing, from which follows until when it may go on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::Limits;

/// How long a connection without a request in hand stays open while the listener stops.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The state of a connection, told by what reads and writes it.
#[derive(Debug)]
pub(crate) struct Pulse(Mutex<State>);

#[derive(Debug)]
struct State {
    /// Requests that have come and whose answers are not yet written.
    in_hand: usize,
    /// Since when there has been none.
    waiting_since: Instant,
    /// When the first octet since then came.
    begun: Option<Instant>,
    /// Whether there has been a request.
    asked: bool,
    /// Whether it was one of HTTP/2, where octets between requests need not be the beginning of one.
    multiplexed: bool,
    /// Since when nothing could be written.
    blocked_since: Option<Instant>,
}

/// Until when a connection may go on as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// Then it is closed.
    Closed(Instant, Reason),
    /// Nothing limits it now; to be asked again at this time.
    Asked(Instant),
}

/// Why a connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    Head,
    Idle,
    Write,
    Stopping,
}

impl Reason {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Head => "the head of a request took too long",
            Self::Idle => "there was no request for too long",
            Self::Write => "the client has stopped reading",
            Self::Stopping => "the listener stops",
        }
    }
}

impl Pulse {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(State {
            in_hand: 0,
            waiting_since: Instant::now(),
            begun: None,
            asked: false,
            multiplexed: false,
            blocked_since: None,
        })))
    }

    /// Octets were read.
    pub(crate) fn read(&self) {
        let mut state = self.state();
        if state.in_hand == 0 && state.begun.is_none() {
            state.begun = Some(Instant::now());
        }
    }

    /// Begins anew: what has happened was no part of HTTP.
    pub(crate) fn renew(&self) {
        let mut state = self.state();
        state.waiting_since = Instant::now();
        state.begun = None;
    }

    /// Octets could, or could not, be written.
    pub(crate) fn wrote(&self, could: bool) {
        let mut state = self.state();
        if could {
            state.blocked_since = None;
        } else if state.blocked_since.is_none() {
            state.blocked_since = Some(Instant::now());
        }
    }

    /// The head of a request is there. The request is in hand until what is answered is dropped.
    pub(crate) fn request(self: &Arc<Self>, multiplexed: bool) -> InHand {
        let mut state = self.state();
        state.in_hand += 1;
        state.asked = true;
        state.begun = None;
        state.multiplexed |= multiplexed;
        drop(state);
        InHand(Arc::clone(self))
    }

    /// Until when the connection may go on, if nothing happens.
    pub(crate) fn until(&self, limits: &Limits, stopping_since: Option<Instant>) -> Until {
        let state = self.state();
        if let Some(since) = state.blocked_since {
            return Until::Closed(since + limits.write_timeout, Reason::Write);
        }
        if state.in_hand > 0 {
            return Until::Asked(Instant::now() + limits.idle_timeout);
        }
        let (at, reason) = match (state.asked, state.begun) {
            (false, _) => (state.waiting_since + limits.header_timeout, Reason::Head),
            (true, Some(begun)) if !state.multiplexed => (begun + limits.header_timeout, Reason::Head),
            (true, _) => (state.waiting_since + limits.idle_timeout, Reason::Idle),
        };
        match stopping_since.map(|since| since + LAST_WORDS) {
            Some(sooner) if sooner < at => Until::Closed(sooner, Reason::Stopping),
            _ => Until::Closed(at, reason),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request in hand.
#[derive(Debug)]
pub(crate) struct InHand(Arc<Pulse>);

impl Drop for InHand {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.in_hand = state.in_hand.saturating_sub(1);
        if state.in_hand == 0 {
            state.waiting_since = Instant::now();
            state.begun = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed(until: Until) -> Option<(Instant, Reason)> {
        match until {
            Until::Closed(at, reason) => Some((at, reason)),
            Until::Asked(_) => None,
        }
    }

    #[test]
    fn octets_do_not_prolong_a_head() {
        let (pulse, limits) = (Pulse::new(), Limits::default());
        let first = closed(pulse.until(&limits, None));
        assert_eq!(first, Some((pulse.state().waiting_since + limits.header_timeout, Reason::Head)));
        pulse.read();
        pulse.read();
        assert_eq!(closed(pulse.until(&limits, None)), first);
    }

    #[test]
    fn a_kept_connection_is_idle_until_the_next_head_begins() {
        let (pulse, limits) = (Pulse::new(), Limits::default());
        let in_hand = pulse.request(false);
        pulse.read();
        assert_eq!(closed(pulse.until(&limits, None)), None);
        drop(in_hand);
        let since = pulse.state().waiting_since;
        assert_eq!(closed(pulse.until(&limits, None)), Some((since + limits.idle_timeout, Reason::Idle)));
        pulse.read();
        let begun = pulse.state().begun.unwrap();
        pulse.read();
        assert_eq!(closed(pulse.until(&limits, None)), Some((begun + limits.header_timeout, Reason::Head)));
        let stopping = Instant::now();
        let last = Some((stopping + LAST_WORDS, Reason::Stopping));
        assert_eq!(closed(pulse.until(&limits, Some(stopping))), last);
    }

    #[test]
    fn octets_on_http2_are_no_head() {
        let (pulse, limits) = (Pulse::new(), Limits::default());
        drop(pulse.request(true));
        let idle = pulse.until(&limits, None);
        pulse.read();
        assert_eq!(pulse.until(&limits, None), idle);
    }

    #[test]
    fn writing_must_go_on_even_with_a_request_in_hand() {
        let (pulse, limits) = (Pulse::new(), Limits::default());
        let _in_hand = pulse.request(false);
        pulse.wrote(false);
        let since = pulse.state().blocked_since.unwrap();
        pulse.wrote(false);
        assert_eq!(closed(pulse.until(&limits, None)), Some((since + limits.write_timeout, Reason::Write)));
        pulse.wrote(true);
        assert_eq!(closed(pulse.until(&limits, None)), None);
    }
}
