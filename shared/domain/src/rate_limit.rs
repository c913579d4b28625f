//! How many calls of a kind one identity may make: token buckets, kept as the instant at which a bucket is full again
//! (the generic cell rate algorithm). One number per bucket is all that has to be stored.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::Timestamp;

/// What calls are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallCategory {
    /// New keys and certificates, renewals, and stored private keys.
    Issue,
    /// Certificates for CSRs that were sent.
    Sign,
    /// Changes of CAs, roles, tokens and the like, revocations, and the reading of secrets.
    Admin,
    /// Accounts, orders and challenges at ACME servers.
    Acme,
    /// Judging certificates and requests, which changes nothing.
    Validate,
    /// Everything else that is read.
    Read,
}

impl CallCategory {
    /// Every category.
    pub const ALL: [Self; 6] = [Self::Issue, Self::Sign, Self::Admin, Self::Acme, Self::Validate, Self::Read];

    /// The word of the configuration, the API and the metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Issue => "issue",
            Self::Sign => "sign",
            Self::Admin => "admin",
            Self::Acme => "acme",
            Self::Validate => "validate",
            Self::Read => "read",
        }
    }
}

impl fmt::Display for CallCategory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The limit of each category; none = as many calls as one likes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RateLimits {
    /// Of [`CallCategory::Issue`].
    pub issue: Option<RateLimit>,
    /// Of [`CallCategory::Sign`].
    pub sign: Option<RateLimit>,
    /// Of [`CallCategory::Admin`].
    pub admin: Option<RateLimit>,
    /// Of [`CallCategory::Acme`].
    pub acme: Option<RateLimit>,
    /// Of [`CallCategory::Validate`].
    pub validate: Option<RateLimit>,
    /// Of [`CallCategory::Read`].
    pub read: Option<RateLimit>,
}

impl RateLimits {
    /// The limit of a category.
    pub const fn of(&self, category: CallCategory) -> Option<RateLimit> {
        match category {
            CallCategory::Issue => self.issue,
            CallCategory::Sign => self.sign,
            CallCategory::Admin => self.admin,
            CallCategory::Acme => self.acme,
            CallCategory::Validate => self.validate,
            CallCategory::Read => self.read,
        }
    }
}

/// The longest time that a bucket may take to become full: a year.
const SLOWEST: i64 = 365 * 24 * 3_600 * 1_000_000;
/// The units of a limit, in seconds.
const UNITS: [(&str, i64); 4] = [("s", 1), ("m", 60), ("h", 3_600), ("d", 24 * 3_600)];
/// The shortest time between two calls, in µs.
const FASTEST: i64 = 1;

/// A token bucket: how many calls it holds, and how often one is added. Written `600/m`, or `600/m burst 100`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Between two calls in the long run, in µs.
    interval: i64,
    burst: u32,
}

/// What became of a call at a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// Whether the call may be carried out.
    pub allowed: bool,
    /// When the bucket is full again, if nothing more is taken.
    pub full_at: Timestamp,
}

/// How an identity stands with a limit after a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// How many calls the bucket holds.
    pub limit: u32,
    /// How many it holds now.
    pub remaining: u32,
    /// When it is full again.
    pub full_at: Timestamp,
    /// How long it takes until the next call is allowed; none when this one was.
    pub wait: Option<Duration>,
}

impl RateLimit {
    /// How many calls the bucket holds.
    pub const fn burst(self) -> u32 {
        self.burst
    }

    /// How long it takes until one call is added.
    pub const fn interval(self) -> Duration {
        Duration::from_micros(self.interval.unsigned_abs())
    }

    /// Takes one call out of a bucket that would have been full at `full_at`.
    pub fn take(self, full_at: Timestamp, now: Timestamp) -> Taken {
        let now = now.unix_micros();
        let emptied = now.saturating_add(self.capacity());
        // A bucket cannot be emptier than empty: what was stored under another limit or another clock is cut.
        let before = full_at.unix_micros().clamp(now, emptied);
        let after = before.saturating_add(self.interval);
        let allowed = after <= emptied;
        Taken { allowed, full_at: Timestamp::from_unix_micros(if allowed { after } else { before }) }
    }

    /// What to tell about a bucket.
    pub fn standing(self, taken: Taken, now: Timestamp) -> Standing {
        let missing = taken.full_at.unix_micros().saturating_sub(now.unix_micros()).max(0);
        let left = (self.capacity() - missing).max(0);
        let wait = (!taken.allowed).then(|| {
            let wait = (self.interval - left).max(0);
            Duration::from_micros(wait.unsigned_abs())
        });
        let remaining = u32::try_from(left / self.interval).unwrap_or(self.burst).min(self.burst);
        Standing { limit: self.burst, remaining, full_at: taken.full_at, wait }
    }

    /// How long an empty bucket takes to become full, in µs.
    fn capacity(self) -> i64 {
        self.interval.saturating_mul(i64::from(self.burst))
    }
}

/// A text that is not a limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a limit ({problem}): write how many calls in which time, such as `10/s`, `600/m`, `5000/h` or \
     `100000/d`, and how many of them may come at once if that is another number, as in `600/m burst 100`"
)]
pub struct InvalidRateLimit {
    text: String,
    problem: &'static str,
}

impl FromStr for RateLimit {
    type Err = InvalidRateLimit;

    fn from_str(text: &str) -> Result<Self, InvalidRateLimit> {
        parse(text).map_err(|problem| InvalidRateLimit { text: text.chars().take(64).collect(), problem })
    }
}

/// In the form that is read, with the shortest time in which the number of calls is whole.
impl fmt::Display for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, seconds) in UNITS {
            let micros = seconds * 1_000_000;
            let count = micros / self.interval;
            if count > 0 && micros / count == self.interval {
                write!(f, "{count}/{unit}")?;
                return if count == i64::from(self.burst) {
                    Ok(())
                } else {
                    write!(f, " burst {}", self.burst)
                };
            }
        }
        // Invariant: a limit was read from one of these units, so that one fits.
        Err(fmt::Error)
    }
}

fn parse(text: &str) -> Result<RateLimit, &'static str> {
    let mut words = text.split_ascii_whitespace();
    let (count, unit) =
        words.next().and_then(|rate| rate.split_once('/')).ok_or("there is no `/` in its first word")?;
    let count = number(count).ok_or("the number of calls is not a whole number from 1 on")?;
    let known = UNITS.into_iter().find(|(name, _)| *name == unit);
    let (_, seconds) = known.ok_or("the time is not one of s, m, h and d")?;
    let burst = match (words.next(), words.next(), words.next()) {
        (None, _, _) => count,
        (Some("burst"), Some(burst), None) => {
            number(burst).ok_or("the burst is not a whole number from 1 on")?
        }
        _ => return Err("what follows the rate is not `burst` and a number"),
    };
    let limit = RateLimit { interval: seconds * 1_000_000 / i64::from(count), burst };
    if limit.interval < FASTEST {
        return Err("more than 1000000 calls in a second cannot be told apart");
    }
    if limit.capacity() > SLOWEST {
        return Err("it would take more than a year until so many calls may come at once again");
    }
    Ok(limit)
}

fn number(text: &str) -> Option<u32> {
    text.parse().ok().filter(|number| *number > 0 && text.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_written_as_it_can_be_read() {
        for (text, written) in
            [("600/m", "10/s burst 600"), ("7/m", "7/m"), ("11/d", "11/d"), ("3/h burst 9", "3/h burst 9")]
        {
            assert_eq!(limit(text).to_string(), written);
            assert_eq!(limit(written), limit(text));
        }
        for count in 1..2_000 {
            let text = format!("{count}/h");
            assert_eq!(limit(&limit(&text).to_string()), limit(&text));
        }
    }

    const START: Timestamp = Timestamp::from_unix_seconds(1_000_000);

    fn limit(text: &str) -> RateLimit {
        text.parse().unwrap()
    }

    fn after(seconds: u64) -> Timestamp {
        START.plus(Duration::from_secs(seconds))
    }

    #[test]
    fn a_full_bucket_gives_its_burst_and_then_one_call_per_interval() {
        let limit = limit("60/m burst 3");
        let mut bucket = Timestamp::from_unix_seconds(0);
        for remaining in [2, 1, 0] {
            let taken = limit.take(bucket, START);
            let standing = limit.standing(taken, START);
            assert_eq!((standing.remaining, standing.wait), (remaining, None));
            bucket = taken.full_at;
        }
        assert_eq!(bucket, after(3));
        let refused = limit.take(bucket, START);
        assert_eq!(refused, Taken { allowed: false, full_at: bucket });
        assert_eq!(limit.standing(refused, START).wait, Some(Duration::from_secs(1)));
        assert!(!limit.take(bucket, START.plus(Duration::from_micros(999_999))).allowed);
        let taken = limit.take(bucket, after(1));
        assert_eq!(taken, Taken { allowed: true, full_at: after(4) });
        assert!(!limit.take(taken.full_at, after(1)).allowed);
        // After a long time there is no more than the burst.
        assert_eq!(limit.standing(limit.take(taken.full_at, after(1_000)), after(1_000)).remaining, 2);
    }

    #[test]
    fn a_bucket_from_a_clock_far_ahead_is_empty_and_no_worse() {
        let limit = limit("60/m burst 3");
        let refused = limit.take(after(1_000_000), START);
        assert_eq!(
            limit.standing(refused, START),
            Standing { limit: 3, remaining: 0, full_at: after(3), wait: Some(Duration::from_secs(1)) }
        );
    }

    #[test]
    fn texts_are_read() {
        let read = |text| (limit(text).interval(), limit(text).burst());
        assert_eq!(read("600/m"), (Duration::from_millis(100), 600));
        assert_eq!(read("10/s"), (Duration::from_millis(100), 10));
        assert_eq!(read("3600/h burst 5"), (Duration::from_secs(1), 5));
        assert_eq!(read("1/d"), (Duration::from_hours(24), 1));
        assert_eq!(read("1000000/s"), (Duration::from_micros(1), 1_000_000));
    }

    #[test]
    fn texts_that_are_no_limits_are_told_why() {
        for (text, problem) in [
            ("600", "no `/`"),
            ("", "no `/`"),
            ("0/m", "number of calls"),
            ("-1/m", "number of calls"),
            ("+1/m", "number of calls"),
            ("1.5/m", "number of calls"),
            ("600/min", "s, m, h and d"),
            ("600/m 100", "`burst` and a number"),
            ("600/m burst", "`burst` and a number"),
            ("600/m burst 0", "the burst"),
            ("600/m burst 10 20", "`burst` and a number"),
            ("1000001/s", "in a second"),
            ("1/d burst 366", "a year"),
        ] {
            let error = text.parse::<RateLimit>().unwrap_err().to_string();
            assert!(error.contains(problem) && error.contains("`600/m burst 100`"), "{text}: {error}");
        }
    }
}
