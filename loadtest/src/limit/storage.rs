//! The bare batch writer: the rows of a message, with no rule, no stream and no
//! reply, in batches on one connection.
//!
//! Its CPU of Postgres per message is what those rows cost at least; a
//! cluster's CPU of Postgres per message divided by it is what the way of a
//! message adds.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use clap::Args;
use tokio_postgres::{Client, NoTls};
use tokio_util::task::TaskTracker;

use super::{
    disk_use::DiskUse,
    rows::{Rooms, Writer, prepare},
};
use crate::{
    cluster::{Cluster, Disk, Settings},
    measure::{Better, Figure, Latency, Report, Role, Sampler, real},
};

/// How `loadtest storage` is called.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    load: Load,
    /// Write the report as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
}

/// What is written.
#[derive(Debug, Clone, Copy, Args)]
pub struct Load {
    /// Seconds of all windows together.
    #[arg(long, default_value_t = 9.0)]
    pub seconds: f64,
    /// Messages in a transaction.
    #[arg(long, default_value_t = 200)]
    pub batch: usize,
    /// Rooms that the messages are spread over.
    #[arg(long, default_value_t = 100)]
    pub rooms: usize,
    /// Bytes of a message.
    #[arg(long, default_value_t = 200)]
    pub content: usize,
    /// Windows that are measured one after the other.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub windows: u32,
}

/// Starts a Postgres, measures, and reports.
pub async fn run(arguments: &Arguments) -> Result<Report> {
    let settings = Settings {
        gateways: 0,
        workers: 0,
        disk: Disk::Durable,
        ..Settings::default()
    };
    let cluster = Cluster::start(settings).await?;
    let url = cluster.fresh_database("bare").await?;
    let postgres = cluster.postgres.pid().context("postgres ended")?;
    let report = measure(&url, postgres, arguments.load).await?;
    if let Some(path) = &arguments.json {
        report.write(path)?;
    }
    Ok(report)
}

/// Writes for as long as told into a database that is migrated and empty, of
/// the Postgres with this process id.
pub async fn measure(url: &str, postgres: u32, load: Load) -> Result<Report> {
    let (client, connection) = tokio_postgres::connect(url, NoTls)
        .await
        .context("connecting the bare writer")?;
    let tasks = TaskTracker::new();
    let connection = tasks.spawn(connection);
    let report = write(&client, postgres, load).await;
    drop(client);
    // It ends with its client, and an error of it is one of the writer's.
    drop(connection.await);
    report
}

async fn write(client: &Client, postgres: u32, load: Load) -> Result<Report> {
    ensure!(load.batch > 0 && load.rooms > 0, "nothing is written");
    let window = Duration::try_from_secs_f64(load.seconds)? / load.windows;
    prepare(client, load.rooms)
        .await
        .context("preparing the tables of the bare writer")?;
    let writer = Writer::new(client).await?;
    let mut rooms = Rooms::new(load.rooms, load.content);
    let mut report = Report::new("storage");
    report.set("batch", load.batch);
    report.set("rooms", load.rooms);
    report.set("content bytes", load.content);
    report.set("seconds", load.seconds);
    let mut sampler = Sampler::default();
    sampler.watch(Role::Postgres, postgres);
    let mut commits = Latency::default();
    let (mut rates, mut costs) = (Vec::new(), Vec::new());
    let empty = DiskUse::read(client).await?;
    for _ in 0..load.windows {
        let from = sampler.mark();
        let end = Instant::now() + window;
        let mut messages = 0;
        while messages == 0 || Instant::now() < end {
            let batch = rooms.batch(load.batch);
            let began = Instant::now();
            writer.write(&batch, &rooms).await?;
            commits.record(began.elapsed());
            messages += load.batch as u64;
        }
        report.usage = sampler.mark().since(&from);
        let used = report.usage.get(&Role::Postgres);
        let used = used.context("postgres is not watched")?;
        rates.push(real(messages) / used.seconds);
        costs.push(used.cpu * 1e6 / real(messages));
        report.checks.sent += messages;
        report.checks.acknowledged += messages;
    }
    let cost = "bare postgres CPU per message";
    report.figures = vec![
        Figure::of("bare durable messages", "/s", Better::More, rates),
        Figure::of(cost, "µs", Better::Less, costs),
    ];
    let full = DiskUse::read(client).await?;
    report
        .figures
        .extend(full.since(&empty).per(report.checks.sent));
    let commits = commits.percentiles();
    report.latencies.insert("commit".to_owned(), commits);
    Ok(report)
}
