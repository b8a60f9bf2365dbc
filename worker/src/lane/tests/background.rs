//! What goes on beside the lanes: purges in slices, and deleted text that leaves the
//! log.

use std::time::{Duration, Instant};

use shared::{
    bus::envelope::pack,
    protocol::{
        Event as _,
        account::{RemoveAccount, UpdateAccount},
        channel::DeleteChannel,
        invite::JoinMember,
        message::{DeleteMessage, EditMessage, MessageCreated, MessageSent},
        server::DeleteServer,
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

/// The events that say what the account is called.
const NAMES: &str = "events WHERE position('mallory'::bytea in body) > 0";

#[tokio::test]
async fn the_name_of_a_deleted_account_leaves_the_log() {
    let (mut stage, alice, room) = Stage::with_room().await;
    let mallory = stage.account("mallory").await;
    stage
        .execute(&format!(
            "INSERT INTO invites (code, server, creator) VALUES ('code', {}, {});
             INSERT INTO registers VALUES ({}, 1, 7, 8, 9)",
            room.server, alice.id, mallory.id
        ))
        .await;
    stage.start_background();
    let join = |nonce: &str| JoinMember {
        nonce: nonce.to_owned(),
        code: "code".to_owned(),
    };
    // Twice: what was told of an earlier membership is not forgotten with it.
    stage.call(&mallory, room.server, &join("1")).await;
    stage.leave_server(&mallory, &room).await;
    stage.call(&mallory, room.server, &join("2")).await;
    let update = UpdateAccount {
        nonce: "u".to_owned(),
        name: None,
        avatar: None,
        bio: Some("mallory was here".to_owned()),
        locale: None,
    };
    stage.call(&mallory, 0, &update).await;
    stage.counts(NAMES, 3).await;
    stage.counts("told_names", 2).await;
    let remove = RemoveAccount {
        nonce: "r".to_owned(),
        password_hash: None,
    };
    stage.call(&mallory, 0, &remove).await;
    stage.until_counts(NAMES, 0).await;
    let sweep = "jobs WHERE kind = 'account_sweep'";
    stage.until_counts("jobs", 1).await;
    stage.counts(sweep, 1).await;
    for table in ["told_names", "invite_uses", "registers", "internal_outbox"] {
        stage.until_counts(table, 0).await;
    }
    // What was under way wrote behind it; and as long as the account is a member, more may come.
    let member = format!(
        "INSERT INTO members (server, account) VALUES ({}, {})",
        room.server, mallory.id
    );
    let late = format!("INSERT INTO registers VALUES ({}, 1, 7, 8, 9)", mallory.id);
    let due = "UPDATE jobs SET due = now()";
    stage.execute(&format!("{member}; {late}; {due}")).await;
    stage
        .until_found(&format!("{sweep} AND due > now() AND attempts = 0"))
        .await;
    stage.counts("registers", 1).await;
    let leave = format!("DELETE FROM members WHERE account = {}", mallory.id);
    stage.execute(&format!("{leave}; {due}")).await;
    stage.until_counts("registers", 0).await;
    stage.until_counts("jobs", 0).await;
    let left = format!("members WHERE account = {}", mallory.id);
    stage.until_counts(&left, 0).await;
    stage.counts("accounts WHERE name = 'mallory'", 0).await;
    stage.counts("events WHERE opcode = 306", 2).await;
}

#[tokio::test]
async fn a_deleted_server_goes_in_slices_and_nobody_waits() {
    let (mut stage, alice, room) = Stage::with_room().await;
    let other = stage.server(&alice, "other").await;
    stage.send(&alice, &room, "n", "secret").await;
    stage
        .execute(&format!(
            "INSERT INTO members (server, account) SELECT {0}, n FROM generate_series(1000001, 1005500) n;
             INSERT INTO invites (code, server, creator) VALUES ('code', {0}, 1);
             INSERT INTO invite_uses (code, account) SELECT 'code', n FROM generate_series(1, 1500) n",
            room.server
        ))
        .await;
    stage.start_background();
    let before = stage.commits();
    let name = stage
        .column(&format!(
            "SELECT name FROM servers WHERE id = {}",
            room.server
        ))
        .await
        .remove(0);
    let delete = DeleteServer {
        nonce: "d".to_owned(),
        name,
    };
    stage.call(&alice, room.server, &delete).await;
    stage.send(&alice, &other, "o", "x").await;
    // No lane did more of it than its own turn.
    assert_eq!(stage.commits() - before, 2);
    for table in ["members", "channels", "roles", "invites"] {
        let left = format!("{table} WHERE server = {}", room.server);
        stage.until_counts(&left, 0).await;
    }
    let left = format!("messages WHERE channel = {}", room.channel);
    stage.until_counts(&left, 0).await;
    stage.until_counts("jobs", 0).await;
    stage.counts("invite_uses", 0).await;
    stage.counts(SECRETS, 0).await;
    stage.counts("members", 1).await;
}
