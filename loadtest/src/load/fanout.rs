//! One room: what one member says, all hear.

use anyhow::Result;
use clap::Args;

use super::{
    baseline,
    options::{Options, Publishing},
    order::{Latencies, Plan},
    rooms,
    run::{Run, Window, deliver_figure, figure, number},
    target::Target,
};
use crate::measure::{Better, Checks, Figure, Report, Role};

/// One room of many members.
#[derive(Debug, Clone, Args)]
pub struct Fanout {
    /// Members of the room.
    #[arg(long, value_name = "COUNT", default_value_t = 1_000)]
    pub members: usize,
    /// How many of them publish.
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    pub publishers: usize,
    /// How they publish.
    #[command(flatten)]
    pub publishing: Publishing,
    /// Searches for the highest rate at which the objectives hold.
    #[arg(long)]
    pub find_max: bool,
    /// Drives the cluster and a bare server that only copies in turns, and compares them.
    #[arg(long)]
    pub against_limit: bool,
    /// The bare server writes all messages of one turn in one call.
    #[arg(long, requires = "against_limit")]
    pub coalesce: bool,
}

impl Fanout {
    /// Runs it.
    pub async fn run(&self, options: &Options) -> Result<Report> {
        if self.against_limit {
            return baseline::run(self, options).await;
        }
        let target = Target::confab(options, &[]).await?;
        let mut run = Run::start("fanout", options, target).await?;
        self.gather(&mut run, options).await?;
        let mut plan = self.publishing.plan(self.publishers);
        if self.find_max {
            plan = rooms::best(&mut run, options, plan).await?;
        }
        let windows = measure(&mut run, options, &plan).await?;
        run.settle().await?;
        report(run, options, &windows)
    }

    /// Brings the members into the room.
    pub async fn gather(&self, run: &mut Run, options: &Options) -> Result<()> {
        run.report.set("members", self.members);
        run.report.set("publishers", self.publishers);
        self.publishing.describe(&mut run.report);
        let publishers = self.publishers.max(1);
        if let Target::Bare { .. } = run.target {
            let sizes = run.spread(self.members, publishers);
            run.crowd(&sizes).await?;
            return run.open(None).await.map(drop);
        }
        run.fill_server(options, self.members, publishers).await
    }
}

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
    report.figures.extend(figures(windows));
    Ok(report)
}

/// Publishes by the plan, and measures the windows of the options.
pub async fn measure(run: &mut Run, options: &Options, plan: &Plan) -> Result<Vec<Window>> {
    run.publish(plan).await?;
    run.windows(options).await
}

/// What windows of published messages say.
pub fn figures(windows: &[Window]) -> Vec<Figure> {
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
            cpu * 1e6 / number(window.tally.checks.sent)
        }));
    }
    figures
}
