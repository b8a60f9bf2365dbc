//! Holds a gateway back until no worker lives that may not understand it: so one command may replace
//! workers and gateways at the same time, and workers still come first.

use std::{future::pending, time::Duration};

use shared::{
    bus::{
        Bus,
        level::{Wait, find_older_workers},
        node::list_nodes,
    },
    keys::ClusterKeys,
    ops::Health,
    protocol::admin::NodeKind,
};
use tokio::time::{Instant, sleep};

/// The name of the check.
pub const CHECK: &str = "workers";
/// For how long none may be found: the lease of a worker, so that each was heard meanwhile, also by a
/// Redis that has just been emptied.
const CLEAR: Duration = Duration::from_millis(1_500);

/// Looks for older workers.
pub struct OlderWorkers {
    /// Where workers say that they live.
    pub bus: Bus,
    /// What opens what they tell.
    pub keys: ClusterKeys,
    /// Where the result is shown.
    pub health: Health,
}

impl OlderWorkers {
    /// Looks until there are none. From then on the gateway has clients, and an older worker that
    /// comes back is no reason to send them away: it waits itself.
    pub async fn run(self) {
        let mut wait = Wait::new(CHECK, CLEAR, CLEAR);
        loop {
            let workers = list_nodes(&self.bus, &self.keys, NodeKind::Worker).await;
            let found = workers.map(|workers| find_older_workers(&workers));
            if wait.note(found, &self.health, Instant::now()) {
                return pending().await;
            }
            sleep(Wait::LOOK).await;
        }
    }
}
