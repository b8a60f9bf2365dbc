//! One trial: a cluster of its own, what is done to it, and what clients saw.

use std::{fmt::Display, time::Duration};

use anyhow::{Context as _, Result, bail};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

use super::{
    faketime::{FAKETIME, faked},
    outcome::{Deed, Outcome},
    promise::Promise,
    schedule::{self, Fault, Kind, Schedule, Who},
};
use crate::{
    checker::Report,
    client::Options,
    cluster::{Cluster, Disk, Node, Settings, Standby, Stores, node_is_ready},
    fixture::Fixture,
    push_service::{PushService, generate_sender},
    random::Random,
    workload::{Ended, Plan, Workload},
};

/// What a machine that is busy with other things may add to a promised time. It gets
/// nothing where this process was never kept waiting, nor with `--strict`.
const SLACK: Duration = Duration::from_secs(10);
/// How long a service that was healed may take to acknowledge again: within this time something
/// goes on, or never.
pub const BACK: Duration = Duration::from_mins(1);
/// A process that is kept waiting for less than this is on a machine that has nothing else to do.
const IDLE: Duration = Duration::from_millis(50);
/// What an account may send and ask where that is the question: five a second, and ten at once.
const RATE: &str = "300/60s+10";
/// How often it is looked whether this process is kept waiting.
const LOOK: Duration = Duration::from_millis(20);
/// How often a condition is looked at.
const POLL: Duration = Duration::from_millis(50);

/// How large a trial is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Size {
    /// For every change of the code: seconds.
    Short,
    /// By hand.
    Usual,
    /// For minutes and longer.
    Long,
}

impl Size {
    /// One of three, by size.
    pub fn choose<T>(self, short: T, usual: T, long: T) -> T {
        match self {
            Self::Short => short,
            Self::Usual => usual,
            Self::Long => long,
        }
    }
}

/// How trials are to be.
#[derive(Debug, Clone)]
pub struct Terms {
    /// The seed.
    pub seed: u64,
    /// How long the schedule of faults is.
    pub length: Duration,
    /// How large everything else is.
    pub size: Size,
    /// No slack for a busy machine.
    pub strict: bool,
}

/// A trial under way.
pub struct Trial<'a> {
    /// Its cluster.
    pub cluster: Cluster,
    /// Where its choices come from.
    pub random: Random,
    /// How it is to be.
    pub terms: &'a Terms,
    /// What it showed so far.
    pub outcome: Outcome,
    /// The push service that its workers push to, and the key that browsers subscribe with; where a promise is about that.
    pushes: Option<(PushService, String)>,
    began: Instant,
    say: &'a (dyn Fn(&str) + Sync),
    /// For how long this process was kept waiting at most.
    kept: watch::Receiver<Duration>,
    _watching: JoinSet<()>,
}

impl<'a> Trial<'a> {
    /// Starts the cluster.
    pub async fn start(
        promise: Promise,
        terms: &'a Terms,
        outcome: Outcome,
        say: &'a (dyn Fn(&str) + Sync),
    ) -> Result<Self> {
        let mut settings = settings(promise, terms);
        let mut pushes = None;
        if promise == Promise::P13 {
            let (private, key) = generate_sender()?;
            let service = PushService::start().await?;
            settings.environment.extend(service.settings(&private));
            pushes = Some((service, key));
        }
        let cluster = Cluster::start(settings).await?;
        let (watching, kept) = watch_machine();
        Ok(Self {
            kept,
            _watching: watching,
            cluster,
            pushes,
            random: Random::new(terms.seed),
            terms,
            outcome,
            began: Instant::now(),
            say,
        })
    }

    /// The push service of a promise that is about pushes.
    pub fn push_service(&self) -> Result<&PushService> {
        let (service, _) = self.pushes.as_ref().context("a push service")?;
        Ok(service)
    }

    /// The key that browsers subscribe with there.
    pub fn push_key(&self) -> Result<&str> {
        let (_, key) = self.pushes.as_ref().context("a push service")?;
        Ok(key)
    }

    /// A fixture with guests.
    pub async fn fixture(&self, people: usize) -> Result<Fixture> {
        Fixture::open(self.cluster.addresses(), people).await
    }

    /// Clients in a fixture.
    pub async fn workload(&self, fixture: &Fixture, plan: &Plan) -> Result<Workload> {
        self.workload_with(fixture, plan, &[]).await
    }

    /// Clients in a fixture, and other readers.
    pub async fn workload_with(
        &self,
        fixture: &Fixture,
        plan: &Plan,
        others: &[(Fixture, Options)],
    ) -> Result<Workload> {
        Workload::start(fixture, plan, others, self.cluster.dir()).await
    }

    /// A workload among so many people, once it has come so far.
    pub async fn begin(
        &self,
        people: usize,
        plan: &Plan,
        messages: u64,
    ) -> Result<(Fixture, Workload)> {
        let fixture = self.fixture(people).await?;
        let workload = self.workload(&fixture, plan).await?;
        workload.progress(messages, BACK).await?;
        Ok((fixture, workload))
    }

    /// A workload under a random schedule of these kinds, to its end.
    pub async fn endure_storm(
        &mut self,
        people: usize,
        plan: &Plan,
        kinds: &[Kind],
    ) -> Result<Ended> {
        let (_, workload) = self.begin(people, plan, 0).await?;
        self.storm(kinds, &workload).await?;
        self.judge(workload).await
    }

    /// Says something to those who watch.
    pub fn say(&self, text: &str) {
        (self.say)(text);
    }

    /// Notes what was done to the cluster.
    pub fn note(&mut self, what: impl Display) {
        let at_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.say(&format!(
            "  {:>8.3} s  {what}",
            self.began.elapsed().as_secs_f64()
        ));
        let what = what.to_string();
        self.outcome.deeds.push(Deed { at_ms, what });
    }

    /// Does one thing to the cluster.
    pub async fn inflict(&mut self, fault: Fault) -> Result<()> {
        self.note(fault);
        fault
            .apply(&self.cluster)
            .await
            .with_context(|| format!("while doing: {fault}"))
    }

    /// Does a random schedule of these kinds, heals, and waits for service.
    pub async fn storm(&mut self, kinds: &[Kind], workload: &Workload) -> Result<()> {
        let every = self.terms.size.choose(1_500, 2_000, 2_500);
        let length = self.terms.length;
        let every = Duration::from_millis(every);
        let schedule = Schedule::random(&mut self.random, length, every, kinds);
        self.play(&schedule).await?;
        workload.progress(30, BACK).await
    }

    /// Shows a schedule, then does it.
    pub async fn play(&mut self, schedule: &Schedule) -> Result<()> {
        self.say("  schedule:");
        for (at, fault) in schedule.faults() {
            self.say(&format!("    {:>8.3} s  {fault}", at.as_secs_f64()));
        }
        self.say("  done:");
        let began = Instant::now();
        self.inflict_all(schedule).await?;
        sleep_until(began + self.terms.length).await;
        self.note("heal everything");
        schedule::heal_all(&self.cluster).await
    }

    /// Does a schedule, and heals at its end.
    pub async fn endure(&mut self, schedule: &Schedule) -> Result<()> {
        self.inflict_all(schedule).await?;
        schedule::heal_all(&self.cluster).await
    }

    async fn inflict_all(&mut self, schedule: &Schedule) -> Result<()> {
        let began = Instant::now();
        let mut down = Vec::new();
        for (at, fault) in schedule.faults() {
            sleep_until(began + *at).await;
            match fault {
                Fault::Down(who) => down.push(*who),
                Fault::Up(who) => down.retain(|other| other != who),
                _ => {}
            }
            self.supervise(&down)?;
            self.inflict(*fault).await?;
        }
        Ok(())
    }

    /// Starts what ended by itself, as an operator would.
    fn supervise(&mut self, down: &[Who]) -> Result<()> {
        for who in schedule::ours(&self.cluster) {
            let node = schedule::node(&self.cluster, who)?;
            if !node.runs() && !down.contains(&who) {
                node.restart()?;
                self.note(format!("{who} had ended by itself, start it again"));
            }
        }
        Ok(())
    }

    /// Ends a workload and takes over what its history shows.
    pub async fn judge(&mut self, workload: Workload) -> Result<Ended> {
        let ended = workload.finish().await?;
        self.outcome.add(&ended.report, &ended.history);
        self.demand(ended.report.counts.acknowledged > 0, || {
            "nothing was acknowledged".to_owned()
        });
        Ok(ended)
    }

    /// Finds a fault unless something holds.
    pub fn demand(&mut self, holds: bool, text: impl FnOnce() -> String) {
        if !holds {
            self.outcome.find(text());
        }
    }

    /// Finds a fault where a reader was told of a gap.
    pub fn demand_no_gaps(&mut self, report: &Report) {
        self.demand(report.counts.gaps == 0, || {
            "a reader was told of a gap".to_owned()
        });
    }

    /// Finds a fault unless so many readers got everything, without a gap.
    pub fn demand_everything(&mut self, report: &Report, readers: usize) {
        self.demand_no_gaps(report);
        let due = report.counts.stored * readers;
        self.demand(report.counts.received == due, || {
            format!("{} were received, not {due}", report.counts.received)
        });
    }

    /// Finds a fault where nobody can say what became of a message.
    pub fn demand_no_unknown(&mut self, report: &Report) {
        self.demand(report.counts.unknown == 0, || {
            format!("the fate of {} messages is unknown", report.counts.unknown)
        });
    }

    /// The resident memory of all gateways together, in KiB.
    pub fn gateways_kib(&self) -> u64 {
        let gateways = self.cluster.gateways.iter();
        gateways.filter_map(Node::resident_kib).sum()
    }

    /// Notes a figure.
    pub fn measured(&mut self, text: String) {
        self.say(&format!("  {text}"));
        self.outcome.measured.push(text);
    }

    /// Judges how long something took that was promised within a time.
    pub fn in_time(&mut self, what: &str, promised: Duration, took: Duration) {
        let kept = *self.kept.borrow();
        let idle = self.terms.strict || kept < IDLE;
        let limit = if idle { promised } else { promised + SLACK };
        self.demand(took <= limit, || {
            format!("{what} took {took:.3?}, {promised:?} was promised, and nothing here waited more than {kept:.3?}")
        });
    }

    /// How long a promised time may take on this machine.
    pub fn allow(&self, promised: Duration) -> Duration {
        if self.terms.strict {
            promised
        } else {
            promised + SLACK
        }
    }

    /// Every gateway and worker.
    pub fn ours(&self) -> impl Iterator<Item = &Node> {
        self.cluster.gateways.iter().chain(&self.cluster.workers)
    }

    /// Waits until all gateways and workers say that they are ready, or all that
    /// they are not; answers how long that took.
    pub async fn all_ready(&self, ready: bool, patience: Duration) -> Result<Duration> {
        let began = Instant::now();
        for node in self.ours() {
            while node_is_ready(node).await != ready {
                if began.elapsed() > patience {
                    let word = if ready { "not ready" } else { "still ready" };
                    bail!("{} is {word} after {patience:?}", node.name());
                }
                sleep(POLL).await;
            }
        }
        Ok(began.elapsed())
    }
}

/// Looks all the time whether this process gets to run when it wants to.
fn watch_machine() -> (JoinSet<()>, watch::Receiver<Duration>) {
    let (longest, kept) = watch::channel(Duration::ZERO);
    let mut watching = JoinSet::new();
    let looking = async move {
        loop {
            let began = Instant::now();
            sleep(LOOK).await;
            let waited = began.elapsed().saturating_sub(LOOK);
            longest.send_if_modified(|longest| {
                let longer = waited > *longest;
                *longest = waited.max(*longest);
                longer
            });
        }
    };
    watching.spawn(looking);
    (watching, kept)
}

/// Waits until a condition holds; fails with the text after `patience`.
pub async fn until(
    text: &str,
    patience: Duration,
    mut holds: impl AsyncFnMut() -> Result<bool>,
) -> Result<()> {
    let deadline = Instant::now() + patience;
    while !holds().await? {
        if Instant::now() > deadline {
            bail!("not within {patience:?}: {text}");
        }
        sleep(POLL).await;
    }
    Ok(())
}

/// What the cluster of a promise is like.
fn settings(promise: Promise, terms: &Terms) -> Settings {
    use Promise::{
        Chaos, Clocks, Lagging, P4, P6, P7, P12, P15, P16, P19, P20, P23, Pages, Rights, Soak,
    };
    let mut settings = Settings {
        proxies: [P4, P6, P7, P16, Chaos, Rights, Soak, Lagging].contains(&promise),
        spare_redis: [P7, Lagging].contains(&promise),
        redis_keeps: [P15, P23].contains(&promise),
        disk: if promise == P15 {
            Disk::Small(128)
        } else {
            Disk::Lax
        },
        stores: match promise {
            Promise::Sentinel => Stores::Sentinels,
            Promise::Patroni => Stores::Standby(Standby::Synchronous),
            Promise::Asynchronous => Stores::Standby(Standby::Asynchronous),
            Promise::Restore => Stores::BackedUp,
            _ => Stores::Alone,
        },
        ..Settings::default()
    };
    let environment = &mut settings.environment;
    let mut set = |name, value: &str| environment.push((name, value.to_owned()));
    if promise == P20 {
        // Members are not strangers; how fast they may write is not the question.
        let limits = [
            "CONFAB_LIMIT_READ",
            "CONFAB_LIMIT_SIGN_IN",
            "CONFAB_STRANGER_RATE",
        ];
        settings.limits = limits.map(|name| (name, "usual")).to_vec();
    } else {
        // Writers here are as fast as the answers come, and readers from one address are many.
        set("CONFAB_FLOOD_FRAMES", "100000");
        set("CONFAB_FLOOD_BYTES", "100000000");
        set("CONFAB_MAX_ADDRESS_CONNECTIONS", "100000");
    }
    if promise == P12 {
        settings.gateways = 3;
        let drawn = ["CONFAB_LIMIT_SEND", "CONFAB_LIMIT_READ"];
        settings.limits = drawn.map(|name| (name, RATE)).to_vec();
    }
    if promise == P19 {
        set("CONFAB_ANSWER_MS", "2000");
    }
    let drain = terms.size.choose("3000", "10000", "20000");
    set("CONFAB_DRAIN_MS", drain);
    if promise == Pages {
        let small = ("gateway-2", "CONFAB_QUEUE_BYTES", "65536".to_owned());
        settings.apart.push(small);
    }
    if promise == Clocks {
        for (node, offset) in [("gateway-2", "-30s"), ("worker-2", "+30s")] {
            let faked = FAKETIME.map(|name| (node, name, faked(name, offset)));
            settings.apart.extend(faked);
        }
    }
    settings
}
