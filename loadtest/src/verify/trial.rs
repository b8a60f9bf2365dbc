//! One trial: a cluster of its own, what is done to it, and what clients saw.

use std::{fmt::Display, time::Duration};

use anyhow::{Context as _, Result, bail};
use tokio::time::{Instant, sleep, sleep_until};

use super::{
    outcome::{Deed, Outcome},
    promise::Promise,
    schedule::{self, Fault, Kind, Schedule, Who},
};
use crate::{
    cluster::{Cluster, Disk, Node, Settings, node_is_ready},
    random::Random,
    room::Room,
    workload::{Ended, Plan, Workload},
};

/// What a machine that is busy with other things may add to a promised time.
/// `--strict` takes it away.
const SLACK: Duration = Duration::from_secs(10);
/// How long a service that was healed may take to acknowledge again.
const BACK: Duration = Duration::from_mins(1);
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
    pub fn of<T>(self, short: T, usual: T, long: T) -> T {
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
    began: Instant,
    say: &'a (dyn Fn(&str) + Sync),
}

impl<'a> Trial<'a> {
    /// Starts the cluster.
    pub async fn start(
        promise: Promise,
        terms: &'a Terms,
        outcome: Outcome,
        say: &'a (dyn Fn(&str) + Sync),
    ) -> Result<Self> {
        let cluster = Cluster::start(settings(promise, terms)).await?;
        Ok(Self {
            cluster,
            random: Random::new(terms.seed),
            terms,
            outcome,
            began: Instant::now(),
            say,
        })
    }

    /// A room of guests.
    pub async fn room(&self, people: usize) -> Result<Room> {
        Room::open(self.cluster.addresses(), people).await
    }

    /// Clients in a room.
    pub async fn workload(&self, room: &Room, plan: &Plan) -> Result<Workload> {
        Workload::start(room, plan, self.cluster.dir()).await
    }

    /// Says something to whoever watches.
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
        let every = self.terms.size.of(1_500, 2_000, 2_500);
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
        sleep_until(began + self.terms.length).await;
        self.note("heal everything");
        schedule::heal_all(&self.cluster).await
    }

    /// Starts what ended by itself, as whoever runs a cluster would.
    fn supervise(&mut self, down: &[Who]) -> Result<()> {
        for who in schedule::everyone(&self.cluster) {
            let ours = matches!(who, Who::Gateway(_) | Who::Worker(_));
            let node = schedule::node(&self.cluster, who)?;
            if ours && !node.runs() && !down.contains(&who) {
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
        self.demand(ended.report.acknowledged > 0, || {
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

    /// Notes a figure.
    pub fn measured(&mut self, text: String) {
        self.say(&format!("  {text}"));
        self.outcome.measured.push(text);
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
    let mut settings = Settings {
        proxies: matches!(
            promise,
            Promise::P4 | Promise::P6 | Promise::P7 | Promise::P16 | Promise::Chaos
        ),
        spare_redis: promise == Promise::P7,
        disk: if promise == Promise::P15 {
            Disk::Small(128)
        } else {
            Disk::Lax
        },
        ..Settings::default()
    };
    let mut set = |name, value: &str| settings.environment.push((name, value.to_owned()));
    // Writers here are as fast as the answers come, and readers from one address are many.
    set("CONFAB_FLOOD_FRAMES", "100000");
    set("CONFAB_FLOOD_BYTES", "100000000");
    set("CONFAB_MAX_ADDRESS_CONNECTIONS", "100000");
    let drain = terms.size.of("3000", "10000", "20000");
    set("CONFAB_DRAIN_MS", drain);
    settings
}
