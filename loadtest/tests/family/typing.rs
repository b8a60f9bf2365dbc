//! Typing: a signal that is told and not kept.

use anyhow::Result;
use loadtest::{
    client::log::Seen,
    harness::{Harness, holds, same},
    requests::{create_channel, hide_channel},
    transport::Transport,
};
use shared::{
    error::Reason,
    protocol::{
        Event,
        channel::{ChannelKind, CreateChannel},
        typing::{SignalTyping, TypingStarted},
    },
};

scenarios! {
    others_are_told_who_types_where_over_every_door,
    nobody_hears_typing_in_a_channel_that_he_does_not_see,
    nobody_types_where_there_are_no_messages,
}

async fn others_are_told_who_types_where_over_every_door(harness: &Harness) -> Result<()> {
    for transport in Transport::ALL {
        let [alice, bob] = harness.members().await?;
        let general = alice.channel("#general").await?;
        // Signals are dropped while a stream still opens: it must flow first.
        alice.send("#general", "here").await?;
        bob.sees("here").await?;
        let signal = SignalTyping {
            channel_id: general,
        };
        alice
            .through(transport)
            .await?
            .call(alice.scope(), &signal)
            .await?;
        let told = bob
            .sees_event(|event: &TypingStarted| event.user_id == alice.user.user_id)
            .await?;
        same(&told.channel_id, &general)?;
        let log = bob.client.log().since(0);
        let unstored = log.iter().all(|seen| match seen {
            Seen::Event { opcode, seq, .. } => *opcode != TypingStarted::OPCODE || *seq == 0,
            _ => true,
        });
        holds(unstored, "typing has no place in the topic")?;
    }
    Ok(())
}

async fn nobody_hears_typing_in_a_channel_that_he_does_not_see(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let hidden = hide_channel(alice.scope());
    let secret = alice.creates_channel("#secret", vec![hidden]).await?;
    alice.call(&SignalTyping { channel_id: secret }).await?;
    alice.send("#general", "marker").await?;
    bob.saw_none_before("marker", |event: &TypingStarted| event.channel_id == secret)
        .await
}

async fn nobody_types_where_there_are_no_messages(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    for kind in [
        ChannelKind::Voice,
        ChannelKind::Category,
        ChannelKind::Separator,
    ] {
        let create = CreateChannel {
            kind,
            ..create_channel("silent", Vec::new())
        };
        let channel_id = alice.call(&create).await?.channel.channel_id;
        let signal = SignalTyping { channel_id };
        bob.is_refused(bob.scope(), &signal, Reason::WrongKind)
            .await?;
    }
    alice.send("#general", "marker").await?;
    bob.saw_none_before("marker", |_event: &TypingStarted| true)
        .await
}
