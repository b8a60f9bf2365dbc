//! One room: what one member says, all hear.

use anyhow::Result;
use clap::Args;

use super::{
    figures,
    options::{Options, Publishing},
    run::Run,
    search,
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
        let mut run = Run::start("fanout", options).await?;
        self.gather(&mut run).await?;
        let mut plan = self.publishing.plan(self.publishers);
        if self.find_max {
            plan = search::find_max(&mut run, plan).await?;
        }
        let windows = run.measure(&plan).await?;
        figures::report(run, &windows).await
    }

    /// Brings the members into the room.
    pub async fn gather(&self, run: &mut Run) -> Result<()> {
        run.report.set("publishers", self.publishers);
        run.fill_room(self.members, self.publishers.max(1), Some(&self.publishing))
            .await
    }
}
