//! What a person sees while it runs: one line a second.
#![expect(
    clippy::print_stderr,
    reason = "progress is for people, the report goes to stdout"
)]

use super::tally::Tally;
use crate::measure::Second;

/// Says something about the run.
pub fn say(line: &str) {
    eprintln!("{line}");
}

/// What happened in a second.
pub fn line(second: &Second, all: &Tally) -> String {
    let mut parts = vec![format!("{:5.0} s", second.at), format!("open {}", all.open)];
    let counts = all.checks.named().into_iter();
    let counts = counts.filter(|(_, count)| *count > 0);
    parts.extend(counts.map(|(name, count)| format!("{name} {count}")));
    let deliver = &all.latencies.deliver;
    if !deliver.is_empty() {
        let (p50, p99) = (deliver.millis(0.5), deliver.millis(0.99));
        parts.push(format!("p50 {p50:.1} p99 {p99:.1} ms"));
    }
    for (role, load) in &second.load {
        let busy = load.cpu / load.seconds * 100.0;
        parts.push(format!("{} {busy:.0} %", role.name()));
    }
    parts.join("  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_went_wrong_and_nothing_else() {
        let mut tally = Tally::default();
        tally.checks.received = 12;
        assert!(!line(&Second::default(), &tally).contains("double"));
        tally.checks.double = 1;
        let line = line(&Second::default(), &tally);
        assert!(
            line.contains("received 12") && line.contains("double 1"),
            "{line}"
        );
    }
}
