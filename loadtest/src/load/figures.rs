//! What windows of a run say, in figures.

use anyhow::Result;

use super::{
    options::Options,
    order::Latencies,
    run::{Run, Window},
};
use crate::measure::{Better, Checks, Figure, Report, Role, real};

/// The report of windows of published messages.
pub fn report(run: Run, options: &Options, windows: &[Window]) -> Result<Report> {
    let mut all = Latencies::default();
    for window in windows {
        all.merge(&window.tally.latencies);
    }
    let mut report = run.finish(windows);
    for objective in options.objectives(false)? {
        objective.note(&mut report, &all);
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
    for role in Role::ALL {
        if !windows
            .iter()
            .any(|window| window.usage.contains_key(&role))
        {
            continue;
        }
        let name = format!("deliveries per {} CPU second", role.name());
        figures.push(figure(windows, (&name, "/s", Better::More), |window| {
            let received = window.tally.checks.received;
            window.per_cpu(role, received).unwrap_or(f64::NAN)
        }));
        let name = format!("{} CPU per message", role.name());
        figures.push(figure(windows, (&name, "µs", Better::Less), |window| {
            let cpu = window.usage.get(&role).map_or(f64::NAN, |usage| usage.cpu);
            cpu * 1e6 / real(window.tally.checks.sent)
        }));
    }
    figures
}
