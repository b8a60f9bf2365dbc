//! What a trial of a promise showed, for people and for machines.

use std::fmt;

use serde::Serialize;

use crate::{
    checker::{self, Kind, Report},
    history::Entry,
};

/// Faults that are shown with their lines; the rest is counted.
const SHOWN: usize = 8;
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

/// What clients did and saw, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Messages that were sent, however often.
    pub sent: usize,
    /// Of these, acknowledged.
    pub acknowledged: usize,
    /// Of these, with a fate that nobody was told.
    pub unknown: usize,
    /// Messages in the cluster's own history at the end.
    pub stored: usize,
    /// Messages that readers saw, summed over the readers.
    pub received: usize,
    /// Sessions of readers that went on after a connection had ended.
    pub resumes: usize,
    /// Gaps that readers were told of.
    pub gaps: usize,
    /// Things that are missing.
    pub lost: usize,
    /// Things that are there more than once.
    pub double: usize,
    /// Things in the wrong place.
    pub out_of_order: usize,
    /// Things that are not what was said.
    pub wrong: usize,
}

impl Counts {
    /// Adds what a history shows.
    pub fn add(&mut self, report: &Report) {
        self.sent += report.sent;
        self.acknowledged += report.acknowledged;
        self.unknown += report.unknown;
        self.stored += report.stored;
        self.received += report.received;
        self.resumes += report.resumes;
        self.gaps += report.gaps;
        for fault in &report.faults {
            match fault.kind {
                Kind::Lost => self.lost += 1,
                Kind::Double => self.double += 1,
                Kind::Order => self.out_of_order += 1,
                Kind::Wrong => self.wrong += 1,
            }
        }
    }
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
        self.counts.add(report);
        for (number, fault) in report.faults.iter().enumerate() {
            self.find(fault.text.clone());
            if number < SHOWN {
                let lines = checker::around(history, fault, LINES);
                self.findings.extend(lines.into_iter().map(line));
            }
        }
    }

    /// Adds something that was wrong.
    pub fn find(&mut self, text: String) {
        self.verdict = Verdict::Broken;
        self.findings.push(text);
    }

    /// The line of a table.
    pub fn row(&self) -> String {
        let Counts {
            sent,
            acknowledged,
            stored,
            received,
            resumes,
            gaps,
            lost,
            double,
            out_of_order,
            ..
        } = self.counts;
        format!(
            "{:<6} {:<9} {:>6} {sent:>8} {acknowledged:>8} {stored:>8} {received:>9} {resumes:>7} {gaps:>5} \
             {lost:>5} {double:>6} {out_of_order:>6}  {}",
            self.promise,
            self.verdict.to_string(),
            self.deeds.len(),
            self.seed
        )
    }

    /// The head of the table.
    pub fn head() -> String {
        format!(
            "{:<6} {:<9} {:>6} {:>8} {:>8} {:>8} {:>9} {:>7} {:>5} {:>5} {:>6} {:>6}  seed",
            "",
            "",
            "faults",
            "sent",
            "acked",
            "stored",
            "received",
            "resumes",
            "gaps",
            "lost",
            "double",
            "order"
        )
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
        let Counts {
            sent,
            acknowledged,
            unknown,
            stored,
            received,
            resumes,
            gaps,
            lost,
            double,
            out_of_order,
            wrong,
        } = self.counts;
        if !matches!(self.verdict, Verdict::Skipped | Verdict::Uncovered) {
            writeln!(
                f,
                "  {} faults; {sent} sent, {acknowledged} acknowledged, {unknown} unknown, {stored} stored, \
                 {received} received, {resumes} resumes, {gaps} gaps",
                self.deeds.len()
            )?;
            write!(
                f,
                "  {lost} lost, {double} double, {out_of_order} out of order"
            )?;
            if wrong > 0 {
                write!(f, ", {wrong} wrong")?;
            }
            writeln!(f)?;
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
