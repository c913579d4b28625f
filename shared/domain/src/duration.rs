//! Durations as the API writes them: `90d`, `1d12h`, `3600`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The longest duration that is accepted: 1,000 years. Longer ones are mistakes, and X.509 times end in 9999.
const LONGEST_SECONDS: u64 = 1_000 * YEAR;
const YEAR: u64 = 365 * DAY;
const DAY: u64 = 24 * 3_600;

/// A text that is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a duration: write whole numbers with a unit of s, m, h, d, w or y, such as `90d` or `1d12h`; a bare number means seconds, and the longest is 1000y"
)]
pub struct InvalidDuration {
    text: String,
}

/// A time span with the text in which it was written. `y` is 365 days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ttl {
    text: String,
    seconds: u64,
}

impl Ttl {
    /// A span of whole seconds, written in seconds.
    pub fn from_seconds(seconds: u64) -> Self {
        Self { text: format!("{seconds}s"), seconds: seconds.min(LONGEST_SECONDS) }
    }

    /// Its length in seconds.
    pub const fn seconds(&self) -> u64 {
        self.seconds
    }

    /// Its length.
    pub const fn duration(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }

    /// The text as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Ttl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Ttl {
    type Err = InvalidDuration;

    fn from_str(text: &str) -> Result<Self, InvalidDuration> {
        let seconds = parse_seconds(text).filter(|seconds| *seconds <= LONGEST_SECONDS);
        seconds
            .map(|seconds| Self { text: text.to_owned(), seconds })
            .ok_or_else(|| InvalidDuration { text: text.chars().take(64).collect() })
    }
}

fn parse_seconds(text: &str) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok();
    }
    let mut total = 0u64;
    let mut number: Option<u64> = None;
    for character in text.chars() {
        if let Some(digit) = character.to_digit(10) {
            number = Some(number.unwrap_or(0).checked_mul(10)?.checked_add(u64::from(digit))?);
            continue;
        }
        let unit = match character {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => DAY,
            'w' => 7 * DAY,
            'y' => YEAR,
            _ => return None,
        };
        total = total.checked_add(number.take()?.checked_mul(unit)?)?;
    }
    number.is_none().then_some(total)
}

impl serde::Serialize for Ttl {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> serde::Deserialize<'de> for Ttl {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_the_contract_writes_them() {
        for (text, seconds) in [
            ("0", 0),
            ("3600", 3_600),
            ("45s", 45),
            ("10m", 600),
            ("24h", 86_400),
            ("90d", 90 * 86_400),
            ("2w", 14 * 86_400),
            ("1y", 365 * 86_400),
            ("1d12h", 129_600),
        ] {
            let ttl: Ttl = text.parse().unwrap();
            assert_eq!((ttl.seconds(), ttl.as_str()), (seconds, text));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in
            ["", "d", "1x", "-1h", "1.5h", "1h30", " 1h", "1 h", "10000y", "99999999999999999999", "1H", "٣h"]
        {
            assert!(text.parse::<Ttl>().is_err(), "{text}");
        }
    }
}
