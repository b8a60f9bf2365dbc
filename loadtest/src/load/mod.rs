//! Load: what a serious operator puts on a cluster before trusting it.
//!
//! - [`stamp`] is what messages carry, [`pacer`] when they are meant to leave,
//!   [`wire`] how they travel, [`oracle`] decides about each delivery;
//! - `shard` is a thread with thousands of sockets, told by [`order`]s;
//! - [`crew`] is all threads and processes, [`target`] what they are put on;
//! - [`run`] measures, the scenarios say what: [`fanout`], …
//!
//! What needs families that do not exist yet comes with them: a mix of direct
//! messages, noise of presence, search beside history.

pub mod clock;
mod connect;
pub mod crew;
pub mod descriptors;
pub mod fanout;
mod hear;
mod member;
pub mod options;
pub mod oracle;
pub mod order;
pub mod pacer;
pub mod progress;
mod publish;
pub mod run;
mod shard;
pub mod stamp;
pub mod target;
pub mod wire;
mod words;

use anyhow::Result;
use clap::Subcommand;

use self::{fanout::Fanout, options::Options};
use crate::measure::Report;

/// What can be put on a cluster.
#[derive(Debug, Clone, Subcommand)]
pub enum Scenario {
    /// One room of many members: what one says, all hear.
    Fanout {
        /// The room.
        #[command(flatten)]
        room: Fanout,
        /// What all scenarios share.
        #[command(flatten)]
        options: Options,
    },
    /// A part of the generator in a process of its own; started by the others.
    #[command(hide = true)]
    Part,
}

/// Runs a scenario, and answers with its report; a part has none.
pub async fn run(scenario: Scenario) -> Result<Option<Report>> {
    match scenario {
        Scenario::Fanout { room, options } => {
            let report = room.run(&options).await?;
            tell(&report, &options)?;
            Ok(Some(report))
        }
        Scenario::Part => {
            tokio::task::spawn_blocking(crew::part).await??;
            Ok(None)
        }
    }
}

/// Writes the report where the options say.
fn tell(report: &Report, options: &Options) -> Result<()> {
    for figure in &report.figures {
        progress::say(&format!(
            "{:40} {:>14.1} {} ({:.1} to {:.1})",
            figure.name, figure.value, figure.unit, figure.min, figure.max
        ));
    }
    for objective in &report.objectives {
        let kept = if objective.kept { "kept" } else { "BROKEN" };
        progress::say(&format!(
            "{}: {}: {kept}",
            objective.promise, objective.measured
        ));
    }
    for fault in report.validity.faults() {
        progress::say(&format!("not to be believed: {fault}"));
    }
    if let Some(file) = &options.json {
        report.write(file)?;
    }
    Ok(())
}
