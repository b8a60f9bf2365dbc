//! What windows of a run say, in figures.

use std::collections::BTreeSet;

use anyhow::Result;

use super::{
    run::{Run, Window},
    tally::Tally,
};
use crate::measure::{Better, Checks, Figure, Report, real};

/// The report of windows of published messages.
pub async fn report(run: Run, windows: &[Window]) -> Result<Report> {
    let all = Tally::sum(windows.iter().map(|window| &window.tally));
    let objectives = run.options.objectives(false)?;
    let mut report = run.finish(windows).await?;
    for objective in objectives {
        objective.note(&mut report, &all.latencies);
    }
    report.figures.extend(of_messages(windows));
    Ok(report)
}

/// A figure of windows: what each of them says.
pub fn figure(
    windows: &[Window],
    (name, unit, better): (&str, &str, Better),
    value: impl Fn(&Window) -> f64,
) -> Figure {
    Figure::of(name, unit, better, windows.iter().map(value).collect())
}

/// A bare number.
pub fn count(name: &str, count: u64) -> Figure {
    Figure::once(name, "", Better::Neither, real(count))
}

/// A quantile of deliveries in milliseconds, as a figure of windows.
pub fn deliver_figure(windows: &[Window], name: &str, quantile: f64) -> Figure {
    figure(windows, (name, "ms", Better::Less), |window| {
        window.tally.latencies.deliver.millis(quantile)
    })
}

/// What windows of published messages say.
fn of_messages(windows: &[Window]) -> Vec<Figure> {
    let rate = |name, count: fn(&Checks) -> u64| {
        figure(windows, (name, "/s", Better::More), |window| {
            window.per_second(count(&window.tally.checks))
        })
    };
    let ack = |name, quantile| {
        figure(windows, (name, "ms", Better::Less), |window| {
            window.tally.latencies.ack.millis(quantile)
        })
    };
    let mut figures = vec![
        rate("messages", |checks| checks.sent),
        rate("acknowledged", |checks| checks.acknowledged),
        rate("deliveries", |checks| checks.received),
        deliver_figure(windows, "deliver p50", 0.5),
        deliver_figure(windows, "deliver p99", 0.99),
        ack("ack p50", 0.5),
        ack("ack p99", 0.99),
    ];
    let roles = windows.iter().flat_map(|window| window.usage.keys());
    for role in roles.copied().collect::<BTreeSet<_>>() {
        let name = format!("deliveries per {} CPU second", role.name());
        figures.push(figure(windows, (&name, "/s", Better::More), |window| {
            window.per_cpu(role, window.tally.checks.received)
        }));
        let name = format!("{} CPU per message", role.name());
        figures.push(figure(windows, (&name, "µs", Better::Less), |window| {
            let cpu = window.usage.get(&role).map_or(f64::NAN, |usage| usage.cpu);
            cpu * 1e6 / real(window.tally.checks.sent)
        }));
    }
    figures
}
