//! A run: members are made and connected, load is put on, windows are measured, every message is accounted for.

use std::{
    collections::BTreeMap,
    ops::{Range, RangeBounds},
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use tokio::time::sleep;

use super::{
    clock::SECOND,
    descriptors,
    options::{Options, Publishing},
    pacer::Plan,
    pool::Pool,
    progress,
    shard::{Order, Setup, Shard},
    tally::Tally,
    target::Target,
};
use crate::{
    cluster,
    measure::{Mark, Report, Role, Sampler, Usage, real},
    random::entropy,
};

/// What was sent must have arrived within this time after the last message.
const DRAIN: Duration = Duration::from_secs(15);
/// Members that are not connected within this time never will be.
const PATIENCE: Duration = Duration::from_mins(5);
/// How often the threads are asked while something is waited for.
const POLL: Duration = Duration::from_millis(50);

/// A run under way.
#[derive(Debug)]
pub struct Run {
    /// What it is done on.
    pub target: Target,
    /// What is told of it.
    pub report: Report,
    /// All that was counted so far.
    pub total: Tally,
    /// How it is done.
    pub options: Options,
    sampler: Sampler,
    pool: Pool,
    alone: bool,
    members: usize,
}

/// How a run differs from the ordinary.
#[derive(Debug, Default, Clone)]
pub struct Shape {
    /// What a private cluster is told besides.
    pub environment: Vec<(&'static str, String)>,
    /// One more member, on a thread of its own: the last one.
    pub alone: bool,
    /// Publishers on the second gateway, readers on the first.
    pub apart: bool,
}

/// What was measured between two moments.
#[derive(Debug, Clone)]
pub struct Window {
    /// Its length in seconds.
    pub seconds: f64,
    /// What the threads counted, all together.
    pub tally: Tally,
    /// The same for each thread.
    pub parts: Vec<Tally>,
    /// What the processes used.
    pub usage: BTreeMap<Role, Usage>,
    /// The share of a CPU that the busiest thread used.
    pub busy: f64,
}

impl Run {
    /// Starts a cluster, or takes the one that the options name, and the generator.
    pub async fn start(scenario: &str, options: &Options) -> Result<Self> {
        Self::with(scenario, options, Shape::default()).await
    }

    /// The same, with a difference.
    pub async fn with(scenario: &str, options: &Options, shape: Shape) -> Result<Self> {
        let target = Target::confab(options, &shape.environment).await?;
        Self::on(target, scenario, options, &shape)
    }

    /// Starts the threads of the generator: one that publishes, and those that read.
    pub fn on(target: Target, scenario: &str, options: &Options, shape: &Shape) -> Result<Self> {
        let options = options.clone();
        let seed = options.seed();
        let setup = Setup {
            run: u32::try_from(entropy() >> 32)?,
            part: 0,
            seed,
            gateways: target.addresses()?,
            home: None,
            addresses: options.addresses,
            bytes: options.bytes,
            bare: matches!(target, Target::Bare { .. }),
        };
        let mut pool = Pool::default();
        for part in 0..=options.threads.max(1) + usize::from(shape.alone) {
            pool.start(Setup {
                part: u32::try_from(part)?,
                home: shape.apart.then_some(usize::from(part == 0)),
                ..setup.clone()
            })?;
        }
        let mut sampler = Sampler::default();
        target.watch(&mut sampler);
        sampler.watch(Role::Generator, std::process::id());
        let mut report = Report::new(scenario);
        report.set("seed", seed);
        report.set("bytes", options.bytes);
        report.set("warm-up", format!("{} s", options.warm_up));
        let windows = format!("{} of {} s", options.windows, options.seconds);
        report.set("windows", windows);
        if let Some(cluster) = target.cluster() {
            report.set("gateways", cluster.gateways.len());
            report.set("workers", cluster.workers.len());
        }
        progress::say(&format!("{scenario}, seed {seed}"));
        Ok(Self {
            target,
            report,
            total: Tally::default(),
            options,
            sampler,
            pool,
            alone: shape.alone,
            members: 0,
        })
    }

    /// The number of the last thread.
    pub fn last(&self) -> usize {
        self.pool.len().saturating_sub(1)
    }

    /// How many threads read, besides the first.
    pub fn readers(&self) -> usize {
        self.last() - usize::from(self.alone)
    }

    /// Makes members, of whom the first thread gets the publishers and the others the rest, and
    /// servers: `joined` says which of these the n-th member joins.
    pub async fn recruit(
        &mut self,
        (members, publishers): (usize, usize),
        servers: usize,
        joined: impl Fn(usize) -> Range<usize>,
    ) -> Result<()> {
        self.members = members + usize::from(self.alone);
        ensure!(members > 0, "there is nobody");
        descriptors::ensure(self.members)?;
        let sizes = spread(members, publishers, self.readers());
        let invite = self.options.invite.as_deref();
        let codes = self.target.create_servers(servers, invite).await?;
        let codes = (0..self.members).map(|member| {
            let codes = codes.get(joined(member)).unwrap_or_default();
            codes.to_vec()
        });
        let accounts = self.target.create_members(codes.collect(), publishers);
        let mut accounts = accounts.await?.into_iter();
        self.ask(|part| {
            let size = sizes.get(part).copied().unwrap_or(1);
            let share = accounts.by_ref().take(size).collect();
            Some(Box::new(move |shard| shard.join(share)))
        })
        .await
        .map(drop)
    }

    /// A room: one server with so many members, all connected; the first so many of them publish.
    pub async fn fill_room(
        &mut self,
        members: usize,
        publishers: usize,
        publishing: Option<&Publishing>,
    ) -> Result<()> {
        self.report.set("members", members);
        if let Some(publishing) = publishing {
            publishing.describe(&mut self.report);
        }
        self.recruit((members, publishers), 1, |_member| 0..1)
            .await?;
        self.connect(None).await.map(drop)
    }

    /// Gives orders to threads and adds up what all of them counted.
    async fn ask(&mut self, order: impl FnMut(usize) -> Option<Order>) -> Result<Vec<Tally>> {
        let tallies = self.pool.ask(order).await?;
        self.total.follow(&Tally::sum(&tallies));
        Ok(tallies)
    }

    /// Adds up what the threads counted.
    pub async fn collect(&mut self) -> Result<Vec<Tally>> {
        self.ask(|_part| None).await
    }

    /// Lets some threads do something.
    pub async fn tell(
        &mut self,
        parts: impl RangeBounds<usize>,
        order: impl Fn(&mut Shard) + Clone + Send + 'static,
    ) -> Result<Vec<Tally>> {
        self.ask(|part| -> Option<Order> {
            let order = order.clone();
            parts.contains(&part).then(|| -> Order { Box::new(order) })
        })
        .await
    }

    /// Starts the gateways of a private cluster again, so that their memory is that of fresh ones.
    pub async fn restart_gateways(&mut self) -> Result<()> {
        for gateway in self.target.cluster().iter().flat_map(|it| &it.gateways) {
            gateway.restart()?;
            cluster::node_ready(gateway, PATIENCE).await?;
        }
        Ok(())
    }

    /// Connects all members, so many a second; says how long that took.
    pub async fn connect(&mut self, rate: Option<f64>) -> Result<Duration> {
        let began = Instant::now();
        let rate = rate.map(|rate| rate / real(self.pool.len() as u64));
        self.tell(.., move |shard| shard.connect(rate)).await?;
        self.arrive().await?;
        Ok(began.elapsed())
    }

    /// Waits until all members are connected.
    pub async fn arrive(&mut self) -> Result<()> {
        let members = self.members as u64;
        let all = |total: &Tally| total.open == members || total.checks.failed_connections > 0;
        self.until(PATIENCE, all).await?;
        let fault = self.total.fault.clone().unwrap_or_default();
        let open = self.total.open;
        ensure!(open == members, "{open} of {members} connect: {fault}");
        Ok(())
    }

    /// Lets the first thread publish.
    pub async fn publish(&mut self, plan: &Plan) -> Result<()> {
        let plan = plan.clone();
        let publish = move |shard: &mut Shard| shard.publish(&plan);
        self.tell(..1, publish).await.map(drop)
    }

    /// Publishes by the plan, and measures windows.
    pub async fn measure(&mut self, plan: &Plan) -> Result<Vec<Window>> {
        self.publish(plan).await?;
        self.warm_up().await?;
        self.windows().await
    }

    /// Measures so many windows as the options say.
    pub async fn windows(&mut self) -> Result<Vec<Window>> {
        let mut windows = Vec::new();
        for _ in 0..self.options.windows {
            windows.push(self.window().await?);
        }
        Ok(windows)
    }

    /// Lets seconds pass that count for nothing.
    pub async fn warm_up(&mut self) -> Result<()> {
        self.window_of(self.options.warm_up).await.map(drop)
    }

    /// Measures a window.
    pub async fn window(&mut self) -> Result<Window> {
        self.window_of(self.options.seconds).await
    }

    async fn window_of(&mut self, seconds: u32) -> Result<Window> {
        self.collect().await?;
        let began = Instant::now();
        let from = self.mark();
        let mut parts = vec![Tally::default(); self.pool.len()];
        for second in 1..=seconds {
            let until = began + Duration::from_secs(second.into());
            sleep(until.saturating_duration_since(Instant::now())).await;
            let tallies = self.second().await?;
            for (sum, tally) in parts.iter_mut().zip(&tallies) {
                sum.follow(tally);
            }
        }
        let usage = self.since(&from);
        let length = began.elapsed().as_secs_f64();
        let busiest = parts.iter().map(|part| part.cpu).max().unwrap_or_default();
        Ok(Window {
            seconds: length,
            busy: real(busiest) / real(SECOND) / length,
            tally: Tally::sum(&parts),
            parts,
            usage,
        })
    }

    /// Reads what the processes used so far.
    pub fn mark(&mut self) -> Mark {
        // Processes that were started again have other ids.
        self.target.watch(&mut self.sampler);
        self.sampler.mark()
    }

    /// What the processes used since then.
    pub fn since(&mut self, from: &Mark) -> BTreeMap<Role, Usage> {
        self.mark().since(from)
    }

    /// Lets seconds pass while `done` does not hold; says whether it came to hold.
    pub async fn until(
        &mut self,
        patience: Duration,
        mut done: impl FnMut(&Tally) -> bool,
    ) -> Result<bool> {
        let began = Instant::now();
        let mut told = began;
        while began.elapsed() < patience {
            if told.elapsed() >= Duration::from_secs(1) {
                told = Instant::now();
                self.second().await?;
            } else {
                self.collect().await?;
            }
            if done(&self.total) {
                return Ok(true);
            }
            sleep(POLL).await;
        }
        Ok(false)
    }

    /// Ends a second: asks the threads, keeps the series, shows progress.
    pub async fn second(&mut self) -> Result<Vec<Tally>> {
        let tallies = self.collect().await?;
        let all = Tally::sum(&tallies);
        self.target.watch(&mut self.sampler);
        let rates = [
            ("sent", all.checks.sent),
            ("acknowledged", all.checks.acknowledged),
            ("delivered", all.checks.received),
            ("resumed", all.checks.resumes),
        ];
        let rates = rates.map(|(name, count)| (name.to_owned(), real(count)));
        let second = self.sampler.sample(BTreeMap::from(rates));
        progress::say(&progress::line(&second, &all));
        Ok(tallies)
    }

    /// Waits until every message that was stored has arrived everywhere, for a
    /// while, and notes what did not. Says whether all did.
    pub async fn settle(&mut self) -> Result<bool> {
        self.tell(.., Shard::quiet).await?;
        let deadline = Instant::now() + DRAIN;
        loop {
            let heads = self.total.heads.clone();
            let known = heads.clone();
            let settle = move |shard: &mut Shard| shard.settle(&known);
            let now = Tally::sum(&self.tell(.., settle).await?).checks;
            // These say how it stands, not what came since.
            let checks = &mut self.total.checks;
            checks.expected = now.expected;
            checks.missing = now.missing;
            checks.unknown = now.unknown;
            let done = now.missing == 0 && now.unknown == 0 && self.total.heads == heads;
            if done || Instant::now() > deadline {
                return Ok(done && self.total.checks.hold());
            }
            sleep(POLL).await;
        }
    }

    /// The report, once all is done and has arrived.
    pub async fn finish(mut self, windows: &[Window]) -> Result<Report> {
        self.settle().await?;
        let measured = Tally::sum(windows.iter().map(|window| &window.tally));
        for window in windows {
            self.report.validity.busy = self.report.validity.busy.max(window.busy);
            for (role, usage) in &window.usage {
                self.report.usage.entry(*role).or_default().follow(usage);
            }
        }
        let latencies = measured.latencies;
        for (name, latency) in [
            ("deliver", &latencies.deliver),
            ("ack", &latencies.ack),
            ("page", &latencies.page),
            // Connections are opened before the windows.
            ("connect", &self.total.latencies.connect),
            ("resume", &self.total.latencies.resume),
        ] {
            if !latency.is_empty() {
                let latency = latency.percentiles();
                self.report.latencies.insert(name.to_owned(), latency);
            }
        }
        self.report.validity.lateness = latencies.late.percentiles();
        self.report.checks = self.total.checks.clone();
        self.report.seconds = self.sampler.seconds().to_vec();
        let checks = &self.report.checks;
        let promise = "every message arrives once, in order and whole";
        let measured = format!(
            "{} of {} missing, {} double, {} out of order, {} corrupt",
            checks.missing, checks.expected, checks.double, checks.out_of_order, checks.corrupt
        );
        let kept = checks.hold();
        self.report.promise(promise, measured, kept);
        if let Some(fault) = &self.total.fault {
            self.report.set("first fault", fault);
        }
        for (what, counts) in [
            ("refusals with reason", &self.total.refusals),
            ("connections closed with", &self.total.closed),
        ] {
            for (code, count) in counts {
                self.report.set(&format!("{what} {code}"), count);
            }
        }
        Ok(self.report)
    }
}

/// The sizes of the parts: publishers, and the rest evenly among readers.
fn spread(members: usize, publishers: usize, readers: usize) -> Vec<usize> {
    let readers = readers.max(1);
    let rest = members.saturating_sub(publishers);
    std::iter::once(publishers.min(members))
        .chain((0..readers).map(|part| rest / readers + usize::from(part < rest % readers)))
        .collect()
}

impl Window {
    /// So many per second.
    pub fn per_second(&self, count: u64) -> f64 {
        real(count) / self.seconds
    }

    /// So many per second of CPU of a role; no number where it was not watched.
    pub fn per_cpu(&self, role: Role, count: u64) -> f64 {
        let used = self.usage.get(&role).map_or(0.0, |usage| usage.cpu);
        if used > 0.0 {
            real(count) / used
        } else {
            f64::NAN
        }
    }
}
