//! One time for all processes of a fleet.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use certmill_domain::{Clock, Timestamp};

/// A process whose own clock differs from the database's by more than this takes no jobs and is not ready.
pub const TOLERATED: Duration = Duration::from_secs(5);

/// The present time by the database server's clock, once that is known, and by the process's own until then.
///
/// Leases, due times and schedules are written by one process and judged by another, so a clock that is wrong in one
/// of them would move the work of all. Between two looks at the database the time goes on by the monotonic clock, so
/// that a jump of the process's own clock changes nothing.
pub(crate) struct FleetClock {
    own: Arc<dyn Clock>,
    seen: Mutex<Option<(Timestamp, Instant)>>,
}

impl FleetClock {
    pub(crate) fn new(own: Arc<dyn Clock>) -> Self {
        Self { own, seen: Mutex::new(None) }
    }

    /// The present time.
    pub(crate) fn now(&self) -> Timestamp {
        match *self.seen.lock().unwrap_or_else(PoisonError::into_inner) {
            Some((at, since)) => at.plus(since.elapsed()),
            None => self.own.now(),
        }
    }

    /// Takes note of the database server's time.
    pub(crate) fn set(&self, database: Timestamp) {
        let seen = Some((database, Instant::now()));
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
    }

    /// By how many seconds the process's own clock is ahead of the database's; negative when it is behind.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a difference of clocks in microseconds is far below 2^52"
    )]
    pub(crate) fn difference(&self) -> f64 {
        let (own, fleet) = (self.own.now(), self.now());
        (own.unix_micros().saturating_sub(fleet.unix_micros())) as f64 / 1_000_000.0
    }
}
