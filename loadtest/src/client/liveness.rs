//! When a gateway that says nothing is left, the same for all clients here, and for the page
//! (`gateway/web/client/src/wire/pulse.ts`). Where the figures come from: docs/protocol.md.

use std::time::Duration;

/// How long an address may take to answer the first packet, which the kernel repeats after a
/// second: behind a balancer that does not know yet that a node is gone, the next try may reach
/// another one.
pub const DIALING: Duration = Duration::from_secs(3);

/// Heartbeats in the interval that the gateway asks for.
pub const HEARTBEATS: u32 = 2;

/// How long the answer to a heartbeat may take, where the gateway asks for one in this interval.
pub fn answer_patience(interval: Duration) -> Duration {
    interval * 3 / 10
}
