//! What a person sees while it runs: one line a second.
#![expect(
    clippy::print_stderr,
    reason = "progress is for people, the report goes to stdout"
)]

use std::fmt::{self, Write};

use super::order::Tally;
use crate::measure::{Role, Second};

/// Says something about the run.
pub fn say(line: &str) {
    eprintln!("{line}");
}

/// Says what happened in a second.
pub fn second(second: &Second, all: &Tally) {
    eprintln!("{}", line(second, all));
}

fn line(second: &Second, all: &Tally) -> String {
    let deliver = &all.latencies.deliver;
    let mut line = format!(
        "{:5.0} s  open {}  sent {}  acked {}  delivered {}",
        second.at, all.open, all.checks.sent, all.checks.acknowledged, all.checks.received
    );
    if !deliver.is_empty() {
        put(
            &mut line,
            format_args!(
                "  p50 {:.1} p99 {:.1} ms",
                deliver.millis(0.5),
                deliver.millis(0.99)
            ),
        );
    }
    for role in Role::ALL {
        if let Some(load) = second.load.get(&role) {
            put(
                &mut line,
                format_args!("  {} {:.0} %", role.name(), load.cpu * 100.0),
            );
        }
    }
    for (count, what) in [
        (all.checks.refused, "refused"),
        (all.checks.lost_connections, "lost"),
        (all.checks.resumes, "resumed"),
        (all.checks.double, "double"),
        (all.checks.out_of_order, "out of order"),
        (all.checks.corrupt, "corrupt"),
    ] {
        if count > 0 {
            put(&mut line, format_args!("  {what} {count}"));
        }
    }
    line
}

fn put(line: &mut String, what: fmt::Arguments<'_>) {
    let written = line.write_fmt(what);
    debug_assert!(written.is_ok(), "writing to a String cannot fail");
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
            line.contains("delivered 12") && line.contains("double 1"),
            "{line}"
        );
    }
}
