//! What is done to a cluster, and when: made from a seed, shown before it is done.

use std::{fmt, time::Duration};

use anyhow::{Context, Result};

use crate::{
    cluster::{Cluster, Node, Signal},
    proxy::Proxy,
    random::Random,
};

/// How long a process may take to end politely.
const POLITE: Duration = Duration::from_secs(45);

/// A process of the cluster; numbers count around.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// A gateway.
    Gateway(usize),
    /// A worker.
    Worker(usize),
    /// Redis; when it starts again it is empty.
    Redis,
    /// Postgres with all its processes.
    Postgres,
}

/// A link of the cluster with a proxy in it; numbers count around.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// Of a gateway to Redis.
    Gateway(usize),
    /// Of a worker to Redis.
    Worker(usize),
    /// Of a worker to Postgres.
    Database(usize),
}

/// Something that is done to a cluster. What lasts is two: it begins, and it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// SIGKILL.
    Down(Who),
    /// Started again after [`Fault::Down`].
    Up(Who),
    /// SIGKILL, and started again at once.
    Kill(Who),
    /// SIGTERM, and started again when it has ended.
    Roll(Who),
    /// SIGSTOP.
    Freeze(Who),
    /// SIGCONT.
    Continue(Who),
    /// SIGKILL for every gateway, worker, Redis and Postgres, then all are started again.
    KillEverything,
    /// Redis is emptied.
    Flush,
    /// The connections are ended; new ones are taken.
    Cut(Link),
    /// Nothing arrives in either direction, and connections stay.
    Silence(Link),
    /// Each piece comes later by so many milliseconds.
    Delay(Link, u64),
    /// The end of silence and delay.
    Heal(Link),
    /// Of the events published to gateways each with this number is lost; 0 for none.
    LoseEvents(u64),
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gateway(number) => write!(f, "gateway-{}", number + 1),
            Self::Worker(number) => write!(f, "worker-{}", number + 1),
            Self::Redis => f.write_str("redis"),
            Self::Postgres => f.write_str("postgres"),
        }
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gateway(number) => write!(f, "gateway-{} to redis", number + 1),
            Self::Worker(number) => write!(f, "worker-{} to redis", number + 1),
            Self::Database(number) => write!(f, "worker-{} to postgres", number + 1),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Down(who) => write!(f, "SIGKILL {who}"),
            Self::Up(who) => write!(f, "start {who}"),
            Self::Kill(who) => write!(f, "SIGKILL {who}, start it again"),
            Self::Roll(who) => write!(f, "SIGTERM {who}, start it again"),
            Self::Freeze(who) => write!(f, "SIGSTOP {who}"),
            Self::Continue(who) => write!(f, "SIGCONT {who}"),
            Self::KillEverything => f.write_str("SIGKILL everything, start it again"),
            Self::Flush => f.write_str("FLUSHALL"),
            Self::Cut(link) => write!(f, "cut {link}"),
            Self::Silence(link) => write!(f, "black hole: {link}"),
            Self::Delay(link, ms) => write!(f, "delay {link} by {ms} ms"),
            Self::Heal(link) => write!(f, "heal {link}"),
            Self::LoseEvents(0) => f.write_str("lose no more events"),
            Self::LoseEvents(every) => write!(f, "lose one in {every} published events"),
        }
    }
}

/// What a random schedule may consist of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A gateway, a worker, Redis or Postgres is killed.
    Kill,
    /// A gateway or a worker is killed.
    KillOurs,
    /// A process is frozen, for less or for longer than its lease.
    Freeze,
    /// A process is frozen in the middle of what it does, and never goes on: it is
    /// killed. Every second time it is Postgres, with a COMMIT under way.
    FreezeAndKill,
    /// A process of ours is ended politely.
    Roll,
    /// Everything is killed at once.
    KillEverything,
    /// Redis is emptied.
    Flush,
    /// A link is cut.
    Cut,
    /// A link is silent for a while.
    Silence,
    /// A link is slow for a while.
    Delay,
    /// Events are lost for a while.
    LoseEvents,
}

impl Kind {
    /// Everything; the worst comes least often.
    pub const ALL: &[Self] = &[
        Self::Kill,
        Self::Kill,
        Self::KillOurs,
        Self::KillOurs,
        Self::Freeze,
        Self::Freeze,
        Self::FreezeAndKill,
        Self::Roll,
        Self::KillEverything,
        Self::Flush,
        Self::Cut,
        Self::Cut,
        Self::Silence,
        Self::Silence,
        Self::Delay,
        Self::LoseEvents,
        Self::LoseEvents,
    ];
}

/// Faults and when they happen, from the start of the schedule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Schedule(Vec<(Duration, Fault)>);

impl Schedule {
    /// Exactly these.
    pub fn exactly(faults: Vec<(Duration, Fault)>) -> Self {
        let mut schedule = Self(faults);
        schedule.0.sort_by_key(|(at, _)| *at);
        schedule
    }

    /// Faults of these kinds for about `length`, one each `every` in the mean.
    pub fn random(random: &mut Random, length: Duration, every: Duration, kinds: &[Kind]) -> Self {
        let mut faults = Vec::new();
        let mut at = between(random, Duration::ZERO, every);
        while at < length {
            if let Some(kind) = random.pick(kinds) {
                draw(random, *kind, at, &mut faults);
            }
            at += between(random, every / 4, every * 7 / 4);
        }
        Self::exactly(faults)
    }

    /// The faults in order.
    pub fn faults(&self) -> &[(Duration, Fault)] {
        &self.0
    }
}

/// A length between two others.
fn between(random: &mut Random, least: Duration, most: Duration) -> Duration {
    let span = most.saturating_sub(least).as_millis();
    let span = u64::try_from(span).unwrap_or(u64::MAX);
    least + Duration::from_millis(random.below(span.saturating_add(1)))
}

fn draw(random: &mut Random, kind: Kind, at: Duration, faults: &mut Vec<(Duration, Fault)>) {
    // Half of what lasts is over before anybody can notice it; half is not.
    let short = random.below(2) == 0;
    let (least, most) = if short { (50, 1_500) } else { (2_000, 9_000) };
    let (least, most) = (Duration::from_millis(least), Duration::from_millis(most));
    let end = at + between(random, least, most);
    let (begin, over) = match kind {
        Kind::Kill => (Fault::Kill(anyone(random)), None),
        Kind::KillOurs => (Fault::Kill(one_of_ours(random)), None),
        Kind::Freeze => {
            let who = anyone(random);
            (Fault::Freeze(who), Some(Fault::Continue(who)))
        }
        Kind::FreezeAndKill => {
            let who = if random.below(2) == 0 {
                Who::Postgres
            } else {
                anyone(random)
            };
            (Fault::Freeze(who), Some(Fault::Kill(who)))
        }
        Kind::Roll => (Fault::Roll(one_of_ours(random)), None),
        Kind::KillEverything => (Fault::KillEverything, None),
        Kind::Flush => (Fault::Flush, None),
        Kind::Cut => (Fault::Cut(link(random)), None),
        Kind::Silence => {
            let link = link(random);
            (Fault::Silence(link), Some(Fault::Heal(link)))
        }
        Kind::Delay => {
            let link = link(random);
            let ms = 20 + random.below(2_000);
            (Fault::Delay(link, ms), Some(Fault::Heal(link)))
        }
        Kind::LoseEvents => {
            let every = 1 + random.below(9);
            (Fault::LoseEvents(every), Some(Fault::LoseEvents(0)))
        }
    };
    faults.push((at, begin));
    faults.extend(over.map(|over| (end, over)));
}

fn number(random: &mut Random) -> usize {
    usize::from(random.below(2) == 1)
}

fn one_of_ours(random: &mut Random) -> Who {
    if random.below(2) == 0 {
        Who::Gateway(number(random))
    } else {
        Who::Worker(number(random))
    }
}

fn anyone(random: &mut Random) -> Who {
    match random.below(4) {
        0 => Who::Redis,
        1 => Who::Postgres,
        _ => one_of_ours(random),
    }
}

fn link(random: &mut Random) -> Link {
    match random.below(3) {
        0 => Link::Gateway(number(random)),
        1 => Link::Worker(number(random)),
        _ => Link::Database(number(random)),
    }
}

impl Fault {
    /// Does it.
    pub async fn apply(self, cluster: &Cluster) -> Result<()> {
        match self {
            Self::Down(who) => down(cluster, who),
            Self::Up(who) => up(cluster, who).await,
            Self::Kill(who) => {
                down(cluster, who)?;
                up(cluster, who).await
            }
            Self::Roll(who) => {
                let node = node(cluster, who)?;
                if node.runs() {
                    // Frozen, it could not end; black holes may keep it from ending in time.
                    node.signal(Signal::CONT)?;
                    node.signal(Signal::TERM)?;
                    drop(node.ended(POLITE).await);
                }
                node.restart()
            }
            Self::Freeze(who) => signal(cluster, who, Signal::STOP),
            Self::Continue(who) => signal(cluster, who, Signal::CONT),
            Self::KillEverything => {
                let all = everyone(cluster);
                for who in &all {
                    down(cluster, *who)?;
                }
                for who in all {
                    up(cluster, who).await?;
                }
                Ok(())
            }
            Self::Flush => {
                // A Redis that is frozen cannot be emptied.
                signal(cluster, Who::Redis, Signal::CONT)?;
                cluster.flush_redis().await
            }
            Self::Cut(link) => proxy(cluster, link).map(Proxy::cut),
            Self::Silence(link) => proxy(cluster, link).map(|proxy| proxy.blackhole(true)),
            Self::Delay(link, ms) => {
                proxy(cluster, link).map(|proxy| proxy.delay(Duration::from_millis(ms)))
            }
            Self::Heal(link) => {
                let proxy = proxy(cluster, link)?;
                proxy.delay(Duration::ZERO);
                proxy.blackhole(false);
                Ok(())
            }
            Self::LoseEvents(every) => {
                for proxy in &cluster.proxies {
                    proxy.drop_every(every);
                }
                Ok(())
            }
        }
    }
}

/// Ends whatever lasts and starts whatever does not run.
pub async fn heal_all(cluster: &Cluster) -> Result<()> {
    for who in everyone(cluster) {
        let node = node(cluster, who)?;
        if node.runs() {
            node.signal_all(Signal::CONT)?;
        } else {
            up(cluster, who).await?;
        }
    }
    let proxies = cluster.proxies.iter().chain(&cluster.worker_proxies);
    proxies
        .chain(&cluster.database_proxies)
        .for_each(Proxy::heal);
    Ok(())
}

/// Every process: stores first, as they are needed first.
pub fn everyone(cluster: &Cluster) -> Vec<Who> {
    [vec![Who::Postgres, Who::Redis], ours(cluster)].concat()
}

/// Every worker, then every gateway.
pub fn ours(cluster: &Cluster) -> Vec<Who> {
    let workers = (0..cluster.workers.len()).map(Who::Worker);
    let gateways = (0..cluster.gateways.len()).map(Who::Gateway);
    workers.chain(gateways).collect()
}

/// The process.
pub fn node(cluster: &Cluster, who: Who) -> Result<&Node> {
    match who {
        Who::Gateway(number) => cluster.gateways.iter().cycle().nth(number),
        Who::Worker(number) => cluster.workers.iter().cycle().nth(number),
        Who::Redis => Some(&cluster.redis),
        Who::Postgres => Some(&cluster.postgres),
    }
    .with_context(|| format!("there is no {who}"))
}

fn proxy(cluster: &Cluster, link: Link) -> Result<&Proxy> {
    match link {
        Link::Gateway(number) => cluster.proxies.iter().cycle().nth(number),
        Link::Worker(number) => cluster.worker_proxies.iter().cycle().nth(number),
        Link::Database(number) => cluster.database_proxies.iter().cycle().nth(number),
    }
    .with_context(|| format!("there is no proxy from {link}"))
}

/// A signal to a process; one that ended by itself needs none.
fn signal(cluster: &Cluster, who: Who, signal: Signal) -> Result<()> {
    let node = node(cluster, who)?;
    if node.runs() {
        node.signal_all(signal)?;
    }
    Ok(())
}

fn down(cluster: &Cluster, who: Who) -> Result<()> {
    node(cluster, who)?.kill_all()
}

async fn up(cluster: &Cluster, who: Who) -> Result<()> {
    match who {
        Who::Redis => cluster.restart_redis().await,
        Who::Postgres => cluster.restart_postgres().await,
        ours => node(cluster, ours)?.restart(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_its_schedule() {
        let length = Duration::from_mins(1);
        let make = |seed| {
            let mut random = Random::new(seed);
            Schedule::random(&mut random, length, Duration::from_secs(1), Kind::ALL)
        };
        assert_eq!(make(5), make(5));
        assert_ne!(make(5), make(6));
        assert!(make(5).faults().len() > 30);
        assert!(make(5).faults().is_sorted_by_key(|(at, _)| *at));
    }

    #[test]
    fn what_begins_ends() {
        let mut random = Random::new(9);
        let minute = Duration::from_mins(1);
        let schedule = Schedule::random(&mut random, minute, minute / 100, Kind::ALL);
        let count = |wanted: fn(&Fault) -> bool| {
            let faults = schedule.faults().iter();
            faults.filter(|(_, fault)| wanted(fault)).count()
        };
        assert_eq!(
            count(|fault| matches!(fault, Fault::Silence(_))),
            count(|fault| matches!(fault, Fault::Heal(_)))
                - count(|fault| matches!(fault, Fault::Delay(..)))
        );
        let frozen = count(|fault| matches!(fault, Fault::Freeze(_)));
        let thawed = count(|fault| matches!(fault, Fault::Continue(_)));
        assert!(frozen > thawed && thawed > 0, "some are killed instead");
    }
}
