//! Lists for operators, a line for each row, with tabs between its columns.

use std::io::Write as _;

use anyhow::Context as _;
use shared::{
    domain::{audit::Action, content::fold_name},
    ids::{Id, PARTITIONS},
    wire::encode_json,
};

use crate::{config::DatabaseConfig, run::options, store::admin::Desk};

/// Connects to Postgres.
pub(super) async fn connect(config: &DatabaseConfig) -> anyhow::Result<Desk> {
    let desk = Desk::connect(&options(config)?).await;
    desk.context("connecting to Postgres")
}

/// Prints lines, under what their columns are called.
fn print(columns: &str, lines: impl IntoIterator<Item = String>) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{columns}")?;
    for line in lines {
        writeln!(out, "{line}")?;
    }
    Ok(out.flush()?)
}

/// A text without what could break a line, or a terminal.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

/// What an account is.
const fn kind(admin: bool, guest: bool) -> &'static str {
    match (admin, guest) {
        (true, _) => "admin",
        (false, true) => "guest",
        (false, false) => "person",
    }
}

pub(super) async fn print_accounts(
    desk: &mut Desk,
    prefix: &str,
    after: Option<&str>,
) -> anyhow::Result<()> {
    let (prefix, after) = (fold_name(prefix), fold_name(after.unwrap_or_default()));
    let accounts = desk.list_accounts(&prefix, &after).await;
    let lines = accounts
        .context("listing accounts")?
        .into_iter()
        .map(|row| {
            let kind = kind(row.admin, row.guest);
            let state = if row.disabled { "disabled" } else { "enabled" };
            let name = plain(&row.name);
            format!("{}\t{name}\t{kind}\t{state}\t{}", row.id, row.sessions)
        });
    print("id\tname\tkind\tstate\tsessions", lines)
}

pub(super) async fn print_sign_ups(desk: &mut Desk, before: Option<u64>) -> anyhow::Result<()> {
    let sign_ups = desk.list_sign_ups(before.unwrap_or(u64::MAX)).await;
    let lines = sign_ups
        .context("listing sign-ups")?
        .into_iter()
        .map(|row| {
            let (name, kind) = (plain(&row.name), kind(row.admin, row.guest));
            let code = row.code.unwrap_or_default();
            let creator = plain(&row.creator.unwrap_or_default());
            let at = row.id.created_ms();
            format!("{at}\t{}\t{name}\t{kind}\t{code}\t{creator}", row.id)
        });
    print("ms since 1970\tid\tname\tkind\tcode\tmade by", lines)
}

pub(super) async fn print_servers(desk: &mut Desk, after: Option<&str>) -> anyhow::Result<()> {
    let after = after.map_or(Ok(0), str::parse).context("reading the id")?;
    let servers = desk.list_servers(after).await;
    let lines = servers.context("listing servers")?.into_iter().map(|row| {
        let (name, owner) = (plain(&row.name), plain(&row.owner.unwrap_or_default()));
        format!(
            "{}\t{name}\t{owner}\t{}\t{}",
            row.id, row.members, row.messages
        )
    });
    print("id\tname\towner\tmembers\tmessages", lines)
}

pub(super) async fn print_entries(desk: &mut Desk, server: u64) -> anyhow::Result<()> {
    let entries = desk.list_entries(server).await;
    let lines = entries
        .context("reading the audit log")?
        .into_iter()
        .map(|row| {
            let action = u8::try_from(row.action).ok().and_then(Action::from_number);
            let action = action.and_then(|action| encode_json(&action).ok());
            let action = action.unwrap_or_else(|| row.action.to_string());
            let id = |id: Option<i64>| id.map(|id| id.to_string()).unwrap_or_default();
            let at = Id::<()>::try_from(row.id).map_or(0, Id::created_ms);
            let reason = plain(&row.reason);
            let action = action.trim_matches('"');
            format!(
                "{at}\t{action}\t{}\t{}\t{reason}",
                id(row.actor),
                id(row.target)
            )
        });
    print("ms since 1970\taction\tactor\ttarget\treason", lines)
}

pub(super) async fn print_jobs(desk: &mut Desk) -> anyhow::Result<()> {
    let pairs = desk
        .list_pairs()
        .await
        .context("listing internal commands")?;
    let pairs = pairs.into_iter().map(|row| {
        let problem = plain(&row.problem.unwrap_or_default());
        let id = format!("{}/{}", row.target, row.source);
        format!("{id}\tinternal\tparked\t{}\t{problem}", row.waiting)
    });
    let jobs = desk.list_jobs().await.context("listing jobs")?;
    let jobs = jobs.into_iter().map(|row| {
        let state = if row.parked { "parked" } else { "waits" };
        let problem = plain(&row.problem.unwrap_or_default());
        let age = format!("{} s, attempt {}", row.age, row.attempts);
        format!("{}\t{}\t{state}\t{age}\t{problem}", row.id, row.kind)
    });
    print("id\tkind\tstate\thow long\tproblem", pairs.chain(jobs))
}

pub(super) async fn retry(desk: &mut Desk, id: &str) -> anyhow::Result<()> {
    let retried = match id.split_once('/') {
        Some((target, source)) => {
            let (target, source) = (partition(target)?, partition(source)?);
            desk.retry_pair(target, source).await
        }
        None => {
            desk.retry_job(id.parse().context("reading the number")?)
                .await
        }
    };
    anyhow::ensure!(
        retried.context("having it tried again")?,
        "nothing of this number waits for a person"
    );
    Ok(())
}

fn partition(text: &str) -> anyhow::Result<u16> {
    let number: u16 = text.parse().context("reading a partition")?;
    anyhow::ensure!(number < PARTITIONS, "there are {PARTITIONS} partitions");
    Ok(number)
}
