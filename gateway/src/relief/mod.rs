//! Sends connections elsewhere where this gateway has far more than the others: a balancer chooses for new
//! ones only, so a gateway that was added would stay empty for long.
//!
//! - [`plan`] decides how many; the shards choose whom ([`Shards::relieve`]).

pub mod plan;

use shared::{
    bus::{
        Bus,
        node::{Node, list_nodes},
    },
    keys::ClusterKeys,
    ops::Health,
    protocol::admin::NodeKind,
};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::{delivery::shards::Shards, limits::connection_limit::ConnectionLimit};
use plan::{PERIOD, Plan, Seen};

/// What the task is built with.
pub struct ReliefTask {
    /// This process.
    pub process: String,
    /// Where gateways say how many connections they have.
    pub bus: Bus,
    /// What opens what they tell.
    pub keys: ClusterKeys,
    /// Those of this one.
    pub connections: ConnectionLimit,
    /// Whether it is ready.
    pub health: Health,
    /// Who tells them to go.
    pub shards: Shards,
    /// When, and how many.
    pub plan: Plan,
}

impl ReliefTask {
    /// Looks without end.
    pub async fn run(mut self) {
        let mut ticks = interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let listed = list_nodes(&self.bus, &self.keys, NodeKind::Gateway).await;
            match listed {
                Ok(listed) if self.health.is_ready() => self.relieve(listed).await,
                Ok(_) => self.plan.lose_sight(),
                Err(error) => {
                    tracing::debug!(%error, "nobody knows how many connections others have");
                    self.plan.lose_sight();
                }
            }
        }
    }

    async fn relieve(&mut self, listed: Vec<(String, Option<Node>)>) {
        let mut others: Vec<Seen> = listed.into_iter().filter_map(seen).collect();
        others.retain(|other| other.process != self.process);
        let own = Seen {
            process: self.process.clone(),
            load: u32::try_from(self.connections.count_taken()).unwrap_or(u32::MAX),
            room: Some(0),
        };
        let count = self.plan.look(&own, &others, Instant::now());
        if count > 0 {
            self.shards.relieve(count, PERIOD).await;
        }
    }
}

/// A lease that the cluster's key does not open was not written by a gateway.
fn seen((process, node): (String, Option<Node>)) -> Option<Seen> {
    node.map(|node| Seen {
        process,
        load: node.load,
        room: node.room,
    })
}
