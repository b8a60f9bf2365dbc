//! Reactions: who put which emoji to a message.

use anyhow::Result;
use loadtest::{
    client::log::Seen,
    harness::{Harness, Person, refused, same},
    requests::{
        add_reaction, allow_member, deny_everyone, get_message, list_reactors, remove_reaction,
    },
    transport::Transport,
};
use shared::{
    domain::{limits::MAX_EMOJI, permissions::Permissions},
    error::Reason,
    ids::{ChannelId, MessageId},
    protocol::message::{ListReactors, Reaction, ReactionAdded, ReactionRemoved, RemoveReaction},
};

scenarios! {
    people_react_and_take_it_back_over_every_door,
    everyone_sees_which_reactions_are_his_own,
    reacting_needs_its_permission,
    only_a_moderator_takes_away_what_others_put,
    reacting_twice_changes_nothing,
    a_message_has_as_many_emoji_as_it_may,
    only_one_emoji_is_a_reaction,
    who_reacted_is_paged,
    reactions_go_with_their_message,
}

/// How a message was reacted to, as somebody sees it.
async fn reactions(
    person: &Person,
    channel: ChannelId,
    message: MessageId,
) -> Result<Vec<(String, u32, bool)>> {
    let message = person.call(&get_message(channel, message)).await?;
    let each = message.reactions.into_iter();
    Ok(each
        .map(|Reaction { emoji, count, me }| (emoji, count, me))
        .collect())
}

fn reaction(emoji: &str, count: u32, me: bool) -> (String, u32, bool) {
    (emoji.to_owned(), count, me)
}

async fn people_react_and_take_it_back_over_every_door(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let general = alice.channel("#general").await?;
    for transport in Transport::ALL {
        let mut way = bob.through(transport).await?;
        let text = format!("over {transport:?}");
        let id = alice.send("#general", &text).await?.message_id;
        let (hers, his) = (alice.remembers().await?, bob.remembers().await?);
        way.call(bob.scope(), &add_reaction(general, id, "❤"))
            .await?;
        let told = alice
            .sees_event(|event: &ReactionAdded| event.message_id == id)
            .await?;
        same(&(told.user_id, &*told.emoji), &(bob.user.user_id, "❤️"))?;
        alice.call(&add_reaction(general, id, "🎉")).await?;
        alice.call(&add_reaction(general, id, "❤️")).await?;
        let seen = reactions(&bob, general, id).await?;
        same(
            &seen,
            &vec![reaction("❤️", 2, true), reaction("🎉", 1, false)],
        )?;
        let list = list_reactors(general, id, "❤");
        let mut users = vec![alice.user.user_id, bob.user.user_id];
        users.sort_unstable();
        same(&way.call(bob.scope(), &list).await?.user_ids, &users)?;

        way.call(bob.scope(), &remove_reaction(general, id, "❤️"))
            .await?;
        alice
            .sees_event(|event: &ReactionRemoved| event.message_id == id)
            .await?;
        alice.call(&remove_reaction(general, id, "🎉")).await?;
        let seen = reactions(&bob, general, id).await?;
        same(&seen, &vec![reaction("❤️", 1, false)])?;
        alice.agrees(hers).await?;
        bob.agrees(his).await?;
    }
    Ok(())
}

async fn everyone_sees_which_reactions_are_his_own(harness: &Harness) -> Result<()> {
    let [alice, bob, carol] = harness.members().await?;
    let general = alice.channel("#general").await?;
    let id = alice.send("#general", "who?").await?.message_id;
    bob.call(&add_reaction(general, id, "👍")).await?;
    carol.call(&add_reaction(general, id, "👍")).await?;
    carol.call(&add_reaction(general, id, "🎉")).await?;
    for (person, thumb, party) in [
        (&alice, false, false),
        (&bob, true, false),
        (&carol, true, true),
    ] {
        let expected = vec![reaction("👍", 2, thumb), reaction("🎉", 1, party)];
        same(&reactions(person, general, id).await?, &expected)?;
        let page = person.history(general).await?;
        let seen = page.iter().flat_map(|message| &message.reactions);
        same(
            &seen.map(|reaction| reaction.me).collect(),
            &vec![thumb, party],
        )?;
    }
    Ok(())
}

async fn reacting_needs_its_permission(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let general = alice.channel("#general").await?;
    let id = alice.send("#general", "no comment").await?.message_id;
    bob.call(&add_reaction(general, id, "👍")).await?;
    let silent = deny_everyone(alice.scope(), Permissions::ADD_REACTIONS);
    alice.overrides(general, vec![silent]).await?;
    let add = add_reaction(general, id, "🎉");
    bob.is_refused(bob.scope(), &add, Reason::Forbidden).await?;
    // What one has put may still be taken back.
    bob.call(&remove_reaction(general, id, "👍")).await?;
    same(&reactions(&bob, general, id).await?, &Vec::new())
}

async fn only_a_moderator_takes_away_what_others_put(harness: &Harness) -> Result<()> {
    let [alice, bob, carol] = harness.members().await?;
    let general = alice.channel("#general").await?;
    let id = alice.send("#general", "nice").await?.message_id;
    bob.call(&add_reaction(general, id, "👎")).await?;
    let remove = RemoveReaction {
        user_id: Some(bob.user.user_id),
        ..remove_reaction(general, id, "👎")
    };
    carol
        .is_refused(carol.scope(), &remove, Reason::Forbidden)
        .await?;
    let moderator = allow_member(carol.user.user_id.get(), Permissions::MANAGE_MESSAGES);
    alice.overrides(general, vec![moderator]).await?;
    let his = bob.remembers().await?;
    let remove = RemoveReaction {
        user_id: Some(bob.user.user_id),
        ..remove_reaction(general, id, "👎")
    };
    carol.call(&remove).await?;
    let told = bob
        .sees_event(|event: &ReactionRemoved| event.message_id == id)
        .await?;
    same(&told.user_id, &bob.user.user_id)?;
    bob.agrees(his).await
}

async fn reacting_twice_changes_nothing(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let general = alice.channel("#general").await?;
    let id = alice.send("#general", "once").await?.message_id;
    alice.call(&remove_reaction(general, id, "👍")).await?;
    alice.call(&add_reaction(general, id, "👍")).await?;
    alice.call(&add_reaction(general, id, "👍")).await?;
    same(
        &reactions(&alice, general, id).await?,
        &vec![reaction("👍", 1, true)],
    )?;
    alice.send("#general", "marker").await?;
    bob.sees("marker").await?;
    let log = bob.client.log().since(0);
    let added = log.iter().filter_map(Seen::event::<ReactionAdded>);
    let removed = log.iter().filter_map(Seen::event::<ReactionRemoved>);
    same(&(added.count(), removed.count()), &(1, 0))
}

async fn a_message_has_as_many_emoji_as_it_may(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let general = alice.channel("#general").await?;
    let id = alice.send("#general", "all of them").await?.message_id;
    let emoji: Vec<String> = ('🌰'..'🍿').map(String::from).take(MAX_EMOJI + 1).collect();
    let (last, first) = (emoji.last().cloned(), emoji.iter().take(MAX_EMOJI));
    for emoji in first {
        alice.call(&add_reaction(general, id, emoji)).await?;
    }
    let last = last.unwrap_or_default();
    let add = add_reaction(general, id, &last);
    bob.is_refused(bob.scope(), &add, Reason::LimitReached)
        .await?;
    // One that is there has room for everybody.
    bob.call(&add_reaction(general, id, "🌰")).await?;
    alice.call(&remove_reaction(general, id, "🌱")).await?;
    bob.call(&add_reaction(general, id, &last)).await?;
    Ok(())
}

async fn only_one_emoji_is_a_reaction(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let general = alice.channel("#general").await?;
    let id = alice.send("#general", "hm").await?.message_id;
    let (scope, due) = (alice.scope(), Reason::Invalid);
    for text in ["", "a", "👍👍", "👍 ", "<script>", &"👍".repeat(100)] {
        alice
            .is_refused(scope, &add_reaction(general, id, text), due)
            .await?;
    }
    refused(alice.call(&list_reactors(general, id, "x")).await, due)?;
    same(&reactions(&alice, general, id).await?, &Vec::new())
}

async fn who_reacted_is_paged(harness: &Harness) -> Result<()> {
    let people: [Person; 5] = harness.members().await?;
    let [alice, bob, ..] = &people;
    let general = alice.channel("#general").await?;
    let id = alice.send("#general", "everybody").await?.message_id;
    for person in &people {
        person.call(&add_reaction(general, id, "👋")).await?;
    }
    let mut expected: Vec<_> = people.iter().map(|person| person.user.user_id).collect();
    expected.sort_unstable();
    for mut way in bob.ways().await? {
        let (mut read, mut after) = (Vec::new(), None);
        loop {
            let page = ListReactors {
                after,
                limit: Some(2),
                ..list_reactors(general, id, "👋")
            };
            let users = way.call(bob.scope(), &page).await?.user_ids;
            let Some(last) = users.last() else { break };
            after = Some(*last);
            read.extend(users);
        }
        same(&read, &expected)?;
    }
    Ok(())
}

async fn reactions_go_with_their_message(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let general = alice.channel("#general").await?;
    let id = alice.send("#general", "gone soon").await?.message_id;
    let his = bob.remembers().await?;
    bob.call(&add_reaction(general, id, "👋")).await?;
    alice.deletes(general, id).await?;
    let due = Reason::UnknownMessage;
    refused(bob.call(&add_reaction(general, id, "👋")).await, due)?;
    refused(bob.call(&remove_reaction(general, id, "👋")).await, due)?;
    refused(bob.call(&list_reactors(general, id, "👋")).await, due)?;
    bob.agrees(his).await
}
