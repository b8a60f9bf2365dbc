//! What a trial of a promise showed, for people and for machines.

use std::fmt;

use serde::Serialize;

use crate::{
    checker::{self, Counts, Kind, Report},
    history::Entry,
};

/// Faults that are shown with their lines; the rest is counted.
const SHOWN: usize = 8;
/// Findings that are kept: the first ones tell the story.
const FINDINGS: usize = 200;
/// Lines of the history that are shown with a fault.
const LINES: usize = 12;

/// How a trial ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The promise was kept.
    Kept,
    /// It was broken; the counterexample is in the outcome.
    Broken,
    /// Something that the trial needs is not there.
    Skipped,
    /// What is promised does not exist yet.
    Uncovered,
}

/// Something that was done to the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Deed {
    /// Milliseconds since the trial began.
    pub at_ms: u64,
    /// What was done.
    pub what: String,
}

/// A trial of one promise.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// Its short name.
    pub promise: &'static str,
    /// What is promised.
    pub promised: &'static str,
    /// How it ended.
    pub verdict: Verdict,
    /// The seed that it follows from.
    pub seed: u64,
    /// How long the schedule of faults was.
    pub seconds: u64,
    /// How to run it again.
    pub command: String,
    /// What was done to the cluster.
    pub deeds: Vec<Deed>,
    /// What clients did and saw.
    pub counts: Counts,
    /// What was measured besides.
    pub measured: Vec<String>,
    /// What was wrong: the counterexample, or why there was no trial.
    pub findings: Vec<String>,
}

impl Outcome {
    /// Adds what a workload's history shows.
    pub fn add(&mut self, report: &Report, history: &[Entry]) {
        self.counts += report.counts;
        for (number, fault) in report.faults.iter().enumerate() {
            self.find(fault.text.clone());
            if number < SHOWN {
                let lines = checker::around(history, fault, LINES);
                self.findings.extend(lines.into_iter().map(line));
            }
        }
    }

    /// Adds a fault that no history shows.
    pub fn fault(&mut self, kind: Kind, text: String) {
        self.counts.fault(kind);
        self.find(text);
    }

    /// Adds something that was wrong.
    pub fn find(&mut self, text: String) {
        self.verdict = Verdict::Broken;
        if self.findings.len() < FINDINGS {
            self.findings.push(text);
        }
    }

    /// One line of it.
    pub fn row(&self) -> String {
        let Self {
            promise,
            verdict,
            seed,
            ..
        } = self;
        format!("{promise:<9} {verdict:<9}  seed {seed}")
    }
}

/// A line of the history as its file has it.
fn line(entry: &Entry) -> String {
    let text = serde_json::to_string(entry).unwrap_or_else(|_error| format!("{entry:?}"));
    format!("    {text}")
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Kept => "kept",
            Self::Broken => "BROKEN",
            Self::Skipped => "skipped",
            Self::Uncovered => "uncovered",
        })
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {}: {}", self.promise, self.verdict, self.promised)?;
        if !matches!(self.verdict, Verdict::Skipped | Verdict::Uncovered) {
            writeln!(f, "  {} faults; {}", self.deeds.len(), self.counts)?;
        }
        for measured in &self.measured {
            writeln!(f, "  {measured}")?;
        }
        for finding in &self.findings {
            writeln!(f, "  ! {finding}")?;
        }
        writeln!(f, "  seed {}; again: {}", self.seed, self.command)
    }
}
