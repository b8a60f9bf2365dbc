//! What goes on beside messages: typing, and people who read what was said before.

use anyhow::Result;
use clap::Args;

use super::{
    figures::{self, deliver_figure, figure},
    options::{Options, Publishing},
    order::{Order, Plan},
    run::Run,
    target::Target,
};
use crate::measure::{Better, Report, real};

/// Typing beside messages.
#[derive(Debug, Clone, Args)]
pub struct Typing {
    /// Members of the room.
    #[arg(long, value_name = "COUNT", default_value_t = 500)]
    pub members: usize,
    /// How many of them publish and type.
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    pub publishers: usize,
    /// Typing signals per second.
    #[arg(long, value_name = "COUNT", default_value_t = 100.0)]
    pub typing: f64,
    /// How they publish.
    #[command(flatten)]
    pub publishing: Publishing,
}

/// Pages of history.
#[derive(Debug, Clone, Args)]
pub struct History {
    /// Messages that the room has.
    #[arg(long, value_name = "COUNT", default_value_t = 5_000)]
    pub messages: u64,
    /// Members who read, one page after the other.
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    pub readers: u32,
    /// Messages of a page; at most 200.
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
    pub page: u32,
}

impl Typing {
    /// Runs it.
    pub async fn run(&self, options: &Options) -> Result<Report> {
        let target = Target::confab(options, &[]).await?;
        let mut run = Run::start("typing", options, target).await?;
        run.report.set("members", self.members);
        run.report.set("typing", format!("{}/s", self.typing));
        self.publishing.describe(&mut run.report);
        run.fill_server(options, self.members, self.publishers)
            .await?;
        let quiet = self.publishing.plan(self.publishers);
        let calm = run.measure(options, &quiet).await?;
        let noisy = Plan {
            typing: self.typing,
            ..quiet
        };
        let windows = run.measure(options, &noisy).await?;
        run.settle().await?;
        let mut report = figures::report(run, options, &windows)?;
        report.figures.extend([
            deliver_figure(&calm, "deliver p99 without typing", 0.99),
            deliver_figure(&windows, "deliver p99 beside typing", 0.99),
            figure(&windows, ("typing signals", "/s", Better::Neither), |w| {
                w.per_second(w.tally.signals)
            }),
            figure(&windows, ("typing deliveries", "/s", Better::More), |w| {
                w.per_second(w.tally.typing)
            }),
        ]);
        Ok(report)
    }
}

impl History {
    /// Runs it.
    pub async fn run(&self, options: &Options) -> Result<Report> {
        let target = Target::confab(options, &[]).await?;
        let mut run = Run::start("history", options, target).await?;
        run.report.set("messages", self.messages);
        run.report.set("readers", self.readers);
        run.report.set("page", self.page);
        let readers = usize::try_from(self.readers).unwrap_or_default().max(1);
        run.fill_server(options, readers, readers).await?;
        self.fill(&mut run, readers).await?;
        run.settle().await?;
        let (members, limit) = (self.readers, self.page);
        run.ask(|part| (part == 0).then_some(Order::Page { members, limit }))
            .await?;
        let windows = run.windows(options).await?;
        run.settle().await?;
        let mut report = run.finish(&windows);
        report.figures.extend([
            figure(&windows, ("pages", "/s", Better::More), |window| {
                window.per_second(window.tally.latencies.page.count())
            }),
            figure(&windows, ("messages read", "/s", Better::More), |w| {
                w.per_second(w.tally.paged)
            }),
            figure(&windows, ("page p99", "ms", Better::Less), |window| {
                window.tally.latencies.page.millis(0.99)
            }),
        ]);
        Ok(report)
    }

    /// Fills the room, as fast as it goes.
    async fn fill(&self, run: &mut Run, publishers: usize) -> Result<()> {
        let plan = Plan {
            publishers: u32::try_from(publishers).unwrap_or(u32::MAX),
            rate: 0.0,
            pacing: super::pacer::Pacing::Constant,
            popularity: super::pacer::Popularity::Even,
            window: Some(16),
            typing: 0.0,
        };
        run.publish(&plan).await?;
        let messages = self.messages;
        let patience = std::time::Duration::from_secs_f64(30.0 + real(messages) / 500.0);
        let filled = run
            .until(patience, |total| total.checks.acknowledged >= messages)
            .await?;
        anyhow::ensure!(filled, "the room could not be filled in {patience:?}");
        run.quiet().await
    }
}
