//! `worker admin`: what operators do without a client.

use anyhow::Context as _;
use tracing::{info, warn};

use crate::{config::AdminCommand, run::options, store::verify};

/// Does what an operator asks for.
pub async fn run(command: AdminCommand) -> anyhow::Result<()> {
    match command {
        AdminCommand::VerifyUnread(config) => {
            let found = verify::verify_unread(&options(&config)?).await;
            report_unread(&found.context("counting what is unread")?)
        }
    }
}

/// Says what was found; fails when there is a fault.
fn report_unread(found: &verify::UnreadReport) -> anyhow::Result<()> {
    let verify::UnreadReport {
        channels,
        accounts,
        registers,
        faults,
        ahead,
    } = found;
    info!(channels, accounts, registers, "counted again");
    if *ahead > 0 {
        // A client may say so, and only its account is the worse for it: no fault of ours.
        info!(
            ahead,
            "cursors stand behind the last message of their channel"
        );
    }
    for fault in faults {
        warn!(
            what = fault.what,
            count = fault.count,
            example = fault.example,
            "differs"
        );
    }
    anyhow::ensure!(faults.is_empty(), "{} kinds of differences", faults.len());
    Ok(())
}
