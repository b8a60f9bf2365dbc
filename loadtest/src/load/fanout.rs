//! One room: what one member says, all hear.

use anyhow::Result;
use clap::Args;

use super::{
    figures,
    options::{Options, Publishing},
    run::Run,
    search,
    target::Target,
};
use crate::measure::Report;

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
        let target = Target::confab(options, &[]).await?;
        let mut run = Run::start("fanout", options, target).await?;
        self.gather(&mut run, options).await?;
        let mut plan = self.publishing.plan(self.publishers);
        if self.find_max {
            plan = search::best(&mut run, options, plan).await?;
        }
        let windows = run.measure(options, &plan).await?;
        run.settle().await?;
        figures::report(run, options, &windows)
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
