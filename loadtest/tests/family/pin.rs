//! Pins: what a channel holds up.

use anyhow::{Context, Result};
use loadtest::{
    client::log::Seen,
    harness::{Harness, Person, holds, refused, same},
    requests::{allow_member, deny_everyone, get_message, list_pins, pin_message, unpin_message},
    transport::Transport,
};
use shared::{
    domain::{limits::MAX_PINS, permissions::Permissions},
    error::Reason,
    ids::{ChannelId, MessageId},
    protocol::message::{ListPins, MessagePinned, MessageUnpinned},
};

scenarios! {
    a_message_is_pinned_listed_and_unpinned_over_every_door,
    pinning_needs_its_permission,
    what_is_pinned_already_changes_nothing,
    pins_are_paged_the_last_first,
    a_deleted_message_is_not_pinned_any_more,
    a_channel_has_as_many_pins_as_it_may,
    the_message_of_another_channel_cannot_be_pinned,
}

/// The pinned messages of a channel, as somebody is shown them.
async fn pinned(person: &Person, channel: ChannelId) -> Result<Vec<MessageId>> {
    let pins = person.call(&list_pins(channel)).await?.pins;
    Ok(pins.iter().map(|pin| pin.message.message_id).collect())
}

async fn a_message_is_pinned_listed_and_unpinned_over_every_door(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let general = alice.channel("#general").await?;
    for transport in Transport::ALL {
        let mut way = alice.through(transport).await?;
        let scope = alice.scope();
        let text = format!("rules, over {transport:?}");
        let id = bob.send("#general", &text).await?.message_id;
        let (hers, his) = (alice.remembers().await?, bob.remembers().await?);
        way.call(scope, &pin_message(general, id)).await?;
        let told = bob
            .sees_event(|event: &MessagePinned| event.message_id == id)
            .await?;
        same(&told.user_id, &alice.user.user_id)?;
        let pins = way.call(scope, &list_pins(general)).await?.pins;
        let pin = pins.first().context("the pin")?;
        same(&pin.message.content, &text)?;
        holds(pin.message.pinned, "it says so")?;
        same(
            &(pin.user_id, pin.pinned_at),
            &(told.user_id, told.pinned_at),
        )?;
        let shown = way.call(scope, &get_message(general, id)).await?;
        holds(shown.pinned, "the message says so")?;
        bob.agrees(his).await?;
        let his = bob.remembers().await?;

        way.call(scope, &unpin_message(general, id)).await?;
        bob.sees_event(|event: &MessageUnpinned| event.message_id == id)
            .await?;
        same(&pinned(&bob, general).await?, &Vec::new())?;
        alice.agrees(hers).await?;
        bob.agrees(his).await?;
    }
    Ok(())
}

async fn pinning_needs_its_permission(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let general = alice.channel("#general").await?;
    let id = bob.send("#general", "mine").await?.message_id;
    let (scope, due) = (bob.scope(), Reason::Forbidden);
    bob.is_refused(scope, &pin_message(general, id), due)
        .await?;
    bob.is_refused(scope, &unpin_message(general, id), due)
        .await?;
    let pinner = allow_member(bob.user.user_id.get(), Permissions::PIN_MESSAGES);
    alice.overrides(general, vec![pinner]).await?;
    bob.call(&pin_message(general, id)).await?;
    same(&pinned(&alice, general).await?, &vec![id])?;
    let no_past = deny_everyone(alice.scope(), Permissions::READ_HISTORY);
    alice.overrides(general, vec![no_past]).await?;
    bob.is_refused(scope, &list_pins(general), due).await
}

async fn what_is_pinned_already_changes_nothing(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let general = alice.channel("#general").await?;
    let id = alice.send("#general", "once").await?.message_id;
    alice.call(&unpin_message(general, id)).await?;
    alice.call(&pin_message(general, id)).await?;
    alice.call(&pin_message(general, id)).await?;
    alice.send("#general", "marker").await?;
    bob.sees("marker").await?;
    let log = bob.client.log().since(0);
    same(
        &log.iter().filter_map(Seen::event::<MessagePinned>).count(),
        &1,
    )?;
    same(
        &log.iter()
            .filter_map(Seen::event::<MessageUnpinned>)
            .count(),
        &0,
    )
}

async fn pins_are_paged_the_last_first(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let general = alice.channel("#general").await?;
    let mut ids = Vec::new();
    for number in 0..5 {
        let sent = alice.send("#general", &format!("message {number}")).await?;
        ids.push(sent.message_id);
    }
    // Pinned in another order than they were sent in.
    let order = [2, 0, 4, 1, 3].map(|place| ids.get(place).copied());
    let order: Vec<MessageId> = order.into_iter().flatten().collect();
    for id in &order {
        alice.call(&pin_message(general, *id)).await?;
    }
    for mut way in alice.ways().await? {
        let (mut read, mut before) = (Vec::new(), None);
        loop {
            let page = ListPins {
                before,
                limit: Some(2),
                ..list_pins(general)
            };
            let pins = way.call(alice.scope(), &page).await?.pins;
            let Some(last) = pins.last() else { break };
            before = Some(last.place);
            read.extend(pins.iter().map(|pin| pin.message.message_id));
        }
        read.reverse();
        same(&read, &order)?;
    }
    Ok(())
}

async fn a_deleted_message_is_not_pinned_any_more(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let general = alice.channel("#general").await?;
    let id = alice.send("#general", "gone soon").await?.message_id;
    let his = bob.remembers().await?;
    alice.call(&pin_message(general, id)).await?;
    alice.deletes(general, id).await?;
    same(&pinned(&bob, general).await?, &Vec::new())?;
    let again = alice.call(&pin_message(general, id)).await;
    refused(again, Reason::UnknownMessage)?;
    bob.agrees(his).await
}

async fn a_channel_has_as_many_pins_as_it_may(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let general = alice.channel("#general").await?;
    let mut ids = Vec::new();
    for number in 0..=MAX_PINS {
        let sent = alice.send("#general", &format!("message {number}")).await?;
        ids.push(sent.message_id);
    }
    let last = ids.pop().context("the last")?;
    for id in &ids {
        alice.call(&pin_message(general, *id)).await?;
    }
    let (scope, due) = (alice.scope(), Reason::LimitReached);
    alice
        .is_refused(scope, &pin_message(general, last), due)
        .await?;
    // One that is there stays there.
    let first = *ids.first().context("the first")?;
    alice.call(&pin_message(general, first)).await?;
    alice.call(&unpin_message(general, first)).await?;
    alice.call(&pin_message(general, last)).await?;
    Ok(())
}

async fn the_message_of_another_channel_cannot_be_pinned(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let [mallory] = harness.members().await?;
    let secret = alice.send("#general", "secret").await?.message_id;
    let hers = mallory.channel("#general").await?;
    let due = Reason::UnknownMessage;
    refused(mallory.call(&pin_message(hers, secret)).await, due)?;
    refused(mallory.call(&unpin_message(hers, secret)).await, due)
}
