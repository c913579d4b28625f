//! A clock and a source of randomness that a test controls. For tests only: no part of the product depends on this
//! crate.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use certmill_domain::{Clock, Entropy, Timestamp};

/// The environment variable with the seed of a run that is to be repeated.
pub const SEED: &str = "TESTS_SEED";

/// A clock that runs like the machine's, and that a test can move and stop. Its clones show the same time.
///
/// It runs, because most of the service waits for time to pass: retries, leases, polling of ACME servers. A test that
/// needs exact times stops it with [`ManualClock::freeze`].
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<Mutex<Hands>>);

#[derive(Debug, Clone, Copy)]
enum Hands {
    /// It showed `from` at the machine's instant `at`, and has been running since.
    Running { from: Timestamp, at: Instant },
    /// It shows this time until a test moves it.
    Still(Timestamp),
}

impl Hands {
    fn running(from: Timestamp) -> Self {
        Self::Running { from, at: Instant::now() }
    }

    fn now(self) -> Timestamp {
        match self {
            Self::Running { from, at } => from.plus(at.elapsed()),
            Self::Still(now) => now,
        }
    }
}

impl ManualClock {
    /// A clock that runs from this time on.
    pub fn running_from(now: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(Hands::running(now))))
    }

    /// Moves it forward. Whether it runs or stands still, it goes on doing so.
    pub fn advance(&self, by: Duration) {
        let mut hands = self.hands();
        *hands = hands.showing(hands.now().plus(by));
    }

    /// Moves it to this time, which may be an earlier one. Whether it runs or stands still, it goes on doing so.
    pub fn set(&self, now: Timestamp) {
        let mut hands = self.hands();
        *hands = hands.showing(now);
    }

    /// Stops it. Only what is due already happens from now on: nothing is retried, and no lease ends.
    pub fn freeze(&self) {
        let mut hands = self.hands();
        *hands = Hands::Still(hands.now());
    }

    /// Lets it run again from the time that it shows.
    pub fn resume(&self) {
        let mut hands = self.hands();
        *hands = Hands::running(hands.now());
    }

    fn hands(&self) -> MutexGuard<'_, Hands> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hands {
    fn showing(self, now: Timestamp) -> Self {
        match self {
            Self::Running { .. } => Self::running(now),
            Self::Still(_) => Self::Still(now),
        }
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.hands().now()
    }
}

/// Random bytes that follow from a seed: SHA-256 of the seed and a counter. Whoever knows the seed knows all of them.
///
/// Tasks that draw at the same time draw in any order, so the same seed gives a test the same bytes, but not always in the
/// same places. Private keys are OpenSSL's and do not come from here.
#[derive(Debug)]
pub struct SeededEntropy {
    seed: u64,
    blocks: AtomicU64,
}

impl SeededEntropy {
    /// The bytes of this seed.
    pub fn new(seed: u64) -> Self {
        Self { seed, blocks: AtomicU64::new(0) }
    }

    /// The bytes of the seed in the environment ([`SEED`]), or of a fresh one.
    ///
    /// # Panics
    /// When what is in the environment is no seed.
    pub fn from_environment() -> Self {
        let Some(text) = std::env::var_os(SEED) else {
            let mut seed = [0; 8];
            certmill_domain::SystemEntropy.fill(&mut seed);
            return Self::new(u64::from_be_bytes(seed));
        };
        let seed = text.to_str().and_then(|text| text.parse().ok());
        Self::new(
            seed.unwrap_or_else(|| panic!("{SEED} must be a number below 2^64, not {}", text.display())),
        )
    }
}

/// How to have the same bytes again.
impl fmt::Display for SeededEntropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SEED}={}", self.seed)
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, target: &mut [u8]) {
        for chunk in target.chunks_mut(32) {
            let block = self.blocks.fetch_add(1, Ordering::Relaxed);
            let input = [self.seed.to_be_bytes(), block.to_be_bytes()].concat();
            let bytes = certmill_x509::sha256(&input);
            for (place, byte) in chunk.iter_mut().zip(bytes) {
                *place = byte;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_unix_seconds(1_700_000_000);
    const DAY: Duration = Duration::from_hours(24);

    #[test]
    fn a_clock_that_stands_still_shows_what_it_was_moved_to() {
        let clock = ManualClock::running_from(START);
        let other = clock.clone();
        clock.freeze();
        let stopped = other.now();
        assert!(stopped >= START);
        clock.advance(DAY);
        assert_eq!(other.now(), stopped.plus(DAY));
        clock.set(START);
        assert_eq!(other.now(), START);
    }

    #[test]
    fn a_clock_that_was_moved_goes_on_running() {
        let clock = ManualClock::running_from(START);
        clock.freeze();
        clock.resume();
        clock.advance(DAY);
        let moved = clock.now();
        assert!(moved >= START.plus(DAY));
        let (began, passed) = (Instant::now(), Duration::from_millis(5));
        while began.elapsed() < passed {}
        assert!(clock.now() >= moved.plus(passed));
        assert!(clock.now().since(moved) < DAY, "it runs too fast");
    }

    #[test]
    fn a_seed_gives_the_same_bytes_again_and_another_one_others() {
        let draw = |seed| {
            let entropy = SeededEntropy::new(seed);
            [70, 1, 32].map(|length| {
                let mut bytes = vec![0; length];
                entropy.fill(&mut bytes);
                bytes
            })
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        let [long, _, short] = draw(1);
        let mut blocks: Vec<&[u8]> =
            long.chunks(32).chain([short.as_slice()]).map(|block| &block[..6]).collect();
        blocks.sort_unstable();
        blocks.dedup();
        assert_eq!(blocks.len(), 4, "bytes are given out twice");
    }
}
