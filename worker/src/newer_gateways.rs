//! Holds a worker back while gateways have clients whose requests it may not understand: so on the way
//! back one command may replace workers and gateways at the same time, and gateways still go first.

use std::time::Duration;

use shared::{
    bus::{
        Bus, BusError,
        level::{Wait, why_worker_waits},
        node::list_nodes,
    },
    keys::ClusterKeys,
    ops::Health,
    protocol::admin::NodeKind,
};

/// The name of the check.
pub(crate) const CHECK: &str = "gateways";
/// For how long who waited may find none: gateways tell of themselves every two seconds, also to a
/// Redis that has just been emptied.
const CLEAR: Duration = Duration::from_secs(3);

/// Waits until there are none.
pub(crate) async fn wait(bus: &Bus, keys: &ClusterKeys, health: &Health) {
    let wait = Wait::new(CHECK, Duration::ZERO, CLEAR);
    wait.look_until_clear(health, || look(bus, keys)).await;
}

async fn look(bus: &Bus, keys: &ClusterKeys) -> Result<Option<String>, BusError> {
    let gateways = list_nodes(bus, keys, NodeKind::Gateway).await?;
    let workers = list_nodes(bus, keys, NodeKind::Worker).await?;
    Ok(why_worker_waits(&gateways, &workers))
}
