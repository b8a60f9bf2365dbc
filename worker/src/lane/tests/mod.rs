//! Lanes against a real Postgres and the bus in memory: what a careless build
//! gets wrong.

mod background;
mod handover;
mod internal;
mod refusals;
mod repeats;
mod rights;
mod stage;
mod standby;

use shared::{
    bus::StreamId,
    error::Reason,
    ids::Partition,
    protocol::{
        self,
        account::{CreateUser, OpenSession},
        channel::CreateChannel,
        message::{DeleteMessage, EditMessage, MessageSent},
        server::{LeaveServer, ServerInfo},
        unread::{AckUnread, MarkUnread, ReadCursor, UnreadMoved},
    },
};

use self::stage::{Person, Stage};

#[tokio::test]
async fn a_message_is_stored_answered_and_told_in_order() {
    let mut stage = Stage::new().await;
    let (alice, room) = stage.room("alice").await;
    let first = stage.send(&alice, &room, "n1", "one").await.unwrap();
    let second = stage.send(&alice, &room, "n2", "two").await.unwrap();
    assert_eq!((first.seq, second.seq), (1, 2));
    assert!(second.message_id > first.message_id);
    assert_eq!(
        stage
            .column("SELECT content FROM messages ORDER BY seq")
            .await,
        ["one", "two"]
    );
    let events = stage
        .column("SELECT seq::text FROM events WHERE topic IN (SELECT id FROM servers) ORDER BY seq")
        .await;
    assert_eq!(events, ["1", "2"]);
    let heads = stage
        .column("SELECT head::text FROM topics WHERE id IN (SELECT id FROM servers)")
        .await;
    assert_eq!(heads, ["2"]);
}

#[tokio::test]
async fn a_repeated_nonce_gets_the_first_result_and_another_body_is_refused() {
    let mut stage = Stage::new().await;
    let (alice, room) = stage.room("alice").await;
    let first = stage.send(&alice, &room, "same", "hello").await.unwrap();
    for _ in 0..3 {
        assert_eq!(
            stage.send(&alice, &room, "same", "hello").await.unwrap(),
            first
        );
    }
    assert_eq!(
        stage
            .send(&alice, &room, "same", "other")
            .await
            .unwrap_err(),
        Reason::NonceReused
    );
    assert_eq!(
        stage.column("SELECT count(*)::text FROM messages").await,
        ["1"]
    );
}

#[tokio::test]
async fn a_nonce_doubled_within_one_batch_takes_effect_once() {
    let mut stage = Stage::stopped().await;
    let (alice, room) = stage.room("alice").await;
    let requests: Vec<u32> = (0..4)
        .map(|_| stage.post(&alice, room.server, &room.message("n", "hello")))
        .collect();
    stage.flush().await;
    stage.start_lanes(1);
    let mut seqs = Vec::new();
    for request in requests {
        seqs.push(stage.answer::<MessageSent>(request).await.unwrap().seq);
    }
    assert_eq!(seqs, [1, 1, 1, 1]);
    assert_eq!(
        stage.column("SELECT count(*)::text FROM messages").await,
        ["1"]
    );
}

#[tokio::test]
async fn the_same_nonce_in_two_scopes_or_by_two_authors_is_two() {
    let mut stage = Stage::new().await;
    let (alice, one) = stage.room("alice").await;
    let two = stage.server(&alice, "second").await;
    stage.send(&alice, &one, "n", "hello").await.unwrap();
    stage.send(&alice, &two, "n", "hello").await.unwrap();
    assert_eq!(
        stage.column("SELECT count(*)::text FROM messages").await,
        ["2"]
    );
}

#[tokio::test]
async fn a_stored_message_repeated_after_a_loss_of_rights_is_not_refused() {
    let mut stage = Stage::new().await;
    let (_, room) = stage.room("alice").await;
    let bob = stage.member("bob", &room).await;
    let first = stage.send(&bob, &room, "n", "hello").await.unwrap();
    stage
        .call(
            &bob,
            room.server,
            &LeaveServer {
                nonce: "leave".to_owned(),
            },
        )
        .await
        .unwrap();
    assert_eq!(stage.send(&bob, &room, "n", "hello").await.unwrap(), first);
    assert_eq!(
        stage.send(&bob, &room, "n2", "again").await.unwrap_err(),
        Reason::UnknownServer
    );
}

#[tokio::test]
async fn one_poisonous_command_is_refused_and_the_rest_of_its_batch_is_stored() {
    let mut stage = Stage::stopped().await;
    let (alice, room) = stage.room("alice").await;
    let other = stage.server(&alice, "other").await;
    // A row that no lane wrote takes the place of the next message.
    stage.execute(&format!(
        "INSERT INTO messages (channel, seq, id, author, content) VALUES ({}, 1, 1, 1, 'foreign')",
        other.channel
    )).await;
    let good = stage.post(&alice, room.server, &room.message("good", "good"));
    let bad = stage.post(&alice, other.server, &other.message("bad", "bad"));
    let last = stage.post(&alice, room.server, &room.message("last", "last"));
    stage.flush().await;
    stage.start_lanes(1);
    assert_eq!(stage.answer::<MessageSent>(good).await.unwrap().seq, 1);
    assert_eq!(
        stage.answer::<MessageSent>(bad).await.unwrap_err(),
        Reason::Internal
    );
    assert_eq!(stage.answer::<MessageSent>(last).await.unwrap().seq, 2);
}

#[tokio::test]
async fn a_lane_without_its_term_commits_nothing_and_starts_anew() {
    let mut stage = Stage::new().await;
    let (alice, room) = stage.room("alice").await;
    stage.send(&alice, &room, "n1", "one").await.unwrap();
    stage.execute("UPDATE partitions SET term = term + 1").await;
    // The next batch divides by zero at the fence; the lane comes back and reads it again.
    let second = stage.send(&alice, &room, "n2", "two").await.unwrap();
    assert_eq!(second.seq, 2);
    assert_eq!(
        stage
            .column("SELECT content FROM messages ORDER BY seq")
            .await,
        ["one", "two"]
    );
}

#[tokio::test]
async fn a_lane_whose_connection_ended_comes_back_and_loses_nothing() {
    let mut stage = Stage::new().await;
    let (alice, room) = stage.room("alice").await;
    for n in 1..=5_u64 {
        stage.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) LIMIT 1").await;
        let sent = stage
            .send(&alice, &room, &format!("n{n}"), "hello")
            .await
            .unwrap();
        assert_eq!(sent.seq, n);
    }
}

#[tokio::test]
async fn an_entry_older_than_its_deadline_is_refused_unexecuted() {
    let mut stage = Stage::stopped().await;
    let (alice, room) = stage.room("alice").await;
    let late = stage.post(&alice, room.server, &room.message("late", "late"));
    stage.flush().await;
    stage.deadline_ms = 0;
    stage.start_lanes(1);
    assert_eq!(
        stage.answer::<MessageSent>(late).await.unwrap_err(),
        Reason::Expired
    );
    assert_eq!(
        stage.column("SELECT count(*)::text FROM messages").await,
        ["0"]
    );
}

#[tokio::test]
async fn a_stream_that_fell_behind_the_offset_is_marked_and_read_on() {
    let mut stage = Stage::stopped().await;
    let (alice, room) = stage.room("alice").await;
    // As after a new Redis with a slower clock: the offset is ahead of its ids.
    let ahead = stage.now_ms() + 3_600_000;
    stage
        .execute(&format!(
            "UPDATE partitions SET offset_ms = {ahead}, offset_seq = 5"
        ))
        .await;
    stage.start_lanes(1);
    stage
        .until("SELECT 1 FROM partitions WHERE term > 0 HAVING count(*) = 64")
        .await;
    stage
        .until_marked(Partition::of(room.server), StreamId { ms: ahead, seq: 5 })
        .await;
    assert_eq!(
        stage.send(&alice, &room, "n", "hello").await.unwrap().seq,
        1
    );
}

#[tokio::test]
async fn entries_at_or_below_the_offset_are_never_executed_again() {
    let mut stage = Stage::stopped().await;
    let (alice, room) = stage.room("alice").await;
    stage.post(&alice, room.server, &room.message("done", "done"));
    let (partition, id) = stage.flush().await[0];
    stage
        .execute(&format!(
            "UPDATE partitions SET offset_ms = {}, offset_seq = {} WHERE id = {partition}",
            id.ms, id.seq
        ))
        .await;
    let next = stage.post(&alice, room.server, &room.message("next", "next"));
    stage.flush().await;
    stage.start_lanes(1);
    assert_eq!(stage.answer::<MessageSent>(next).await.unwrap().seq, 1);
    assert_eq!(stage.column("SELECT content FROM messages").await, ["next"]);
}

#[tokio::test]
async fn channel_and_message_of_one_batch_see_each_other() {
    let mut stage = Stage::stopped().await;
    let (alice, room) = stage.room("alice").await;
    let sent = stage.post(&alice, room.server, &room.message("m", "first"));
    let made = stage.post(
        &alice,
        room.server,
        &CreateChannel {
            nonce: "c".to_owned(),
            name: "new".to_owned(),
            topic: None,
            overrides: Vec::new(),
        },
    );
    stage.flush().await;
    stage.start_lanes(1);
    let message_id = stage.answer::<MessageSent>(sent).await.unwrap().message_id;
    stage
        .answer::<protocol::channel::ChannelCreated>(made)
        .await
        .unwrap();
    // A delete after a send in one batch must see what was only gathered.
    let (again, delete) = (
        stage.post(&alice, room.server, &room.message("m2", "second")),
        stage.post(
            &alice,
            room.server,
            &EditMessage {
                nonce: "e".to_owned(),
                channel_id: room.channel,
                message_id,
                content: "edited".to_owned(),
            },
        ),
    );
    stage.flush().await;
    stage.answer::<MessageSent>(again).await.unwrap();
    stage.answer::<()>(delete).await.unwrap();
    assert_eq!(
        stage
            .column("SELECT content FROM messages ORDER BY seq")
            .await,
        ["edited", "second"]
    );
}

#[tokio::test]
async fn another_scopes_objects_do_not_exist() {
    let mut stage = Stage::new().await;
    let (alice, mine) = stage.room("alice").await;
    let (mallory, his) = stage.room("mallory").await;
    let sent = stage.send(&alice, &mine, "n", "secret").await.unwrap();
    // His server, my channel; then his own channel, my message.
    let foreign = DeleteMessage {
        nonce: "d1".to_owned(),
        channel_id: mine.channel,
        message_id: sent.message_id,
    };
    assert_eq!(
        stage
            .call(&mallory, his.server, &foreign)
            .await
            .unwrap_err(),
        Reason::UnknownChannel
    );
    let foreign = DeleteMessage {
        nonce: "d2".to_owned(),
        channel_id: his.channel,
        message_id: sent.message_id,
    };
    assert_eq!(
        stage
            .call(&mallory, his.server, &foreign)
            .await
            .unwrap_err(),
        Reason::UnknownMessage
    );
    // A server whose id names another partition than the one it was sent to.
    let stray = stage.post_to(
        Partition::of(his.server ^ (1 << 6)),
        &mallory,
        his.server,
        &his.message("n", "x"),
    );
    stage.flush().await;
    assert_eq!(
        stage.answer::<MessageSent>(stray).await.unwrap_err(),
        Reason::UnknownServer
    );
}

#[tokio::test]
async fn account_topics_stay_dense_when_several_lanes_write_them() {
    let mut stage = Stage::stopped().await;
    let alice = stage.account("alice").await;
    stage.start_lanes(4);
    let posts: Vec<u32> = (0..40).map(|n| stage.found(&alice, n)).collect();
    stage.flush().await;
    for request in posts {
        stage.answer::<ServerInfo>(request).await.unwrap();
    }
    let topic = alice.id;
    let dense = format!(
        "SELECT 1 FROM events WHERE topic = {topic} HAVING count(*) = 40 AND min(seq) = 1 AND max(seq) = 40"
    );
    stage.until(&dense).await;
}

#[tokio::test]
async fn ids_rise_when_the_clock_goes_back() {
    let mut stage = Stage::new().await;
    let (alice, room) = stage.room("alice").await;
    let mut last = stage
        .send(&alice, &room, "n0", "hello")
        .await
        .unwrap()
        .message_id;
    for n in 1..4_u64 {
        stage.clock.set(stage.now_ms() - n * 1_000);
        let id = stage
            .send(&alice, &room, &format!("n{n}"), "hello")
            .await
            .unwrap()
            .message_id;
        assert!(id > last);
        last = id;
    }
}

fn sign_in(person: &Person, device: &str) -> OpenSession {
    OpenSession {
        nonce: "n".to_owned(),
        user_id: person.user(),
        device: device.to_owned(),
    }
}

#[tokio::test]
async fn a_repeated_sign_in_gets_the_same_session_and_the_same_token() {
    let mut stage = Stage::new().await;
    let alice = stage.account("alice").await;
    let first = stage
        .call(&alice, 0, &sign_in(&alice, "laptop"))
        .await
        .unwrap();
    let second = stage
        .call(&alice, 0, &sign_in(&alice, "laptop"))
        .await
        .unwrap();
    // Whichever of the attempts came last: the token of each answer opens the session.
    assert_eq!(first, second);
    let stored = format!(
        "SELECT count(*)::text FROM sessions WHERE token_hash = sha256('{}'::bytea)",
        first.token
    );
    assert_eq!(stage.column(&stored).await, ["1"]);
    // No token is stored anywhere.
    let kept = format!(
        "SELECT count(*)::text FROM nonces WHERE position('{}'::bytea in result) > 0",
        first.token
    );
    assert_eq!(stage.column(&kept).await, ["0"]);

    // With a new secret in front, the old token is still the answer.
    stage.stop_lanes().await;
    stage.keys = format!("the second secret of the cluster,{}", stage.keys);
    stage.start_lanes(1);
    let third = stage
        .call(&alice, 0, &sign_in(&alice, "laptop"))
        .await
        .unwrap();
    assert_eq!(third, first);
}

#[tokio::test]
async fn an_account_is_in_so_many_servers_and_no_more() {
    let mut stage = Stage::stopped().await;
    stage.caps.servers = 2;
    stage.start_lanes(1);
    let (alice, _) = stage.room("alice").await;
    let first = stage.found(&alice, 1);
    stage.flush().await;
    assert!(stage.answer::<ServerInfo>(first).await.is_ok());
    let second = stage.found(&alice, 2);
    stage.flush().await;
    let refused = stage.answer::<ServerInfo>(second).await;
    assert_eq!(refused.unwrap_err(), Reason::LimitReached);
}

#[tokio::test]
async fn there_are_so_many_guests_and_no_more() {
    let mut stage = Stage::stopped().await;
    stage.caps.guests = 1;
    stage.start_lanes(1);
    let somebody = stage.account("somebody").await;
    let guest = |nonce: &str| CreateUser {
        nonce: nonce.to_owned(),
        name: None,
        password_hash: None,
        invite: None,
        invite_required: false,
        device: "phone".to_owned(),
    };
    let first = stage.call(&somebody, 0, &guest("one")).await.unwrap();
    let refused = stage.call(&somebody, 0, &guest("two")).await;
    assert_eq!(refused.unwrap_err(), Reason::LimitReached);
    // A repeat makes no other.
    assert_eq!(stage.call(&somebody, 0, &guest("one")).await, Ok(first));
}

#[tokio::test]
async fn what_is_no_repeat_of_a_sign_in_ends_no_session() {
    let mut stage = Stage::stopped().await;
    // The bus keeps its own time, to which this day is a long wait.
    stage.deadline_ms = u64::MAX;
    stage.start_lanes(1);
    let alice = stage.account("alice").await;
    stage
        .call(&alice, 0, &sign_in(&alice, "laptop"))
        .await
        .unwrap();
    let other = stage.call(&alice, 0, &sign_in(&alice, "phone")).await;
    assert_eq!(other.unwrap_err(), Reason::NonceReused);
    stage.clock.set(stage.now_ms() + 86_400_000);
    let late = stage.call(&alice, 0, &sign_in(&alice, "laptop")).await;
    assert_eq!(late.unwrap_err(), Reason::NonceReused);
    let sessions = stage.column("SELECT count(*)::text FROM sessions").await;
    assert_eq!(sessions, ["1"]);
}

#[tokio::test]
async fn a_second_lane_takes_over_what_a_stopped_one_leaves() {
    let mut stage = Stage::new().await;
    let (alice, room) = stage.room("alice").await;
    stage.send(&alice, &room, "n1", "one").await.unwrap();
    stage.stop_lanes().await;
    assert_eq!(
        stage
            .column(
                "SELECT count(*)::text FROM pg_locks WHERE locktype = 'advisory'
                 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            )
            .await,
        ["0"]
    );
    stage.start_lanes(2);
    assert_eq!(stage.send(&alice, &room, "n2", "two").await.unwrap().seq, 2);
}

#[tokio::test]
async fn cursors_move_on_by_the_largest_and_back_by_what_was_seen() {
    let mut stage = Stage::new().await;
    let (alice, room) = stage.room("alice").await;
    stage.hear(alice.id).await;
    let channel_id = room.channel;
    let ack = |seq| AckUnread { channel_id, seq };
    let mark = |seq, seen| MarkUnread {
        channel_id,
        seq,
        seen,
    };
    let first = stage.call(&alice, 0, &ack(5)).await.unwrap();
    assert_eq!((first.seq, first.version), (5, 1));
    // Whether they come within the window or after it: each is answered with
    // itself or what is larger.
    let later: Vec<u32> = [3, 8, 7].map(|seq| stage.post(&alice, 0, &ack(seq))).into();
    stage.flush().await;
    for (request, seq) in later.into_iter().zip([3, 8, 7]) {
        let cursor: ReadCursor = stage.answer(request).await.unwrap();
        assert!(cursor.seq >= seq, "{cursor:?}");
    }
    let seen = stage.call(&alice, 0, &ack(8)).await.unwrap();
    assert_eq!(seen.seq, 8);
    let unseen = stage.call(&alice, 0, &mark(2, 1)).await.unwrap_err();
    assert_eq!(unseen, Reason::Moved);
    let last = seen.version + 1;
    for _ in 0..2 {
        let marked = stage.call(&alice, 0, &mark(2, seen.version)).await.unwrap();
        assert_eq!((marked.seq, marked.version), (2, last));
    }
    // Its devices are told of each change, in order and out of the log.
    for version in 1..=last {
        let told = stage.heard().await;
        assert_eq!((told.topic, told.seq), (alice.id, 0));
        let UnreadMoved { cursor } = protocol::decode(&told.body).unwrap();
        assert_eq!(cursor.version, version);
    }
    let kept = stage
        .column("SELECT r.value || ' ' || r.version || ' ' || h.version || ' ' || h.count FROM registers r JOIN register_heads h USING (account)")
        .await;
    assert_eq!(kept, [format!("2 {last} {last} 1")]);
}

#[tokio::test]
async fn a_cursor_of_another_scope_is_refused() {
    let mut stage = Stage::new().await;
    let (alice, room) = stage.room("alice").await;
    let ack = AckUnread {
        channel_id: room.channel,
        seq: 1,
    };
    let refused = stage.call(&alice, room.server, &ack).await.unwrap_err();
    assert_eq!(refused, Reason::Malformed);
    assert!(
        stage
            .column("SELECT account::text FROM registers")
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn what_waits_for_its_window_is_stored_before_the_lane_ends() {
    let mut stage = Stage::new().await;
    let (alice, room) = stage.room("alice").await;
    let channel_id = room.channel;
    let ack = |seq| AckUnread { channel_id, seq };
    stage.call(&alice, 0, &ack(1)).await.unwrap();
    let waits = stage.post(&alice, 0, &ack(2));
    // The message is stored, so the cursor sent before it was read as well.
    stage.flush().await;
    stage.send(&alice, &room, "n", "hello").await.unwrap();
    stage.stop_lanes().await;
    let cursor: ReadCursor = stage.answer(waits).await.unwrap();
    assert_eq!(cursor.seq, 2);
}
