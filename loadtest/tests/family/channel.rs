//! Channels: list, create, change, delete, and who sees them.

use anyhow::{Context, Result};
use loadtest::{
    client::CallError,
    harness::{Harness, Person, holds, refused, same},
    random::nonce,
    requests::{
        allow_member, create_channel, create_role, delete_channel, get_modlog, hide_channel,
        move_channel, override_of, send_message, set_override, update_channel,
    },
    transport::Transport,
};
use shared::{
    domain::{
        audit::Action,
        limits::MAX_SLOW_MODE,
        permissions::{Override, Permissions, TargetKind},
    },
    error::Reason,
    ids::ChannelId,
    protocol::{
        channel::{
            Channel, ChannelCreated, ChannelDeleted, ChannelKind, ChannelUpdated, ChannelsMoved,
            CreateChannel, GetChannels, MoveChannel,
        },
        message::MessageCreated,
        moderation::GetModlog,
    },
};

scenarios! {
    a_channel_is_created_changed_and_deleted_over_every_door,
    a_hidden_channel_does_not_exist_for_those_who_do_not_see_it,
    rights_that_change_take_effect_between_two_messages,
    overrides_give_nothing_that_the_giver_lacks,
    a_change_that_changes_nothing_is_told_to_nobody,
    an_override_names_roles_and_members_that_exist,
    a_resume_past_what_is_hidden_is_dense,
    a_channel_moves_and_the_others_make_room_over_every_door,
    a_move_says_nothing_of_what_is_hidden,
    a_deleted_category_frees_its_channels,
    a_category_is_one_and_stands_in_none,
    only_text_and_announcements_have_messages,
    announcements_are_for_those_who_are_let,
    a_separator_is_seen_and_nothing_else,
    a_slow_channel_makes_its_members_wait,
    who_moves_channels_that_many_groups_see_waits,
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

async fn a_change_that_changes_nothing_is_told_to_nobody(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let shown = vec![shown_to(&bob)];
    let room = alice.creates_channel("#room", shown.clone()).await?;
    let entries = async || {
        let of_it = GetModlog {
            action: Some(Action::ChannelUpdate),
            ..get_modlog()
        };
        anyhow::Ok(alice.call(&of_it).await?.entries)
    };
    let before = bob.remembers().await?;
    let mut same_again = update_channel(room);
    alice.call(&same_again).await?;
    same_again.nonce = nonce();
    same_again.name = Some("room".to_owned());
    same_again.overrides = Some(shown);
    alice.call(&same_again).await?;
    alice.send("#room", "nothing new").await?;
    bob.saw_none_before("nothing new", |event: &ChannelUpdated| {
        event.channel.channel_id == room
    })
    .await?;
    same(&entries().await?.len(), &0)?;
    same_again.nonce = nonce();
    same_again.topic = Some("cats".to_owned());
    alice.call(&same_again).await?;
    bob.sees_event(|event: &ChannelUpdated| event.channel.topic == "cats")
        .await?;
    // The log says what is another, and nothing else.
    let entries = entries().await?;
    let told: Vec<_> = entries
        .iter()
        .map(|entry| (entry.before.as_deref(), entry.after.as_deref()))
        .collect();
    let due = (Some(r#"{"topic":""}"#), Some(r#"{"topic":"cats"}"#));
    same(&told, &vec![due])?;
    bob.agrees(before).await
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

/// Makes a channel of a kind.
async fn make(owner: &Person, name: &str, kind: ChannelKind) -> Result<ChannelId> {
    let create = CreateChannel {
        kind,
        ..create_channel(name, Vec::new())
    };
    let created = owner.call(&create).await?.channel;
    same(&created.kind, &kind)?;
    Ok(created.channel_id)
}

fn places(channels: &[Channel]) -> Vec<(u32, &str)> {
    let place = |channel: &Channel| channel.position;
    channels
        .iter()
        .map(|c| (place(c), c.name.as_str()))
        .collect()
}

async fn a_channel_moves_and_the_others_make_room_over_every_door(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let category = make(&alice, "rooms", ChannelKind::Category).await?;
    for name in ["a", "b", "c"] {
        alice.creates_channel(name, Vec::new()).await?;
    }
    let last = alice.channel("c").await?;
    for transport in Transport::ALL {
        let (hers, his) = (alice.remembers().await?, bob.remembers().await?);
        let mut way = alice.through(transport).await?;
        let into = MoveChannel {
            parent_id: Some(category),
            ..move_channel(last, 2)
        };
        way.call(alice.scope(), &into).await?;
        let channels = bob.channels().await?;
        let due = ["general", "rooms", "c", "a", "b"];
        same(&places(&channels), &(0..).zip(due).collect())?;
        let moved = bob
            .sees_event(|event: &ChannelsMoved| {
                event
                    .channels
                    .iter()
                    .any(|place| place.parent_id == Some(category))
            })
            .await?;
        same(&moved.channels.len(), &3)?;
        // Beyond the last place is the last one.
        way.call(alice.scope(), &move_channel(last, 99)).await?;
        let due = ["general", "rooms", "a", "b", "c"];
        same(&places(&bob.channels().await?), &(0..).zip(due).collect())?;
        alice.agrees(hers).await?;
        bob.agrees(his).await?;
    }
    Ok(())
}

async fn a_move_says_nothing_of_what_is_hidden(harness: &Harness) -> Result<()> {
    let [alice, bob, carol] = harness.members().await?;
    let overrides = vec![hide_channel(alice.scope()), shown_to(&carol)];
    let secret = alice.creates_channel("#secret", overrides).await?;
    let open = alice.creates_channel("#open", Vec::new()).await?;
    let (his, hers) = (bob.remembers().await?, carol.remembers().await?);
    alice.call(&move_channel(open, 0)).await?;
    let moves = |event: &ChannelsMoved, id| event.channels.iter().any(|c| c.channel_id == id);
    carol
        .sees_event(|event: &ChannelsMoved| moves(event, secret))
        .await?;
    alice.send("#general", "moved").await?;
    bob.saw_none_before("moved", |event: &ChannelsMoved| moves(event, secret))
        .await?;
    bob.agrees(his).await?;
    carol.agrees(hers).await
}

async fn a_deleted_category_frees_its_channels(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let category = make(&alice, "rooms", ChannelKind::Category).await?;
    let create = CreateChannel {
        parent_id: Some(category),
        ..create_channel("inside", Vec::new())
    };
    let inside = alice.call(&create).await?.channel;
    same(&inside.parent_id, &Some(category))?;
    let his = bob.remembers().await?;
    alice.call(&delete_channel(category)).await?;
    let channels = bob.channels().await?;
    let kept = channels.iter().find(|c| c.channel_id == inside.channel_id);
    same(&kept.map(|channel| channel.parent_id), &Some(None))?;
    bob.agrees(his).await
}

async fn a_category_is_one_and_stands_in_none(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let general = alice.channel("#general").await?;
    let rooms = make(&alice, "rooms", ChannelKind::Category).await?;
    let other = make(&alice, "other", ChannelKind::Category).await?;
    let into = |channel, parent| MoveChannel {
        parent_id: Some(parent),
        ..move_channel(channel, 0)
    };
    refused(alice.call(&into(rooms, general)).await, Reason::Invalid)?;
    refused(alice.call(&into(rooms, other)).await, Reason::Invalid)?;
    refused(alice.call(&into(general, general)).await, Reason::Invalid)?;
    let [mallory] = harness.members().await?;
    let hers = make(&mallory, "hers", ChannelKind::Category).await?;
    let unknown = alice.call(&into(general, hers)).await;
    refused(unknown, Reason::UnknownChannel)?;
    let nested = CreateChannel {
        kind: ChannelKind::Category,
        parent_id: Some(rooms),
        ..create_channel("nested", Vec::new())
    };
    refused(alice.call(&nested).await.map(drop), Reason::Invalid)
}

async fn only_text_and_announcements_have_messages(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    for (name, kind) in [
        ("voice", ChannelKind::Voice),
        ("forum", ChannelKind::Forum),
        ("category", ChannelKind::Category),
        ("separator", ChannelKind::Separator),
    ] {
        let channel = make(&alice, name, kind).await?;
        let message = send_message(channel, "hello");
        alice
            .is_refused(alice.scope(), &message, Reason::WrongKind)
            .await?;
    }
    make(&alice, "news", ChannelKind::Announcement).await?;
    alice.send("#news", "hello").await.map(drop)
}

async fn announcements_are_for_those_who_are_let(harness: &Harness) -> Result<()> {
    let [alice, bob, carol] = harness.members().await?;
    let news = make(&alice, "news", ChannelKind::Announcement).await?;
    let let_send = allow_member(bob.user.user_id.get(), Permissions::SEND_MESSAGES);
    alice.call(&set_override(news, &let_send)).await?;
    bob.send("#news", "from the reporter").await?;
    carol.sees("from the reporter").await?;
    let message = send_message(news, "me too");
    carol
        .is_refused(carol.scope(), &message, Reason::Forbidden)
        .await
}

async fn a_separator_is_seen_and_nothing_else(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let line = make(&alice, "—", ChannelKind::Separator).await?;
    let more = allow_member(bob.user.user_id.get(), Permissions::SEND_MESSAGES);
    refused(
        alice.call(&set_override(line, &more)).await,
        Reason::Invalid,
    )?;
    let hidden = hide_channel(alice.scope());
    alice.call(&set_override(line, &hidden)).await?;
    let channels = bob.channels().await?;
    holds(
        channels.iter().all(|channel| channel.channel_id != line),
        "it can be hidden",
    )
}

async fn who_moves_channels_that_many_groups_see_waits(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let mut roles = Vec::new();
    for name in ["a", "b", "c", "d", "e", "f"] {
        let role = create_role(name, Permissions::empty());
        roles.push(alice.call(&role).await?.role.role_id.get());
    }
    // Each of them is seen by others.
    let mut first = None;
    for number in 0..64 {
        let shown = roles.iter().enumerate();
        let shown = shown.filter(|(place, _)| (number >> place) & 1 == 1);
        let shown = shown.map(|(_, role)| {
            let view = Permissions::VIEW_CHANNEL;
            override_of(TargetKind::Role, *role, view, Permissions::empty())
        });
        let mut overrides = vec![hide_channel(alice.scope())];
        overrides.extend(shown);
        let room = alice
            .creates_channel(&format!("#{number}"), overrides)
            .await?;
        first = first.or(Some(room));
    }
    let first = first.context("a channel")?;
    let his = bob.remembers().await?;
    let refusal = loop {
        // There and back: each of 64 groups is told of another place.
        let down = alice.call(&move_channel(first, 99)).await;
        let moved = match down {
            Ok(()) => alice.call(&move_channel(first, 1)).await,
            refused => refused,
        };
        match moved {
            Ok(()) => {}
            Err(CallError::Refused(refusal)) => break refusal,
            Err(error) => return Err(error.into()),
        }
    };
    same(&refusal.reason, &Reason::RateLimited)?;
    let wait = refusal.retry_after.unwrap_or_default();
    holds((1..=6_500).contains(&wait), &format!("{wait} ms"))?;
    // What concerns one group costs nothing more, and others have their own.
    let room = alice.channel("#general").await?;
    alice.call(&update_channel(room)).await?;
    bob.agrees(his).await
}

async fn a_slow_channel_makes_its_members_wait(harness: &Harness) -> Result<()> {
    let [alice, bob, carol] = harness.members().await?;
    let room = alice.creates_channel("#room", Vec::new()).await?;
    let his = bob.remembers().await?;
    let mut slow = update_channel(room);
    slow.slow_mode = Some(MAX_SLOW_MODE + 1);
    refused(alice.call(&slow).await, Reason::Invalid)?;
    slow.slow_mode = Some(MAX_SLOW_MODE);
    alice.call(&slow).await?;
    let first = send_message(room, "first");
    let said = bob.call(&first).await?;
    // A repeat is no second message.
    bob.call(&first).await?;
    for mut way in bob.ways().await? {
        match way.call(bob.scope(), &send_message(room, "too soon")).await {
            Err(CallError::Refused(refusal)) => {
                same(&refusal.reason, &Reason::RateLimited)?;
                let wait = refusal.retry_after.unwrap_or_default();
                let most = u64::from(MAX_SLOW_MODE) * 1_000;
                holds(
                    (most - 60_000..=most).contains(&wait),
                    &format!("{wait} ms"),
                )?;
            }
            other => anyhow::bail!("{other:?}"),
        }
    }
    // A change adds no message.
    for text in ["first of all", "the first"] {
        bob.edits(room, said.message_id, text).await?;
    }
    // Another member, another channel, and who may manage it.
    carol.send("#room", "hers").await?;
    bob.send("#general", "elsewhere").await?;
    let passes = allow_member(bob.user.user_id.get(), Permissions::BYPASS_SLOW_MODE);
    alice.call(&set_override(room, &passes)).await?;
    bob.send("#room", "at once").await?;
    for text in ["one", "two"] {
        alice.send("#room", text).await?;
    }
    bob.agrees(his).await
}
