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

use super::rows::{Rooms, Writer, prepare};
use crate::{
    cluster::{Cluster, Disk, Settings},
    measure::{Better, Figure, Latency, Report, Role, Sampler, Usage, real},
};

/// How `loadtest storage` is called.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Seconds of all windows together.
    #[arg(long, default_value_t = 9.0)]
    seconds: f64,
    #[command(flatten)]
    load: Load,
    /// Write the report as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
}

/// What is written.
#[derive(Debug, Clone, Copy, Args)]
pub struct Load {
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
    #[arg(long, default_value_t = 3)]
    pub windows: usize,
}

impl Default for Load {
    fn default() -> Self {
        Self {
            batch: 200,
            rooms: 100,
            content: 200,
            windows: 3,
        }
    }
}

/// What the bare writer reached.
#[derive(Debug, Clone)]
pub struct Reached {
    /// The windows in their order.
    pub windows: Vec<Window>,
    /// How long a transaction took.
    pub commit: Latency,
}

/// One window.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// Messages that were stored.
    pub messages: u64,
    /// What Postgres used for them, with all its processes.
    pub postgres: Usage,
}

impl Reached {
    /// Durable messages per second.
    pub fn messages_per_second(&self) -> Figure {
        self.figure("bare durable messages", "/s", Better::More, |window| {
            real(window.messages) / window.postgres.seconds
        })
    }

    /// Postgres' CPU for one message, in microseconds.
    pub fn cpu_per_message(&self) -> Figure {
        let name = "bare postgres CPU per message";
        self.figure(name, "µs", Better::Less, |window| {
            window.postgres.cpu * 1e6 / real(window.messages)
        })
    }

    fn figure(
        &self,
        name: &str,
        unit: &str,
        better: Better,
        of: impl Fn(&Window) -> f64,
    ) -> Figure {
        Figure::of(name, unit, better, self.windows.iter().map(of).collect())
    }
}

/// Writes for as long as told into a database that is migrated and empty, of
/// the Postgres with this process id.
pub async fn measure(url: &str, postgres: u32, load: Load, window: Duration) -> Result<Reached> {
    ensure!(load.batch > 0 && load.rooms > 0 && load.windows > 0);
    let (client, connection) = tokio_postgres::connect(url, NoTls)
        .await
        .context("connecting the bare writer")?;
    let tasks = TaskTracker::new();
    let connection = tasks.spawn(connection);
    let reached = write(&client, postgres, load, window).await;
    drop(client);
    // It ends with its client, and an error of it is one of the writer's.
    drop(connection.await);
    reached
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
    let load = arguments.load;
    let parts = u32::try_from(load.windows.max(1)).unwrap_or(u32::MAX);
    let window = Duration::try_from_secs_f64(arguments.seconds)? / parts;
    let reached = measure(&url, postgres, load, window).await?;
    let mut report = Report::new("storage");
    for (name, value) in [
        ("batch", load.batch),
        ("rooms", load.rooms),
        ("content bytes", load.content),
    ] {
        report.set(name, value);
    }
    report.set("seconds", arguments.seconds);
    report.figures = vec![reached.messages_per_second(), reached.cpu_per_message()];
    report.checks.sent = reached.windows.iter().map(|window| window.messages).sum();
    report.checks.acknowledged = report.checks.sent;
    if let Some(last) = reached.windows.last() {
        report.usage.insert(Role::Postgres, last.postgres);
    }
    report.latencies.insert("commit".to_owned(), reached.commit);
    if let Some(path) = &arguments.json {
        report.write(path)?;
    }
    Ok(report)
}

async fn write(client: &Client, postgres: u32, load: Load, window: Duration) -> Result<Reached> {
    prepare(client, load.rooms)
        .await
        .context("preparing the tables of the bare writer")?;
    let writer = Writer::new(client).await?;
    let mut rooms = Rooms::new(load.rooms, load.content);
    let mut sampler = Sampler::new();
    sampler.watch(Role::Postgres, "postgres", postgres);
    let mut reached = Reached {
        windows: Vec::new(),
        commit: Latency::new(),
    };
    for _ in 0..load.windows {
        let from = sampler.mark();
        let end = Instant::now() + window;
        let mut messages = 0;
        while messages == 0 || Instant::now() < end {
            let batch = rooms.batch(load.batch);
            let began = Instant::now();
            writer.write(&batch, &rooms).await?;
            reached.commit.record(began.elapsed());
            messages += load.batch as u64;
        }
        let to = sampler.mark();
        let mut used = sampler.between(&from, &to);
        reached.windows.push(Window {
            messages,
            postgres: used.remove(&Role::Postgres).unwrap_or_default(),
        });
    }
    Ok(reached)
}
