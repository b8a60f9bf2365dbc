//! Who is there is not told as gone: by a worker that was ahead, or by a gateway that he left for
//! another one.

use anyhow::Result;
use loadtest::{
    harness::{Harness, holds},
    transport::Transport,
};
use shared::protocol::presence::PresenceState;

use super::{heard, looks, marks, watches};

scenarios! {
    who_was_seen_first_by_a_worker_is_not_told_as_gone,
    who_moves_to_another_gateway_was_never_gone,
}

async fn who_was_seen_first_by_a_worker_is_not_told_as_gone(harness: &Harness) -> Result<()> {
    let alice = harness.guest("alice", 0).await?;
    alice.creates_server("Company").await?;
    let code = alice.invites().await?;
    let mut way = alice.through(Transport::Json).await?;
    // A worker knows of each before her gateway has told of him.
    for _ in 0..4 {
        let bob = harness.guest("bob", 1).await?;
        bob.joins(&code).await?;
        looks(&mut way, &bob, PresenceState::Online).await?;
        watches(&alice, &[&bob]).await?;
        marks(harness, &alice, &code, &[&bob]).await?;
        let gone = heard(&alice, &bob).contains(&PresenceState::Offline);
        holds(!gone, "who is there did not go")?;
    }
    Ok(())
}

async fn who_moves_to_another_gateway_was_never_gone(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let code = alice.invites().await?;
    watches(&alice, &[&bob]).await?;
    for _ in 0..2 {
        bob.client.resume_on(None).await?;
        bob.send("#general", "I am elsewhere").await?;
    }
    marks(harness, &alice, &code, &[&bob]).await?;
    let gone = heard(&alice, &bob).contains(&PresenceState::Offline);
    holds(!gone, "who moves stays")
}
