//! All of a run: what was promised, what was done, what was measured, and whether to believe it.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use super::{
    environment::Environment,
    latency::Percentiles,
    sample::{Role, Second, Usage},
    text::millis,
};

/// The form of the file. Another number is another meaning of a field.
pub const FORMAT: u32 = 1;
/// A generator that is later than this at p99 measured itself.
pub const LATEST_MS: f64 = 5.0;
/// A generator that used more of the CPUs it may use had no time left.
pub const BUSIEST: f64 = 0.8;

/// All of a run.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`FORMAT`] of the program that wrote it.
    pub format: u32,
    /// What was done, by its name.
    pub scenario: String,
    /// What it was done with: members, rate, seconds, seed, …
    pub settings: BTreeMap<String, String>,
    /// The machine and the programs.
    pub environment: Environment,
    /// What was promised, and what came of it.
    pub objectives: Vec<Objective>,
    /// What became of every message.
    pub checks: Checks,
    /// What the run is about, in numbers.
    pub figures: Vec<Figure>,
    /// How long things took, by the name of the thing: `connect`, `deliver`, `ack`, …
    pub latencies: BTreeMap<String, Percentiles>,
    /// What the processes used in the measured part of the run.
    pub usage: BTreeMap<Role, Usage>,
    /// The run second by second.
    pub seconds: Vec<Second>,
    /// Whether the generator kept up with itself.
    pub validity: Validity,
}

/// One promise of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Objective {
    /// In words: `deliver p99 < 100 ms`.
    pub promise: String,
    /// What was measured, in words: `9.7 ms`.
    pub measured: String,
    /// Whether it was kept.
    pub kept: bool,
}

/// Makes [`Checks`] of its counts: each has a field, a name in words, and a meaning.
macro_rules! checks {
    ($($field:ident, $name:literal, $meaning:literal;)*) => {
        /// What became of the messages and connections.
        #[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
        pub struct Checks {
            $(#[doc = $meaning] pub $field: u64,)*
        }

        impl Checks {
            /// The counts with their names.
            pub fn named(&self) -> Vec<(&'static str, u64)> {
                vec![$(($name, self.$field)),*]
            }

            /// Adds what another part of the run counted.
            pub const fn add(&mut self, other: &Self) {
                $(self.$field += other.$field;)*
            }
        }
    };
}

checks! {
    connections, "connections", "Connections that were to be opened.";
    failed_connections, "failed connections", "Connections that could not be opened.";
    lost_connections, "lost connections", "Connections that ended without being asked.";
    resumes, "resumes", "Sessions that resumed.";
    sent, "sent", "Messages that the generator asked for.";
    acknowledged, "acknowledged", "Of these, how many were acknowledged.";
    refused, "refused", "Of these, how many were refused.";
    unknown, "unknown", "Of these, how many have a fate that nobody told.";
    expected, "expected", "Deliveries that had to come.";
    received, "received", "Deliveries that came.";
    missing, "missing", "Deliveries that never came.";
    double, "double", "Deliveries that came again.";
    out_of_order, "out of order", "Deliveries that came before an earlier one.";
    corrupt, "corrupt", "Deliveries whose content was not what was sent.";
    gaps, "gaps", "Times that a session was told of a gap.";
}

/// Whether more of a figure is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// Deliveries per CPU second.
    More,
    /// Bytes per connection.
    Less,
    /// It only says what was done.
    Neither,
}

/// A number that the run is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// What it counts: `deliveries per gateway CPU second`.
    pub name: String,
    /// `/s`, `ms`, `bytes`, …; empty for a bare number.
    pub unit: String,
    /// Whether more is better.
    pub better: Better,
    /// The median of the windows.
    pub value: f64,
    /// The smallest of the windows.
    pub min: f64,
    /// The largest of the windows.
    pub max: f64,
    /// The windows in their order.
    pub windows: Vec<f64>,
}

/// Whether the generator kept up with itself.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Validity {
    /// How much later than intended messages left.
    pub lateness: Percentiles,
    /// The share (0 to 1) that the generator used of one CPU, for its busiest thread.
    pub busy: f64,
    /// Whatever else makes the figures untrue, in words.
    pub doubts: Vec<String>,
}

impl Report {
    /// The beginning of a report on this machine.
    pub fn new(scenario: &str) -> Self {
        Self {
            format: FORMAT,
            scenario: scenario.to_owned(),
            environment: Environment::here(),
            ..Self::default()
        }
    }

    /// Says with what the scenario was done.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "callers give numbers, and `&5` would be noise"
    )]
    pub fn set(&mut self, name: &str, value: impl ToString) {
        self.settings.insert(name.to_owned(), value.to_string());
    }

    /// Says what was promised and what came of it.
    pub fn promise(&mut self, promise: impl Into<String>, measured: impl Into<String>, kept: bool) {
        self.objectives.push(Objective {
            promise: promise.into(),
            measured: measured.into(),
            kept,
        });
    }

    /// The figure of this name.
    pub fn figure(&self, name: &str) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.name == name)
    }

    /// Whether the run is to be believed and kept what was promised.
    pub fn passes(&self) -> bool {
        self.validity.faults().is_empty() && self.objectives.iter().all(|objective| objective.kept)
    }

    /// Reads a report of this format.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path)
            .with_context(|| format!("reading the report {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("in {}", path.display()))
    }

    fn parse(text: &str) -> Result<Self> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        // Before the fields: another format has others.
        let Format { format } = serde_json::from_str(text).context("this is no report")?;
        ensure!(
            format == FORMAT,
            "the report has format {format}, this program reads {FORMAT}"
        );
        Ok(serde_json::from_str(text)?)
    }

    /// Writes the report as JSON.
    pub fn write(&self, path: &Path) -> Result<()> {
        fs::write(path, serde_json::to_string_pretty(self)?)
            .with_context(|| format!("writing the report {}", path.display()))
    }
}

impl Checks {
    /// Whether every message arrived once, in order and whole.
    pub const fn hold(&self) -> bool {
        self.missing == 0 && self.double == 0 && self.out_of_order == 0 && self.corrupt == 0
    }
}

impl Figure {
    /// A figure that was measured once.
    pub fn once(name: &str, unit: &str, better: Better, value: f64) -> Self {
        Self::of(name, unit, better, vec![value])
    }

    /// The median, smallest and largest of windows; zeros when there are none.
    ///
    /// What is no number is left out: it cannot be written as JSON.
    pub fn of(name: &str, unit: &str, better: Better, windows: Vec<f64>) -> Self {
        let windows: Vec<f64> = windows.into_iter().filter(|at| at.is_finite()).collect();
        let mut sorted = windows.clone();
        sorted.sort_by(f64::total_cmp);
        let at = |index: usize| sorted.get(index).copied().unwrap_or_default();
        let half = sorted.len() / 2;
        let value = if sorted.len().is_multiple_of(2) {
            f64::midpoint(at(half.saturating_sub(1)), at(half))
        } else {
            at(half)
        };
        Self {
            name: name.to_owned(),
            unit: unit.to_owned(),
            better,
            value,
            min: at(0),
            max: at(sorted.len().saturating_sub(1)),
            windows,
        }
    }
}

impl Validity {
    /// Why the run is not to be believed; nothing when it is.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = self.doubts.clone();
        let late = millis(self.lateness.p99);
        if late > LATEST_MS {
            faults.push(format!(
                "the generator was {late:.1} ms late at p99, more than {LATEST_MS} ms"
            ));
        }
        if self.busy > BUSIEST {
            faults.push(format!(
                "the generator used {:.0} % of a CPU, more than {:.0} %",
                self.busy * 100.0,
                BUSIEST * 100.0
            ));
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read_as_it_was_written() {
        let report = crate::measure::tests::report();
        let read = Report::parse(&serde_json::to_string(&report).unwrap()).unwrap();
        assert_eq!(read, report);
    }

    #[test]
    fn another_format_is_refused_before_its_fields() {
        let error = Report::parse(r#"{"format":99}"#).unwrap_err();
        assert!(error.to_string().contains("format 99"), "{error}");
        assert!(Report::parse("{}").is_err());
    }

    #[test]
    fn a_figure_is_the_median_of_its_windows() {
        let odd = Figure::of("a", "/s", Better::More, vec![3.0, 1.0, 2.0]);
        assert_eq!((odd.value, odd.min, odd.max), (2.0, 1.0, 3.0));
        let even = Figure::of("a", "/s", Better::More, vec![4.0, 1.0, f64::NAN]);
        assert_eq!((even.value, even.min, even.max), (2.5, 1.0, 4.0));
        let none = Figure::of("a", "/s", Better::More, Vec::new());
        assert_eq!((none.value, none.min, none.max), (0.0, 0.0, 0.0));
    }

    #[test]
    fn a_late_or_busy_generator_is_not_believed() {
        let mut report = Report::new("idle");
        assert!(report.passes());
        report.validity.busy = 0.81;
        assert_eq!(report.validity.faults().len(), 1);
        report.validity.lateness.p99 = 6_000_000;
        assert_eq!(report.validity.faults().len(), 2);
        assert!(!report.passes());
    }

    #[test]
    fn a_broken_promise_fails_the_report() {
        let mut report = Report::new("fanout");
        report.promise("missing = 0", "0", true);
        assert!(report.passes());
        report.promise("deliver p99 < 50 ms", "61 ms", false);
        assert!(!report.passes());
    }
}
