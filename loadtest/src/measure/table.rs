//! A report as a table for people.

use super::{
    report::{Figure, Report},
    text::{self, bytes, millis, number, quantity, real, table},
};

/// The report as text for a terminal.
pub fn render(report: &Report) -> String {
    let counts = report.checks.named().into_iter();
    let counts = counts.filter(|(_, count)| *count > 0);
    let done = join(counts.map(|(name, count)| (name, text::count(count))));
    let figures: Vec<_> = report.figures.iter().map(spread).collect();
    let promises = report.objectives.iter().map(|objective| {
        let verdict = if objective.kept { "PASS" } else { "FAIL" };
        let (promise, measured) = (&objective.promise, &objective.measured);
        format!("{verdict}  {promise} (measured {measured})\n")
    });
    [
        format!("{}: {}\n", report.scenario, join(&report.settings)),
        format!("env: {}\n", environment(report)),
        format!("done: {done}\n"),
        latencies(report),
        usage(report),
        table(&figures),
        promises.collect(),
        validity(report),
    ]
    .concat()
}

/// Names and values in one line.
fn join<N: AsRef<str>, V: AsRef<str>>(pairs: impl IntoIterator<Item = (N, V)>) -> String {
    let pairs = pairs.into_iter();
    let pairs = pairs.map(|(name, value)| format!("{} {}", name.as_ref(), value.as_ref()));
    pairs.collect::<Vec<_>>().join(", ")
}

/// The machine and the programs in one line; what is not known is left out.
fn environment(report: &Report) -> String {
    let here = &report.environment;
    let parts = [
        ("git", here.commit.clone()),
        ("kernel", here.kernel.clone()),
        ("cpu", format!("{} x{}", here.cpu, here.cores)),
        ("memory", bytes(real(here.memory_bytes))),
        ("redis", version(&here.redis, "v=")),
        ("postgres", version(&here.postgres, "(PostgreSQL) ")),
        ("nofile", text::count(here.descriptors)),
    ];
    join(parts.into_iter().filter(|(_, value)| !value.is_empty()))
}

/// The version in what a program says of itself.
fn version(said: &str, before: &str) -> String {
    said.split_once(before)
        .and_then(|(_, after)| after.split_whitespace().next())
        .unwrap_or_default()
        .to_owned()
}

fn latencies(report: &Report) -> String {
    let names = [
        "latency in ms",
        "count",
        "p50",
        "p90",
        "p99",
        "p99.9",
        "max",
    ];
    let mut rows = vec![names.map(str::to_owned)];
    for (name, shown) in &report.latencies {
        let ms = |nanos| number(millis(nanos));
        rows.push([
            format!("  {name}"),
            text::count(shown.count),
            ms(shown.p50),
            ms(shown.p90),
            ms(shown.p99),
            ms(shown.p99_9),
            ms(shown.max),
        ]);
    }
    section(&rows)
}

fn usage(report: &Report) -> String {
    let names = [
        "used by", "CPU s/s", "user %", "sys %", "resident", "waits/s",
    ];
    let mut rows = vec![names.map(str::to_owned)];
    for (role, usage) in &report.usage {
        let of = |part: f64, whole: f64| number(if whole > 0.0 { part / whole } else { 0.0 });
        rows.push([
            format!("  {}", role.name()),
            of(usage.cpu, usage.seconds),
            of(usage.user * 100.0, usage.cpu),
            of(usage.system * 100.0, usage.cpu),
            bytes(real(usage.resident)),
            of(real(usage.voluntary), usage.seconds),
        ]);
    }
    section(&rows)
}

/// A table under its names; nothing when there is only the names.
fn section<const N: usize>(rows: &[[String; N]]) -> String {
    if rows.len() > 1 {
        table(rows)
    } else {
        String::new()
    }
}

fn validity(report: &Report) -> String {
    let late = &report.validity.lateness;
    let [p99, max] = [late.p99, late.max].map(|nanos| number(millis(nanos)));
    let busy = report.validity.busy * 100.0;
    let generator = format!("generator: late p99 {p99} ms max {max} ms, {busy:.0} % of a CPU\n");
    let mut lines = vec![generator];
    let faults = report.validity.faults().into_iter();
    lines.extend(faults.map(|fault| format!("INVALID  {fault}\n")));
    lines.concat()
}

/// A figure with the range of its windows.
fn spread(figure: &Figure) -> [String; 3] {
    let of = |value| quantity(value, &figure.unit);
    let range = match figure.windows.len() {
        0 | 1 => String::new(),
        count => format!(
            "({} to {}, {count} windows)",
            of(figure.min),
            of(figure.max)
        ),
    };
    [figure.name.clone(), of(figure.value), range]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_every_part_of_the_report() {
        let mut report = crate::measure::tests::report();
        report.checks.connections = 1_000;
        report.validity.doubts.push("the clock jumped".to_owned());
        report.promise("missing = 0", "3", false);
        let text = render(&report);
        let text: Vec<_> = text.split_whitespace().collect();
        let text = text.join(" ");
        for part in [
            "fanout: members 1000, rate 60/s",
            "done: connections 1,000, sent 100, expected 100,000, received 100,000",
            "deliver 5,000 2.50",
            "gateway 0.525 19.0 81.0 1.00 MiB",
            "deliveries per gateway CPU second 152,000/s (151,000/s to 153,000/s, 3 windows)",
            "memory per connection 4.00 KiB members",
            "PASS deliver p99 < 50 ms (measured 9.7 ms)",
            "FAIL missing = 0 (measured 3)",
            "INVALID the clock jumped",
        ] {
            assert!(text.contains(part), "{part:?} is not in\n{text}");
        }
    }

    #[test]
    fn an_empty_report_is_a_short_table() {
        assert_eq!(render(&Report::new("idle")).lines().count(), 4);
    }

    #[test]
    fn versions_are_found_in_what_programs_say() {
        let redis = "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.2.1";
        assert_eq!(version(redis, "v="), "7.0.15");
        assert_eq!(
            version("postgres (PostgreSQL) 15.18 (Debian)", "(PostgreSQL) "),
            "15.18"
        );
        assert_eq!(version("", "v="), "");
    }
}
