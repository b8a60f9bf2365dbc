//! How long something took, with its tail: a histogram that merges.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::text::millis;

/// A thousandth is finer than two runs ever agree.
const DIGITS: u8 = 3;
/// What takes longer is counted as this long: nobody waits an hour, and the
/// histogram's memory needs an end.
const LONGEST: Duration = Duration::from_hours(1);

/// Durations in nanoseconds, to a thousandth of themselves. It grows with its longest value,
/// 32 KiB for milliseconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Latency(Histogram<u64>);

/// What a report says of a latency, in nanoseconds.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Percentiles {
    /// How many values there are.
    pub count: u64,
    /// Half took at most this.
    pub p50: u64,
    /// Nine of ten took at most this.
    pub p90: u64,
    /// 99 of 100 took at most this.
    pub p99: u64,
    /// 999 of 1,000 took at most this.
    pub p99_9: u64,
    /// The longest.
    pub max: u64,
}

impl Default for Latency {
    #[expect(clippy::expect_used, reason = "three digits are within 0 to 5")]
    fn default() -> Self {
        Self(Histogram::new(DIGITS).expect("three digits are allowed"))
    }
}

impl Latency {
    /// Adds one duration.
    pub fn record(&mut self, took: Duration) {
        self.record_nanos(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Adds one duration in nanoseconds.
    pub fn record_nanos(&mut self, nanos: u64) {
        let longest = u64::try_from(LONGEST.as_nanos()).unwrap_or(u64::MAX);
        let recorded = self.0.record(nanos.min(longest));
        debug_assert!(recorded.is_ok(), "a histogram that grows takes all values");
    }

    /// Adds all that `other` has.
    pub fn merge(&mut self, other: &Self) {
        let merged = self.0.add(&other.0);
        debug_assert!(merged.is_ok(), "a histogram that grows takes all values");
    }

    /// What was added since `before`, a copy of an earlier moment.
    #[must_use]
    pub fn without(&self, before: &Self) -> Self {
        let mut later = self.clone();
        let subtracted = later.0.subtract(&before.0);
        debug_assert!(
            subtracted.is_ok(),
            "a copy holds nothing that was not there"
        );
        later
    }

    /// How many values there are.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What the share `quantile` (0 to 1) of all values does not exceed, in milliseconds; zero
    /// when there are none.
    pub fn millis(&self, quantile: f64) -> f64 {
        millis(self.nanos(quantile))
    }

    fn nanos(&self, quantile: f64) -> u64 {
        self.0.value_at_quantile(quantile).min(self.0.max())
    }

    /// What a report says of it.
    pub fn percentiles(&self) -> Percentiles {
        Percentiles {
            count: self.count(),
            p50: self.nanos(0.5),
            p90: self.nanos(0.9),
            p99: self.nanos(0.99),
            p99_9: self.nanos(0.999),
            max: self.0.max(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(millis: impl IntoIterator<Item = u64>) -> Latency {
        let mut latency = Latency::default();
        for milli in millis {
            latency.record(Duration::from_millis(milli));
        }
        latency
    }

    fn near(nanos: u64, expected: f64) -> bool {
        (millis(nanos) / expected - 1.0).abs() < 0.002
    }

    #[test]
    fn percentiles_are_those_of_the_values() {
        let shown = of(1..=1_000).percentiles();
        assert_eq!(shown.count, 1_000);
        assert!(near(shown.p50, 500.0), "{shown:?}");
        assert!(near(shown.p90, 900.0), "{shown:?}");
        assert!(near(shown.p99, 990.0), "{shown:?}");
        assert!(near(shown.p99_9, 999.0), "{shown:?}");
        assert!(near(shown.max, 1_000.0), "{shown:?}");
    }

    #[test]
    fn merged_parts_are_the_whole() {
        let mut parts = of(1..=400);
        parts.merge(&of(401..=1_000));
        assert_eq!(parts, of(1..=1_000));
        parts.merge(&Latency::default());
        assert_eq!(parts.count(), 1_000);
    }

    #[test]
    fn nothing_is_too_long() {
        let mut latency = Latency::default();
        latency.record(Duration::MAX);
        assert_eq!(latency.count(), 1);
        assert!(near(latency.percentiles().max, 3_600_000.0));
    }
}
