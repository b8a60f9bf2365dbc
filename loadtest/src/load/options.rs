//! The flags that all scenarios share.

use std::path::PathBuf;

use anyhow::{Error, Result};
use clap::Args;

use super::{
    objective::Objective,
    pacer::{Pacing, Plan, Popularity},
};
use crate::{measure::Report, random::seed};

/// What a run is done on and how it is measured.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// A gateway of a running cluster, as ws://host:port; may be repeated. Without it a
    /// private cluster is started.
    #[arg(long, value_name = "URL", global = true)]
    pub gateway: Vec<String>,
    /// The code of the server that the members join, on a running cluster. Without it the
    /// run makes servers of its own.
    #[arg(long, value_name = "CODE", global = true)]
    pub invite: Option<String>,
    /// Gateways of the private cluster.
    #[arg(long, value_name = "COUNT", default_value_t = 2, global = true)]
    pub gateways: usize,
    /// Workers of the private cluster.
    #[arg(long, value_name = "COUNT", default_value_t = 2, global = true)]
    pub workers: usize,
    /// Seconds before the first window, which count for nothing.
    #[arg(long, value_name = "SECONDS", default_value_t = 3, global = true)]
    pub warm_up: u32,
    /// How many windows are measured.
    #[arg(long, value_name = "COUNT", default_value_t = 3, global = true, value_parser = clap::value_parser!(u32).range(1..))]
    pub windows: u32,
    /// Seconds of a window.
    #[arg(long, value_name = "SECONDS", default_value_t = 5, global = true, value_parser = clap::value_parser!(u32).range(1..))]
    pub seconds: u32,
    /// Bytes of a message's content; at least 50, which the stamp takes.
    #[arg(long, value_name = "BYTES", default_value_t = 200, global = true)]
    pub bytes: usize,
    /// Threads that read, besides the one that publishes.
    #[arg(long, value_name = "COUNT", default_value_t = 1, global = true)]
    pub threads: usize,
    /// Loopback addresses to connect from, 127.0.0.1 and on: each has 28,000 ports.
    #[arg(long, value_name = "COUNT", default_value_t = 1, global = true, value_parser = clap::value_parser!(u32).range(1..=200))]
    pub addresses: u32,
    /// Of all that is random; `CONFAB_SEED` does the same.
    #[arg(long, value_name = "NUMBER", global = true)]
    pub seed: Option<u64>,
    /// What must hold, as `p99<100ms`; may be repeated. That nothing is missing, double or
    /// out of order must always hold.
    #[arg(long, value_name = "OBJECTIVE", global = true)]
    pub objective: Vec<String>,
    /// Writes the report as JSON.
    #[arg(long, value_name = "FILE", global = true)]
    pub json: Option<PathBuf>,
}

impl Options {
    /// The seed of the run.
    pub fn seed(&self) -> u64 {
        self.seed.unwrap_or_else(seed)
    }

    /// What must hold; `p99<100ms` for a search that names nothing.
    pub fn objectives(&self, search: bool) -> Result<Vec<Objective>> {
        let given = self.objective.iter().map(String::as_str);
        let default = (search && self.objective.is_empty()).then_some("p99<100ms");
        given
            .chain(default)
            .map(|text| text.parse().map_err(Error::msg))
            .collect()
    }
}

/// How messages are published.
#[derive(Debug, Clone, Args)]
pub struct Publishing {
    /// Messages per second, of all publishers together.
    #[arg(long, value_name = "COUNT", default_value_t = 60.0)]
    pub rate: f64,
    /// Exponentially distributed gaps, as independent people would.
    #[arg(long, conflicts_with = "burst")]
    pub poisson: bool,
    /// So many messages at once, then nothing until the rate is kept.
    #[arg(long, value_name = "COUNT")]
    pub burst: Option<u32>,
    /// A closed loop: each publisher has so many unacknowledged messages, whatever the rate.
    /// Latencies of a closed loop say little; it finds the most that goes through.
    #[arg(long, value_name = "COUNT")]
    pub window: Option<u32>,
    /// Who speaks how often: `even`, or `zipf:1.1` for few loud ones and many quiet.
    #[arg(long, value_name = "KIND", default_value = "even", value_parser = popularity)]
    pub popularity: Popularity,
}

impl Publishing {
    /// Notes how it is published.
    pub fn describe(&self, report: &mut Report) {
        report.set("rate", format!("{}/s", self.rate));
        report.set("pacing", format!("{:?}", self.plan(1).pacing));
        report.set("popularity", format!("{:?}", self.popularity));
        if let Some(window) = self.window {
            report.set("window", window);
        }
    }

    /// What so many publishers do.
    pub fn plan(&self, publishers: usize) -> Plan {
        Plan {
            publishers: publishers.max(1),
            rate: self.rate,
            pacing: match self.burst {
                Some(count) => Pacing::Burst(count),
                None if self.poisson => Pacing::Poisson,
                None => Pacing::Constant,
            },
            popularity: self.popularity,
            window: self.window,
            typing: 0.0,
        }
    }
}

fn popularity(text: &str) -> std::result::Result<Popularity, String> {
    if text == "even" {
        return Ok(Popularity::Even);
    }
    text.strip_prefix("zipf:")
        .and_then(|exponent| exponent.parse().ok())
        .filter(|exponent: &f64| exponent.is_finite() && *exponent >= 0.0)
        .map(Popularity::Zipf)
        .ok_or_else(|| "it is `even` or `zipf:` and a number".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_popularity_is_even_or_has_an_exponent() {
        assert_eq!(popularity("even"), Ok(Popularity::Even));
        assert_eq!(popularity("zipf:1.1"), Ok(Popularity::Zipf(1.1)));
        for text in ["", "zipf", "zipf:x", "zipf:-1", "zipf:nan"] {
            assert!(popularity(text).is_err(), "{text}");
        }
    }
}
