//! Instants and the clock that supplies them.

use std::fmt;
use std::time::Duration;

use time::format_description::well_known::Rfc3339;
use time::{Date, Month, OffsetDateTime};

/// An instant in UTC with microsecond resolution, as it is stored in every database column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From microseconds since the Unix epoch.
    pub const fn from_unix_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// From whole seconds since the Unix epoch.
    pub const fn from_unix_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// Microseconds since the Unix epoch.
    pub const fn unix_micros(self) -> i64 {
        self.0
    }

    /// Milliseconds since the Unix epoch; zero before it.
    pub fn unix_millis(self) -> u64 {
        u64::try_from(self.0 / 1_000).unwrap_or(0)
    }

    /// Seconds since the Unix epoch, rounded down.
    pub const fn unix_seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// This instant without its fraction of a second (X.509 times have none).
    pub const fn whole_seconds(self) -> Self {
        Self::from_unix_seconds(self.unix_seconds())
    }

    /// ISO 8601 in UTC with microseconds and `Z`: events are told so, since several happen in one second.
    pub fn to_rfc3339_micros(self) -> String {
        let whole = self.to_string();
        let seconds = whole.strip_suffix('Z').unwrap_or(&whole);
        format!("{seconds}.{:06}Z", self.0.rem_euclid(1_000_000))
    }

    /// The instant `duration` later; stops at the end of the representable range.
    pub fn plus(self, duration: Duration) -> Self {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(micros))
    }

    /// The instant `duration` earlier.
    pub fn minus(self, duration: Duration) -> Self {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(micros))
    }

    /// How long it is from `earlier` until this instant; zero when it is not later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The beginning of the day after this one, in UTC.
    pub const fn next_day(self) -> Self {
        Self::from_unix_seconds((self.unix_seconds().div_euclid(86_400) + 1) * 86_400)
    }

    /// The beginning of the month after this one, in UTC; the end of the representable range where there is none.
    pub fn next_month(self) -> Self {
        let Ok(at) = OffsetDateTime::from_unix_timestamp(self.unix_seconds()) else {
            return Self(i64::MAX);
        };
        let year = at.year() + i32::from(at.month() == Month::December);
        let first = Date::from_calendar_date(year, at.month().next(), 1);
        first.map_or(Self(i64::MAX), |day| {
            Self::from_unix_seconds(day.midnight().assume_utc().unix_timestamp())
        })
    }

    /// Reads an ISO 8601 / RFC 3339 instant such as `2027-01-31T12:00:00Z`.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let parsed = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        i64::try_from(parsed.unix_timestamp_nanos() / 1_000).ok().map(Self)
    }
}

/// ISO 8601 in UTC with whole seconds and `Z`, as the API answers every time.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ok(at) = OffsetDateTime::from_unix_timestamp(self.unix_seconds()) else {
            return f.write_str("invalid");
        };
        let (date, clock) = (at.date(), at.time());
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
            date.year(),
            u8::from(date.month()),
            date.day(),
            clock.hour(),
            clock.minute(),
            clock.second()
        )
    }
}

impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        Self::parse_rfc3339(&text).ok_or_else(|| serde::de::Error::custom("not an RFC 3339 time"))
    }
}

/// Where the present time comes from.
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now(&self) -> Timestamp {
        let since_epoch =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_in_whole_seconds() {
        let at = Timestamp::from_unix_micros(1_764_000_000_999_999);
        assert_eq!(at.to_string(), "2025-11-24T16:00:00Z");
        assert_eq!(Timestamp::parse_rfc3339("2025-11-24T16:00:00Z"), Some(at.whole_seconds()));
    }

    #[test]
    fn microseconds_are_shown_with_all_digits() {
        for micros in [1_764_000_000_000_000, 1_764_000_000_000_042, -1] {
            let at = Timestamp::from_unix_micros(micros);
            assert_eq!(Timestamp::parse_rfc3339(&at.to_rfc3339_micros()), Some(at));
        }
        assert_eq!(
            Timestamp::from_unix_micros(1_764_000_000_000_042).to_rfc3339_micros(),
            "2025-11-24T16:00:00.000042Z"
        );
    }

    #[test]
    fn days_and_months_begin_at_midnight_in_utc() {
        let next = |text: &str| {
            let at = Timestamp::parse_rfc3339(text).unwrap();
            (at.next_day().to_string(), at.next_month().to_string())
        };
        let pair = |day: &str, month: &str| (format!("{day}T00:00:00Z"), format!("{month}T00:00:00Z"));
        assert_eq!(next("2024-02-28T23:59:59Z"), pair("2024-02-29", "2024-03-01"));
        assert_eq!(next("2025-12-31T00:00:00Z"), pair("2026-01-01", "2026-01-01"));
    }
}
