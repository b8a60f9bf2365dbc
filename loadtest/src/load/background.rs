//! What goes on beside messages: typing, and people who read what was said before.

use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Args;

use super::{
    figures::{self, deliver_figure, figure},
    options::{Options, Publishing},
    pacer::{Pacing, Plan, Popularity},
    run::Run,
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
    pub readers: usize,
    /// Messages of a page; at most 200.
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
    pub page: u32,
}

impl Typing {
    /// Runs it.
    pub async fn run(&self, options: &Options) -> Result<Report> {
        let mut run = Run::start("typing", options).await?;
        run.report.set("typing", format!("{}/s", self.typing));
        run.fill_room(self.members, self.publishers, Some(&self.publishing))
            .await?;
        let mut plan = self.publishing.plan(self.publishers);
        let calm = run.measure(&plan).await?;
        plan.typing = self.typing;
        let windows = run.measure(&plan).await?;
        let mut report = figures::report(run, &windows).await?;
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
        let mut run = Run::start("history", options).await?;
        run.report.set("messages", self.messages);
        run.report.set("page", self.page);
        // All of them on the first thread.
        run.fill_room(self.readers, self.readers, None).await?;
        self.fill(&mut run).await?;
        run.settle().await?;
        let limit = self.page;
        run.tell(..1, move |shard| shard.read_history(limit))
            .await?;
        run.warm_up().await?;
        let windows = run.windows().await?;
        let mut report = run.finish(&windows).await?;
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
    async fn fill(&self, run: &mut Run) -> Result<()> {
        let plan = Plan {
            publishers: self.readers,
            rate: 0.0,
            pacing: Pacing::Constant,
            popularity: Popularity::Even,
            window: Some(16),
            typing: 0.0,
        };
        run.publish(&plan).await?;
        let messages = self.messages;
        let patience = Duration::from_secs_f64(30.0 + real(messages) / 500.0);
        let filled = run
            .until(patience, |total| total.checks.acknowledged >= messages)
            .await?;
        ensure!(filled, "the room could not be filled in {patience:?}");
        Ok(())
    }
}
