//! The bare batch writer: the rows of a message, with no rule, no stream and no
//! reply, in batches on one connection.
//!
//! Its CPU of Postgres per message is what those rows cost at least; a
//! cluster's CPU of Postgres per message divided by it is what the way of a
//! message adds.

use std::{
    collections::BTreeMap,
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
    measure::{Better, Figure, Latency, Report, Role, Sampler, Usage, real},
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
    connected(url, async |client| write(client, postgres, load).await).await
}

/// Does something over a connection of its own.
async fn connected<T>(url: &str, work: impl AsyncFnOnce(&Client) -> Result<T>) -> Result<T> {
    let (client, connection) = tokio_postgres::connect(url, NoTls)
        .await
        .context("connecting the bare writer")?;
    let tasks = TaskTracker::new();
    let connection = tasks.spawn(connection);
    let done = work(&client).await;
    drop(client);
    // It ends with its client, and an error of it is one of the writer's.
    drop(connection.await);
    done
}

async fn write(client: &Client, postgres: u32, load: Load) -> Result<Report> {
    let window = Duration::try_from_secs_f64(load.seconds)? / load.windows;
    let mut bench = Bench::open(client, postgres, load).await?;
    let mut report = Report::new("storage");
    report.set("batch", load.batch);
    report.set("rooms", load.rooms);
    report.set("content bytes", load.content);
    report.set("seconds", load.seconds);
    let (mut rates, mut costs) = (Vec::new(), Vec::new());
    let empty = DiskUse::read(client).await?;
    for _ in 0..load.windows {
        let (messages, usage) = bench.window(window).await?;
        rates.push(real(messages) / usage.seconds);
        costs.push(usage.cpu * 1e6 / real(messages));
        report.usage = BTreeMap::from([(Role::Postgres, usage)]);
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
    let commits = bench.commits.percentiles();
    report.latencies.insert("commit".to_owned(), commits);
    Ok(report)
}

/// What the rows of a message cost Postgres with and without one of the indexes of their tables, in microseconds of CPU: a
/// list of windows of each, in turns. The database is migrated and empty; the statements make and drop the index, unless that is done.
pub async fn compare_index(
    url: &str,
    postgres: u32,
    load: Load,
    statements: [&str; 2],
) -> Result<[Vec<f64>; 2]> {
    let turns = async |client: &Client| take_turns(client, postgres, load, statements).await;
    connected(url, turns).await
}

async fn take_turns(
    client: &Client,
    postgres: u32,
    load: Load,
    statements: [&str; 2],
) -> Result<[Vec<f64>; 2]> {
    let window = Duration::try_from_secs_f64(load.seconds)? / load.windows / 2;
    let mut costs: [Vec<f64>; 2] = Default::default();
    let mut bench = Bench::open(client, postgres, load).await?;
    bench.window(window).await?;
    for round in 0..load.windows {
        let mut order: Vec<_> = statements.iter().zip(&mut costs).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for (statement, costs) in order {
            client.batch_execute(statement).await?;
            let (messages, usage) = bench.window(window).await?;
            costs.push(usage.cpu * 1e6 / real(messages));
        }
    }
    Ok(costs)
}

/// One who writes batches and watches Postgres.
struct Bench<'a> {
    writer: Writer<'a>,
    rooms: Rooms,
    batch: usize,
    sampler: Sampler,
    commits: Latency,
}

impl<'a> Bench<'a> {
    async fn open(client: &'a Client, postgres: u32, load: Load) -> Result<Self> {
        ensure!(load.batch > 0 && load.rooms > 0, "nothing is written");
        prepare(client, load.rooms)
            .await
            .context("preparing the tables of the bare writer")?;
        let mut sampler = Sampler::default();
        sampler.watch(Role::Postgres, postgres);
        Ok(Self {
            writer: Writer::new(client).await?,
            rooms: Rooms::new(load.rooms, load.content),
            batch: load.batch,
            sampler,
            commits: Latency::default(),
        })
    }

    /// Writes for so long, one batch at least; answers how many messages, and what Postgres used.
    async fn window(&mut self, length: Duration) -> Result<(u64, Usage)> {
        let from = self.sampler.mark();
        let end = Instant::now() + length;
        let mut messages = 0;
        while messages == 0 || Instant::now() < end {
            let batch = self.rooms.batch(self.batch);
            let began = Instant::now();
            self.writer.write(&batch, &self.rooms).await?;
            self.commits.record(began.elapsed());
            messages += self.batch as u64;
        }
        let usage = self.sampler.mark().since(&from);
        let usage = usage.get(&Role::Postgres).copied();
        Ok((messages, usage.context("postgres is not watched")?))
    }
}
