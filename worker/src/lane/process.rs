//! The process that lanes belong to, and which others live.
//!
//! Its lease is renewed beside the lanes, whatever keeps them waiting. It runs
//! out before those of the lanes do, so that a lane that takes a partition of a
//! process that died finds that it did.

use std::{sync::Arc, time::Duration};

use shared::{
    bus::{
        Bus,
        level::LEVEL,
        node::{self, Node, NodeLease, VERSION},
    },
    clock::Clock,
    keys::ClusterKeys,
    protocol::admin::NodeKind,
};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::LaneStatus;
use crate::error::Error;

/// How often a process says that it lives.
const PERIOD: Duration = Duration::from_millis(400);
/// Shorter than the lease of a lane.
const LEASE: Duration = Duration::from_millis(1_500);

/// A running worker: a number that no other has, not even the same node started again.
#[derive(Debug, Clone)]
pub(crate) struct Process(Arc<Named>);

#[derive(Debug)]
struct Named {
    number: i64,
    name: String,
}

impl Process {
    /// A new one.
    pub(crate) fn new() -> Result<Self, Error> {
        let mut bytes = [0_u8; 8];
        getrandom::fill(&mut bytes)
            .map_err(|error| Error::Internal(format!("the system gives no randomness: {error}")))?;
        // Positive, and never what stands for nobody.
        let number = (i64::from_be_bytes(bytes) & i64::MAX).max(1);
        let name = format!("{number:x}");
        Ok(Self(Arc::new(Named { number, name })))
    }

    /// What names it in Postgres; never 0.
    pub(crate) fn number(&self) -> i64 {
        self.0.number
    }

    /// What names it on the bus.
    pub(crate) fn name(&self) -> String {
        self.0.name.clone()
    }

    /// Says that it lives, and what it is, until it is stopped.
    pub(crate) async fn run(self, tells: Tells, bus: Bus, stop: CancellationToken) {
        let lease = NodeLease {
            kind: NodeKind::Worker,
            process: self.name(),
            ttl: LEASE,
        };
        let since_ms = tells.clock.now_ms();
        while !stop.is_cancelled() {
            let node = tells.node(since_ms);
            if let Err(error) = lease.renew(&bus, &tells.keys, &node).await {
                debug!(%error, "nobody is told that this worker lives");
            }
            stop.run_until_cancelled(tokio::time::sleep(PERIOD)).await;
        }
        // It lives until its lanes and jobs have ended, and its lease runs out.
        if let Err(error) = lease.forget(&bus).await {
            debug!(%error, "this worker is missed for an hour");
        }
    }

    /// Who lives; none when Redis cannot say.
    pub(crate) async fn living_workers(&self, bus: &Bus) -> Option<Vec<i64>> {
        let leases = node::prefix(NodeKind::Worker);
        match bus.renew_lease(leases, &self.0.name, LEASE).await {
            Ok(names) => Some(
                names
                    .iter()
                    .filter_map(|name| i64::from_str_radix(name, 16).ok())
                    .collect(),
            ),
            Err(error) => {
                debug!(%error, "nobody knows which workers live");
                None
            }
        }
    }
}

/// What a process tells of itself.
pub(crate) struct Tells {
    /// What the node is called.
    pub(crate) name: String,
    /// How its lanes are.
    pub(crate) status: LaneStatus,
    /// Since when it runs, and what time it is.
    pub(crate) clock: Clock,
    /// What seals it.
    pub(crate) keys: ClusterKeys,
}

impl Tells {
    fn node(&self, since_ms: u64) -> Node {
        let lanes = self.status.summary();
        Node {
            name: self.name.clone(),
            version: VERSION.to_owned(),
            since_ms,
            load: u32::try_from(lanes.partitions).unwrap_or(u32::MAX),
            backlog: lanes.backlog,
            told_ms: self.clock.now_ms(),
            level: LEVEL,
            free: None,
        }
    }
}
