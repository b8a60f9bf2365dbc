//! What happens to the others: a gateway dies, some read nothing, one floods, all nodes restart.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;

use super::{
    figures::{self, deliver_figure},
    options::{Options, Publishing},
    order::Order,
    progress,
    run::{Run, Shape, Window, spread},
    target::Target,
};
use crate::{
    cluster::{self, Signal},
    measure::{Better, Figure, Latency, Report, real},
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
        let target = Target::confab(options, &[]).await?;
        let shape = Shape {
            apart: true,
            more: 0,
        };
        let mut run = Run::with("resume", options, target, shape).await?;
        // One more, who publishes on the gateway that survives.
        fill_room(&mut run, options, self.members + 1, &self.publishing).await?;
        run.publish(&self.publishing.plan(1)).await?;
        run.warm_up().await?;
        let calm = run.window(options.seconds).await?;
        let gateway = run
            .target
            .cluster()
            .and_then(|cluster| cluster.gateways.first());
        gateway.context(PRIVATE)?.kill()?;
        let killed = Instant::now();
        run.ask(|_part| None).await?;
        let members = self.members as u64;
        let before = run.total.latencies.ack.clone();
        let all = run
            .until(RESTART, |total| total.checks.resumes >= members)
            .await?;
        let took = killed.elapsed().as_secs_f64();
        let during = run.window(options.seconds).await?;
        run.settle().await?;
        let resumed = run.total.checks.resumes;
        let sends = run.total.latencies.ack.without(&before);
        let mut report = figures::report(run, options, &[calm, during])?;
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
        let target = Target::confab(options, &[]).await?;
        let mut run = Run::start("slow", options, target).await?;
        fill_room(&mut run, options, self.members, &self.publishing).await?;
        run.report.set("slow readers", format!("{} %", self.share));
        let plan = self.publishing.plan(1);
        let calm = run.measure(options, &plan).await?;
        let rate = self.trickle;
        let readers = run.readers().max(1);
        let slow = u32::try_from(self.members * self.share / 100 / readers).unwrap_or(u32::MAX);
        ensure!(slow > 0, "nobody would be slow: raise --share or --members");
        run.ask(|part| {
            (part > 0).then_some(Order::Slow {
                members: slow,
                rate,
            })
        })
        .await?;
        let beside = run.measure(options, &plan).await?;
        run.ask(|_part| Some(Order::Slow { members: 0, rate }))
            .await?;
        run.quiet().await?;
        run.arrive("are back").await?;
        run.settle().await?;
        let figures = [
            deliver_figure(&calm, "deliver p99 before", 0.99),
            deliver_figure(
                &beside,
                "deliver p99 of the others beside slow readers",
                0.99,
            ),
        ];
        let mut report = figures::report(run, options, &beside)?;
        report.figures.extend(figures);
        Ok(report)
    }
}

impl Abuse {
    /// Runs it.
    pub async fn run(&self, options: &Options) -> Result<Report> {
        let limit = [("CONFAB_LIMIT_SEND", self.limit.clone())];
        let target = Target::confab(options, &limit).await?;
        let shape = Shape {
            more: 1,
            apart: false,
        };
        let mut run = Run::with("abuse", options, target, shape).await?;
        run.report.set("flood", format!("{}/s", self.flood));
        run.report.set("limit", &self.limit);
        self.publishing.describe(&mut run.report);
        let codes = run.target.servers(1, options.invite.as_deref()).await?;
        // The last part is the flood.
        let last = run.readers();
        let mut sizes = spread(self.members, self.publishers, last - 1);
        sizes.push(1);
        run.recruit(&codes, &sizes, |_part, _member| vec![0])
            .await?;
        run.open(None).await?;
        let plan = self.publishing.plan(self.publishers);
        let calm = run.measure(options, &plan).await?;
        let mut flood = self.publishing.plan(1);
        flood.rate = self.flood;
        run.ask(|part| (part == last).then(|| Order::Publish(flood.clone())))
            .await?;
        let mut beside = Vec::new();
        for _ in 0..options.windows {
            beside.push(run.window(options.seconds).await?);
        }
        run.settle().await?;
        let part = |at: usize, of: &dyn Fn(&super::order::Tally) -> u64| -> u64 {
            let parts = beside.iter().filter_map(|window| window.parts.get(at));
            parts.map(of).sum()
        };
        let refused = part(last, &|tally| tally.checks.refused);
        let taken = part(last, &|tally| tally.checks.acknowledged);
        let honest = part(0, &|tally| tally.checks.refused);
        let acks = |name: &str, windows: &[Window]| {
            let parts = windows.iter().filter_map(|window| window.parts.first());
            let values = parts.map(|tally| tally.latencies.ack.millis(0.99));
            Figure::of(name, "ms", Better::Less, values.collect())
        };
        let figures = [
            acks("honest ack p99 before", &calm),
            acks("honest ack p99 beside the flood", &beside),
            count("messages of the flood that were taken", taken),
            count("messages of the flood that were refused", refused),
        ];
        let mut report = figures::report(run, options, &beside)?;
        report.promise(
            "no honest message is refused",
            honest.to_string(),
            honest == 0,
        );
        report.promise("the flood is refused", refused.to_string(), refused > 0);
        report.figures.extend(figures);
        Ok(report)
    }
}

impl Rolling {
    /// Runs it.
    pub async fn run(&self, options: &Options) -> Result<Report> {
        let drain = [("CONFAB_DRAIN_MS", self.drain_ms.to_string())];
        let target = Target::confab(options, &drain).await?;
        let mut run = Run::start("rolling", options, target).await?;
        fill_room(&mut run, options, self.members, &self.publishing).await?;
        run.publish(&self.publishing.plan(1)).await?;
        run.warm_up().await?;
        let calm = run.window(options.seconds).await?;
        run.ask(|_part| None).await?;
        let before = run.total.latencies.ack.clone();
        let cluster = run.target.cluster().context(PRIVATE)?;
        let nodes = cluster.workers.len() + cluster.gateways.len();
        for number in 0..nodes {
            restart(&mut run, number).await?;
        }
        run.arrive("are back").await?;
        let after = run.window(options.seconds).await?;
        run.settle().await?;
        let sends = run.total.latencies.ack.without(&before);
        let mut report = figures::report(run, options, &[calm, after])?;
        report.figures.push(p99("sends p99 meanwhile", &sends));
        Ok(report)
    }
}

const PRIVATE: &str = "this needs a private cluster: leave --gateway away";

/// Stops a node as an update would, and starts it again.
async fn restart(run: &mut Run, number: usize) -> Result<()> {
    let node = |run: &Run| -> Option<String> {
        let cluster = run.target.cluster()?;
        let node = cluster
            .workers
            .iter()
            .chain(&cluster.gateways)
            .nth(number)?;
        Some(node.name().to_owned())
    };
    progress::say(&format!("{} restarts", node(run).unwrap_or_default()));
    {
        let cluster = run.target.cluster().context(PRIVATE)?;
        let mut nodes = cluster.workers.iter().chain(&cluster.gateways);
        let node = nodes.nth(number).context(PRIVATE)?;
        node.signal(Signal::TERM)?;
        node.ended(RESTART).await?;
        node.restart()?;
        cluster::node_ready(node, RESTART).await?;
    }
    run.second().await.map(drop)
}

/// A room, with all its members connected; one of them publishes.
async fn fill_room(
    run: &mut Run,
    options: &Options,
    members: usize,
    publishing: &Publishing,
) -> Result<()> {
    run.report.set("members", members);
    publishing.describe(&mut run.report);
    run.fill_server(options, members, 1).await
}

fn p99(name: &str, latency: &Latency) -> Figure {
    Figure::once(name, "ms", Better::Less, latency.millis(0.99))
}

fn count(name: &str, count: u64) -> Figure {
    Figure::once(name, "", Better::Neither, real(count))
}
