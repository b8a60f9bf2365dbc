//! Load: what a serious operator puts on a cluster before trusting it.
//!
//! - [`payload`] is what messages carry, [`pacer`] when they are meant to leave,
//!   [`oracle`] decides about each delivery;
//! - [`shard`] is a thread with thousands of members: each connects (`connect`), publishes
//!   (`publish`) and takes frames (`on_frame`), and a [`tally`] counts what came of it;
//! - [`pool`] is all threads, [`target`] what they are put on, and where accounts are made;
//! - [`run`] measures, [`figures`] says what, [`search`] looks for a maximum by an [`objective`];
//! - the scenarios: [`fanout`] and their [`baseline`], [`rooms`],
//!   [`connections`], [`failures`], [`hold`], [`background`], [`cursors`], [`message_search`], [`presence`], [`push`].
//!
//! What needs families that do not exist yet comes with them: a mix of direct
//! messages.

pub mod background;
pub mod baseline;
pub mod clock;
mod connect;
pub mod connections;
pub mod cursors;
pub mod descriptors;
pub mod failures;
pub mod fanout;
pub mod figures;
pub mod hold;
pub mod message_search;
pub mod objective;
mod on_frame;
pub mod options;
pub mod oracle;
pub mod pacer;
pub mod payload;
pub mod pool;
pub mod presence;
pub mod progress;
mod publish;
pub mod push;
pub mod rooms;
pub mod run;
pub mod search;
pub mod shard;
pub mod tally;
pub mod target;
mod virtual_user;

use anyhow::Result;
use clap::{Args, Subcommand};

use self::options::Options;
use crate::measure::Report;

/// A scenario with what all share.
#[derive(Debug, Clone, Args)]
pub struct With<T: Args> {
    /// What is special.
    #[command(flatten)]
    pub scenario: T,
    /// What all scenarios share.
    #[command(flatten)]
    pub options: Options,
}

/// What can be put on a cluster.
#[derive(Debug, Clone, Subcommand)]
pub enum Scenario {
    /// Load: one room of many members; what one says, all hear.
    Fanout(With<fanout::Fanout>),
    /// Load: many small rooms; the whole way of durable messages.
    Rooms(With<rooms::Rooms>),
    /// Load: connections that do nothing, and the memory they cost.
    Idle(With<connections::Idle>),
    /// Load: everyone connects and signs in at once.
    Storm(With<connections::Storm>),
    /// Load: members come and go while others talk; memory must stay flat.
    Churn(With<connections::Churn>),
    /// Load: a gateway is killed, and its clients resume on another.
    Resume(With<failures::Resume>),
    /// Load: some members do not read, and the others must not feel it.
    Slow(With<failures::Slow>),
    /// Load: one account floods, and the others must not feel it.
    Abuse(With<failures::Abuse>),
    /// Load: every gateway and worker is restarted, one after the other.
    Rolling(With<failures::Rolling>),
    /// Load: a room talks until standard input ends; somebody else breaks the cluster meanwhile.
    Hold(With<hold::Hold>),
    /// Load: typing beside messages.
    Typing(With<background::Typing>),
    /// Load: pages of history.
    History(With<background::History>),
    /// Load: accounts move their read cursors, on several devices.
    Cursors(With<cursors::Cursors>),
    /// Load: searches among a million messages.
    Search(With<message_search::Search>),
    /// Load: people come and go in a large server, and some watch.
    Presence(With<presence::Presence>),
    /// Load: people who are away are mentioned, and their browsers are told.
    Push(With<push::Mentioned>),
}

/// What `loadtest --help` says of scenarios that are to come.
pub const TO_COME: &str = "Scenarios that come with their families: a mix of direct messages.";

/// Runs a scenario, and answers with its report.
pub async fn run(scenario: Scenario) -> Result<Report> {
    macro_rules! run {
        ($with:expr) => {{
            let With { scenario, options } = $with;
            (Box::pin(scenario.run(&options)).await?, options)
        }};
    }
    let (report, options) = match scenario {
        Scenario::Fanout(With { scenario, options }) if scenario.against_limit => {
            let report = Box::pin(baseline::run(&scenario, &options)).await?;
            (report, options)
        }
        Scenario::Fanout(with) => run!(with),
        Scenario::Rooms(with) => run!(with),
        Scenario::Idle(with) => run!(with),
        Scenario::Storm(with) => run!(with),
        Scenario::Churn(with) => run!(with),
        Scenario::Resume(with) => run!(with),
        Scenario::Slow(with) => run!(with),
        Scenario::Abuse(with) => run!(with),
        Scenario::Rolling(with) => run!(with),
        Scenario::Hold(with) => run!(with),
        Scenario::Typing(with) => run!(with),
        Scenario::History(with) => run!(with),
        Scenario::Cursors(with) => run!(with),
        Scenario::Search(with) => run!(with),
        Scenario::Presence(with) => run!(with),
        Scenario::Push(with) => run!(with),
    };
    if let Some(file) = &options.json {
        report.write(file)?;
    }
    Ok(report)
}
