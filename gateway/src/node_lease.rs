//! Says that this gateway lives, what it is, and how many connections it has and takes.

use std::time::Duration;

use shared::{
    bus::{
        Bus,
        level::LEVEL,
        node::{Node, NodeLease, VERSION},
    },
    clock::Clock,
    keys::ClusterKeys,
    ops::Health,
    protocol::admin::NodeKind,
};
use tokio_util::sync::CancellationToken;

use crate::limits::{connection_limit::ConnectionLimit, memory_budget::MemoryBudget};

/// How often it says so.
const PERIOD: Duration = Duration::from_secs(2);
/// Longer than its silence makes others forget its accounts: until then it is in their union, where
/// it would look like a gateway that tells nothing of itself.
const LEASE: Duration = Duration::from_secs(12);

/// What the task is built with.
pub struct NodeTask {
    /// The node.
    pub node: String,
    /// The process.
    pub process: String,
    /// Where it is said.
    pub bus: Bus,
    /// What seals it.
    pub keys: ClusterKeys,
    /// Counts connections.
    pub connections: ConnectionLimit,
    /// Knows whether it takes clients, and ever did.
    pub health: Health,
    /// Beyond it nobody new is let in.
    pub memory: MemoryBudget,
}

impl NodeTask {
    /// Says so until `stop`, and then that it is gone.
    pub async fn run(self, stop: CancellationToken) {
        let lease = NodeLease {
            kind: NodeKind::Gateway,
            process: self.process.clone(),
            ttl: LEASE,
        };
        let clock = Clock::system();
        let mut node = Node {
            name: self.node.clone(),
            version: VERSION.to_owned(),
            since_ms: clock.now_ms(),
            load: 0,
            ..Node::default()
        };
        while !stop.is_cancelled() {
            node.told_ms = clock.now_ms();
            if self.health.was_ready() {
                node.level = LEVEL;
            }
            node.load = u32::try_from(self.connections.count_taken()).unwrap_or(u32::MAX);
            node.free = self.count_free();
            if let Err(error) = lease.renew(&self.bus, &self.keys, &node).await {
                tracing::debug!(%error, "nobody is told that this gateway lives");
            }
            stop.run_until_cancelled(tokio::time::sleep(PERIOD)).await;
        }
        if let Err(error) = lease.release(&self.bus).await {
            tracing::debug!(%error, "the lease of this gateway runs out by itself");
        }
    }

    /// How many more connections it takes, if it is ready.
    fn count_free(&self) -> Option<u32> {
        let free = if self.memory.is_over() {
            0
        } else {
            u32::try_from(self.connections.count_free()).unwrap_or(u32::MAX)
        };
        self.health.is_ready().then_some(free)
    }
}
