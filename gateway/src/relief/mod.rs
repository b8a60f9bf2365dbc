//! Sends connections elsewhere where other gateways have fewer: a balancer chooses for new
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
use plan::{Other, Own, PERIOD, Plan};

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
        let others: Vec<Other> = listed
            .into_iter()
            .filter(|(process, _)| *process != self.process)
            .map(other)
            .collect();
        let count_as = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let own = Own {
            load: count_as(self.connections.count_taken()),
            asked: count_as(self.shards.count_asked()),
        };
        let count = self.plan.look(own, &others, Instant::now());
        if count > 0 {
            self.shards.relieve(count, PERIOD).await;
        }
    }
}

/// Of who tells nothing that the cluster's key opens it is not known how many he has.
fn other((process, node): (String, Option<Node>)) -> Other {
    let node = node.unwrap_or_default();
    Other {
        process,
        load: node.load,
        free: node.free,
        told_ms: node.told_ms,
    }
}
