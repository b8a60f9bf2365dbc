//! Many small rooms: the whole way of a durable message.

use anyhow::{Result, ensure};
use clap::Args;

use super::{
    figures,
    options::{Options, Publishing},
    run::Run,
    search,
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
        let mut run = Run::start("rooms", options).await?;
        run.report.set("rooms", self.rooms);
        run.report.set("members of a room", self.members);
        self.publishing.describe(&mut run.report);
        gather(&mut run, self.rooms, self.members).await?;
        let mut plan = self.publishing.plan(self.rooms);
        if self.find_max {
            plan = search::find_max(&mut run, plan).await?;
        }
        let windows = run.measure(&plan).await?;
        figures::report(run, &windows).await
    }
}

/// Rooms with so many members each, all connected; the first of each publishes.
pub async fn gather(run: &mut Run, rooms: usize, members: usize) -> Result<()> {
    run.recruit((rooms * members, rooms), rooms, |member| {
        let room = member % rooms;
        room..room + 1
    })
    .await?;
    run.connect(None).await.map(drop)
}
