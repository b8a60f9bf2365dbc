//! Messages: send, edit, delete, read.

use anyhow::{Context, Result};
use loadtest::{
    client::log::Seen,
    harness::{Harness, holds, refused, same},
    requests::{
        allow_member, deny_everyone, edit_message, get_message, get_messages, send_message,
    },
    transport::Transport,
};
use shared::{
    domain::permissions::Permissions,
    error::Reason,
    protocol::message::{GetMessages, MessageDeleted, MessageEdited},
};

scenarios! {
    a_message_is_sent_edited_read_and_deleted_over_every_door,
    a_repeated_nonce_is_answered_even_when_the_right_is_gone,
    a_nonce_belongs_to_its_author,
    only_the_author_edits_and_a_moderator_may_delete,
    history_is_paged_both_ways_and_deleted_messages_leave_a_hole,
    history_needs_its_permission_and_live_messages_do_not,
    the_message_of_another_channel_does_not_exist,
    messages_without_anything_to_see_and_too_long_ones_are_refused,
    the_same_edit_twice_with_one_nonce_happens_once,
}

async fn a_message_is_sent_edited_read_and_deleted_over_every_door(
    harness: &Harness,
) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let general = alice.channel("#general").await?;
    for transport in Transport::ALL {
        let mut way = alice.through(transport).await?;
        let scope = alice.scope();
        let (hers, his) = (alice.remembers().await?, bob.remembers().await?);

        let text = format!("hi over {transport:?}, ünïcode 👩‍👩‍👧\nand a line");
        let sent = way.call(scope, &send_message(general, &text)).await?;
        let seen = bob.sees(&text).await?;
        same(&(seen.message_id, seen.seq), &(sent.message_id, sent.seq))?;
        same(&seen.author_id, &alice.user.user_id)?;

        let mut answer = send_message(general, format!("an answer over {transport:?}"));
        answer.reply_to = Some(sent.message_id);
        way.call(scope, &answer).await?;
        same(
            &bob.sees(&answer.content).await?.reply_to,
            &Some(sent.message_id),
        )?;

        alice.edits(general, sent.message_id, "better").await?;
        let edited = bob
            .sees_event(|event: &MessageEdited| event.message_id == sent.message_id)
            .await?;
        same(&edited.content, &"better".to_owned())?;
        let get = get_message(general, sent.message_id);
        let shown = way.call(scope, &get).await?;
        same(&shown.content, &"better".to_owned())?;
        same(&shown.edited_at, &Some(edited.edited_at))?;

        alice.deletes(general, sent.message_id).await?;
        bob.sees_event(|event: &MessageDeleted| event.message_id == sent.message_id)
            .await?;
        refused(way.call(scope, &get).await, Reason::UnknownMessage)?;
        alice.agrees(hers).await?;
        bob.agrees(his).await?;
    }
    Ok(())
}

async fn a_repeated_nonce_is_answered_even_when_the_right_is_gone(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let general = alice.channel("#general").await?;
    let request = send_message(general, "while I may");
    let first = bob.call(&request).await?;
    let silent = deny_everyone(alice.scope(), Permissions::SEND_MESSAGES);
    alice.overrides(general, vec![silent]).await?;
    same(&bob.call(&request).await?, &first)?;
    refused(
        bob.call(&send_message(general, "now I may not")).await,
        Reason::Forbidden,
    )
}

async fn a_nonce_belongs_to_its_author(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let general = alice.channel("#general").await?;
    let hers = send_message(general, "hers");
    let mut his = send_message(general, "his");
    his.nonce.clone_from(&hers.nonce);
    let (first, second) = (alice.call(&hers).await?, bob.call(&his).await?);
    holds(first.message_id != second.message_id, "two messages")?;
    same(&(second.seq), &(first.seq + 1))
}

async fn only_the_author_edits_and_a_moderator_may_delete(harness: &Harness) -> Result<()> {
    let [alice, bob, carol] = harness.members().await?;
    let general = alice.channel("#general").await?;
    let sent = bob.send("#general", "bob's own").await?;
    let id = sent.message_id;
    refused(carol.edits(general, id, "carol's").await, Reason::Forbidden)?;
    refused(alice.edits(general, id, "alice's").await, Reason::Forbidden)?;
    refused(carol.deletes(general, id).await, Reason::Forbidden)?;
    let moderator = allow_member(carol.user.user_id.get(), Permissions::MANAGE_MESSAGES);
    alice.overrides(general, vec![moderator]).await?;
    carol.deletes(general, id).await?;
    refused(carol.deletes(general, id).await, Reason::UnknownMessage)?;
    same(&bob.history(general).await?, &Vec::new())
}

async fn history_is_paged_both_ways_and_deleted_messages_leave_a_hole(
    harness: &Harness,
) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let general = alice.channel("#general").await?;
    for number in 1..=7 {
        alice.send("#general", &format!("message {number}")).await?;
    }
    let fourth = alice
        .history(general)
        .await?
        .into_iter()
        .find(|message| message.seq == 4)
        .context("the fourth")?;
    alice.deletes(general, fourth.message_id).await?;
    for mut way in bob.ways().await? {
        for (before, after, limit, expected) in [
            (None, None, None, vec![1, 2, 3, 5, 6, 7]),
            (None, None, Some(2), vec![6, 7]),
            (Some(6), None, Some(3), vec![2, 3, 5]),
            (None, Some(2), Some(2), vec![3, 5]),
            (None, Some(7), None, vec![]),
            (Some(1), None, None, vec![]),
        ] {
            let page = GetMessages {
                before,
                after,
                limit,
                ..get_messages(general)
            };
            let messages = way.call(bob.scope(), &page).await?.messages;
            let seqs: Vec<u64> = messages.iter().map(|message| message.seq).collect();
            same(&seqs, &expected)?;
        }
    }
    Ok(())
}

async fn history_needs_its_permission_and_live_messages_do_not(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let no_past = deny_everyone(alice.scope(), Permissions::READ_HISTORY);
    let room = alice.creates_channel("#room", vec![no_past]).await?;
    let sent = alice.send("#room", "live").await?;
    bob.sees("live").await?;
    let (get, page) = (get_message(room, sent.message_id), get_messages(room));
    refused(bob.call(&get).await, Reason::Forbidden)?;
    refused(bob.call(&page).await, Reason::Forbidden)
}

async fn the_message_of_another_channel_does_not_exist(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let [mallory] = harness.members().await?;
    let secret = alice.send("#general", "secret").await?;
    let hers = mallory.channel("#general").await?;
    let id = secret.message_id;
    // Her server and her channel, but the message of another.
    refused(
        mallory.edits(hers, id, "mine").await,
        Reason::UnknownMessage,
    )?;
    refused(mallory.deletes(hers, id).await, Reason::UnknownMessage)?;
    let mut answer = send_message(hers, "quoting");
    answer.reply_to = Some(id);
    refused(mallory.call(&answer).await, Reason::UnknownMessage)?;
    let get = get_message(hers, id);
    refused(mallory.call(&get).await, Reason::UnknownMessage)
}

async fn messages_without_anything_to_see_and_too_long_ones_are_refused(
    harness: &Harness,
) -> Result<()> {
    let [alice] = harness.members().await?;
    let general = alice.channel("#general").await?;
    for text in ["", " \n ", "\u{200b}", "bell\u{7}"] {
        let result = alice.call(&send_message(general, text)).await;
        refused(result, Reason::Invalid)?;
    }
    let long = alice.call(&send_message(general, "ü".repeat(2_001))).await;
    refused(long, Reason::TooLarge)?;
    alice
        .call(&send_message(general, "😀".repeat(2_000)))
        .await?;
    let sent = alice.send("#general", "short").await?;
    refused(
        alice.edits(general, sent.message_id, "").await,
        Reason::Invalid,
    )
}

async fn the_same_edit_twice_with_one_nonce_happens_once(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let general = alice.channel("#general").await?;
    let sent = alice.send("#general", "first").await?;
    let edit = edit_message(general, sent.message_id, "second");
    alice.call(&edit).await?;
    alice.call(&edit).await?;
    alice.send("#general", "marker").await?;
    bob.sees("marker").await?;
    let edits = bob.client.log().since(0);
    let edits = edits.iter().filter_map(Seen::event::<MessageEdited>);
    same(&edits.count(), &1)
}
