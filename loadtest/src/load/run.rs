//! A run: members are made and connected, load is put on, windows are measured, every message is accounted for.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use tokio::time::sleep;

use super::{
    clock::SECOND,
    descriptors,
    options::Options,
    order::{Order, Plan, Setup, Tally},
    pool::Pool,
    progress,
    target::Target,
};
use crate::cluster;
use crate::measure::{Mark, Report, Role, Sampler, Usage, real};

/// What was sent must have arrived within this time after the last message.
const DRAIN: Duration = Duration::from_secs(15);
/// Members that are not connected within this time never will be.
const PATIENCE: Duration = Duration::from_mins(5);
/// How often the parts are asked while something is waited for.
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
    sampler: Sampler,
    pool: Pool,
    warm_up: u32,
}

/// How the parts of a run differ from the ordinary.
#[derive(Debug, Default, Clone, Copy)]
pub struct Shape {
    /// So many more threads, for a crowd of its own.
    pub more: usize,
    /// Publishers on the second gateway, readers on the first.
    pub apart: bool,
}

/// What was measured between two moments.
#[derive(Debug, Clone)]
pub struct Window {
    /// Its length in seconds.
    pub seconds: f64,
    /// What the parts counted, all together.
    pub tally: Tally,
    /// The same for each part.
    pub parts: Vec<Tally>,
    /// What the processes used.
    pub usage: BTreeMap<Role, Usage>,
    /// The share of a CPU that the busiest part used.
    pub busy: f64,
}

impl Run {
    /// Starts the parts of the generator: one that publishes, and those that read.
    pub async fn start(scenario: &str, options: &Options, target: Target) -> Result<Self> {
        Self::with(scenario, options, target, Shape::default()).await
    }

    /// The same, with more threads, or with members in certain places.
    pub async fn with(
        scenario: &str,
        options: &Options,
        target: Target,
        shape: Shape,
    ) -> Result<Self> {
        let mut pool = Pool::default();
        pool.thread()?;
        for _ in 0..options.processes {
            pool.process()?;
        }
        if options.processes == 0 {
            for _ in 0..options.threads.max(1) {
                pool.thread()?;
            }
        }
        for _ in 0..shape.more {
            pool.thread()?;
        }
        let seed = options.seed();
        let setup = Setup {
            run: Options::run(),
            part: 0,
            seed,
            gateways: target.addresses()?,
            home: None,
            addresses: options.addresses,
            parallel: options.parallel.max(1),
            bytes: options.bytes,
        };
        pool.ask(|part| {
            Some(Order::Begin(Setup {
                part: u32::try_from(part).unwrap_or_default(),
                home: shape.apart.then_some(usize::from(part == 0)),
                ..setup.clone()
            }))
        })
        .await?;
        let mut sampler = Sampler::new();
        target.watch(&mut sampler);
        sampler.watch_this();
        for (number, pid) in pool.processes().into_iter().enumerate() {
            sampler.watch(Role::Generator, &format!("part-{number}"), pid);
        }
        let mut report = Report::new(scenario);
        report.set("seed", seed);
        report.set("bytes", options.bytes);
        report.set("warm-up", format!("{} s", options.warm_up));
        report.set(
            "windows",
            format!("{} of {} s", options.windows, options.seconds),
        );
        if let Some(cluster) = target.cluster() {
            report.set("gateways", cluster.gateways.len());
            report.set("workers", cluster.workers.len());
        }
        progress::say(&format!("{scenario}, seed {seed}"));
        Ok(Self {
            target,
            report,
            total: Tally::default(),
            sampler,
            pool,
            warm_up: options.warm_up,
        })
    }

    /// How many parts read, besides the first.
    pub fn readers(&self) -> usize {
        self.pool.len() - 1
    }

    /// Spreads `members` over the parts: the first has `publishers` of them.
    pub fn spread(&self, members: usize, publishers: usize) -> Vec<usize> {
        spread(members, publishers, self.readers())
    }

    /// Gives an order to parts and adds up what they counted.
    pub async fn ask(&mut self, order: impl Fn(usize) -> Option<Order>) -> Result<Vec<Tally>> {
        let tallies = self.pool.ask(order).await?;
        let mut all = Tally::default();
        for tally in &tallies {
            all.add(tally);
        }
        self.total.follow(&all);
        Ok(tallies)
    }

    /// Makes members: `assign` says which codes the n-th member of a part redeems.
    pub async fn recruit(
        &mut self,
        codes: &[String],
        sizes: &[usize],
        assign: impl Fn(usize, usize) -> Vec<u32>,
    ) -> Result<()> {
        self.ensure_descriptors(sizes)?;
        self.ask(|part| {
            let size = sizes.get(part).copied().unwrap_or_default();
            Some(Order::Recruit {
                codes: codes.to_vec(),
                members: (0..size).map(|member| assign(part, member)).collect(),
            })
        })
        .await?;
        self.arrive("have joined").await
    }

    /// Makes a server with so many members, all connected; the first so many of them publish.
    pub async fn fill_server(
        &mut self,
        options: &Options,
        members: usize,
        publishers: usize,
    ) -> Result<()> {
        let codes = self.target.servers(1, options.invite.as_deref()).await?;
        let sizes = self.spread(members, publishers);
        self.recruit(&codes, &sizes, |_part, _member| vec![0])
            .await?;
        self.open(None).await.map(drop)
    }

    /// Publishes by the plan, and measures the windows of the options.
    pub async fn measure(&mut self, options: &Options, plan: &Plan) -> Result<Vec<Window>> {
        self.publish(plan).await?;
        self.windows(options).await
    }

    /// Measures so many windows as the options say, after the warm-up.
    pub async fn windows(&mut self, options: &Options) -> Result<Vec<Window>> {
        self.warm_up().await?;
        let mut windows = Vec::new();
        for _ in 0..options.windows {
            windows.push(self.window(options.seconds).await?);
        }
        Ok(windows)
    }

    /// Processes have descriptors of their own, under the same hard limit.
    fn ensure_descriptors(&self, sizes: &[usize]) -> Result<()> {
        let processes = self.pool.processes().len();
        if processes == 0 {
            return descriptors::ensure(sizes.iter().sum());
        }
        descriptors::ensure(sizes.iter().max().copied().unwrap_or_default())
    }

    /// Makes members of a bare server.
    pub async fn crowd(&mut self, sizes: &[usize]) -> Result<()> {
        self.ensure_descriptors(sizes)?;
        let number = |size: usize| u32::try_from(size).unwrap_or(u32::MAX);
        let publishers = number(sizes.first().copied().unwrap_or_default());
        self.ask(|part| {
            Some(Order::Crowd {
                members: number(sizes.get(part).copied().unwrap_or_default()),
                publishers,
            })
        })
        .await?;
        Ok(())
    }

    /// Starts the gateways of a private cluster again, so that their memory is that of fresh ones.
    pub async fn fresh_gateways(&mut self) -> Result<()> {
        let Some(cluster) = self.target.cluster() else {
            return Ok(());
        };
        for gateway in &cluster.gateways {
            gateway.restart()?;
            cluster::node_ready(gateway, PATIENCE).await?;
        }
        Ok(())
    }

    /// Connects all members; says how long that took.
    pub async fn open(&mut self, rate: Option<f64>) -> Result<Duration> {
        let began = Instant::now();
        let parts = u32::try_from(self.pool.len()).unwrap_or(1);
        let rate = rate.map(|rate| rate / f64::from(parts));
        self.ask(|_part| Some(Order::Open { rate })).await?;
        self.arrive("are connected").await?;
        Ok(began.elapsed())
    }

    /// Waits until all members are where they were told to be.
    pub async fn arrive(&mut self, what: &str) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let mut told = Instant::now();
        loop {
            self.ask(|_part| None).await?;
            if self.total.waiting == 0 {
                return Ok(());
            }
            if self.total.checks.failed_connections > 0 || Instant::now() > deadline {
                let fault = self.total.fault.clone().unwrap_or_default();
                bail!("{} members never {what}: {fault}", self.total.waiting);
            }
            if told.elapsed() > Duration::from_secs(1) {
                told = Instant::now();
                progress::say(&format!("{} members not yet: {what}", self.total.waiting));
            }
            sleep(POLL).await;
        }
    }

    /// Lets the first part publish.
    pub async fn publish(&mut self, plan: &Plan) -> Result<()> {
        self.ask(|part| (part == 0).then(|| Order::Publish(plan.clone())))
            .await
            .map(drop)
    }

    /// Ends publishing.
    pub async fn quiet(&mut self) -> Result<()> {
        self.ask(|_part| Some(Order::Quiet)).await.map(drop)
    }

    /// Lets seconds pass that count for nothing.
    pub async fn warm_up(&mut self) -> Result<()> {
        if self.warm_up > 0 {
            self.window(self.warm_up).await?;
        }
        Ok(())
    }

    /// Measures so many seconds.
    pub async fn window(&mut self, seconds: u32) -> Result<Window> {
        self.ask(|_part| None).await?;
        let began = Instant::now();
        let from = self.sampler.mark();
        let mut parts = vec![Tally::default(); self.pool.len()];
        for second in 1..=seconds {
            let until = began + Duration::from_secs(second.into());
            sleep(until.saturating_duration_since(Instant::now())).await;
            let tallies = self.second().await?;
            for (sum, tally) in parts.iter_mut().zip(&tallies) {
                sum.follow(tally);
            }
        }
        let to = self.sampler.mark();
        let length = began.elapsed().as_secs_f64();
        let mut tally = Tally::default();
        for part in &parts {
            tally.add(part);
        }
        let busiest = parts.iter().map(|part| part.cpu).max().unwrap_or_default();
        Ok(Window {
            seconds: length,
            busy: real(busiest) / real(SECOND) / length,
            tally,
            parts,
            usage: self.sampler.between(&from, &to),
        })
    }

    /// Reads what the processes used so far.
    pub fn mark(&mut self) -> Mark {
        self.target.watch(&mut self.sampler);
        self.sampler.mark()
    }

    /// What the processes used since then.
    pub fn since(&mut self, from: &Mark) -> BTreeMap<Role, Usage> {
        let to = self.mark();
        self.sampler.between(from, &to)
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
                self.ask(|_part| None).await?;
            }
            if done(&self.total) {
                return Ok(true);
            }
            sleep(POLL).await;
        }
        Ok(false)
    }

    /// Ends a second: asks the parts, keeps the series, shows progress.
    pub async fn second(&mut self) -> Result<Vec<Tally>> {
        let tallies = self.ask(|_part| None).await?;
        let mut all = Tally::default();
        for tally in &tallies {
            all.add(tally);
        }
        // Processes that were started again have other ids.
        self.target.watch(&mut self.sampler);
        let rates = BTreeMap::from([
            ("sent".to_owned(), real(all.checks.sent)),
            ("acknowledged".to_owned(), real(all.checks.acknowledged)),
            ("delivered".to_owned(), real(all.checks.received)),
            ("resumed".to_owned(), real(all.checks.resumes)),
        ]);
        let second = self.sampler.sample(rates);
        progress::second(second, &all);
        Ok(tallies)
    }

    /// Waits until every message that was stored has arrived everywhere, for a
    /// while, and notes what did not. Says whether all did.
    pub async fn settle(&mut self) -> Result<bool> {
        self.quiet().await?;
        let deadline = Instant::now() + DRAIN;
        loop {
            let heads = self.total.heads.clone();
            let tallies = self
                .ask(|_part| {
                    Some(Order::Settle {
                        heads: heads.clone(),
                    })
                })
                .await?;
            let mut sum = Tally::default();
            for tally in &tallies {
                sum.add(tally);
            }
            // These say how it stands, not what came since.
            self.total.checks.expected = sum.checks.expected;
            self.total.checks.missing = sum.checks.missing;
            self.total.checks.unknown = sum.checks.unknown;
            let done = sum.checks.missing == 0 && sum.checks.unknown == 0;
            let done = done && self.total.heads == heads;
            if done || Instant::now() > deadline {
                return Ok(done && self.total.checks.hold());
            }
            sleep(POLL).await;
        }
    }

    /// Cuts so many readers, who resume at once.
    pub async fn cut(&mut self, members: u32) -> Result<()> {
        let each = members / u32::try_from(self.readers().max(1)).unwrap_or(1);
        self.ask(|part| (part > 0).then_some(Order::Cut { members: each }))
            .await
            .map(drop)
    }

    /// Ends all connections.
    pub async fn leave(&mut self) -> Result<()> {
        self.ask(|_part| Some(Order::Leave)).await.map(drop)
    }

    /// The report, once all is done.
    pub fn finish(mut self, windows: &[Window]) -> Report {
        let mut measured = Tally::default();
        for window in windows {
            measured.add(&window.tally);
            self.report.validity.busy = self.report.validity.busy.max(window.busy);
            for (role, usage) in &window.usage {
                self.report.usage.entry(*role).or_default().follow(usage);
            }
        }
        let latencies = measured.latencies;
        for (name, latency) in [
            ("deliver", latencies.deliver),
            ("ack", latencies.ack),
            ("page", latencies.page),
            // Connections are opened before the windows.
            ("connect", self.total.latencies.connect.clone()),
            ("resume", self.total.latencies.resume.clone()),
        ] {
            if !latency.is_empty() {
                self.report.latencies.insert(name.to_owned(), latency);
            }
        }
        self.report.validity.lateness = latencies.late;
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
        for (reason, count) in &self.total.refusals {
            self.report
                .set(&format!("refusals with reason {reason}"), count);
        }
        for (code, count) in &self.total.closed {
            self.report
                .set(&format!("connections closed with {code}"), count);
        }
        self.report
    }
}

/// The sizes of the parts: publishers, and the rest evenly among readers.
pub fn spread(members: usize, publishers: usize, readers: usize) -> Vec<usize> {
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

    /// So many per second of CPU of a role; nothing where it was not watched.
    pub fn per_cpu(&self, role: Role, count: u64) -> Option<f64> {
        let used = self.usage.get(&role)?.cpu;
        (used > 0.0).then(|| real(count) / used)
    }
}
