//! Two reports of one scenario, side by side: what got better, what worse, and
//! what is only noise.

use std::{fmt, path::PathBuf};

use anyhow::{Result, ensure};
use clap::Args;

use super::{
    report::{Better, Figure, Report},
    text::{millis, quantity, real},
};

/// Percent below which two runs of the same program differ anyway.
const NOISE: f64 = 1.0;

/// How `loadtest compare` is called.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The report from before.
    before: PathBuf,
    /// The report from after.
    after: PathBuf,
    /// Fail when anything got worse by more than this many percent.
    #[arg(long, value_name = "PERCENT")]
    fail_over: Option<f64>,
}

/// What became of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It improved by more than noise.
    Better,
    /// It got worse by more than noise.
    Worse,
    /// The difference is noise.
    Same,
    /// More is neither better nor worse.
    Neither,
}

/// A figure of both reports.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// Its value before.
    pub before: f64,
    /// Its value after.
    pub after: f64,
    /// The difference in percent of before; infinite when that was nothing.
    pub percent: f64,
    /// What became of it.
    pub verdict: Verdict,
}

/// Two reports, compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The figures that both have.
    pub rows: Vec<Row>,
    /// What makes the comparison less than fair, in words.
    pub notes: Vec<String>,
    /// Percent that a figure may get worse by.
    pub fail_over: Option<f64>,
}

/// Reads two reports and compares them.
pub fn run(arguments: &Arguments) -> Result<Comparison> {
    let before = Report::read(&arguments.before)?;
    let after = Report::read(&arguments.after)?;
    compare(&before, &after, arguments.fail_over)
}

/// Compares two reports of the same scenario and format.
pub fn compare(before: &Report, after: &Report, fail_over: Option<f64>) -> Result<Comparison> {
    ensure!(
        before.format == after.format,
        "the reports have formats {} and {}",
        before.format,
        after.format
    );
    ensure!(
        before.scenario == after.scenario,
        "the reports are of {:?} and {:?}: only runs of one scenario can be compared",
        before.scenario,
        after.scenario
    );
    let mut notes = notes(before, after);
    let (old, new) = (figures(before), figures(after));
    let mut rows = Vec::new();
    for was in &old {
        match new
            .iter()
            .find(|is| is.name == was.name && is.unit == was.unit)
        {
            Some(is) => rows.push(Row::of(was, is)),
            None => notes.push(format!("only before: {}", was.name)),
        }
    }
    for is in &new {
        if !old
            .iter()
            .any(|was| was.name == is.name && was.unit == is.unit)
        {
            notes.push(format!("only after: {}", is.name));
        }
    }
    Ok(Comparison {
        rows,
        notes,
        fail_over,
    })
}

/// All that can be compared: figures, latencies, and what went wrong.
fn figures(report: &Report) -> Vec<Figure> {
    let mut figures = report.figures.clone();
    for (name, latency) in &report.latencies {
        let shown = latency.percentiles();
        for (at, nanos) in [
            ("p50", shown.p50),
            ("p99", shown.p99),
            ("p99.9", shown.p99_9),
        ] {
            let name = format!("{name} {at}");
            figures.push(Figure::once(&name, "ms", Better::Less, millis(nanos)));
        }
    }
    let checks = &report.checks;
    for (name, count) in [
        ("missing", checks.missing),
        ("double", checks.double),
        ("out of order", checks.out_of_order),
        ("corrupt", checks.corrupt),
        ("refused", checks.refused),
        ("unknown", checks.unknown),
        ("failed connections", checks.failed_connections),
        ("lost connections", checks.lost_connections),
        ("gaps", checks.gaps),
    ] {
        figures.push(Figure::once(name, "", Better::Less, real(count)));
    }
    figures
}

fn notes(before: &Report, after: &Report) -> Vec<String> {
    let mut notes = Vec::new();
    for name in before.settings.keys().chain(after.settings.keys()) {
        let (was, is) = (before.settings.get(name), after.settings.get(name));
        let said = |value: Option<&String>| value.map_or("nothing", String::as_str).to_owned();
        let note = format!("another setting, {name}: {} then {}", said(was), said(is));
        if was != is && !notes.contains(&note) {
            notes.push(note);
        }
    }
    let (here, there) = (&before.environment, &after.environment);
    let machine =
        |at: &super::environment::Environment| (at.cpu.clone(), at.cores, at.kernel.clone());
    if machine(here) != machine(there) {
        notes.push("another machine".to_owned());
    }
    for (report, when) in [(before, "before"), (after, "after")] {
        for fault in report.validity.faults() {
            notes.push(format!("the run {when} is invalid: {fault}"));
        }
    }
    notes
}

impl Row {
    fn of(was: &Figure, is: &Figure) -> Self {
        Self {
            name: was.name.clone(),
            unit: was.unit.clone(),
            before: was.value,
            after: is.value,
            percent: percent(was.value, is.value),
            verdict: verdict(was, is),
        }
    }
}

fn percent(before: f64, after: f64) -> f64 {
    let difference = after - before;
    if difference == 0.0 {
        0.0
    } else {
        // From nothing to something is infinitely more.
        difference / before.abs() * 100.0
    }
}

fn verdict(was: &Figure, is: &Figure) -> Verdict {
    let within =
        |value: f64, of: &Figure| of.windows.len() > 1 && value >= of.min && value <= of.max;
    if percent(was.value, is.value).abs() < NOISE || within(is.value, was) || within(was.value, is)
    {
        return Verdict::Same;
    }
    match (was.better, is.value > was.value) {
        (Better::Neither, _) => Verdict::Neither,
        (Better::More, true) | (Better::Less, false) => Verdict::Better,
        (Better::More, false) | (Better::Less, true) => Verdict::Worse,
    }
}

impl Comparison {
    /// The figures that got worse by more than was allowed.
    pub fn failures(&self) -> impl Iterator<Item = &Row> {
        let allowed = self.fail_over.unwrap_or(f64::INFINITY);
        let fails = self.fail_over.is_some();
        self.rows.iter().filter(move |row| {
            fails && row.verdict == Verdict::Worse && row.percent.abs() > allowed
        })
    }

    /// Whether nothing got worse by more than was allowed.
    pub fn holds(&self) -> bool {
        self.failures().next().is_none()
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wide = self.rows.iter().map(|row| row.name.chars().count()).max();
        let wide = wide.unwrap_or_default();
        for row in &self.rows {
            // Nothing before and nothing after says nothing.
            if row.before == 0.0 && row.after == 0.0 {
                continue;
            }
            let verdict = match row.verdict {
                Verdict::Better => "better",
                Verdict::Worse => "WORSE",
                Verdict::Same => "same",
                Verdict::Neither => "",
            };
            let percent = if row.percent.is_finite() {
                format!("{:+.1} %", row.percent)
            } else {
                "new".to_owned()
            };
            writeln!(
                f,
                "{:<wide$}  {:>14} {:>14} {percent:>10}  {verdict}",
                row.name,
                quantity(row.before, &row.unit),
                quantity(row.after, &row.unit),
            )?;
        }
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        for row in self.failures() {
            writeln!(f, "FAIL  {} got worse by more than was allowed", row.name)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::tests::report;

    fn with(better: Better, windows: &[f64]) -> Report {
        let mut report = report();
        report.figures = vec![Figure::of("figure", "/s", better, windows.to_vec())];
        report
    }

    fn between(better: Better, was: &[f64], is: &[f64]) -> Verdict {
        let compared = compare(&with(better, was), &with(better, is), None).unwrap();
        let row = compared.rows.iter().find(|row| row.name == "figure");
        row.unwrap().verdict
    }

    #[test]
    fn better_and_worse_follow_the_figure() {
        assert_eq!(between(Better::More, &[100.0], &[110.0]), Verdict::Better);
        assert_eq!(between(Better::More, &[100.0], &[90.0]), Verdict::Worse);
        assert_eq!(between(Better::Less, &[100.0], &[110.0]), Verdict::Worse);
        assert_eq!(between(Better::Less, &[100.0], &[90.0]), Verdict::Better);
        assert_eq!(
            between(Better::Neither, &[100.0], &[200.0]),
            Verdict::Neither
        );
    }

    #[test]
    fn noise_is_neither() {
        assert_eq!(between(Better::More, &[100.0], &[100.9]), Verdict::Same);
        assert_eq!(between(Better::Less, &[0.0], &[0.0]), Verdict::Same);
        // Within what the windows of one run differed by.
        assert_eq!(
            between(Better::More, &[80.0, 100.0, 120.0], &[90.0]),
            Verdict::Same
        );
        assert_eq!(
            between(Better::More, &[100.0], &[85.0, 90.0, 101.0]),
            Verdict::Same
        );
        assert_eq!(
            between(Better::More, &[95.0, 100.0, 105.0], &[90.0]),
            Verdict::Worse
        );
    }

    #[test]
    fn only_what_is_worse_by_more_than_allowed_fails() {
        let (was, is) = (with(Better::More, &[100.0]), with(Better::More, &[90.0]));
        assert!(compare(&was, &is, None).unwrap().holds());
        assert!(compare(&was, &is, Some(11.0)).unwrap().holds());
        let failed = compare(&was, &is, Some(9.0)).unwrap();
        assert!(!failed.holds());
        assert!(failed.to_string().contains("FAIL  figure"), "{failed}");
        assert!(
            compare(&is, &was, Some(0.0)).unwrap().holds(),
            "it got better"
        );
    }

    #[test]
    fn the_first_missing_message_fails_whatever_is_allowed() {
        let (was, mut is) = (report(), report());
        is.checks.missing = 1;
        let compared = compare(&was, &is, Some(1e6)).unwrap();
        assert!(!compared.holds());
        assert!(compared.to_string().contains("new  WORSE"), "{compared}");
    }

    #[test]
    fn reports_of_other_things_are_refused() {
        let (was, mut is) = (report(), report());
        is.scenario = "idle".to_owned();
        assert!(compare(&was, &is, None).is_err());
        let mut is = report();
        is.format += 1;
        assert!(compare(&was, &is, None).is_err());
    }

    #[test]
    fn what_is_not_the_same_is_said() {
        let (was, mut is) = (report(), report());
        is.set("members", 10_000);
        is.environment.cores += 1;
        is.figures.clear();
        is.validity.busy = 0.9;
        let notes = compare(&was, &is, None).unwrap().notes.join("\n");
        for part in [
            "members: 1000 then 10000",
            "another machine",
            "only before",
            "invalid",
        ] {
            assert!(notes.contains(part), "{notes}");
        }
        assert_eq!(notes.matches("members: ").count(), 1, "{notes}");
    }
}
