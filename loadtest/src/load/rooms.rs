//! Many small rooms: the whole way of a durable message.

use anyhow::{Result, ensure};
use clap::Args;

use super::{
    figures,
    options::{Options, Publishing},
    run::Run,
    search,
    target::Target,
};
use crate::measure::Report;

/// Many small rooms.
#[derive(Debug, Clone, Args)]
pub struct Rooms {
    /// Rooms, each a server of its own; one member of each publishes.
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    pub rooms: usize,
    /// Members of each room.
    #[arg(long, value_name = "COUNT", default_value_t = 5)]
    pub members: usize,
    /// How they publish.
    #[command(flatten)]
    pub publishing: Publishing,
    /// Searches for the highest rate at which the objectives hold.
    #[arg(long)]
    pub find_max: bool,
}

impl Rooms {
    /// Runs it.
    pub async fn run(&self, options: &Options) -> Result<Report> {
        ensure!(self.rooms > 0 && self.members > 0, "there is nobody");
        let target = Target::confab(options, &[]).await?;
        let mut run = Run::start("rooms", options, target).await?;
        run.report.set("rooms", self.rooms);
        run.report.set("members of a room", self.members);
        self.publishing.describe(&mut run.report);
        let codes = run
            .target
            .servers(self.rooms, options.invite.as_deref())
            .await?;
        let sizes = run.spread(self.rooms * self.members, self.rooms);
        let rooms = self.rooms;
        let offsets: Vec<usize> = sizes
            .iter()
            .scan(0, |sum, size| Some(std::mem::replace(sum, *sum + size)))
            .collect();
        run.recruit(&codes, &sizes, |part, member| {
            let number = offsets.get(part).copied().unwrap_or_default() + member;
            vec![u32::try_from(number % rooms).unwrap_or_default()]
        })
        .await?;
        run.open(None).await?;
        let mut plan = self.publishing.plan(self.rooms);
        if self.find_max {
            plan = search::best(&mut run, options, plan).await?;
        }
        let windows = run.measure(options, &plan).await?;
        run.settle().await?;
        figures::report(run, options, &windows)
    }
}
