//! What is refused, what is repeated, and what must not stop anybody else.

use std::time::Duration;

use shared::{
    error::Reason,
    ids::Partition,
    protocol::{
        self, Request as _,
        account::{CreateUser, LogOut, OpenSession, SignedIn},
        message::MessageSent,
    },
};

use super::stage::Stage;
use crate::lane::owner;

#[tokio::test]
async fn a_late_repeat_of_what_was_stored_gets_the_first_answer() {
    let (mut stage, alice, room) = Stage::with_room().await;
    let first = stage.send(&alice, &room, "n", "hello").await;
    stage.stop_lanes().await;
    let repeat = stage.post_message(&alice, &room, "n", "hello");
    let other = stage.post_message(&alice, &room, "m", "hello");
    stage.flush().await;
    stage.deadline_ms = 0;
    stage.start_lanes(1);
    assert_eq!(stage.answer::<MessageSent>(repeat).await, first);
    stage.refused(other, Reason::Expired).await;
}

#[tokio::test]
async fn a_command_written_otherwise_is_the_same_command() {
    let (mut stage, alice, room) = Stage::with_room().await;
    let first = stage.send(&alice, &room, "n", "hello").await;
    // Without the last field, as a client that never knew it writes it.
    let body = protocol::encode(&("n", room.channel, "hello"));
    let opcode = protocol::message::NewMessage::ROW.opcode;
    let partition = Partition::of(room.server);
    let short = stage.post_raw(&alice, (partition, room.server), opcode, body);
    stage.flush().await;
    assert_eq!(stage.answer::<MessageSent>(short).await, first);
}

#[tokio::test]
async fn a_batch_of_refusals_leaves_the_stream_and_commits_nothing() {
    let (mut stage, _, room) = Stage::stopped_with_room().await;
    let mallory = stage.account("mallory").await;
    let posts = stage.append_messages(&mallory, &room, 50).await;
    stage.start_lanes(1);
    for post in posts {
        stage.refused(post, Reason::UnknownServer).await;
    }
    assert_eq!(stage.commits(), 0);
    let waiting = stage.bus.backlog(Partition::of(room.server)).await;
    assert_eq!(waiting, Ok(0), "the next lane would execute them again");
    stage
        .until_found(&format!(
            "partitions WHERE id = {} AND offset_ms > 0",
            Partition::of(room.server)
        ))
        .await;
}

#[tokio::test]
async fn what_nobody_of_the_cluster_sealed_is_not_executed() {
    let (mut stage, alice, room) = Stage::with_room().await;
    let open = OpenSession {
        nonce: "n".to_owned(),
        user_id: alice.user(),
        device: "a device of somebody else".to_owned(),
        verified: None,
    };
    let forged = [
        stage.post_message(&alice, &room, "forged", "hello"),
        stage.post_to(alice.user().partition(), &alice, 0, &open),
    ];
    stage.forge().await;
    // Each in the partition of one of them.
    stage.send(&alice, &room, "n", "hello").await;
    let log_out = LogOut {
        nonce: "n".to_owned(),
    };
    let executed = stage.post(&alice, 0, &log_out);
    stage.try_answer::<()>(executed).await.ok();
    assert!(forged.iter().all(|post| !stage.is_answered(*post)));
}

#[tokio::test]
async fn what_was_kept_outside_of_redis_is_not_executed_long_after() {
    let (mut stage, alice, room) = Stage::with_room().await;
    let kept = stage.post_message(&alice, &room, "kept", "hello");
    // Its nonce is gone, as far as anybody knows.
    stage.clock.set(stage.now_ms() + 86_400_000);
    stage.flush().await;
    stage.refused(kept, Reason::Expired).await;
    stage.counts("messages", 0).await;
}

#[tokio::test]
async fn a_row_that_nobody_can_read_stops_nobody_else() {
    let (mut stage, alice, room) = Stage::with_room().await;
    let (bob, broken) = stage.room("bob").await;
    stage
        .execute(&format!(
            "UPDATE members SET roles = ARRAY[NULL]::bigint[] WHERE server = {}",
            broken.server
        ))
        .await;
    for n in 0..5 {
        let bad = stage.post_message(&bob, &broken, &n.to_string(), "x");
        let good = stage.post_message(&alice, &room, &n.to_string(), "x");
        stage.flush().await;
        stage.refused(bad, Reason::Internal).await;
        stage.answer::<MessageSent>(good).await;
    }
    assert_eq!(stage.metrics.restarts_total.get(), 0);
}

#[tokio::test]
async fn lanes_that_spend_the_same_codes_the_other_way_round_both_go_on() {
    let mut stage = Stage::stopped().await;
    let alice = stage.account("alice").await;
    stage
        .execute(&format!(
            "UPDATE deployment SET first_account = {id};
             UPDATE accounts SET admin = true WHERE id = {id};
             INSERT INTO invites (code, creator) VALUES ('one', {id}), ('two', {id})",
            id = alice.id
        ))
        .await;
    let lanes = ["stage/0".to_owned(), "stage/1".to_owned()];
    let of = |lane: &String| {
        Partition::all()
            .find(|partition| owner(*partition, &lanes) == Some(lane))
            .unwrap()
    };
    let mut posts = Vec::new();
    for (lane, codes) in [(&lanes[0], ["one", "two"]), (&lanes[1], ["two", "one"])] {
        for code in codes {
            let name = format!("{code}-{}", of(lane));
            let create = CreateUser {
                nonce: name.clone(),
                name: Some(name.clone()),
                password_hash: Some("x".to_owned()),
                invite: Some(code.to_owned()),
                invite_required: true,
                device: "d".to_owned(),
            };
            let post = stage.post_to(of(lane), &alice, 0, &create);
            posts.push(post);
        }
    }
    stage.flush().await;
    let mut holding = stage.pool.begin().await.unwrap();
    sqlx::query("SELECT 1 FROM invites FOR UPDATE")
        .execute(&mut *holding)
        .await
        .unwrap();
    for lane in &lanes {
        // Each knows of the other from the beginning.
        let known = stage
            .bus
            .renew_lease("lanes", lane, Duration::from_secs(10))
            .await;
        assert!(known.is_ok());
    }
    stage.start_lanes(2);
    // Each lane waits for its first code; then each has one and wants the other's.
    stage
        .until_counts(
            "pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
            2,
        )
        .await;
    holding.rollback().await.unwrap();
    stage.answers::<SignedIn>(posts).await;
    assert_eq!(stage.metrics.restarts_total.get(), 0);
}
