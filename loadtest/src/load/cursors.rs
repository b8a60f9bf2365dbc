//! Read cursors: accounts that read on fast, on several devices, and what that costs lanes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result};
use clap::Args;
use futures_util::{
    StreamExt,
    stream::{self, FuturesUnordered, TryStreamExt},
};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{options::Options, progress, target::Target};
use crate::{
    client::{self, Client},
    cluster::node_metric,
    measure::{Better, Figure, Report, Sampler, real},
    requests::ack_unread,
};

/// Sessions that are opened at once.
const OPENED_AT_ONCE: usize = 64;
/// Acks of a device that wait for their answer, at most: three seconds' worth at twenty a second.
const MAX_WAITING: usize = 64;
/// What the workers count, as [`Marks`] has it.
const COUNTERS: [&str; 3] = [
    "confab_lane_registers_total",
    "confab_lane_register_accounts_total",
    "confab_lane_commit_seconds_count",
];
/// What an account and second may cost: one write, and a little for windows of a second that
/// begin before the measured time and end in it.
const MOST_WRITES: f64 = 1.1;

/// Accounts that read fast.
#[derive(Debug, Clone, Args)]
pub struct Cursors {
    /// Accounts that read; each reads one channel.
    #[arg(long, value_name = "COUNT", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..))]
    pub accounts: u32,
    /// Devices of each account.
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10))]
    pub devices: u32,
    /// Acks per second, of all accounts together.
    #[arg(long, value_name = "COUNT", default_value_t = 10_000.0)]
    pub rate: f64,
}

/// What came of acks.
#[derive(Debug, Default)]
struct Counts {
    answered: AtomicU64,
    failed: AtomicU64,
}

/// Counters of the workers at one moment: registers, accounts, commits.
type Marks = [u64; 3];

impl Cursors {
    /// Runs it.
    pub async fn run(&self, options: &Options) -> Result<Report> {
        let target = Target::confab(options, &[]).await?;
        let mut report = Report::new("cursors");
        report.set("accounts", self.accounts);
        report.set("devices", self.devices);
        report.set("rate", format!("{}/s", self.rate));
        let codes = target.create_servers(1, options.invite.as_deref()).await?;
        let accounts = vec![codes; self.accounts as usize];
        let accounts = target.create_members(accounts, 0).await?;
        let urls = gateways(&target);
        let devices = accounts.iter().flat_map(|account| {
            let channel = account.channels.first().map(|found| found.channel);
            std::iter::repeat_n((account.token.as_str(), channel), self.devices as usize)
        });
        let devices: Vec<(Client, u64)> = stream::iter(devices)
            .map(|(token, channel)| open(&urls, token, channel))
            .buffered(OPENED_AT_ONCE)
            .try_collect()
            .await?;
        progress::say(&format!("cursors: {} devices are open", devices.len()));

        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let counts = Arc::new(Counts::default());
        let every = Duration::from_secs_f64(real(devices.len() as u64) / self.rate.max(0.001));
        for (client, channel) in devices {
            tasks.spawn(read_on(
                client,
                channel,
                every,
                counts.clone(),
                stop.clone(),
            ));
        }
        sleep(Duration::from_secs(options.warm_up.into())).await;
        self.measure(&target, options, &counts, &mut report).await?;
        stop.cancel();
        tasks.close();
        tasks.wait().await;
        Ok(report)
    }

    /// Measures the windows, and notes what they say.
    async fn measure(
        &self,
        target: &Target,
        options: &Options,
        counts: &Counts,
        report: &mut Report,
    ) -> Result<()> {
        let mut sampler = Sampler::default();
        target.watch(&mut sampler);
        let mut figures: [Vec<f64>; 4] = std::array::from_fn(|_| Vec::new());
        for _ in 0..options.windows {
            let (began, from) = (Instant::now(), sampler.mark());
            let answered = counts.answered.load(Ordering::Relaxed);
            let before = read_counters(target).await?;
            sleep(Duration::from_secs(options.seconds.into())).await;
            let after = read_counters(target).await?;
            let answered = counts.answered.load(Ordering::Relaxed) - answered;
            let seconds = began.elapsed().as_secs_f64();
            for (role, usage) in sampler.mark().since(&from) {
                report.usage.entry(role).or_default().follow(&usage);
            }
            let moved = before
                .iter()
                .zip(after)
                .map(|(from, to)| to.saturating_sub(*from));
            let rates = std::iter::once(answered).chain(moved);
            for (figure, count) in figures.iter_mut().zip(rates) {
                figure.push(real(count) / seconds);
            }
        }
        report.checks.acknowledged = counts.answered.load(Ordering::Relaxed);
        let [answered, registers, writes, commits] = figures;
        let per_account = writes.iter().map(|rate| rate / f64::from(self.accounts));
        let per_account = Figure::of(
            "writes per account",
            "/s",
            Better::Less,
            per_account.collect(),
        );
        let failed = counts.failed.load(Ordering::Relaxed);
        report.promise(
            "every ack is answered",
            format!("{failed} failed"),
            failed == 0,
        );
        if target.cluster().is_some() {
            report.promise(
                "at most one write per account and second",
                format!("{:.2}", per_account.max),
                per_account.max <= MOST_WRITES,
            );
            report.figures.push(per_account);
        }
        report.figures.extend([
            Figure::of("acks answered", "/s", Better::More, answered),
            Figure::of("register rows", "/s", Better::Less, registers),
            Figure::of("writes of accounts", "/s", Better::Less, writes),
            Figure::of("commits", "/s", Better::Neither, commits),
        ]);
        Ok(())
    }
}

/// The sum of what the workers of this run count; zeros for somebody's cluster.
async fn read_counters(target: &Target) -> Result<Marks> {
    let mut sums = Marks::default();
    let workers = target.cluster().map_or([].as_slice(), |it| &it.workers);
    for worker in workers {
        for (sum, name) in sums.iter_mut().zip(COUNTERS) {
            *sum += node_metric(worker, name).await?;
        }
    }
    Ok(sums)
}

fn gateways(target: &Target) -> Vec<String> {
    match target {
        Target::Private(cluster) => cluster.addresses(),
        Target::Running(urls) => urls.clone(),
        Target::Bare { .. } => Vec::new(),
    }
}

/// Opens a session of an account that reads a channel.
async fn open(urls: &[String], token: &str, channel: Option<u64>) -> Result<(Client, u64)> {
    let channel = channel.context("the server has no channel")?;
    let client = Client::connect(urls.to_vec(), client::Options::default());
    client.identify(token).await?;
    Ok((client, channel))
}

/// Reads one message after the other until it is stopped.
async fn read_on(
    client: Client,
    channel: u64,
    every: Duration,
    counts: Arc<Counts>,
    stop: CancellationToken,
) {
    let Some(channel) = shared::ids::Id::new(channel) else {
        return;
    };
    let mut due = interval(every);
    due.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut waiting = FuturesUnordered::new();
    let mut seq = 0;
    while !stop.is_cancelled() {
        tokio::select! {
            _ = due.tick(), if waiting.len() < MAX_WAITING => {
                seq += 1;
                let (client, ack) = (&client, ack_unread(channel, seq));
                waiting.push(async move { client.call(0, &ack).await });
            }
            Some(answer) = waiting.next() => {
                let count = if answer.is_ok() { &counts.answered } else { &counts.failed };
                count.fetch_add(1, Ordering::Relaxed);
            }
            () = stop.cancelled() => {}
        }
    }
    drop(waiting);
    client.close().await;
}
