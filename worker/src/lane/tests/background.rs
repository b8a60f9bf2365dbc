//! What goes on beside the lanes: purges in slices, and deleted text that leaves the
//! log.

use std::time::{Duration, Instant};

use shared::{
    bus::envelope::pack,
    protocol::{
        Event as _,
        channel::DeleteChannel,
        message::{DeleteMessage, EditMessage, MessageCreated, MessageSent},
    },
};

use super::stage::{Person, Room, Stage};

/// The events that hold what nobody is to read any more.
const SECRETS: &str = "events WHERE position('secret'::bytea in body) > 0";

async fn delete_channel(stage: &mut Stage, person: &Person, room: &Room) {
    let delete = DeleteChannel {
        nonce: "d".to_owned(),
        channel_id: room.channel,
    };
    stage.call(person, room.server, &delete).await;
}

async fn delete_message(stage: &mut Stage, person: &Person, room: &Room, sent: &MessageSent) {
    let delete = DeleteMessage {
        nonce: "d".to_owned(),
        channel_id: room.channel,
        message_id: sent.message_id,
    };
    stage.call(person, room.server, &delete).await;
}

#[tokio::test]
async fn a_channel_is_purged_in_slices_and_nobody_waits() {
    let (mut stage, alice, room) = Stage::with_room().await;
    let other = stage.server(&alice, "other").await;
    stage
        .execute(&format!(
            "INSERT INTO messages (channel, seq, id, author, content)
             SELECT {}, n, n, 1, 'old' FROM generate_series(1, 30500) n",
            room.channel
        ))
        .await;
    stage.start_background();
    delete_channel(&mut stage, &alice, &room).await;
    let before = stage.commits();
    let mut longest = Duration::ZERO;
    for n in 0..100 {
        let began = Instant::now();
        stage.send(&alice, &other, &n.to_string(), "x").await;
        longest = longest.max(began.elapsed());
    }
    // No lane did any of it.
    assert_eq!(stage.commits() - before, 100);
    assert!(longest < Duration::from_secs(1), "{longest:?}");
    let gone = format!("messages WHERE channel = {}", room.channel);
    stage.until_counts(&gone, 0).await;
    stage.until_counts("jobs", 0).await;
}

#[tokio::test]
async fn deleted_text_leaves_the_log() {
    let (mut stage, alice, room) = Stage::with_room().await;
    stage.start_background();
    let sent = stage.send(&alice, &room, "n", "secret one").await;
    stage.send(&alice, &room, "o", "open").await;
    for nonce in ["e1", "e2"] {
        let edit = EditMessage {
            nonce: nonce.to_owned(),
            channel_id: room.channel,
            message_id: sent.message_id,
            content: format!("secret {nonce}"),
        };
        stage.call(&alice, room.server, &edit).await;
    }
    stage.counts(SECRETS, 3).await;
    delete_message(&mut stage, &alice, &room, &sent).await;
    stage.until_counts(SECRETS, 0).await;
    stage.until_counts("message_edits", 0).await;
    // The event is there, without its text; the others are as they were.
    let body = stage.bodies(MessageCreated::OPCODE).await.remove(0);
    let told: MessageCreated = shared::protocol::decode(&body).unwrap();
    assert_eq!(
        (told.message.message_id, told.message.content.as_str()),
        (sent.message_id, "")
    );
    stage
        .counts("events WHERE position('open'::bytea in body) > 0", 1)
        .await;
}

#[tokio::test]
async fn a_redaction_that_an_older_program_left_is_done() {
    let (mut stage, alice, room) = Stage::with_room().await;
    let sent = stage.send(&alice, &room, "n", "secret").await;
    delete_message(&mut stage, &alice, &room, &sent).await;
    let body = pack(&(room.server, room.channel, sent.message_id));
    sqlx::query("INSERT INTO jobs (kind, body) VALUES ('redaction', $1)")
        .bind(&body[..])
        .execute(&stage.pool)
        .await
        .unwrap();
    // Nobody reads the event of the deletion again.
    stage.execute("DELETE FROM events WHERE opcode = 18").await;
    stage.start_background();
    stage.until_counts("jobs", 0).await;
    stage.counts(SECRETS, 0).await;
}

#[tokio::test]
async fn the_texts_of_a_purged_channel_leave_the_log() {
    let (mut stage, alice, room) = Stage::with_room().await;
    stage.start_background();
    for n in 0..5 {
        let text = format!("secret {n}");
        stage.send(&alice, &room, &n.to_string(), &text).await;
    }
    delete_channel(&mut stage, &alice, &room).await;
    stage.until_counts(SECRETS, 0).await;
}

#[tokio::test]
async fn a_job_or_an_event_that_fails_stops_no_other() {
    let (mut stage, alice, room) = Stage::with_room().await;
    let sent = stage.send(&alice, &room, "n", "secret").await;
    stage
        .execute(
            "INSERT INTO jobs (kind, body) VALUES ('channel_purge', 'garbage'), ('of the future', '');
             INSERT INTO events (topic, seq, day, partition, position, opcode, body)
             SELECT 1, id + 1, date '2026-03-01', id, position + 1, 18, 'garbage' FROM partitions;
             UPDATE partitions SET position = position + 1",
        )
        .await;
    // The lane's own count of positions is not true any more.
    stage.stop_lanes().await;
    stage.start_lanes(1);
    stage.start_background();
    delete_message(&mut stage, &alice, &room, &sent).await;
    stage.until_counts(SECRETS, 0).await;
    stage
        .until_counts("jobs WHERE kind = 'event_redaction'", 64)
        .await;
    // Tried too often, it waits for a person.
    stage
        .execute("UPDATE jobs SET attempts = 11, due = now() WHERE kind = 'channel_purge'")
        .await;
    stage
        .until_found("jobs WHERE kind = 'channel_purge' AND parked")
        .await;
    stage
        .finds(
            "SELECT attempts::text FROM jobs WHERE kind = 'of the future'",
            ["0"],
        )
        .await;
}
