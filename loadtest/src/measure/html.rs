//! A report as one page that needs nothing else: no script, no font, no network.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Write},
    fs,
    path::Path,
};

use anyhow::{Context, Result};

use super::{
    latency::Latency,
    plot::{COLOURS, Line, Plot, escape},
    report::Report,
    sample::{Load, Role},
    table,
    text::{bytes, count, millis, number, real},
};

const STYLE: &str = "
:root { color-scheme: light dark; --ground: #fcfcfb; --ink: #1a1a19; --dim: #6b6a66; --grid: #e4e3df;
  --good: #00752b; --bad: #b3261e;
  --c0: #2a78d6; --c1: #1baf7a; --c2: #eda100; --c3: #8a5a00; --c4: #4a3aa7; --c5: #e34948; }
@media (prefers-color-scheme: dark) { :root { --ground: #1a1a19; --ink: #f4f3ef; --dim: #a3a29c; --grid: #383835;
  --good: #4cc26f; --bad: #ff8a80;
  --c0: #3987e5; --c1: #199e70; --c2: #c98500; --c3: #c9a26a; --c4: #9085e9; --c5: #e66767; } }
body { background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; max-width: 60rem;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
.dim, figcaption + .legend, svg text { color: var(--dim); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .3rem .6rem; border-bottom: 1px solid var(--grid); }
th { color: var(--dim); font-weight: 500; } th:first-child, td:first-child { text-align: left; }
.wide { overflow-x: auto; }
.good { color: var(--good); } .bad { color: var(--bad); font-weight: 600; }
figure { margin: 1.5rem 0; } figcaption { font-weight: 600; }
.legend { margin: .2rem 0; } .legend span { margin-right: 1rem; white-space: nowrap; }
.legend i { display: inline-block; width: .8rem; height: .2rem; margin-right: .4rem; vertical-align: middle; }
svg { width: 100%; height: auto; } svg text { fill: var(--dim); font-size: 12px; }
.grid { stroke: var(--grid); stroke-width: 1; }
polyline { fill: none; stroke-width: 2; stroke-linejoin: round; }
";

/// Writes the page.
pub fn write(report: &Report, path: &Path) -> Result<()> {
    fs::write(path, page(report)).with_context(|| format!("writing the page {}", path.display()))
}

/// The page.
pub fn page(report: &Report) -> String {
    let mut out = String::new();
    // Writing to memory does not fail.
    fill(report, &mut out).unwrap_or_default();
    out
}

fn fill(report: &Report, out: &mut String) -> fmt::Result {
    let title = escape(&report.scenario);
    write!(
        out,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title><style>{STYLE}"
    )?;
    for colour in 0..COLOURS {
        writeln!(
            out,
            ".l{colour} {{ stroke: var(--c{colour}); }} .b{colour} {{ background: var(--c{colour}); }}"
        )?;
    }
    writeln!(out, "</style></head><body><h1>{title}</h1>")?;
    writeln!(out, "<p>{}</p>", escape(&table::settings(report)))?;
    writeln!(
        out,
        "<p class=\"dim\">{}</p>",
        escape(&table::environment(report))
    )?;
    for fault in report.validity.faults() {
        writeln!(out, "<p class=\"bad\">Invalid: {}</p>", escape(&fault))?;
    }
    headlines(report, out)?;
    objectives(report, out)?;
    for plot in plots(report) {
        out.push_str(&plot.html());
    }
    latencies(report, out)?;
    usage(report, out)?;
    checks(report, out)?;
    writeln!(out, "</body></html>")
}

fn headlines(report: &Report, out: &mut String) -> fmt::Result {
    let rows = report
        .figures
        .iter()
        .map(|figure| vec![figure.name.clone(), table::spread(figure)]);
    rows_of(out, "Figures", &["", "median"], rows)
}

fn objectives(report: &Report, out: &mut String) -> fmt::Result {
    if report.objectives.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "<h2>Promised</h2><table><tr><th>promise</th><th>measured</th><th></th></tr>"
    )?;
    for objective in &report.objectives {
        let verdict = if objective.kept {
            "<td class=\"good\">✓ pass</td>"
        } else {
            "<td class=\"bad\">✗ fail</td>"
        };
        let (promise, measured) = (escape(&objective.promise), escape(&objective.measured));
        writeln!(
            out,
            "<tr><td>{promise}</td><td>{measured}</td>{verdict}</tr>"
        )?;
    }
    writeln!(out, "</table>")
}

fn latencies(report: &Report, out: &mut String) -> fmt::Result {
    let rows = report.latencies.iter().map(|(name, latency)| {
        let shown = latency.percentiles();
        let times = [shown.p50, shown.p90, shown.p99, shown.p99_9, shown.max];
        let times = times.map(|nanos| number(millis(nanos)));
        [name.clone(), count(shown.count)]
            .into_iter()
            .chain(times)
            .collect()
    });
    let head = ["milliseconds", "count", "p50", "p90", "p99", "p99.9", "max"];
    rows_of(out, "Latencies", &head, rows)
}

fn usage(report: &Report, out: &mut String) -> fmt::Result {
    let rows = report.usage.iter().map(|(role, usage)| {
        vec![
            role.name().to_owned(),
            number(usage.cpu),
            number(usage.user),
            number(usage.system),
            number(usage.seconds),
            bytes(real(usage.resident)),
            bytes(real(usage.anonymous)),
            bytes(real(usage.peak)),
            count(usage.voluntary),
            count(usage.involuntary),
        ]
    });
    let head = [
        "",
        "CPU s",
        "user s",
        "system s",
        "of s",
        "resident",
        "anonymous",
        "peak",
        "waits",
        "preempted",
    ];
    rows_of(out, "Used by the processes", &head, rows)
}

fn checks(report: &Report, out: &mut String) -> fmt::Result {
    let checks = &report.checks;
    let rows = [
        ("sent", checks.sent),
        ("acknowledged", checks.acknowledged),
        ("refused", checks.refused),
        ("unknown", checks.unknown),
        ("deliveries expected", checks.expected),
        ("deliveries received", checks.received),
        ("missing", checks.missing),
        ("double", checks.double),
        ("out of order", checks.out_of_order),
        ("corrupt", checks.corrupt),
        ("connections", checks.connections),
        ("connections that failed", checks.failed_connections),
        ("connections that were lost", checks.lost_connections),
        ("resumes", checks.resumes),
        ("gaps", checks.gaps),
    ];
    let rows = rows.map(|(name, value)| vec![name.to_owned(), count(value)]);
    rows_of(
        out,
        "Messages and connections",
        &["", "count"],
        rows.into_iter(),
    )
}

/// A table; nothing when it has no rows.
fn rows_of(
    out: &mut String,
    title: &str,
    head: &[&str],
    rows: impl Iterator<Item = Vec<String>>,
) -> fmt::Result {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return Ok(());
    }
    write!(out, "<h2>{title}</h2><div class=\"wide\"><table><tr>")?;
    for name in head {
        write!(out, "<th>{name}</th>")?;
    }
    writeln!(out, "</tr>")?;
    for row in rows {
        let cells: Vec<String> = row
            .iter()
            .map(|cell| format!("<td>{}</td>", escape(cell)))
            .collect();
        writeln!(out, "<tr>{}</tr>", cells.concat())?;
    }
    writeln!(out, "</table></div>")
}

fn plots(report: &Report) -> Vec<Plot> {
    let over_time = |title: String, lines| Plot {
        title,
        across: "seconds",
        ticks: Vec::new(),
        lines,
    };
    let percentiles = Plot {
        title: "Latency by percentile, in ms".to_owned(),
        across: "share of all, each step a tenth of the rest",
        ticks: ["0 %", "90 %", "99 %", "99.9 %", "99.99 %", "99.999 %"]
            .into_iter()
            .zip(0_u32..)
            .map(|(name, nines)| (f64::from(nines), name.to_owned()))
            .collect(),
        lines: report
            .latencies
            .iter()
            .enumerate()
            .map(|(colour, (name, latency))| percentiles(name, colour, latency))
            .collect(),
    };
    // One plot each: a room of a thousand delivers a thousand times what is sent.
    let rates = rates(report)
        .into_iter()
        .map(|line| over_time(format!("{} per second", line.name), vec![line]));
    let cpus = loads(report, |load| load.cpu);
    let memory = loads(report, |load| real(load.resident) / 1_048_576.0);
    let loads = [
        over_time("CPUs in use".to_owned(), cpus),
        over_time("Resident memory, in MiB".to_owned(), memory),
    ];
    std::iter::once(percentiles)
        .chain(rates)
        .chain(loads)
        .collect()
}

/// A latency over -log10(1 - q): each step leaves a tenth of the rest.
fn percentiles(name: &str, colour: usize, latency: &Latency) -> Line {
    const STEPS: u32 = 20;
    let last = real(latency.count().max(1)).log10();
    let mut points: Vec<(f64, f64)> = (0..20 * STEPS)
        .map(|step| f64::from(step) / f64::from(STEPS))
        .take_while(|at| *at < last)
        .map(|at| {
            let quantile = 1.0 - 10_f64.powf(-at);
            (at, latency.quantile(quantile).as_secs_f64() * 1e3)
        })
        .collect();
    if !points.is_empty() {
        points.push((last, latency.max().as_secs_f64() * 1e3));
    }
    Line {
        name: name.to_owned(),
        colour,
        points,
    }
}

fn rates(report: &Report) -> Vec<Line> {
    let names: BTreeSet<&String> = report
        .seconds
        .iter()
        .flat_map(|second| second.rates.keys())
        .collect();
    let of = |name: &String| {
        report
            .seconds
            .iter()
            .map(|second| {
                (
                    second.at,
                    second.rates.get(name).copied().unwrap_or_default(),
                )
            })
            .collect()
    };
    names
        .into_iter()
        .enumerate()
        .map(|(colour, name)| Line {
            name: name.clone(),
            colour,
            points: of(name),
        })
        .collect()
}

fn loads(report: &Report, of: impl Fn(&Load) -> f64) -> Vec<Line> {
    let mut lines: BTreeMap<Role, Vec<(f64, f64)>> = BTreeMap::new();
    for second in &report.seconds {
        for (role, load) in &second.load {
            lines.entry(*role).or_default().push((second.at, of(load)));
        }
    }
    lines
        .into_iter()
        .map(|(role, points)| Line {
            name: role.name().to_owned(),
            // A role keeps its colour when others are not there.
            colour: role as usize,
            points,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::tests::report;

    #[test]
    fn the_page_has_plots_and_tables_and_needs_nothing_else() {
        let page = page(&report());
        assert_eq!(page.matches("<svg").count(), 4, "{page}");
        assert_eq!(
            page.matches("<figure>").count(),
            page.matches("</figure>").count()
        );
        assert_eq!(
            page.matches("<table>").count(),
            page.matches("</table>").count()
        );
        assert!(page.contains("152,000/s (min 151,000/s max 153,000/s, 3 windows)"));
        assert!(page.contains("✓ pass"));
        for elsewhere in ["<script", "http:", "https:", "url(", "@import"] {
            assert!(!page.contains(elsewhere), "{elsewhere}");
        }
    }

    #[test]
    fn nothing_in_a_report_can_become_markup() {
        let bad = "<script>\"&'";
        let mut report = report();
        report.scenario = bad.to_owned();
        report.set(bad, bad);
        report.promise(bad, bad, false);
        report.environment.cpu = bad.to_owned();
        report.validity.doubts.push(bad.to_owned());
        report.figures[0].name = bad.to_owned();
        report.figures[0].unit = bad.to_owned();
        let latency = report.latencies["deliver"].clone();
        report.latencies.insert(bad.to_owned(), latency);
        for second in &mut report.seconds {
            second.rates.insert(bad.to_owned(), 1.0);
        }
        let page = page(&report);
        assert!(!page.contains("<script"), "{page}");
        assert!(
            page.matches("&lt;script&gt;&quot;&amp;&#39;").count() >= 11,
            "{page}"
        );
    }

    #[test]
    fn an_empty_report_is_a_page_without_plots() {
        let page = page(&Report::new("idle"));
        assert!(!page.contains("<svg") && page.ends_with("</html>\n"));
    }

    #[test]
    fn a_tail_is_drawn_to_its_last_value() {
        let report = report();
        let line = percentiles("deliver", 0, &report.latencies["deliver"]);
        let (at, longest) = *line.points.last().unwrap();
        assert!((at - 5_000_f64.log10()).abs() < 1e-9);
        assert!((longest - 5.0).abs() < 0.01, "{longest}");
        assert!(line.points.is_sorted_by(|one, two| one.1 <= two.1));
    }
}
