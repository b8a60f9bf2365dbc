//! A report as a table for people.

use std::fmt::{self, Write};

use super::{
    report::{Figure, Report},
    text::{bytes, count, millis, number, quantity, real},
};

/// The report as text for a terminal.
pub fn render(report: &Report) -> String {
    let mut text = String::new();
    // Writing to memory does not fail.
    write(report, &mut text).unwrap_or_default();
    text
}

fn write(report: &Report, to: &mut String) -> fmt::Result {
    writeln!(to, "{}: {}", report.scenario, settings(report))?;
    writeln!(to, "env: {}", environment(report))?;
    messages(report, to)?;
    latencies(report, to)?;
    usage(report, to)?;
    for figure in &report.figures {
        writeln!(to, "HEADLINE  {}: {}", figure.name, spread(figure))?;
    }
    for objective in &report.objectives {
        let verdict = if objective.kept { "PASS" } else { "FAIL" };
        writeln!(
            to,
            "{verdict}  {} (measured {})",
            objective.promise, objective.measured
        )?;
    }
    validity(report, to)
}

/// The settings in one line.
fn settings(report: &Report) -> String {
    let settings: Vec<String> = report
        .settings
        .iter()
        .map(|(name, value)| format!("{name} {value}"))
        .collect();
    settings.join(", ")
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
        ("nofile", count(here.descriptors)),
    ];
    let known: Vec<String> = parts
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name} {value}"))
        .collect();
    known.join("  ")
}

/// The version in what a program says of itself.
fn version(said: &str, before: &str) -> String {
    said.split_once(before)
        .and_then(|(_, after)| after.split_whitespace().next())
        .unwrap_or_default()
        .to_owned()
}

fn messages(report: &Report, to: &mut String) -> fmt::Result {
    let checks = &report.checks;
    if checks.connections > 0 {
        writeln!(
            to,
            "conns: target {} ok {} fail {} lost {} resumed {}",
            count(checks.connections),
            count(checks.connections.saturating_sub(checks.failed_connections)),
            count(checks.failed_connections),
            count(checks.lost_connections),
            count(checks.resumes),
        )?;
    }
    if checks.sent > 0 {
        writeln!(
            to,
            "publish: sent {} acked {} refused {} unknown {}",
            count(checks.sent),
            count(checks.acknowledged),
            count(checks.refused),
            count(checks.unknown),
        )?;
    }
    if checks.expected > 0 || checks.received > 0 {
        writeln!(
            to,
            "deliver: expected {} got {} missing {} double {} out-of-order {} corrupt {} gaps {}",
            count(checks.expected),
            count(checks.received),
            count(checks.missing),
            count(checks.double),
            count(checks.out_of_order),
            count(checks.corrupt),
            count(checks.gaps),
        )?;
    }
    Ok(())
}

fn latencies(report: &Report, to: &mut String) -> fmt::Result {
    if report.latencies.is_empty() {
        return Ok(());
    }
    writeln!(
        to,
        "{:<20} {:>12} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "latency in ms", "count", "p50", "p90", "p99", "p99.9", "max"
    )?;
    for (name, latency) in &report.latencies {
        let shown = latency.percentiles();
        let [p50, p90, p99, p99_9, max] = [shown.p50, shown.p90, shown.p99, shown.p99_9, shown.max]
            .map(|nanos| number(millis(nanos)));
        writeln!(
            to,
            "  {name:<18} {:>12} {p50:>9} {p90:>9} {p99:>9} {p99_9:>9} {max:>9}",
            count(shown.count)
        )?;
    }
    Ok(())
}

fn usage(report: &Report, to: &mut String) -> fmt::Result {
    if report.usage.is_empty() {
        return Ok(());
    }
    writeln!(
        to,
        "{:<20} {:>9} {:>7} {:>7} {:>11} {:>11} {:>11} {:>7} {:>7} {:>5}",
        "used by",
        "CPU s/s",
        "user %",
        "sys %",
        "resident",
        "anonymous",
        "switches/s",
        "files",
        "threads",
        "procs"
    )?;
    for (role, usage) in &report.usage {
        let per_second = |amount: f64| {
            if usage.seconds > 0.0 {
                amount / usage.seconds
            } else {
                0.0
            }
        };
        let share = |part: f64| {
            if usage.cpu > 0.0 {
                part / usage.cpu * 100.0
            } else {
                0.0
            }
        };
        writeln!(
            to,
            "  {:<18} {:>9} {:>7.0} {:>7.0} {:>11} {:>11} {:>11} {:>7} {:>7} {:>5}",
            role.name(),
            number(per_second(usage.cpu)),
            share(usage.user),
            share(usage.system),
            bytes(real(usage.resident)),
            bytes(real(usage.anonymous)),
            number(per_second(real(usage.voluntary + usage.involuntary))),
            usage.descriptors,
            usage.threads,
            usage.processes
        )?;
    }
    Ok(())
}

fn validity(report: &Report, to: &mut String) -> fmt::Result {
    let lateness = report.validity.lateness.percentiles();
    if lateness.count > 0 || report.validity.busy > 0.0 {
        writeln!(
            to,
            "generator: late p99 {} ms max {} ms, {:.0} % of a CPU",
            number(millis(lateness.p99)),
            number(millis(lateness.max)),
            report.validity.busy * 100.0
        )?;
    }
    for fault in report.validity.faults() {
        writeln!(to, "INVALID  {fault}")?;
    }
    Ok(())
}

/// A figure with the range of its windows.
fn spread(figure: &Figure) -> String {
    let value = quantity(figure.value, &figure.unit);
    if figure.windows.len() < 2 {
        return value;
    }
    format!(
        "{value} (min {} max {}, {} windows)",
        quantity(figure.min, &figure.unit),
        quantity(figure.max, &figure.unit),
        figure.windows.len()
    )
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
        for part in [
            "fanout: members 1000, rate 60/s",
            "conns: target 1,000 ok 1,000 fail 0",
            "deliver: expected 100,000 got 100,000 missing 0",
            "deliver                   5,000      2.50",
            "gateway                0.525      19      81    1.00 MiB",
            "HEADLINE  deliveries per gateway CPU second: 152,000/s (min 151,000/s max 153,000/s, 3 windows)",
            "HEADLINE  memory per connection: 4.00 KiB\n",
            "PASS  deliver p99 < 50 ms (measured 9.7 ms)",
            "FAIL  missing = 0 (measured 3)",
            "INVALID  the clock jumped",
        ] {
            assert!(text.contains(part), "{part:?} is not in\n{text}");
        }
    }

    #[test]
    fn an_empty_report_is_a_short_table() {
        assert_eq!(render(&Report::new("idle")).lines().count(), 2);
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
