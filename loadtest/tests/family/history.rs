//! Ways through history: versions, what stands around a message, what answers it; and
//! several messages that go at once.

use anyhow::{Context, Result};
use loadtest::{
    harness::{Harness, Person, holds, refused, same},
    random::nonce,
    requests::{
        allow_member, delete_messages, deny_everyone, edit_message, get_message, send_message,
    },
    transport::Transport,
};
use shared::{
    domain::{
        limits::{MAX_BULK, MAX_EDITS},
        permissions::Permissions,
    },
    error::Reason,
    ids::{ChannelId, MessageId},
    protocol::message::{
        GetMessagesAround, GetReplies, ListVersions, MessageDeleted, MessagesDeleted,
    },
};

scenarios! {
    versions_of_a_message_are_listed_over_every_door,
    a_message_is_changed_a_thousand_times_at_most,
    versions_are_for_the_author_and_for_moderators,
    messages_are_shown_around_one_over_every_door,
    replies_are_paged_over_every_door,
    several_messages_are_deleted_at_once_over_every_door,
    deleting_several_needs_its_permission_and_skips_what_is_not_there,
    nobody_deletes_more_at_once_than_he_may,
    who_may_not_read_history_learns_of_no_message,
}

const fn versions(channel_id: ChannelId, message_id: MessageId) -> ListVersions {
    ListVersions {
        channel_id,
        message_id,
        before: None,
        limit: None,
    }
}

const fn around(
    channel_id: ChannelId,
    message_id: MessageId,
    limit: Option<u32>,
) -> GetMessagesAround {
    GetMessagesAround {
        channel_id,
        message_id,
        limit,
    }
}

/// Sends as many messages; answers their ids.
async fn say(person: &Person, count: usize) -> Result<Vec<MessageId>> {
    let mut ids = Vec::new();
    for number in 1..=count {
        let sent = person.send("#general", &format!("message {number}")).await;
        ids.push(sent?.message_id);
    }
    Ok(ids)
}

async fn versions_of_a_message_are_listed_over_every_door(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let general = alice.channel("#general").await?;
    let id = alice.send("#general", "version 0").await?.message_id;
    for number in 1..=5 {
        alice
            .edits(general, id, &format!("version {number}"))
            .await?;
    }
    for mut way in alice.ways().await? {
        let (mut read, mut before) = (Vec::new(), None);
        loop {
            let page = ListVersions {
                before,
                limit: Some(2),
                ..versions(general, id)
            };
            let page = way.call(alice.scope(), &page).await?.versions;
            let Some(last) = page.last() else { break };
            before = Some(last.place);
            read.extend(page.into_iter().map(|version| version.content));
        }
        let expected = [4, 3, 2, 1, 0].map(|number| format!("version {number}"));
        same(&read, &expected.to_vec())?;
    }
    alice.deletes(general, id).await?;
    let gone = alice.call(&versions(general, id)).await;
    refused(gone, Reason::UnknownMessage)
}

async fn a_message_is_changed_a_thousand_times_at_most(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let general = alice.channel("#general").await?;
    let id = bob.send("#general", "the first").await?.message_id;
    bob.edits(general, id, "the second").await?;
    let earlier = harness.cluster.sql(async |client| {
        let earlier = "INSERT INTO message_edits (channel, id, edited_at, content)
                       SELECT channel, id, n, 'earlier' FROM messages, generate_series(1, $2) n
                       WHERE id = $1";
        let count = i32::try_from(MAX_EDITS - 2).unwrap_or_default();
        client
            .execute(earlier, &[&id.get().cast_signed(), &count])
            .await
    });
    same(&earlier.await?, &(MAX_EDITS - 2))?;
    let his = bob.remembers().await?;
    bob.edits(general, id, "the last").await?;
    let again = edit_message(general, id, "one too many");
    bob.is_refused(bob.scope(), &again, Reason::LimitReached)
        .await?;
    bob.agrees(his).await?;
    let shown = bob.call(&get_message(general, id)).await?;
    same(&shown.content, &"the last".to_owned())?;
    // Another message of his is not concerned, and this one may still go.
    let other = bob.send("#general", "another").await?.message_id;
    bob.edits(general, other, "changed").await?;
    Ok(bob.deletes(general, id).await?)
}

async fn versions_are_for_the_author_and_for_moderators(harness: &Harness) -> Result<()> {
    let [alice, bob, carol] = harness.members().await?;
    let general = alice.channel("#general").await?;
    let id = bob.send("#general", "what I said").await?.message_id;
    bob.edits(general, id, "what I meant").await?;
    let list = versions(general, id);
    same(&bob.call(&list).await?.versions.len(), &1)?;
    let due = Reason::Forbidden;
    carol.is_refused(carol.scope(), &list, due).await?;
    let moderator = allow_member(carol.user.user_id.get(), Permissions::MANAGE_MESSAGES);
    alice.overrides(general, vec![moderator]).await?;
    same(&carol.call(&list).await?.versions.len(), &1)?;
    let no_past = deny_everyone(alice.scope(), Permissions::READ_HISTORY);
    alice.overrides(general, vec![no_past]).await?;
    bob.is_refused(bob.scope(), &list, due).await
}

async fn messages_are_shown_around_one_over_every_door(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let general = alice.channel("#general").await?;
    let ids = say(&alice, 9).await?;
    let id = |place: usize| ids.get(place).copied().context("an id");
    alice.deletes(general, id(3)?).await?;
    for mut way in bob.ways().await? {
        for (middle, limit, expected, more) in [
            (4, Some(2), vec![2, 3, 5, 6, 7], (true, true)),
            (0, Some(1), vec![1, 2], (false, true)),
            (8, Some(1), vec![8, 9], (true, false)),
            (4, None, vec![1, 2, 3, 5, 6, 7, 8, 9], (false, false)),
            (4, Some(4), vec![1, 2, 3, 5, 6, 7, 8, 9], (false, false)),
        ] {
            let request = around(general, id(middle)?, limit);
            let shown = way.call(bob.scope(), &request).await?;
            let seqs: Vec<u64> = shown.messages.iter().map(|message| message.seq).collect();
            same(&seqs, &expected)?;
            same(&(shown.more_before, shown.more_after), &more)?;
        }
    }
    for limit in [0, 101] {
        let request = around(general, id(4)?, Some(limit));
        refused(bob.call(&request).await, Reason::Invalid)?;
    }
    let gone = around(general, id(3)?, None);
    refused(bob.call(&gone).await, Reason::UnknownMessage)
}

async fn replies_are_paged_over_every_door(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let general = alice.channel("#general").await?;
    let asked = alice.send("#general", "questions?").await?.message_id;
    let mut expected = Vec::new();
    for number in 0..5 {
        bob.send("#general", &format!("aside {number}")).await?;
        let mut answer = send_message(general, format!("answer {number}"));
        answer.reply_to = Some(asked);
        expected.push(bob.call(&answer).await?.seq);
    }
    for mut way in bob.ways().await? {
        let (mut read, mut after) = (Vec::new(), None);
        loop {
            let page = GetReplies {
                channel_id: general,
                message_id: asked,
                after,
                limit: Some(2),
            };
            let page = way.call(bob.scope(), &page).await?.messages;
            let Some(last) = page.last() else { break };
            after = Some(last.seq);
            read.extend(page.iter().map(|message| message.seq));
        }
        same(&read, &expected)?;
    }
    Ok(())
}

async fn several_messages_are_deleted_at_once_over_every_door(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let general = alice.channel("#general").await?;
    for transport in Transport::ALL {
        let mut way = alice.through(transport).await?;
        let (hers, his) = (alice.remembers().await?, bob.remembers().await?);
        let mut ids = say(&bob, 3).await?;
        let kept = ids.pop().context("one that stays")?;
        let told = way
            .call(alice.scope(), &delete_messages(general, ids.clone()))
            .await?;
        same(&told.message_ids, &ids)?;
        let seen = bob
            .sees_event(|event: &MessagesDeleted| event.message_ids == ids)
            .await?;
        same(&seen.channel_id, &general)?;
        for id in ids {
            let gone = bob.call(&get_message(general, id)).await;
            refused(gone, Reason::UnknownMessage)?;
        }
        bob.call(&get_message(general, kept)).await?;
        alice.agrees(hers).await?;
        bob.agrees(his).await?;
    }
    Ok(())
}

async fn deleting_several_needs_its_permission_and_skips_what_is_not_there(
    harness: &Harness,
) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let [mallory] = harness.members().await?;
    let general = alice.channel("#general").await?;
    let ids = say(&bob, 2).await?;
    let request = delete_messages(general, ids.clone());
    bob.is_refused(bob.scope(), &request, Reason::Forbidden)
        .await?;
    let foreign = mallory.send("#general", "elsewhere").await?.message_id;
    let mut many = ids.clone();
    many.extend([foreign, foreign]);
    many.extend(ids.first());
    let told = alice.call(&delete_messages(general, many.clone())).await?;
    same(&told.message_ids, &ids)?;
    // Nothing of it is there any more: nobody is told.
    let again = alice.call(&delete_messages(general, many)).await?;
    same(&again.message_ids, &Vec::new())?;
    let hers = mallory.channel("#general").await?;
    mallory.call(&get_message(hers, foreign)).await?;
    alice.send("#general", "marker").await?;
    bob.sees("marker").await?;
    let log = bob.client.log().since(0);
    let told = log
        .iter()
        .filter_map(loadtest::client::log::Seen::event::<MessagesDeleted>);
    same(&told.count(), &1)
}

async fn nobody_deletes_more_at_once_than_he_may(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let general = alice.channel("#general").await?;
    let id = alice.send("#general", "one").await?.message_id;
    let (scope, due) = (alice.scope(), Reason::Invalid);
    for count in [0, MAX_BULK + 1] {
        let request = delete_messages(general, vec![id; count]);
        alice.is_refused(scope, &request, due).await?;
    }
    let most = delete_messages(general, vec![id; MAX_BULK]);
    same(&alice.call(&most).await?.message_ids, &vec![id])
}

async fn who_may_not_read_history_learns_of_no_message(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let general = alice.channel("#general").await?;
    let no_past = deny_everyone(alice.scope(), Permissions::READ_HISTORY);
    let emoji = allow_member(
        bob.user.user_id.get(),
        Permissions::ADD_REACTIONS | Permissions::PIN_MESSAGES | Permissions::MANAGE_MESSAGES,
    );
    alice.overrides(general, vec![no_past, emoji]).await?;
    let id = alice.send("#general", "hers").await?.message_id;
    let due = Reason::UnknownMessage;
    refused(bob.deletes(general, id).await, due)?;
    refused(bob.edits(general, id, "his").await, due)?;
    let react = loadtest::requests::add_reaction(general, id, "👍");
    refused(bob.call(&react).await, due)?;
    let pin = loadtest::requests::pin_message(general, id);
    refused(bob.call(&pin).await, due)?;
    let mut answer = send_message(general, "to what?");
    answer.reply_to = Some(id);
    answer.nonce = nonce();
    refused(bob.call(&answer).await, due)?;
    let told = bob.call(&delete_messages(general, vec![id])).await?;
    holds(
        told.message_ids.is_empty(),
        "it is skipped as if it were none",
    )?;
    // His own are his own.
    let own = bob.send("#general", "his").await?.message_id;
    bob.edits(general, own, "still his").await?;
    bob.deletes(general, own).await?;
    alice
        .sees_event(|event: &MessageDeleted| event.message_id == own)
        .await?;
    Ok(())
}
