//! Reactions and pins: their counts, and how they go with what they belong to.

use shared::{
    domain::limits::MAX_BULK,
    protocol::{
        Event as _,
        channel::DeleteChannel,
        message::{
            AddReaction, DeleteMessage, DeleteMessages, MessageCreated, MessageSent, PinMessage,
            RemoveReaction,
        },
    },
};

use super::stage::{Person, Room, Stage};

/// How many reactions there are of each emoji, counted when they were made.
const COUNTS: &str = "SELECT emoji || count FROM reaction_counts ORDER BY message, place";

fn add(room: &Room, sent: &MessageSent, emoji: &str, nonce: &str) -> AddReaction {
    AddReaction {
        nonce: nonce.to_owned(),
        channel_id: room.channel,
        message_id: sent.message_id,
        emoji: emoji.to_owned(),
    }
}

/// Reactions of as many that nobody made, all of one message.
async fn react_often(stage: &Stage, room: &Room, sent: &MessageSent, count: usize) {
    stage
        .execute(&format!(
            "INSERT INTO reactions (channel, message, emoji, account)
             SELECT {0}, {1}, '👍', n FROM generate_series(1, {count}) n;
             INSERT INTO reaction_counts (channel, message, emoji, count, place)
             VALUES ({0}, {1}, '👍', {count}, 1)",
            room.channel, sent.message_id
        ))
        .await;
}

async fn delete_channel(stage: &mut Stage, alice: &Person, room: &Room) {
    let delete = DeleteChannel {
        nonce: "channel".to_owned(),
        channel_id: room.channel,
    };
    stage.call(alice, room.server, &delete).await;
}

#[tokio::test]
async fn reactions_are_counted_as_they_are_made_and_taken_back() {
    let (mut stage, alice, room) = Stage::with_room().await;
    let bob = stage.member("bob", &room).await;
    let sent = stage.send(&alice, &room, "n", "hi").await;
    for (person, emoji, nonce) in [
        (&bob, "🎉", "1"),
        (&alice, "👍", "2"),
        (&bob, "👍", "3"),
        (&bob, "👍", "4"),
    ] {
        let request = add(&room, &sent, emoji, nonce);
        stage.call(person, room.server, &request).await;
    }
    stage.finds(COUNTS, ["🎉1", "👍2"]).await;
    stage.counts("reactions", 3).await;
    let remove = |emoji: &str, nonce: &str| RemoveReaction {
        nonce: nonce.to_owned(),
        channel_id: room.channel,
        message_id: sent.message_id,
        emoji: emoji.to_owned(),
        user_id: None,
    };
    stage.call(&bob, room.server, &remove("🎉", "5")).await;
    stage.call(&bob, room.server, &remove("🎉", "6")).await;
    stage.finds(COUNTS, ["👍2"]).await;
    stage.counts("reactions", 2).await;
    // Put again, it is the last one.
    stage
        .call(&bob, room.server, &add(&room, &sent, "🎉", "7"))
        .await;
    stage.finds(COUNTS, ["👍2", "🎉1"]).await;
}

#[tokio::test]
async fn many_reactions_go_in_slices_after_their_message() {
    let (mut stage, alice, room) = Stage::with_room().await;
    stage.start_background();
    let sent = stage.send(&alice, &room, "n", "secret").await;
    let other = stage.send(&alice, &room, "o", "open").await;
    react_often(&stage, &room, &sent, 2_500).await;
    react_often(&stage, &room, &other, 3).await;
    let pin = PinMessage {
        nonce: "p".to_owned(),
        channel_id: room.channel,
        message_id: sent.message_id,
    };
    stage.call(&alice, room.server, &pin).await;
    let delete = DeleteMessage {
        nonce: "d".to_owned(),
        channel_id: room.channel,
        message_id: sent.message_id,
    };
    stage.call(&alice, room.server, &delete).await;
    stage.counts("pins", 0).await;
    stage.finds(COUNTS, ["👍3"]).await;
    stage.until_counts("reactions", 3).await;
    stage.until_counts("jobs", 0).await;
}

#[tokio::test]
async fn the_reactions_and_pins_of_a_channel_go_with_it() {
    let (mut stage, alice, room) = Stage::with_room().await;
    let sent = stage.send(&alice, &room, "n", "secret").await;
    react_often(&stage, &room, &sent, 2_500).await;
    let pin = PinMessage {
        nonce: "p".to_owned(),
        channel_id: room.channel,
        message_id: sent.message_id,
    };
    stage.call(&alice, room.server, &pin).await;
    stage.start_background();
    delete_channel(&mut stage, &alice, &room).await;
    stage.counts("pins", 0).await;
    for table in ["messages", "reactions", "reaction_counts", "jobs"] {
        stage.until_counts(table, 0).await;
    }
}

#[tokio::test]
async fn the_texts_of_messages_that_are_deleted_at_once_leave_the_log() {
    let (mut stage, alice, room) = Stage::with_room().await;
    stage.start_background();
    let mut message_ids = Vec::new();
    for n in 0..MAX_BULK {
        let text = format!("secret {n}");
        let sent = stage.send(&alice, &room, &n.to_string(), &text).await;
        message_ids.push(sent.message_id);
    }
    stage.send(&alice, &room, "open", "open").await;
    let delete = DeleteMessages {
        nonce: "d".to_owned(),
        channel_id: room.channel,
        message_ids,
    };
    let before = stage.commits();
    stage.call(&alice, room.server, &delete).await;
    assert_eq!(stage.commits() - before, 1);
    stage
        .until_counts("events WHERE position('secret'::bytea in body) > 0", 0)
        .await;
    let texts = stage.bodies(MessageCreated::OPCODE).await;
    let texts = texts.iter().map(|body| {
        let told: MessageCreated = shared::protocol::decode(body).unwrap();
        told.message.content
    });
    let left: Vec<String> = texts.filter(|text| !text.is_empty()).collect();
    assert_eq!(left, ["open"]);
    stage
        .counts("messages WHERE content <> '' AND deleted", 0)
        .await;
}
