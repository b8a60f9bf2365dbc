//! `worker admin`: what operators do without a client.

mod account;
mod list;

use anyhow::Context as _;
use tracing::{info, warn};

use self::{account::Change, list::connect};
use crate::{config::AdminCommand, run::options, store::verify};

/// Does what an operator asks for.
pub async fn run(command: AdminCommand) -> anyhow::Result<()> {
    match command {
        AdminCommand::Users(config) => {
            let mut desk = connect(&config.database).await?;
            list::print_accounts(&mut desk, "", config.after.as_deref()).await
        }
        AdminCommand::FindUsers(config) => {
            let mut desk = connect(&config.database).await?;
            list::print_accounts(&mut desk, &config.prefix, config.after.as_deref()).await
        }
        AdminCommand::SignUps(config) => {
            let mut desk = connect(&config.database).await?;
            list::print_sign_ups(&mut desk, config.before).await
        }
        AdminCommand::Servers(config) => {
            let mut desk = connect(&config.database).await?;
            list::print_servers(&mut desk, config.after.as_deref()).await
        }
        AdminCommand::Audit(config) => {
            let mut desk = connect(&config.database).await?;
            list::print_entries(&mut desk, config.server).await
        }
        AdminCommand::Jobs(config) => list::print_jobs(&mut connect(&config).await?).await,
        AdminCommand::RetryJob(config) => {
            list::retry(&mut connect(&config.database).await?, &config.id).await
        }
        AdminCommand::MakeAdmin(config) => account::change(&config, Change::Admin(true)).await,
        AdminCommand::RemoveAdmin(config) => account::change(&config, Change::Admin(false)).await,
        AdminCommand::ResetPassword(config) => account::change(&config, Change::Password).await,
        AdminCommand::CloseSessions(config) => account::change(&config, Change::Sessions).await,
        AdminCommand::Disable(config) => account::change(&config, Change::Disabled(true)).await,
        AdminCommand::Enable(config) => account::change(&config, Change::Disabled(false)).await,
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
