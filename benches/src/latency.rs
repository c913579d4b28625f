//! Latencies, every one of them: no buckets, so that a percentile is a value that occurred.

use std::time::Duration;

/// Recorded latencies.
#[derive(Debug, Default)]
pub struct Latencies {
    micros: Vec<u32>,
}

/// Of all recorded latencies, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct Percentiles {
    /// Half are at most this.
    pub p50: f64,
    /// 95 of 100 are at most this.
    pub p95: f64,
    /// 99 of 100 are at most this.
    pub p99: f64,
    /// The longest.
    pub max: f64,
}

impl Latencies {
    /// Room for `count`, so that recording does not allocate.
    pub fn with_capacity(count: usize) -> Self {
        Self { micros: Vec::with_capacity(count) }
    }

    /// Adds one; more than 71 minutes counts as 71 minutes.
    pub fn record(&mut self, latency: Duration) {
        self.micros.push(u32::try_from(latency.as_micros()).unwrap_or(u32::MAX));
    }

    /// How many were recorded.
    pub fn len(&self) -> usize {
        self.micros.len()
    }

    /// By nearest rank; all zero when nothing was recorded.
    pub fn percentiles(&self) -> Percentiles {
        let mut sorted = self.micros.clone();
        sorted.sort_unstable();
        let at = |percent: usize| {
            let rank = (sorted.len() * percent).div_ceil(100).max(1);
            f64::from(sorted.get(rank - 1).copied().unwrap_or_default()) / 1_000.0
        };
        Percentiles { p50: at(50), p95: at(95), p99: at(99), max: at(100) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(millis: impl IntoIterator<Item = u64>) -> Percentiles {
        let mut latencies = Latencies::default();
        for value in millis {
            latencies.record(Duration::from_millis(value));
        }
        latencies.percentiles()
    }

    #[test]
    fn percentiles_are_nearest_ranks() {
        let expected = Percentiles { p50: 50.0, p95: 95.0, p99: 99.0, max: 100.0 };
        assert_eq!(of((1..=100).rev()), expected);
    }

    #[test]
    fn one_value_is_every_percentile() {
        let expected = Percentiles { p50: 7.0, p95: 7.0, p99: 7.0, max: 7.0 };
        assert_eq!(of([7]), expected);
    }

    #[test]
    fn nothing_is_zero() {
        assert_eq!(of([]), Percentiles::default());
    }
}
