//! Attacks: what somebody with an account, or without one, tries on purpose.

use anyhow::Result;
use loadtest::{
    door::Door,
    random::nonce,
    stage::{same, scene},
};
use shared::protocol::{channel::UpdateChannel, server::GetServer};

#[tokio::test]
async fn a_channel_at_the_last_position_breaks_no_server() -> Result<()> {
    scene(async |stage| {
        let [alice, bob] = stage.company().await?;
        let update = UpdateChannel {
            nonce: nonce(),
            channel_id: alice.channel("#general").await?,
            name: None,
            topic: None,
            position: Some(i32::MAX.cast_unsigned()),
            overrides: None,
        };
        alice.call(&update).await?;
        for name in ["beyond", "further"] {
            alice.creates_channel(name, Vec::new()).await?;
        }
        for door in Door::ALL {
            let mut way = bob.through(door).await?;
            let info = way.call(bob.scope(), &GetServer {}).await?;
            same(&info.channels.len(), &3)?;
        }
        bob.client.resume_on(None).await?;
        alice.send("#further", "still here").await?;
        bob.sees("still here").await?;
        Ok(())
    })
    .await
}
