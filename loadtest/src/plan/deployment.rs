//! How much of everything an operator needs, with what is held in reserve.

use anyhow::{Context, Result, ensure};

use super::{
    cost::{Costs, Demand, Estimate, Layout},
    measured::Measured,
};
use crate::measure::Role;

/// The share of its CPUs that a role uses at the busiest, with one of its pods away.
const HEADROOM: f64 = 0.6;
/// The same while a zone is lost and its clients come back.
const STRAIN: f64 = 0.9;
/// Zones, one of which may be lost.
const ZONES: f64 = 3.0;
/// Seconds within which the clients of a lost zone have their sessions again.
const RETURN: f64 = 60.0;
/// The most CPUs of a pod: as many as the machine of the reports had for everything.
const POD: f64 = 2.0;
/// Connections below which no gateway refuses anybody, and the autoscaler does nothing.
const FEW: f64 = 1_000.0;
/// The step of what a pod asks for, and the least, in CPUs.
const STEP: f64 = 0.05;
const LEAST: f64 = 0.1;
/// So many times what a report shows is planned where processes share nothing.
const SCALE: f64 = 100.0;

const KIB: f64 = 1024.0;
const MIB: f64 = 1024.0 * KIB;
const GIB: f64 = 1024.0 * MIB;
/// What the chart holds a gateway's memory limit against: `helm/templates/checks.yaml`.
const GATEWAY: f64 = 128.0 * MIB;
const CONNECTION: f64 = 16.0 * KIB;
/// `CONFAB_MEMORY_BYTES`, as the chart has it by default.
pub const WAITING: f64 = 256.0 * MIB;

/// Connections of a worker to Postgres besides those of its lanes: `CONFAB_QUERIES`, and those of
/// the work beside the lanes.
pub const QUERIES: f64 = 8.0;
const BESIDE: f64 = 13.0;
/// What operators, backups and standbys connect with.
const OTHERS: f64 = 20.0;
/// A busy lane commits once in so many seconds.
const TURN: f64 = 0.004;

/// The mean of a day, of its busiest.
pub const MEAN: f64 = 0.25;
const DAY: f64 = 86_400.0;
/// Days that events are kept (`CONFAB_RETENTION_DAYS`) and begun, and the same of nonces, a week longer.
const EVENT_DAYS: f64 = 8.0;
const NONCE_DAYS: f64 = 15.0;
/// Bytes of memory for each CPU of Postgres: the usual ratio, as no report says.
const POSTGRES_MEMORY: f64 = 4.0 * GIB;

/// Bytes that leave a gateway for a delivery: 252 of MessagePack, 4 of WebSocket, 22 of TLS, 66 of
/// TCP, IP and Ethernet.
const DELIVERY: f64 = 344.0;
/// Bytes of a message in Redis, on its way to a worker or to one gateway.
const ON_ITS_WAY: f64 = KIB;
/// Seconds that a command waits at most: `CONFAB_DEADLINE_MS`.
const DEADLINE: f64 = 15.0;
/// What Redis lets a gateway fall behind for a minute: `client-output-buffer-limit`.
const BEHIND: f64 = 64.0 * MIB;

/// Pods of a program.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pods {
    /// How many.
    pub replicas: f64,
    /// CPUs that each asks for.
    pub cpu: f64,
}

/// All that an operator has to provide.
#[derive(Debug, Clone, PartialEq)]
pub struct Deployment {
    /// What it is for.
    pub demand: Demand,
    /// What all of it uses at the busiest.
    pub used: Estimate,
    /// The gateways.
    pub gateway: Pods,
    /// Connections that one takes at most; twice its share, so that two zones hold all.
    pub gateway_connections: f64,
    /// Bytes of its memory limit.
    pub gateway_memory: f64,
    /// The workers.
    pub worker: Pods,
    /// Lanes of each.
    pub lanes: f64,
    /// CPUs of Postgres.
    pub postgres_cpu: f64,
    /// Bytes of its memory.
    pub postgres_memory: f64,
    /// Its `max_connections`.
    pub postgres_connections: f64,
    /// Commits a second, at most.
    pub commits: f64,
    /// Bytes that a day of messages adds for good.
    pub disk_day: f64,
    /// Bytes of events and nonces, which go after their time.
    pub disk_kept: f64,
    /// Bytes of log that a day writes.
    pub log_day: f64,
    /// Bytes of the memory of Redis.
    pub redis_memory: f64,
    /// Bytes a second out of Redis.
    pub redis_out: f64,
    /// Bytes a second out of all gateways.
    pub gateway_out: f64,
    /// Sessions a second that are opened when a zone is lost.
    pub returning: f64,
}

impl Deployment {
    /// What a demand takes; refuses what no report comes near to.
    pub fn plan(demand: Demand, measured: &Measured) -> Result<Self> {
        check(&demand, measured)?;
        let costs = Costs::of(measured)?;
        let returning = demand.connections / ZONES / RETURN;
        let storm = |role: Role| {
            let rate = measured.sign_ins.get(&role).copied();
            rate.map_or(0.0, |rate| returning / rate)
        };
        let programs = Programs::size(&demand, measured, &costs, storm)?;
        let used = costs.estimate(&demand, &programs.layout());
        let of_store = |role| {
            let cpu = used.cpu.get(&role).copied().unwrap_or_default();
            (cpu / HEADROOM).max((cpu + storm(role)) / STRAIN)
        };
        let redis = of_store(Role::Redis);
        ensure!(
            redis <= 1.0,
            "one Redis cannot carry this: its thread would need {redis:.1} CPUs, with what is held in \
             reserve, and there is one. Fewer messages, or smaller rooms"
        );
        let postgres = of_store(Role::Postgres).ceil().max(1.0);
        let Programs {
            gateway,
            worker,
            lanes,
        } = programs;
        let share = (demand.connections / gateway.replicas).ceil();
        let gateway_connections = round_up(2.0 * share.max(FEW), 100.0);
        let [message, event, nonce, log] = measured.disk;
        let day = demand.messages * MEAN * DAY;
        let copies = demand.copies(gateway.replicas);
        let memory = used.memory.get(&Role::Redis).copied().unwrap_or_default();
        Ok(Self {
            demand,
            gateway,
            gateway_connections,
            gateway_memory: gateway_memory(gateway_connections),
            worker,
            lanes,
            postgres_cpu: postgres,
            postgres_memory: postgres * POSTGRES_MEMORY,
            postgres_connections: postgres_connections(worker.replicas, lanes),
            commits: demand.messages.min(worker.replicas * lanes / TURN),
            disk_day: day * message,
            disk_kept: day * (EVENT_DAYS * event + NONCE_DAYS * nonce),
            log_day: day * log,
            redis_memory: redis_memory(memory, &demand, gateway.replicas + worker.replicas),
            redis_out: demand.messages * (copies + 1.0) * ON_ITS_WAY,
            gateway_out: demand.deliveries() * DELIVERY,
            returning,
            used,
        })
    }

    /// Connections of each gateway when it has its share: what the autoscaler aims at.
    pub fn target(&self) -> f64 {
        let share = self.demand.connections / self.gateway.replicas;
        share.floor().max(FEW)
    }

    /// The most gateways that the autoscaler starts.
    pub fn most_gateways(&self) -> f64 {
        (1.5 * self.gateway.replicas).ceil()
    }

    /// Bytes of the volume of Postgres: a year, and a quarter more.
    pub fn volume(&self) -> f64 {
        round_up(1.25 * (365.0 * self.disk_day + self.disk_kept), 10.0 * GIB)
    }
}

/// The programs of a deployment.
struct Programs {
    gateway: Pods,
    worker: Pods,
    /// Lanes of each worker.
    lanes: f64,
}

impl Programs {
    /// As many as a demand takes, and no larger than what was measured; `storm` is what those use whose zone was lost.
    fn size(
        demand: &Demand,
        measured: &Measured,
        costs: &Costs,
        storm: impl Fn(Role) -> f64,
    ) -> Result<Self> {
        // One lane was seen to carry this with acknowledgements in 30 ms.
        let half = measured.run("rooms-half")?;
        let lanes = (demand.messages / (half.messages / half.lanes)).ceil();
        let lanes_each = |workers: f64| (lanes / (workers - 1.0)).ceil().max(1.0);
        let used = |role, gateways, workers: f64| {
            let layout = Layout {
                gateways,
                workers,
                lanes: workers * lanes_each(workers),
            };
            let used = costs.estimate(demand, &layout).cpu;
            used.get(&role).copied().unwrap_or_default()
        };
        let by_connections = (demand.connections / measured.most_connections).ceil() + 1.0;
        let gateway = pods(by_connections, storm(Role::Gateway), |gateways| {
            used(Role::Gateway, gateways, ZONES)
        })?;
        let worker = pods(ZONES, storm(Role::Worker), |workers| {
            used(Role::Worker, ZONES, workers)
        })?;
        Ok(Self {
            gateway,
            worker,
            lanes: lanes_each(worker.replicas),
        })
    }

    fn layout(&self) -> Layout {
        Layout {
            gateways: self.gateway.replicas,
            workers: self.worker.replicas,
            lanes: self.worker.replicas * self.lanes,
        }
    }
}

fn gateway_memory(connections: f64) -> f64 {
    round_up(GATEWAY + connections * CONNECTION + WAITING, 64.0 * MIB)
}

fn postgres_connections(workers: f64, lanes: f64) -> f64 {
    // One worker more while a new version replaces the old one.
    round_up((workers + 1.0) * (lanes + QUERIES + BESIDE) + OTHERS, 10.0)
}

fn redis_memory(used: f64, demand: &Demand, processes: f64) -> f64 {
    let on_its_way = demand.messages * DEADLINE * ON_ITS_WAY;
    round_up(used + on_its_way + processes * BEHIND, 64.0 * MIB)
}

/// Refuses what makes no sense, and what is far from all that was measured.
fn check(demand: &Demand, measured: &Measured) -> Result<()> {
    let Demand {
        connections,
        messages,
        room,
    } = *demand;
    ensure!(connections >= 1.0, "there are no connections to plan for");
    ensure!(
        messages.is_finite() && messages > 0.0,
        "--messages has to be a number above 0"
    );
    ensure!(room >= 1.0, "nobody is in a room: --room is at least 1");
    ensure!(
        room <= connections,
        "a room of {room} cannot hear a message over {connections} connections: --room counts those who are connected"
    );
    let most = measured
        .runs
        .values()
        .map(|run| run.connections)
        .fold(0.0, f64::max)
        * SCALE;
    ensure!(
        connections <= most,
        "{connections} connections are more than {SCALE} times what was measured ({most}): nobody knows what they take"
    );
    let most = measured.most_messages.floor();
    ensure!(
        messages <= most,
        "{messages} messages a second are more than one Postgres was seen to store, {most}: nobody knows what they take"
    );
    let half = measured.run("rooms-half")?;
    let most = (half.demand().deliveries() * SCALE).floor();
    let deliveries = demand.deliveries();
    ensure!(
        deliveries <= most,
        "{messages} messages a second to {room} people each are {deliveries:.0} deliveries, more than {SCALE} times \
         what was measured ({most}): nobody knows what they take"
    );
    Ok(())
}

/// The fewest pods, none of them larger than what was measured, of which one may be away in calm,
/// and a zone with all of its clients coming back. `load` says what so many use.
fn pods(at_least: f64, storm: f64, load: impl Fn(f64) -> f64) -> Result<Pods> {
    let mut replicas = at_least.max(ZONES);
    while replicas < 10_000.0 {
        let load = load(replicas);
        let calm = load / HEADROOM / (replicas - 1.0);
        let left = replicas - (replicas / ZONES).ceil();
        let cpu = calm.max((load + storm) / STRAIN / left);
        if cpu <= POD {
            let cpu = round_up(cpu, STEP).max(LEAST);
            return Ok(Pods { replicas, cpu });
        }
        replicas += 1.0;
    }
    None.context("no number of pods is enough")
}

fn round_up(value: f64, step: f64) -> f64 {
    // What is a step already is not to become the next one.
    ((value / step) - 1e-9).ceil() * step
}
