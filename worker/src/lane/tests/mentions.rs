//! Whom messages mention: the rows that say so, and how they go.

use shared::protocol::{
    Event as _,
    channel::DeleteChannel,
    message::{DeleteMessage, EditMessage, MessageCreated},
};

use super::stage::Stage;

/// Each row of the table, as its target.
const TARGETS: &str = "SELECT m.target::text FROM mentions m ORDER BY m.message, m.target";

#[tokio::test]
async fn a_message_that_mentions_nobody_leaves_no_row() {
    let (mut stage, alice, room) = Stage::with_room().await;
    let sent = stage.send(&alice, &room, "n1", "to nobody, <@77>").await;
    let edit = EditMessage {
        nonce: "e".to_owned(),
        channel_id: room.channel,
        message_id: sent.message_id,
        content: "still to nobody".to_owned(),
    };
    stage.call(&alice, room.server, &edit).await;
    stage.counts("mentions", 0).await;
    stage.counts("messages WHERE mentions IS NULL", 1).await;
}

#[tokio::test]
async fn the_rows_follow_the_text_and_go_with_it() {
    let (mut stage, alice, room) = Stage::with_room().await;
    let bob = stage.member("bob", &room).await;
    let carol = stage.member("carol", &room).await;
    let text = format!("<@{}> and <@{}>", bob.id, carol.id);
    let sent = stage.send(&alice, &room, "n2", &text).await;
    stage.counts("mentions", 2).await;
    let place = format!(
        "mentions WHERE channel = {} AND seq = {} AND message = {} AND server = {}",
        room.channel, sent.seq, sent.message_id, room.server
    );
    stage.counts(&place, 2).await;
    for (nonce, text, left) in [
        ("e1", format!("<@{}>", carol.id), vec![carol.id]),
        ("e2", format!("<@{}>", bob.id), vec![bob.id]),
        ("e3", "nobody".to_owned(), vec![]),
        ("e4", format!("<@{}>", bob.id), vec![bob.id]),
    ] {
        let edit = EditMessage {
            nonce: nonce.to_owned(),
            channel_id: room.channel,
            message_id: sent.message_id,
            content: text,
        };
        stage.call(&alice, room.server, &edit).await;
        let left: Vec<String> = left.iter().map(u64::to_string).collect();
        stage.finds(TARGETS, left).await;
    }
    let delete = DeleteMessage {
        nonce: "d".to_owned(),
        channel_id: room.channel,
        message_id: sent.message_id,
    };
    stage.call(&alice, room.server, &delete).await;
    stage.counts("mentions", 0).await;
    stage.counts("messages WHERE mentions IS NULL", 1).await;
}

#[tokio::test]
async fn a_purge_takes_them_along_and_the_log_forgets_them() {
    let (mut stage, alice, room) = Stage::with_room().await;
    let bob = stage.member("bob", &room).await;
    stage.start_background();
    stage
        .send(&alice, &room, "n3", &format!("<@{}>", bob.id))
        .await;
    stage.send(&alice, &room, "n4", "a text without any").await;
    stage.counts("mentions", 1).await;
    let delete = DeleteChannel {
        nonce: "d".to_owned(),
        channel_id: room.channel,
    };
    stage.call(&alice, room.server, &delete).await;
    stage.until_counts("mentions", 0).await;
    stage.until_counts("messages", 0).await;
    for body in stage.bodies(MessageCreated::OPCODE).await {
        let told: MessageCreated = shared::protocol::decode(&body).unwrap();
        assert_eq!(
            (told.message.content.as_str(), told.message.mentions.len()),
            ("", 0)
        );
    }
}

#[tokio::test]
async fn a_role_is_mentioned_where_everyone_may() {
    let (mut stage, alice, room) = Stage::stopped_with_room().await;
    let bob = stage.member("bob", &room).await;
    stage
        .execute(&format!(
            "INSERT INTO roles (server, id, name, permissions, mentionable)
             VALUES ({0}, 501, 'quiet', 0, false), ({0}, 502, 'open', 0, true);
             UPDATE roles SET mentionable = true WHERE id = {0}",
            room.server
        ))
        .await;
    stage.start_lanes(1);
    let text = format!("<@&501> <@&502> <@&503> <@&{}>", room.server);
    stage.send(&bob, &room, "n5", &text).await;
    stage.finds(TARGETS, ["502"]).await;
    stage.execute("DELETE FROM mentions").await;
    // She owns the server, so she may mention everyone.
    stage.send(&alice, &room, "n6", &text).await;
    let mut all = [501, 502, room.server];
    all.sort_unstable();
    let all: Vec<String> = all.iter().map(u64::to_string).collect();
    stage.finds(TARGETS, all).await;
}
