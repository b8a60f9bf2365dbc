//! How long something took, with its tail: a histogram that merges and travels as text.

use std::time::Duration;

use anyhow::{Context, Result};
use base64::{Engine, engine::general_purpose::STANDARD};
use hdrhistogram::{
    Histogram,
    serialization::{Deserializer, Serializer, V2Serializer},
};
use serde::{Deserialize, Serialize};

/// A thousandth is finer than two runs ever agree.
const DIGITS: u8 = 3;
/// What takes longer is counted as this long: nobody waits an hour, and the
/// histogram's memory needs an end.
const LONGEST: Duration = Duration::from_hours(1);
/// The quantiles that tables show.
const SHOWN: [f64; 4] = [0.5, 0.9, 0.99, 0.999];

/// Durations in nanoseconds, to a thousandth of themselves.
///
/// It grows with its longest value, 32 KiB for milliseconds. In JSON it is its
/// percentiles for those who read, and the histogram for those who compute.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "Written", try_from = "Written")]
pub struct Latency(Histogram<u64>);

/// The percentiles that tables show, in nanoseconds.
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

/// The form in JSON. Only the histogram is read back.
#[derive(Serialize, Deserialize)]
struct Written {
    #[serde(flatten)]
    percentiles: Percentiles,
    histogram: String,
}

impl Default for Latency {
    #[expect(clippy::expect_used, reason = "three digits are within 0 to 5")]
    fn default() -> Self {
        Self(Histogram::new(DIGITS).expect("three digits are allowed"))
    }
}

impl Latency {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

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

    /// What the share `quantile` (0 to 1) of all values does not exceed; zero when there are none.
    pub fn quantile(&self, quantile: f64) -> Duration {
        Duration::from_nanos(self.0.value_at_quantile(quantile).min(self.0.max()))
    }

    /// The same in milliseconds.
    pub fn millis(&self, quantile: f64) -> f64 {
        self.quantile(quantile).as_secs_f64() * 1e3
    }

    /// The longest; zero when there are none.
    pub fn max(&self) -> Duration {
        Duration::from_nanos(self.0.max())
    }

    /// The percentiles that tables show.
    pub fn percentiles(&self) -> Percentiles {
        let [p50, p90, p99, p99_9] = SHOWN.map(|at| self.0.value_at_quantile(at).min(self.0.max()));
        Percentiles {
            count: self.count(),
            p50,
            p90,
            p99,
            p99_9,
            max: self.0.max(),
        }
    }

    /// The histogram as text, for a report or another process.
    pub fn encode(&self) -> String {
        let mut bytes = Vec::new();
        // Writing to memory fails only for histograms of more than 4 GiB.
        if let Err(error) = V2Serializer::new().serialize(&self.0, &mut bytes) {
            debug_assert!(false, "a histogram could not be written: {error:?}");
        }
        STANDARD.encode(bytes)
    }

    /// Reads what [`Self::encode`] wrote.
    pub fn decode(text: &str) -> Result<Self> {
        let bytes = STANDARD
            .decode(text)
            .context("the histogram is not base64")?;
        let mut histogram: Histogram<u64> = Deserializer::new()
            .deserialize(&mut bytes.as_slice())
            .context("the histogram is not one")?;
        histogram.auto(true);
        Ok(Self(histogram))
    }
}

impl From<Latency> for Written {
    fn from(latency: Latency) -> Self {
        Self {
            percentiles: latency.percentiles(),
            histogram: latency.encode(),
        }
    }
}

impl TryFrom<Written> for Latency {
    type Error = anyhow::Error;

    fn try_from(written: Written) -> Result<Self> {
        Self::decode(&written.histogram)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(millis: impl IntoIterator<Item = u64>) -> Latency {
        let mut latency = Latency::new();
        for milli in millis {
            latency.record(Duration::from_millis(milli));
        }
        latency
    }

    fn near(nanos: u64, millis: f64) -> bool {
        (Duration::from_nanos(nanos).as_secs_f64() * 1e3 / millis - 1.0).abs() < 0.002
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
        parts.merge(&Latency::new());
        assert_eq!(parts.count(), 1_000);
    }

    #[test]
    fn text_and_json_bring_it_back() {
        for latency in [of(1..=1_000), Latency::new(), of([0, 3_600_000])] {
            assert_eq!(Latency::decode(&latency.encode()).unwrap(), latency);
            let json = serde_json::to_string(&latency).unwrap();
            assert!(json.contains("\"p99\":"), "{json}");
            let mut read: Latency = serde_json::from_str(&json).unwrap();
            assert_eq!(read, latency);
            read.record(Duration::from_mins(10));
            assert_eq!(read.count(), latency.count() + 1, "it still grows");
        }
        assert!(Latency::decode("!").is_err());
        assert!(Latency::decode("AAAA").is_err());
    }

    #[test]
    fn nothing_is_too_long() {
        let mut latency = Latency::new();
        latency.record(Duration::MAX);
        assert_eq!(latency.count(), 1);
        assert!(near(latency.percentiles().max, 3_600_000.0));
    }
}
