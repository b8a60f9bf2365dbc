//! What must hold of a window: `p99<100ms`.

use std::str::FromStr;

use super::tally::Latencies;
use crate::measure::Report;

/// A bound on a latency.
#[derive(Debug, Clone, PartialEq)]
pub struct Objective {
    /// Of acknowledgements instead of deliveries.
    acks: bool,
    quantile: f64,
    /// In milliseconds.
    bound: f64,
    text: String,
}

impl Objective {
    /// What was measured, in milliseconds.
    pub fn measured(&self, latencies: &Latencies) -> f64 {
        let latency = if self.acks {
            &latencies.ack
        } else {
            &latencies.deliver
        };
        latency.millis(self.quantile)
    }

    /// Whether it holds.
    pub fn holds(&self, latencies: &Latencies) -> bool {
        self.measured(latencies) < self.bound
    }

    /// Notes in a report what came of it.
    pub fn note(&self, report: &mut Report, latencies: &Latencies) {
        let measured = self.measured(latencies);
        report.promise(
            self.text.clone(),
            format!("{measured:.1} ms"),
            self.holds(latencies),
        );
    }
}

impl FromStr for Objective {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not of the form p99<100ms or ack-p99<30ms");
        let (name, bound) = text.split_once('<').ok_or_else(wrong)?;
        let (acks, digits) = match name.strip_prefix("ack-p") {
            Some(digits) => (true, digits),
            None => (false, name.strip_prefix('p').ok_or_else(wrong)?),
        };
        if digits.is_empty() {
            return Err(wrong());
        }
        // p99 is 0.99, p999 is 0.999.
        let quantile: f64 = format!("0.{digits}").parse().map_err(|_error| wrong())?;
        let bound: f64 = bound
            .strip_suffix("ms")
            .and_then(|millis| millis.parse().ok())
            .filter(|millis: &f64| (0.0..1e9).contains(millis))
            .ok_or_else(wrong)?;
        Ok(Self {
            acks,
            quantile,
            bound,
            text: text.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_objective_bounds_deliveries_or_acknowledgements() {
        let mut latencies = Latencies::default();
        latencies.deliver.record(Duration::from_millis(90));
        latencies.ack.record(Duration::from_millis(20));
        let holds = |text: &str| text.parse::<Objective>().unwrap().holds(&latencies);
        assert!(holds("p99<100ms"));
        assert!(!holds("p999<80ms"));
        assert!(holds("ack-p50<20.5ms"));
        assert!(!holds("ack-p50<20ms"));
    }

    #[test]
    fn what_is_no_objective_is_refused() {
        for text in [
            "",
            "p99",
            "p99<100",
            "p<1ms",
            "q99<1ms",
            "p99<-1ms",
            "p99<NaNms",
        ] {
            assert!(text.parse::<Objective>().is_err(), "{text}");
        }
    }
}
