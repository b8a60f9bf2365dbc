//! Channels: list, create, change, delete, and who sees them.

use anyhow::Result;
use loadtest::{
    harness::{Harness, Person, holds, refused, same},
    requests::{
        allow_member, create_channel, delete_channel, hide_channel, send_message, update_channel,
    },
    transport::Transport,
};
use shared::{
    domain::permissions::{Override, Permissions},
    error::Reason,
    protocol::{
        channel::{ChannelCreated, ChannelDeleted, ChannelUpdated, CreateChannel, GetChannels},
        message::MessageCreated,
    },
};

scenarios! {
    a_channel_is_created_changed_and_deleted_over_every_door,
    a_hidden_channel_does_not_exist_for_those_who_do_not_see_it,
    rights_that_change_take_effect_between_two_messages,
    overrides_give_nothing_that_the_giver_lacks,
    an_override_names_roles_and_members_that_exist,
    a_resume_past_what_is_hidden_is_dense,
}

fn create(name: &str) -> CreateChannel {
    CreateChannel {
        topic: Some("what it is about".to_owned()),
        ..create_channel(name, Vec::new())
    }
}

/// Gives one member the sight of a channel, and what goes with it.
fn shown_to(person: &Person) -> Override {
    allow_member(person.user.user_id.get(), Permissions::EVERYONE)
}

async fn a_channel_is_created_changed_and_deleted_over_every_door(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    for transport in Transport::ALL {
        let mut way = alice.through(transport).await?;
        let (hers, his) = (alice.remembers().await?, bob.remembers().await?);
        let created = way.call(alice.scope(), &create("plans")).await?.channel;
        same(&created.topic, &"what it is about".to_owned())?;
        same(&created.last_seq, &0)?;
        bob.sees_event(|event: &ChannelCreated| event.channel == created)
            .await?;
        alice.agrees(hers).await?;
        bob.agrees(his).await?;

        let his = bob.remembers().await?;
        let mut change = update_channel(created.channel_id);
        change.name = Some("better plans".to_owned());
        change.position = Some(7);
        way.call(alice.scope(), &change).await?;
        let changed = bob
            .sees_event(|event: &ChannelUpdated| event.channel.channel_id == created.channel_id)
            .await?;
        same(&changed.channel.name, &"better plans".to_owned())?;
        same(&changed.channel.topic, &created.topic)?;
        same(&changed.channel.position, &7)?;
        bob.agrees(his).await?;
        let mut his_way = bob.through(transport).await?;
        let listed = his_way.call(bob.scope(), &GetChannels {}).await?.channels;
        let order: Vec<_> = listed.iter().map(|c| (c.position, c.channel_id)).collect();
        holds(order.is_sorted(), &format!("listed by position: {order:?}"))?;
        holds(listed.contains(&changed.channel), "it is listed as changed")?;

        let his = bob.remembers().await?;
        way.call(alice.scope(), &delete_channel(created.channel_id))
            .await?;
        bob.sees_event(|event: &ChannelDeleted| event.channel_id == created.channel_id)
            .await?;
        bob.agrees(his).await?;
    }
    Ok(())
}

async fn a_hidden_channel_does_not_exist_for_those_who_do_not_see_it(
    harness: &Harness,
) -> Result<()> {
    let [alice, bob, carol] = harness.members().await?;
    let overrides = vec![hide_channel(alice.scope()), shown_to(&carol)];
    let secret = alice.creates_channel("#secret", overrides).await?;
    alice.send("#secret", "for carol").await?;
    carol.sees("for carol").await?;
    alice.send("#general", "for all").await?;

    bob.saw_none_before("for all", |event: &MessageCreated| {
        event.channel_id == secret
    })
    .await?;
    bob.saw_none_before("for all", |event: &ChannelCreated| {
        event.channel.channel_id == secret
    })
    .await?;
    let message = send_message(secret, "let me in");
    bob.is_refused(bob.scope(), &message, Reason::UnknownChannel)
        .await?;
    let listed = bob.channels().await?;
    holds(
        listed.iter().all(|channel| channel.channel_id != secret),
        "the list hides it",
    )
}

async fn rights_that_change_take_effect_between_two_messages(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let room = alice.creates_channel("#room", Vec::new()).await?;
    alice.send("#room", "one").await?;
    bob.sees("one").await?;

    alice
        .overrides(room, vec![hide_channel(alice.scope())])
        .await?;
    alice.send("#room", "two").await?;
    alice.send("#general", "hidden now").await?;
    bob.saw_none_before("hidden now", |event: &MessageCreated| {
        event.message.content == "two"
    })
    .await?;

    alice.overrides(room, Vec::new()).await?;
    alice.send("#room", "three").await?;
    bob.sees("three").await?;
    let contents: Vec<String> = bob
        .history(room)
        .await?
        .into_iter()
        .map(|message| message.content)
        .collect();
    same(
        &contents,
        &["one", "two", "three"].map(str::to_owned).to_vec(),
    )
}

async fn overrides_give_nothing_that_the_giver_lacks(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let manager = allow_member(
        bob.user.user_id.get(),
        Permissions::MANAGE_CHANNELS | Permissions::MANAGE_ROLES,
    );
    let room = alice
        .creates_channel("#room", vec![manager.clone()])
        .await?;
    let mut greedy = update_channel(room);
    greedy.overrides = Some(vec![Override {
        allow: Permissions::MANAGE_MESSAGES,
        ..manager
    }]);
    refused(bob.call(&greedy).await, Reason::Forbidden)?;
    let mut modest = update_channel(room);
    modest.name = Some("renamed".to_owned());
    bob.call(&modest).await?;
    Ok(())
}

async fn an_override_names_roles_and_members_that_exist(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let stranger = harness.guest("stranger", 1).await?;
    let room = alice.channel("#general").await?;
    for target in [stranger.user.user_id.get(), 1, alice.scope() + 1, 0] {
        let mut change = update_channel(room);
        change.overrides = Some(vec![allow_member(target, Permissions::SEND_MESSAGES)]);
        refused(alice.call(&change).await, Reason::UnknownTarget)?;
    }
    Ok(())
}

async fn a_resume_past_what_is_hidden_is_dense(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let overrides = vec![hide_channel(alice.scope())];
    let secret = alice.creates_channel("#secret", overrides).await?;
    alice.send("#general", "before").await?;
    bob.sees("before").await?;
    bob.client.resume_on(Some(&harness.address(0)?)).await?;
    for number in 0..10 {
        alice.send("#secret", &format!("secret {number}")).await?;
        alice.send("#general", &format!("open {number}")).await?;
    }
    bob.saw_none_before("open 9", |event: &MessageCreated| {
        event.channel_id == secret
    })
    .await
}
