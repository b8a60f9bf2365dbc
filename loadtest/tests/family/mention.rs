//! Mentions: whom a message calls upon, and who may.

use anyhow::Result;
use loadtest::{
    harness::{Harness, Person, refused, same},
    requests::{allow_member, edit_message, get_message, send_message},
    transport::Transport,
};
use shared::{
    domain::{limits::MAX_MENTIONS, permissions::Permissions},
    error::Reason,
    ids::{AnyId, ChannelId, Id, MessageId},
    protocol::message::MessageEdited,
};

scenarios! {
    a_message_mentions_members_over_every_door,
    only_who_may_mentions_everyone,
    an_answer_mentions_whom_it_answers_unless_it_is_silent,
    an_edit_replaces_whom_a_message_mentions,
    code_and_strangers_are_text,
    more_mentions_than_there_may_be_are_refused,
}

fn id(person: &Person) -> AnyId {
    person.user.user_id.cast()
}

/// Whom a message mentions that everyone can read.
async fn mentions(reader: &Person, channel: ChannelId, message: MessageId) -> Result<Vec<AnyId>> {
    let message = reader.call(&get_message(channel, message)).await?;
    Ok(message.mentions)
}

async fn a_message_mentions_members_over_every_door(harness: &Harness) -> Result<()> {
    let [alice, bob, carol] = harness.members().await?;
    let general = alice.channel("#general").await?;
    for transport in Transport::ALL {
        let mut way = alice.through(transport).await?;
        let (hers, his) = (alice.remembers().await?, bob.remembers().await?);
        let (one, other) = (id(&bob), id(&carol));
        let text = format!("<@{other}>, <@{one}> and <@{one}>, over {transport:?}");
        let sent = way
            .call(alice.scope(), &send_message(general, &text))
            .await?;
        let mut expected = vec![one, other];
        expected.sort_unstable();
        same(&bob.sees(&text).await?.mentions, &expected)?;
        let get = get_message(general, sent.message_id);
        same(&way.call(alice.scope(), &get).await?.mentions, &expected)?;
        alice.agrees(hers).await?;
        bob.agrees(his).await?;
    }
    Ok(())
}

async fn only_who_may_mentions_everyone(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let general = alice.channel("#general").await?;
    let everyone: AnyId = Id::new(alice.scope()).unwrap_or(id(&alice));
    let by_id = format!("<@&{everyone}>");
    for text in ["@everyone", &by_id] {
        let hers = alice.send("#general", text).await?.message_id;
        same(&mentions(&bob, general, hers).await?, &vec![everyone])?;
        // It is sent, and says it, but calls nobody.
        let his = bob.send("#general", text).await?.message_id;
        same(&mentions(&bob, general, his).await?, &Vec::new())?;
    }
    let loud = allow_member(bob.user.user_id.get(), Permissions::MENTION_EVERYONE);
    alice.overrides(general, vec![loud]).await?;
    let his = bob.send("#general", "now: @everyone").await?.message_id;
    same(&mentions(&alice, general, his).await?, &vec![everyone])
}

async fn an_answer_mentions_whom_it_answers_unless_it_is_silent(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let general = alice.channel("#general").await?;
    let asked = alice.send("#general", "who is there?").await?.message_id;
    for (silent_reply, text, expected) in [
        (false, "me", vec![id(&alice)]),
        (true, "nobody", vec![]),
        (true, &*format!("me, <@{}>", id(&alice)), vec![id(&alice)]),
    ] {
        let mut answer = send_message(general, text);
        answer.reply_to = Some(asked);
        answer.silent_reply = silent_reply;
        bob.call(&answer).await?;
        same(&alice.sees(text).await?.mentions, &expected)?;
    }
    // Nobody mentions himself.
    let mut own = send_message(general, format!("<@{}> I am", id(&alice)));
    own.reply_to = Some(asked);
    let own = alice.call(&own).await?.message_id;
    same(&mentions(&bob, general, own).await?, &Vec::new())
}

async fn an_edit_replaces_whom_a_message_mentions(harness: &Harness) -> Result<()> {
    let [alice, bob, carol] = harness.members().await?;
    let general = alice.channel("#general").await?;
    let asked = bob.send("#general", "who comes?").await?.message_id;
    let before = bob.remembers().await?;
    let mut answer = send_message(general, format!("<@{}> does", id(&carol)));
    answer.reply_to = Some(asked);
    let sent = alice.call(&answer).await?.message_id;
    let mut both = vec![id(&bob), id(&carol)];
    both.sort_unstable();
    same(&mentions(&bob, general, sent).await?, &both)?;
    for (text, expected) in [
        // Whom it answers, it still answers.
        ("nobody does".to_owned(), vec![id(&bob)]),
        (format!("<@{}> after all", id(&carol)), both),
    ] {
        alice.call(&edit_message(general, sent, &text)).await?;
        let edited = bob
            .sees_event(|event: &MessageEdited| event.content == text)
            .await?;
        same(&edited.mentions, &expected)?;
        same(&mentions(&bob, general, sent).await?, &expected)?;
    }
    let plain = alice.send("#general", "plain").await?.message_id;
    let text = format!("<@{}>", id(&bob));
    alice.edits(general, plain, &text).await?;
    same(&mentions(&bob, general, plain).await?, &vec![id(&bob)])?;
    alice.edits(general, plain, "plain again").await?;
    same(&mentions(&bob, general, plain).await?, &Vec::new())?;
    alice.deletes(general, sent).await?;
    bob.agrees(before).await
}

async fn code_and_strangers_are_text(harness: &Harness) -> Result<()> {
    let [alice, bob] = harness.members().await?;
    let stranger = harness.guest("stranger", 1).await?;
    let general = alice.channel("#general").await?;
    for text in [
        format!("`<@{}>`", id(&bob)),
        format!("\\<@{}>", id(&bob)),
        format!("<@{}>", id(&stranger)),
        format!("<@&{}>", id(&bob)),
        format!("<@{}>", alice.scope()),
        "<@7> <@&7> `@everyone`".to_owned(),
    ] {
        let sent = alice.send("#general", &text).await?.message_id;
        same(&mentions(&bob, general, sent).await?, &Vec::new())?;
    }
    // Who has left is a stranger.
    let text = format!("<@{}> bye", id(&bob));
    let leave = loadtest::requests::leave_server();
    bob.call(&leave).await?;
    let sent = alice.send("#general", &text).await?.message_id;
    same(&mentions(&alice, general, sent).await?, &Vec::new())
}

async fn more_mentions_than_there_may_be_are_refused(harness: &Harness) -> Result<()> {
    let [alice] = harness.members().await?;
    let general = alice.channel("#general").await?;
    let some = |count: usize| {
        let each: Vec<String> = (1..=count).map(|n| format!("<@{n}>")).collect();
        each.concat()
    };
    let sent = alice.send("#general", &some(MAX_MENTIONS)).await?;
    let many = send_message(general, some(MAX_MENTIONS + 1));
    let due = Reason::TooLarge;
    alice.is_refused(alice.scope(), &many, due).await?;
    let edit = alice.edits(general, sent.message_id, &many.content).await;
    refused(edit, due)
}
