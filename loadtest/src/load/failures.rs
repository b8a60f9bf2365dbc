//! What happens to the others: a gateway dies, some read nothing, one floods, all nodes restart.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;

use super::{
    figures::{self, count, deliver_figure, figure},
    options::{Options, Publishing},
    progress,
    run::{Run, Shape, Window},
    tally::Tally,
};
use crate::{
    cluster::{self, Cluster, Signal},
    measure::{Better, Figure, Latency, Report},
};

/// A node restarts within this time or never.
const RESTART: Duration = Duration::from_mins(1);

/// A gateway is killed, and all of its clients resume on the others.
#[derive(Debug, Clone, Args)]
pub struct Resume {
    /// Clients of the gateway that is killed.
    #[arg(long, value_name = "COUNT", default_value_t = 1_000)]
    pub members: usize,
    /// How messages are published meanwhile.
    #[command(flatten)]
    pub publishing: Publishing,
}

/// Some members stop reading, or read very little.
#[derive(Debug, Clone, Args)]
pub struct Slow {
    /// Members of the room.
    #[arg(long, value_name = "COUNT", default_value_t = 500)]
    pub members: usize,
    /// How many of 100 are slow.
    #[arg(long, value_name = "PERCENT", default_value_t = 5)]
    pub share: usize,
    /// Bytes per second that a slow one reads; 0 reads nothing.
    #[arg(long, value_name = "BYTES", default_value_t = 0)]
    pub trickle: u32,
    /// How messages are published.
    #[command(flatten)]
    pub publishing: Publishing,
}

/// One account floods the room.
#[derive(Debug, Clone, Args)]
pub struct Abuse {
    /// Members of the room.
    #[arg(long, value_name = "COUNT", default_value_t = 200)]
    pub members: usize,
    /// Honest publishers.
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    pub publishers: usize,
    /// Messages per second that the flooding account sends.
    #[arg(long, value_name = "COUNT", default_value_t = 500.0)]
    pub flood: f64,
    /// The limit of each account: count per seconds, and burst.
    #[arg(long, value_name = "LIMIT", default_value = "10/1s+10")]
    pub limit: String,
    /// How the honest publish; keep it below the limit.
    #[command(flatten)]
    pub publishing: Publishing,
}

/// Every gateway and worker is stopped and started again, one after the other.
#[derive(Debug, Clone, Args)]
pub struct Rolling {
    /// Members of the room.
    #[arg(long, value_name = "COUNT", default_value_t = 500)]
    pub members: usize,
    /// Milliseconds over which a gateway sends its clients away.
    #[arg(long, value_name = "MS", default_value_t = 5_000)]
    pub drain_ms: u64,
    /// How messages are published meanwhile.
    #[command(flatten)]
    pub publishing: Publishing,
}

impl Resume {
    /// Runs it.
    pub async fn run(&self, options: &Options) -> Result<Report> {
        let shape = Shape {
            apart: true,
            ..Shape::default()
        };
        let mut run = Run::with("resume", options, shape).await?;
        // One more, who publishes on the gateway that survives.
        run.fill_room(self.members + 1, 1, Some(&self.publishing))
            .await?;
        let (calm, before) = measure_calm(&mut run, &self.publishing).await?;
        private(&run)?.gateways.first().context(PRIVATE)?.kill()?;
        let killed = Instant::now();
        let members = self.members as u64;
        let all = run
            .until(RESTART, |total| total.checks.resumes >= members)
            .await?;
        let took = killed.elapsed().as_secs_f64();
        let during = run.window().await?;
        run.settle().await?;
        let resumed = run.total.checks.resumes;
        let sends = run.total.latencies.ack.without(&before);
        let mut report = figures::report(run, &[calm, during]).await?;
        report.promise(
            "all clients resume on another gateway",
            format!("{resumed} of {members} in {took:.1} s"),
            all,
        );
        report.figures.extend([
            Figure::once("time until all resumed", "s", Better::Less, took),
            p99("sends p99 after the kill", &sends),
        ]);
        Ok(report)
    }
}

impl Slow {
    /// Runs it.
    pub async fn run(&self, options: &Options) -> Result<Report> {
        let mut run = Run::start("slow", options).await?;
        run.fill_room(self.members, 1, Some(&self.publishing))
            .await?;
        run.report.set("slow readers", format!("{} %", self.share));
        let plan = self.publishing.plan(1);
        let calm = run.measure(&plan).await?;
        let rate = self.trickle;
        let slow = self.members * self.share / 100 / run.readers();
        ensure!(slow > 0, "nobody would be slow: raise --share or --members");
        run.tell(1.., move |shard| shard.slow_down(slow, rate))
            .await?;
        let beside = run.measure(&plan).await?;
        run.tell(.., |shard| {
            shard.slow_down(0, 0);
            shard.quiet();
        })
        .await?;
        run.arrive().await?;
        let mut report = figures::report(run, &beside).await?;
        for (name, windows) in [
            ("deliver p99 before", &calm),
            ("deliver p99 of the others beside slow readers", &beside),
        ] {
            report.figures.push(deliver_figure(windows, name, 0.99));
        }
        Ok(report)
    }
}

impl Abuse {
    /// Runs it.
    pub async fn run(&self, options: &Options) -> Result<Report> {
        let shape = Shape {
            environment: vec![("CONFAB_LIMIT_SEND", self.limit.clone())],
            alone: true,
            ..Shape::default()
        };
        let mut run = Run::with("abuse", options, shape).await?;
        run.report.set("flood", format!("{}/s", self.flood));
        run.report.set("limit", &self.limit);
        run.fill_room(self.members, self.publishers, Some(&self.publishing))
            .await?;
        let plan = self.publishing.plan(self.publishers);
        let calm = run.measure(&plan).await?;
        let mut flood = self.publishing.plan(1);
        flood.rate = self.flood;
        let last = run.last();
        run.tell(last.., move |shard| shard.publish(&flood)).await?;
        let beside = run.windows().await?;
        let part = |at: usize| Tally::sum(beside.iter().filter_map(|it| it.parts.get(at)));
        let (honest, flood) = (part(0).checks.refused, part(last).checks);
        let acks = |name: &str, windows: &[Window]| {
            figure(windows, (name, "ms", Better::Less), |window| {
                let honest = window.parts.first();
                honest.map_or(f64::NAN, |part| part.latencies.ack.millis(0.99))
            })
        };
        let figures = [
            acks("honest ack p99 before", &calm),
            acks("honest ack p99 beside the flood", &beside),
            count("messages of the flood that were taken", flood.acknowledged),
            count("messages of the flood that were refused", flood.refused),
        ];
        let mut report = figures::report(run, &beside).await?;
        report.promise(
            "no honest message is refused",
            honest.to_string(),
            honest == 0,
        );
        let refused = flood.refused;
        report.promise("the flood is refused", refused.to_string(), refused > 0);
        report.figures.extend(figures);
        Ok(report)
    }
}

impl Rolling {
    /// Runs it.
    pub async fn run(&self, options: &Options) -> Result<Report> {
        let shape = Shape {
            environment: vec![("CONFAB_DRAIN_MS", self.drain_ms.to_string())],
            ..Shape::default()
        };
        let mut run = Run::with("rolling", options, shape).await?;
        run.fill_room(self.members, 1, Some(&self.publishing))
            .await?;
        let (calm, before) = measure_calm(&mut run, &self.publishing).await?;
        let cluster = private(&run)?;
        for number in 0..cluster.workers.len() + cluster.gateways.len() {
            let cluster = private(&run)?;
            let mut nodes = cluster.workers.iter().chain(&cluster.gateways);
            let node = nodes.nth(number).context(PRIVATE)?;
            progress::say(&format!("{} restarts", node.name()));
            node.signal(Signal::TERM)?;
            node.ended(RESTART).await?;
            node.restart()?;
            cluster::node_ready(node, RESTART).await?;
            run.second().await?;
        }
        run.arrive().await?;
        let after = run.window().await?;
        run.settle().await?;
        let sends = run.total.latencies.ack.without(&before);
        let mut report = figures::report(run, &[calm, after]).await?;
        report.figures.push(p99("sends p99 meanwhile", &sends));
        Ok(report)
    }
}

/// Measures how it is before anything happens; and the sends until then.
async fn measure_calm(run: &mut Run, publishing: &Publishing) -> Result<(Window, Latency)> {
    run.publish(&publishing.plan(1)).await?;
    run.warm_up().await?;
    let calm = run.window().await?;
    run.collect().await?;
    Ok((calm, run.total.latencies.ack.clone()))
}

const PRIVATE: &str = "this needs a private cluster: leave --gateway away";

/// The cluster whose nodes end.
fn private(run: &Run) -> Result<&Cluster> {
    run.target.cluster().context(PRIVATE)
}

fn p99(name: &str, latency: &Latency) -> Figure {
    Figure::once(name, "ms", Better::Less, latency.millis(0.99))
}
