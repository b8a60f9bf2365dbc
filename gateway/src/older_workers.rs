//! Holds a gateway back until no worker lives that may not understand it: so one command may replace
//! workers and gateways at the same time, and workers still come first.

use std::{future::pending, time::Duration};

use shared::{
    bus::{
        Bus, BusError,
        level::{Wait, why_gateway_waits},
        node::list_nodes,
    },
    keys::ClusterKeys,
    ops::Health,
    protocol::admin::NodeKind,
};

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
        let wait = Wait::new(CHECK, CLEAR, CLEAR);
        wait.look_until_clear(&self.health, || self.look()).await;
        pending::<()>().await;
    }

    async fn look(&self) -> Result<Option<String>, BusError> {
        let workers = list_nodes(&self.bus, &self.keys, NodeKind::Worker).await?;
        Ok(why_gateway_waits(&workers))
    }
}
