//! What a deployment uses, by what the runs of reports used.

use std::collections::BTreeMap;

use anyhow::Result;

use super::{
    curve::Curve,
    measured::{Measured, Measurement, ROLES},
};
use crate::measure::Role;

/// What a deployment has to do at its busiest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Demand {
    /// Connections in all.
    pub connections: f64,
    /// Messages a second, in all rooms together.
    pub messages: f64,
    /// Connections that hear a message, in the mean.
    pub room: f64,
}

/// What it is done with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Layout {
    /// Gateways.
    pub gateways: f64,
    /// Workers.
    pub workers: f64,
    /// Lanes of all workers.
    pub lanes: f64,
}

/// What all processes of a role use.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// CPUs.
    pub cpu: BTreeMap<Role, f64>,
    /// Bytes of memory; Postgres' follow from its settings.
    pub memory: BTreeMap<Role, f64>,
}

/// What things cost, in seconds of CPU and bytes.
#[derive(Debug)]
pub struct Costs {
    /// A connection that says nothing, each second, in the gateway.
    connection: f64,
    /// A worker, Redis and Postgres that have nothing to do, each second.
    idle: BTreeMap<Role, f64>,
    /// A message in the gateways, without its deliveries, by messages a second and gateway.
    accept: Curve,
    /// A message in the other roles, by messages a second and lane: busy lanes make larger batches.
    store: BTreeMap<Role, Curve>,
    /// A delivery, by deliveries a second and connection: what comes together leaves together.
    deliver: Curve,
    /// One more gateway that hears a message, in that gateway and in Redis.
    copy: BTreeMap<Role, f64>,
    /// Gateways that heard a message in the runs behind the other figures.
    copies: f64,
    memory: Memory,
}

/// Bytes of processes.
#[derive(Debug)]
struct Memory {
    gateway: f64,
    connection: f64,
    worker: f64,
    redis: f64,
    redis_connection: f64,
}

impl Demand {
    /// Deliveries a second.
    pub fn deliveries(&self) -> f64 {
        self.messages * self.room
    }

    /// How many of so many gateways have somebody in a room, when members come anywhere.
    pub fn copies(&self, gateways: f64) -> f64 {
        gateways * (1.0 - (1.0 - 1.0 / gateways).powf(self.room))
    }
}

impl Costs {
    /// What the runs say.
    pub fn of(measured: &Measured) -> Result<Self> {
        let idle = measured.run("idle")?;
        let connection = idle.cpu(Role::Gateway) / idle.connections;
        let rest = [Role::Worker, Role::Redis, Role::Postgres];
        let empty = rest.map(|role| (role, idle.cpu(role) / idle.processes(role)));
        let empty = BTreeMap::from(empty);

        // In large rooms a message, and the silence of its members, are little beside its deliveries: these
        // have all of the cost.
        let large = ["fanout-100", "fanout-1000", "fanout-10000"].map(|name| measured.run(name));
        let large = large.into_iter().collect::<Result<Vec<_>>>()?;
        let deliver = Curve::through(large.iter().map(|run| {
            let each = run.cpu(Role::Gateway) / run.demand().deliveries();
            (run.per_connection(), each)
        }));
        let small = ["rooms-idle", "rooms-100", "rooms-500", "rooms-half"];
        let small = small.map(|name| measured.run(name));
        let small = small.into_iter().collect::<Result<Vec<_>>>()?;
        let accept = Curve::through(small.iter().map(|run| {
            let deliveries = run.demand().deliveries() * deliver.at(run.per_connection());
            let each = (run.gateway(connection) - deliveries) / run.messages;
            (run.messages / run.gateways, each)
        }));
        let store = rest.map(|role| {
            let runs = small.iter().map(|run| {
                let idle = empty.get(&role).copied().unwrap_or_default() * run.processes(role);
                let each = (run.cpu(role) - idle) / run.messages;
                (run.messages / run.lanes, each)
            });
            (role, Curve::through(runs))
        });

        let [few, many] = [
            measured.run("fanout-100")?,
            measured.run("fanout-gateways")?,
        ];
        let copies = few.demand().copies(few.gateways);
        let more = many.demand().copies(many.gateways) - copies;
        let copy = [Role::Gateway, Role::Redis].map(|role| {
            let each = |run: &Measurement| run.cpu(role) / run.messages;
            (role, (each(many) - each(few)).max(0.0) / more)
        });
        Ok(Self {
            connection,
            idle: empty,
            accept,
            store: BTreeMap::from(store),
            deliver,
            copy: BTreeMap::from(copy),
            copies,
            memory: Memory::of(measured)?,
        })
    }

    /// What a deployment uses.
    pub fn estimate(&self, demand: &Demand, layout: &Layout) -> Estimate {
        let cpu = ROLES.map(|role| (role, self.cpu(role, demand, layout)));
        let memory = &self.memory;
        let redis = memory.redis + demand.connections * memory.redis_connection;
        let gateways = layout.gateways * memory.gateway + demand.connections * memory.connection;
        Estimate {
            cpu: BTreeMap::from(cpu),
            memory: BTreeMap::from([
                (Role::Gateway, gateways),
                (Role::Worker, layout.workers * memory.worker),
                (Role::Redis, redis),
            ]),
        }
    }

    fn cpu(&self, role: Role, demand: &Demand, layout: &Layout) -> f64 {
        let of = |costs: &BTreeMap<Role, f64>| costs.get(&role).copied().unwrap_or_default();
        let further = (demand.copies(layout.gateways) - self.copies).max(0.0);
        let copies = demand.messages * further * of(&self.copy);
        let per_connection = demand.deliveries() / demand.connections;
        let each = match (role, self.store.get(&role)) {
            (Role::Gateway, _) => {
                let accept = self.accept.at(demand.messages / layout.gateways);
                accept + demand.room * self.deliver.at(per_connection)
            }
            (_, Some(curve)) => curve.at(demand.messages / layout.lanes),
            (_, None) => 0.0,
        };
        let still = match role {
            Role::Gateway => demand.connections * self.connection,
            Role::Worker => layout.workers * of(&self.idle),
            _ => of(&self.idle),
        };
        still + demand.messages * each + copies
    }
}

impl Memory {
    fn of(measured: &Measured) -> Result<Self> {
        let idle = measured.run("idle")?;
        let connections = idle.connections * measured.connection_bytes;
        let few = measured.run("rooms-idle")?;
        Ok(Self {
            gateway: (idle.memory(Role::Gateway) - connections) / idle.gateways,
            connection: measured.connection_bytes,
            worker: idle.memory(Role::Worker) / idle.workers,
            redis: few.memory(Role::Redis),
            redis_connection: (idle.memory(Role::Redis) - few.memory(Role::Redis)).max(0.0)
                / idle.connections,
        })
    }
}

impl Measurement {
    /// What was to be done in the run.
    pub fn demand(&self) -> Demand {
        Demand {
            connections: self.connections,
            messages: self.messages,
            room: self.room,
        }
    }

    /// What it was done with.
    pub fn layout(&self) -> Layout {
        Layout {
            gateways: self.gateways,
            workers: self.workers,
            lanes: self.lanes,
        }
    }

    fn per_connection(&self) -> f64 {
        self.demand().deliveries() / self.connections
    }

    /// CPU of the gateways without that of silent connections.
    fn gateway(&self, connection: f64) -> f64 {
        self.cpu(Role::Gateway) - connection * self.connections
    }

    fn processes(&self, role: Role) -> f64 {
        if role == Role::Worker {
            self.workers
        } else {
            1.0
        }
    }

    fn cpu(&self, role: Role) -> f64 {
        self.cpu.get(&role).copied().unwrap_or_default()
    }

    fn memory(&self, role: Role) -> f64 {
        self.memory.get(&role).copied().unwrap_or_default()
    }
}
