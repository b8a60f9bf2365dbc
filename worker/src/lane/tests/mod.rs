//! Lanes against a real Postgres and the bus in memory: what a careless build
//! gets wrong.

mod background;
mod handover;
mod internal;
mod member;
mod mentions;
mod rank;
mod reactions;
mod refusals;
mod repeats;
mod rights;
mod slow_mode;
mod stage;
mod standby;

use shared::{
    bus::StreamId,
    error::Reason,
    ids::Partition,
    protocol::{
        self,
        account::{CreateUser, OpenSession},
        channel::{ChannelCreated, ChannelKind, CreateChannel},
        message::{DeleteMessage, EditMessage, MessageSent},
        server::ServerInfo,
        unread::{AckUnread, MarkUnread, ReadCursor, UnreadMoved},
    },
};

use self::stage::{HELD_PARTITIONS, Person, Stage};

const CONTENTS: &str = "SELECT content FROM messages ORDER BY seq";

#[tokio::test]
async fn a_message_is_stored_answered_and_told_in_order() {
    let (mut stage, alice, room) = Stage::with_room().await;
    let first = stage.send(&alice, &room, "n1", "one").await;
    let second = stage.send(&alice, &room, "n2", "two").await;
    assert_eq!((first.seq, second.seq), (1, 2));
    assert!(second.message_id > first.message_id);
    stage.finds(CONTENTS, ["one", "two"]).await;
    let events = "SELECT seq::text FROM events e JOIN servers s ON s.id = e.topic ORDER BY seq";
    stage.finds(events, ["1", "2"]).await;
    let head = "SELECT head::text FROM topics t JOIN servers s ON s.id = t.id";
    stage.finds(head, ["2"]).await;
}

#[tokio::test]
async fn a_repeated_nonce_gets_the_first_result_and_another_body_is_refused() {
    let (mut stage, alice, room) = Stage::with_room().await;
    let first = stage.send(&alice, &room, "same", "hello").await;
    for _ in 0..3 {
        assert_eq!(stage.send(&alice, &room, "same", "hello").await, first);
    }
    let other = stage.post_message(&alice, &room, "same", "other");
    stage.refused(other, Reason::NonceReused).await;
    stage.counts("messages", 1).await;
}

#[tokio::test]
async fn a_nonce_doubled_within_one_batch_takes_effect_once() {
    let (mut stage, alice, room) = Stage::stopped_with_room().await;
    let requests = [(); 4].map(|()| stage.post_message(&alice, &room, "n", "hello"));
    stage.flush().await;
    stage.start_lanes(1);
    let answers = stage.answers::<MessageSent>(requests).await;
    assert!(answers.iter().all(|sent| sent.seq == 1), "{answers:?}");
    stage.counts("messages", 1).await;
}

#[tokio::test]
async fn the_same_nonce_in_two_scopes_or_by_two_authors_is_two() {
    let (mut stage, alice, one) = Stage::with_room().await;
    let two = stage.server(&alice, "second").await;
    stage.send(&alice, &one, "n", "hello").await;
    stage.send(&alice, &two, "n", "hello").await;
    stage.counts("messages", 2).await;
}

#[tokio::test]
async fn a_stored_message_repeated_after_a_loss_of_rights_is_not_refused() {
    let (mut stage, _, room) = Stage::with_room().await;
    let bob = stage.member("bob", &room).await;
    let first = stage.send(&bob, &room, "n", "hello").await;
    stage.leave_server(&bob, &room).await;
    assert_eq!(stage.send(&bob, &room, "n", "hello").await, first);
    let again = stage.post_message(&bob, &room, "n2", "again");
    stage.refused(again, Reason::UnknownServer).await;
}

#[tokio::test]
async fn one_poisonous_command_is_refused_and_the_rest_of_its_batch_is_stored() {
    let (mut stage, alice, room) = Stage::stopped_with_room().await;
    let other = stage.server(&alice, "other").await;
    // A row that no lane wrote takes the place of the next message.
    stage.execute(&format!(
        "INSERT INTO messages (channel, seq, id, author, content) VALUES ({}, 1, 1, 1, 'foreign')",
        other.channel
    )).await;
    let good = stage.post_message(&alice, &room, "good", "good");
    let bad = stage.post_message(&alice, &other, "bad", "bad");
    let last = stage.post_message(&alice, &room, "last", "last");
    stage.flush().await;
    stage.start_lanes(1);
    assert_eq!(stage.answer::<MessageSent>(good).await.seq, 1);
    stage.refused(bad, Reason::Internal).await;
    assert_eq!(stage.answer::<MessageSent>(last).await.seq, 2);
}

#[tokio::test]
async fn a_lane_without_its_term_commits_nothing_and_starts_anew() {
    let (mut stage, alice, room) = Stage::with_room().await;
    stage.send(&alice, &room, "n1", "one").await;
    stage.execute("UPDATE partitions SET term = term + 1").await;
    // The next batch divides by zero at the fence; the lane comes back and reads it again.
    let second = stage.send(&alice, &room, "n2", "two").await;
    assert_eq!(second.seq, 2);
    stage.finds(CONTENTS, ["one", "two"]).await;
}

#[tokio::test]
async fn a_lane_whose_connection_ended_comes_back_and_loses_nothing() {
    let (mut stage, alice, room) = Stage::with_room().await;
    for n in 1..=5_u64 {
        stage.end_connections().await;
        let sent = stage.send(&alice, &room, &format!("n{n}"), "hello").await;
        assert_eq!(sent.seq, n);
    }
}

#[tokio::test]
async fn an_entry_older_than_its_deadline_is_refused_unexecuted() {
    let (mut stage, alice, room) = Stage::stopped_with_room().await;
    let late = stage.post_message(&alice, &room, "late", "late");
    stage.flush().await;
    stage.deadline_ms = 0;
    stage.start_lanes(1);
    stage.refused(late, Reason::Expired).await;
    stage.counts("messages", 0).await;
}

#[tokio::test]
async fn a_stream_that_fell_behind_the_offset_is_marked_and_read_on() {
    let (mut stage, alice, room) = Stage::stopped_with_room().await;
    // As after a new Redis with a slower clock: the offset is ahead of its ids.
    let ahead = stage.now_ms() + 3_600_000;
    stage
        .execute(&format!(
            "UPDATE partitions SET offset_ms = {ahead}, offset_seq = 5"
        ))
        .await;
    stage.start_lanes(1);
    stage.until_counts("partitions WHERE term > 0", 64).await;
    stage
        .until_marked(Partition::of(room.server), StreamId { ms: ahead, seq: 5 })
        .await;
    assert_eq!(stage.send(&alice, &room, "n", "hello").await.seq, 1);
}

#[tokio::test]
async fn entries_at_or_below_the_offset_are_never_executed_again() {
    let (mut stage, alice, room) = Stage::stopped_with_room().await;
    stage.post_message(&alice, &room, "done", "done");
    let (partition, id) = stage.flush().await[0];
    stage
        .execute(&format!(
            "UPDATE partitions SET offset_ms = {}, offset_seq = {} WHERE id = {partition}",
            id.ms, id.seq
        ))
        .await;
    let next = stage.post_message(&alice, &room, "next", "next");
    stage.flush().await;
    stage.start_lanes(1);
    assert_eq!(stage.answer::<MessageSent>(next).await.seq, 1);
    stage.finds("SELECT content FROM messages", ["next"]).await;
}

#[tokio::test]
async fn channel_and_message_of_one_batch_see_each_other() {
    let (mut stage, alice, room) = Stage::stopped_with_room().await;
    let sent = stage.post_message(&alice, &room, "m", "first");
    let create = CreateChannel {
        nonce: "c".to_owned(),
        name: "new".to_owned(),
        topic: None,
        overrides: Vec::new(),
        kind: ChannelKind::Text,
        parent_id: None,
        slow_mode: 0,
    };
    let made = stage.post(&alice, room.server, &create);
    stage.flush().await;
    stage.start_lanes(1);
    let message_id = stage.answer::<MessageSent>(sent).await.message_id;
    stage.answer::<ChannelCreated>(made).await;
    // A delete after a send in one batch must see what was only gathered.
    let edit = EditMessage {
        nonce: "e".to_owned(),
        channel_id: room.channel,
        message_id,
        content: "edited".to_owned(),
    };
    let again = stage.post_message(&alice, &room, "m2", "second");
    let edited = stage.post(&alice, room.server, &edit);
    stage.answer::<MessageSent>(again).await;
    stage.answer::<()>(edited).await;
    stage.finds(CONTENTS, ["edited", "second"]).await;
}

#[tokio::test]
async fn another_scopes_objects_do_not_exist() {
    let (mut stage, alice, mine) = Stage::with_room().await;
    let (mallory, his) = stage.room("mallory").await;
    let sent = stage.send(&alice, &mine, "n", "secret").await;
    // His server, my channel; then his own channel, my message.
    for (nonce, room, reason) in [
        ("d1", &mine, Reason::UnknownChannel),
        ("d2", &his, Reason::UnknownMessage),
    ] {
        let foreign = DeleteMessage {
            nonce: nonce.to_owned(),
            channel_id: room.channel,
            message_id: sent.message_id,
        };
        let foreign = stage.post(&mallory, his.server, &foreign);
        stage.refused(foreign, reason).await;
    }
    // A server whose id names another partition than the one it was sent to.
    let stray = Partition::of(his.server ^ (1 << 6));
    let stray = stage.post_to(stray, &mallory, his.server, &his.message("n", "x"));
    stage.refused(stray, Reason::UnknownServer).await;
}

#[tokio::test]
async fn account_topics_stay_dense_when_several_lanes_write_them() {
    let mut stage = Stage::stopped().await;
    let alice = stage.account("alice").await;
    stage.start_lanes(4);
    let posts: Vec<u32> = (0..40).map(|n| stage.found(&alice, n)).collect();
    stage.answers::<ServerInfo>(posts).await;
    let dense = "HAVING count(*) = 40 AND min(seq) = 1 AND max(seq) = 40";
    let events = format!("events WHERE topic = {} {dense}", alice.id);
    stage.until_found(&events).await;
}

#[tokio::test]
async fn ids_rise_when_the_clock_goes_back() {
    let (mut stage, alice, room) = Stage::with_room().await;
    let mut last = stage.send(&alice, &room, "n0", "hello").await.message_id;
    for n in 1..4_u64 {
        stage.clock.set(stage.now_ms() - n * 1_000);
        let id = stage
            .send(&alice, &room, &format!("n{n}"), "hello")
            .await
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
        verified: None,
    }
}

#[tokio::test]
async fn a_repeated_sign_in_gets_the_same_session_and_the_same_token() {
    let mut stage = Stage::new().await;
    let alice = stage.account("alice").await;
    let first = stage.call(&alice, 0, &sign_in(&alice, "laptop")).await;
    let second = stage.call(&alice, 0, &sign_in(&alice, "laptop")).await;
    // Whichever of the attempts came last: the token of each answer opens the session.
    assert_eq!(first, second);
    let token = format!("'{}'::bytea", first.token);
    let stored = format!("sessions WHERE token_hash = sha256({token})");
    stage.counts(&stored, 1).await;
    // No token is stored anywhere.
    let kept = format!("nonces WHERE position({token} in result) > 0");
    stage.counts(&kept, 0).await;

    // With a new secret in front, the old token is still the answer.
    stage.stop_lanes().await;
    stage.keys = format!("the second secret of the cluster,{}", stage.keys);
    stage.start_lanes(1);
    let third = stage.call(&alice, 0, &sign_in(&alice, "laptop")).await;
    assert_eq!(third, first);
}

#[tokio::test]
async fn a_sign_in_that_was_overtaken_opens_no_session() {
    let mut stage = Stage::new().await;
    let alice = stage.account("alice").await;
    let verified = |hash: Option<&str>| OpenSession {
        verified: hash.map(str::to_owned),
        ..sign_in(&alice, "laptop")
    };
    let set = |what: &str| format!("UPDATE accounts SET {what} WHERE id = {}", alice.id);
    stage.execute(&set("password_hash = 'new'")).await;
    let old = stage.post(&alice, 0, &verified(Some("old")));
    stage.refused(old, Reason::WrongCredentials).await;
    stage.call(&alice, 0, &verified(Some("new"))).await;
    stage.counts("sessions", 1).await;
    stage
        .execute(&set("deleted = true, password_hash = NULL"))
        .await;
    for hash in [None, Some("new")] {
        let buried = stage.post(&alice, 0, &verified(hash));
        stage.refused(buried, Reason::WrongCredentials).await;
    }
}

#[tokio::test]
async fn an_account_is_in_so_many_servers_and_no_more() {
    let mut stage = Stage::stopped().await;
    stage.caps.servers = 2;
    stage.start_lanes(1);
    let (alice, _) = stage.room("alice").await;
    let first = stage.found(&alice, 1);
    stage.answer::<ServerInfo>(first).await;
    let second = stage.found(&alice, 2);
    stage.refused(second, Reason::LimitReached).await;
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
    let first = stage.call(&somebody, 0, &guest("one")).await;
    let refused = stage.post(&somebody, 0, &guest("two"));
    stage.refused(refused, Reason::LimitReached).await;
    // A repeat makes no other.
    assert_eq!(stage.call(&somebody, 0, &guest("one")).await, first);
}

#[tokio::test]
async fn what_is_no_repeat_of_a_sign_in_ends_no_session() {
    let mut stage = Stage::stopped().await;
    // The bus keeps its own time, to which this day is a long wait.
    stage.deadline_ms = u64::MAX;
    stage.start_lanes(1);
    let alice = stage.account("alice").await;
    stage.call(&alice, 0, &sign_in(&alice, "laptop")).await;
    let other = stage.post(&alice, 0, &sign_in(&alice, "phone"));
    stage.refused(other, Reason::NonceReused).await;
    stage.clock.set(stage.now_ms() + 86_400_000);
    let late = stage.post(&alice, 0, &sign_in(&alice, "laptop"));
    stage.refused(late, Reason::NonceReused).await;
    stage.counts("sessions", 1).await;
}

#[tokio::test]
async fn a_second_lane_takes_over_what_a_stopped_one_leaves() {
    let (mut stage, alice, room) = Stage::with_room().await;
    stage.send(&alice, &room, "n1", "one").await;
    stage.stop_lanes().await;
    stage.counts(HELD_PARTITIONS, 0).await;
    stage.start_lanes(2);
    assert_eq!(stage.send(&alice, &room, "n2", "two").await.seq, 2);
}

#[tokio::test]
async fn cursors_move_on_by_the_largest_and_back_by_what_was_seen() {
    let (mut stage, alice, room) = Stage::with_room().await;
    stage.hear(alice.id).await;
    let channel_id = room.channel;
    let ack = |seq| AckUnread { channel_id, seq };
    let mark = |seq, seen| MarkUnread {
        channel_id,
        seq,
        seen,
    };
    let first = stage.call(&alice, 0, &ack(5)).await;
    assert_eq!((first.seq, first.version), (5, 1));
    // Whether they come within the window or after it: each is answered with
    // itself or what is larger.
    let later: Vec<u32> = [3, 8, 7].map(|seq| stage.post(&alice, 0, &ack(seq))).into();
    stage.flush().await;
    for (request, seq) in later.into_iter().zip([3, 8, 7]) {
        let cursor: ReadCursor = stage.answer(request).await;
        assert!(cursor.seq >= seq, "{cursor:?}");
    }
    let seen = stage.call(&alice, 0, &ack(8)).await;
    assert_eq!(seen.seq, 8);
    let unseen = stage.post(&alice, 0, &mark(2, 1));
    stage.refused(unseen, Reason::Moved).await;
    let last = seen.version + 1;
    for _ in 0..2 {
        let marked = stage.call(&alice, 0, &mark(2, seen.version)).await;
        assert_eq!((marked.seq, marked.version), (2, last));
    }
    // Its devices are told of each change, in order and out of the log.
    for version in 1..=last {
        let told = stage.heard().await;
        assert_eq!((told.topic, told.seq), (alice.id, 0));
        let UnreadMoved { cursor } = protocol::decode(&told.body).unwrap();
        assert_eq!(cursor.version, version);
    }
    let kept = "SELECT r.value || ' ' || r.version || ' ' || h.version || ' ' || h.count
                FROM registers r JOIN register_heads h USING (account)";
    stage.finds(kept, [format!("2 {last} {last} 1")]).await;
}

#[tokio::test]
async fn a_cursor_of_another_scope_is_refused() {
    let (mut stage, alice, room) = Stage::with_room().await;
    let ack = AckUnread {
        channel_id: room.channel,
        seq: 1,
    };
    let refused = stage.post(&alice, room.server, &ack);
    stage.refused(refused, Reason::Malformed).await;
    stage.counts("registers", 0).await;
}

#[tokio::test]
async fn what_waits_for_its_window_is_stored_before_the_lane_ends() {
    let (mut stage, alice, room) = Stage::with_room().await;
    let channel_id = room.channel;
    let ack = |seq| AckUnread { channel_id, seq };
    stage.call(&alice, 0, &ack(1)).await;
    let waits = stage.post(&alice, 0, &ack(2));
    // The message is stored, so the cursor sent before it was read as well.
    stage.flush().await;
    stage.send(&alice, &room, "n", "hello").await;
    stage.stop_lanes().await;
    let cursor: ReadCursor = stage.answer(waits).await;
    assert_eq!(cursor.seq, 2);
}
