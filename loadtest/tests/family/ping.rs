//! Ping: the whole way to a worker and back.

use anyhow::Result;
use loadtest::{
    harness::{Harness, holds},
    transport::{Transport, TransportClient},
};
use shared::{clock::Clock, protocol::ping::Ping};

scenarios! {
    anyone_is_answered_over_every_door_of_every_gateway,
    those_signed_in_are_answered_in_any_scope,
}

async fn anyone_is_answered_over_every_door_of_every_gateway(harness: &Harness) -> Result<()> {
    for gateway in 0..2 {
        for transport in Transport::ALL {
            let before = Clock::system().now_ms();
            let mut way =
                TransportClient::open(transport, &harness.address(gateway)?, None).await?;
            let pong = way.call(0, &Ping {}).await?;
            let after = Clock::system().now_ms();
            holds(
                (before..=after).contains(&pong.now),
                "the worker's clock is this machine's",
            )?;
        }
    }
    Ok(())
}

async fn those_signed_in_are_answered_in_any_scope(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    for mut way in alice.ways().await? {
        way.call(alice.scope(), &Ping {}).await?;
        way.call(0, &Ping {}).await?;
    }
    Ok(())
}
