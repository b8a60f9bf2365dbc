//! Two reports of one scenario, side by side: what got better, what worse, and
//! what is only noise.

use std::{collections::BTreeSet, path::PathBuf};

use anyhow::{Result, ensure};
use clap::Args;

use super::{
    environment::Environment,
    report::{Better, Figure, Report},
    text::{millis, quantity, real, table},
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

/// Two reports, compared.
#[derive(Debug)]
pub struct Comparison {
    /// What to tell people.
    pub text: String,
    /// Whether nothing got worse by more than was allowed.
    pub holds: bool,
}

/// Reads two reports and compares them.
pub fn run(arguments: &Arguments) -> Result<Comparison> {
    let before = Report::read(&arguments.before)?;
    let after = Report::read(&arguments.after)?;
    compare(&before, &after, arguments.fail_over)
}

/// Compares two reports of the same scenario.
fn compare(before: &Report, after: &Report, fail_over: Option<f64>) -> Result<Comparison> {
    ensure!(
        before.scenario == after.scenario,
        "the reports are of {:?} and {:?}: only runs of one scenario can be compared",
        before.scenario,
        after.scenario
    );
    let (old, mut new) = (figures(before), figures(after));
    let mut rows = Vec::new();
    let mut notes = Vec::new();
    let mut failed = Vec::new();
    for was in &old {
        let same = |is: &Figure| is.name == was.name && is.unit == was.unit;
        let Some(at) = new.iter().position(same) else {
            notes.push(format!("note: only before: {}", was.name));
            continue;
        };
        let is = new.remove(at);
        let (percent, verdict) = (percent(was, &is), verdict(was, &is));
        if verdict == "WORSE" && fail_over.is_some_and(|allowed| percent.abs() > allowed) {
            let name = &was.name;
            failed.push(format!("FAIL  {name} got worse by more than was allowed"));
        }
        // Nothing before and nothing after says nothing.
        if was.value != 0.0 || is.value != 0.0 {
            let change = if percent.is_finite() {
                format!("{percent:+.1} %")
            } else {
                "new".to_owned()
            };
            let [before, after] = [was, &is].map(|of| quantity(of.value, &of.unit));
            rows.push([was.name.clone(), before, after, change, verdict.to_owned()]);
        }
    }
    notes.extend(
        new.iter()
            .map(|is| format!("note: only after: {}", is.name)),
    );
    notes.extend(unfair(before, after));
    let holds = failed.is_empty();
    notes.extend(failed);
    let text = table(&rows) + &notes.join("\n");
    Ok(Comparison { text, holds })
}

/// All that can be compared: figures, latencies, and what went wrong.
fn figures(report: &Report) -> Vec<Figure> {
    let mut figures = report.figures.clone();
    for (name, shown) in &report.latencies {
        for (at, nanos) in [
            ("p50", shown.p50),
            ("p99", shown.p99),
            ("p99.9", shown.p99_9),
        ] {
            let name = format!("{name} {at}");
            figures.push(Figure::once(&name, "ms", Better::Less, millis(nanos)));
        }
    }
    for (name, count) in report.checks.named() {
        let done = [
            "connections",
            "resumes",
            "sent",
            "acknowledged",
            "expected",
            "received",
        ];
        if !done.contains(&name) {
            figures.push(Figure::once(name, "", Better::Less, real(count)));
        }
    }
    figures
}

/// What makes the comparison less than fair.
fn unfair(before: &Report, after: &Report) -> Vec<String> {
    let mut notes = Vec::new();
    let names = before.settings.keys().chain(after.settings.keys());
    for name in names.collect::<BTreeSet<_>>() {
        let said = |report: &Report| report.settings.get(name).cloned().unwrap_or_default();
        let (was, is) = (said(before), said(after));
        if was != is {
            notes.push(format!("note: another setting, {name}: {was} then {is}"));
        }
    }
    let machine = |at: &Environment| (at.cpu.clone(), at.cores, at.kernel.clone());
    if machine(&before.environment) != machine(&after.environment) {
        notes.push("note: another machine".to_owned());
    }
    for (report, when) in [(before, "before"), (after, "after")] {
        let faults = report.validity.faults().into_iter();
        notes.extend(faults.map(|fault| format!("note: the run {when} is invalid: {fault}")));
    }
    notes
}

/// The difference in percent of before; infinite when that was nothing.
fn percent(was: &Figure, is: &Figure) -> f64 {
    let difference = is.value - was.value;
    if difference == 0.0 {
        0.0
    } else {
        difference / was.value.abs() * 100.0
    }
}

/// What became of a figure; nothing is said where more is neither better nor worse.
fn verdict(was: &Figure, is: &Figure) -> &'static str {
    let within =
        |value: f64, of: &Figure| of.windows.len() > 1 && value >= of.min && value <= of.max;
    if percent(was, is).abs() < NOISE || within(is.value, was) || within(was.value, is) {
        return "same";
    }
    match (was.better, is.value > was.value) {
        (Better::Neither, _) => "",
        (Better::More, true) | (Better::Less, false) => "better",
        (Better::More, false) | (Better::Less, true) => "WORSE",
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

    #[test]
    fn better_and_worse_follow_the_figure_and_noise_is_neither() {
        let cases: [(Better, &[f64], &[f64], &str); 10] = [
            (Better::More, &[100.0], &[110.0], "better"),
            (Better::More, &[100.0], &[90.0], "WORSE"),
            (Better::Less, &[100.0], &[110.0], "WORSE"),
            (Better::Less, &[100.0], &[90.0], "better"),
            (Better::Neither, &[100.0], &[200.0], ""),
            (Better::More, &[100.0], &[100.9], "same"),
            (Better::Less, &[0.0], &[0.0], "same"),
            // Within what the windows of one run differed by.
            (Better::More, &[80.0, 100.0, 120.0], &[90.0], "same"),
            (Better::More, &[100.0], &[85.0, 90.0, 101.0], "same"),
            (Better::More, &[95.0, 100.0, 105.0], &[90.0], "WORSE"),
        ];
        for (better, was, is, expected) in cases {
            let of = |windows: &[f64]| Figure::of("figure", "/s", better, windows.to_vec());
            assert_eq!(verdict(&of(was), &of(is)), expected, "{was:?} {is:?}");
        }
    }

    #[test]
    fn only_what_is_worse_by_more_than_allowed_fails() {
        let (was, is) = (with(Better::More, &[100.0]), with(Better::More, &[90.0]));
        assert!(compare(&was, &is, None).unwrap().holds);
        assert!(compare(&was, &is, Some(11.0)).unwrap().holds);
        let failed = compare(&was, &is, Some(9.0)).unwrap();
        assert!(!failed.holds);
        assert!(failed.text.contains("FAIL  figure"), "{failed:?}");
        let better = compare(&is, &was, Some(0.0)).unwrap();
        assert!(better.holds, "it got better");
    }

    #[test]
    fn the_first_missing_message_fails_whatever_is_allowed() {
        let (was, mut is) = (report(), report());
        is.checks.missing = 1;
        let compared = compare(&was, &is, Some(1e6)).unwrap();
        assert!(!compared.holds);
        assert!(compared.text.contains("new  WORSE"), "{compared:?}");
    }

    #[test]
    fn reports_of_other_things_are_refused() {
        let (was, mut is) = (report(), report());
        is.scenario = "idle".to_owned();
        assert!(compare(&was, &is, None).is_err());
    }

    #[test]
    fn what_is_not_the_same_is_said() {
        let (was, mut is) = (report(), report());
        is.set("members", 10_000);
        is.environment.cores += 1;
        is.figures.clear();
        is.validity.busy = 0.9;
        let text = compare(&was, &is, None).unwrap().text;
        for part in [
            "members: 1000 then 10000",
            "another machine",
            "only before",
            "invalid",
        ] {
            assert!(text.contains(part), "{text}");
        }
        assert_eq!(text.matches("members: ").count(), 1, "{text}");
    }
}
