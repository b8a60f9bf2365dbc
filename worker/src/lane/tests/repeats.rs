//! Repeats of a nonce: what is kept for them, and how many one account gets.

use shared::{
    error::Reason,
    protocol::{self, invite::JoinMember, message::MessageSent, server::ServerInfo},
};

use super::stage::{Person, Room, Stage};

/// A server with many channels, and a code for it.
async fn large(stage: &mut Stage) -> (Person, Room) {
    let (_, room) = stage.room("alice").await;
    let bob = stage.account("bob").await;
    let server = room.server;
    stage
        .execute(&format!(
            "INSERT INTO channels (id, server, name, position)
             SELECT id + n, server, 'room ' || n, n FROM channels, generate_series(1, 200) n;
             INSERT INTO invites (code, server, creator) VALUES ('code', {server}, 1)"
        ))
        .await;
    (bob, room)
}

fn post_join(stage: &mut Stage, person: &Person, room: &Room) -> u32 {
    let join = JoinMember {
        nonce: "join".to_owned(),
        code: "code".to_owned(),
    };
    stage.post(person, room.server, &join)
}

async fn join(stage: &mut Stage, person: &Person, room: &Room) -> ServerInfo {
    let request = post_join(stage, person, room);
    stage.answer(request).await
}

#[tokio::test]
async fn a_large_answer_is_made_again_for_a_repeat() {
    let mut stage = Stage::new().await;
    let (bob, room) = large(&mut stage).await;
    let first = join(&mut stage, &bob, &room).await;
    assert_eq!(first.channels.len(), 201);
    assert_eq!(join(&mut stage, &bob, &room).await, first);
    let small = "SELECT (max(length(result)) < 100)::text FROM nonces";
    stage.finds(small, ["true"]).await;
    // By another lane, too.
    stage.stop_lanes().await;
    stage.start_lanes(1);
    assert_eq!(join(&mut stage, &bob, &room).await, first);

    // Who left is still not refused, and sees nothing of what there is now.
    stage.leave_server(&bob, &room).await;
    let after = join(&mut stage, &bob, &room).await;
    assert_eq!(after.server, first.server);
    assert!(after.channels.is_empty() && after.roles.is_empty());
}

#[tokio::test]
async fn who_repeats_for_ever_is_told_to_wait_and_loses_nothing() {
    let (mut stage, alice, room) = Stage::with_room().await;
    let bob = stage.member("bob", &room).await;
    let first = stage.send(&alice, &room, "n", "one").await;
    let repeat = |_| stage.post_message(&alice, &room, "n", "one");
    let requests: Vec<u32> = (0..2_000).map(repeat).collect();
    let mut refused = 0;
    for request in requests {
        match stage.try_answer::<MessageSent>(request).await {
            Ok(sent) => assert_eq!(sent, first),
            Err(reason) => {
                assert_eq!(reason, Reason::Busy);
                refused += 1;
            }
        }
    }
    // A batch or two are looked up at once.
    assert!((500..=1_000).contains(&refused), "{refused}");
    stage.send(&bob, &room, "n", "two").await;
    let again = stage.post_message(&alice, &room, "m", "three");
    stage.refused(again, Reason::Busy).await;
    stage.clock.set(stage.now_ms() + 60_000);
    stage.send(&alice, &room, "m", "three").await;
    assert_eq!(stage.send(&alice, &room, "n", "one").await, first);
}

#[tokio::test]
async fn an_answer_that_was_kept_whole_is_given_as_it_is() {
    let mut stage = Stage::new().await;
    let (bob, room) = large(&mut stage).await;
    let first = join(&mut stage, &bob, &room).await;
    sqlx::query("UPDATE nonces SET result = $1")
        .bind(protocol::encode(&first))
        .execute(&stage.pool)
        .await
        .unwrap();
    stage
        .execute("DELETE FROM channels WHERE position > 0")
        .await;
    stage.stop_lanes().await;
    stage.start_lanes(1);
    assert_eq!(join(&mut stage, &bob, &room).await, first);
}

#[tokio::test]
async fn a_founded_server_is_shown_again_to_who_repeats() {
    let mut stage = Stage::new().await;
    let alice = stage.account("alice").await;
    let requests = [stage.found(&alice, 1), stage.found(&alice, 1)];
    let answers: Vec<ServerInfo> = stage.answers(requests).await;
    assert_eq!(answers.first().map(|info| info.channels.len()), Some(1));
    assert_eq!(answers.first(), answers.last());
}

#[tokio::test]
async fn a_rush_of_large_answers_is_several_batches() {
    let mut stage = Stage::new().await;
    let (_, room) = large(&mut stage).await;
    stage
        .execute("UPDATE channels SET topic = repeat('x', 1000)")
        .await;
    let mut people = Vec::new();
    for n in 0..48 {
        people.push(stage.account(&format!("person {n}")).await);
    }
    let before = stage.commits();
    let join = |person| post_join(&mut stage, person, &room);
    let requests: Vec<u32> = people.iter().map(join).collect();
    stage.stop_lanes().await;
    stage.flush().await;
    stage.start_lanes(1);
    for info in stage.answers::<ServerInfo>(requests).await {
        assert_eq!(info.channels.len(), 201);
    }
    // 200 KB each, and 4 MiB share a batch.
    let commits = stage.commits() - before;
    assert!((3..=6).contains(&commits), "{commits}");
    stage.counts("members", 49).await;
}

#[tokio::test]
async fn a_repeat_that_cannot_be_read_stops_nobody_else() {
    let mut stage = Stage::new().await;
    let (bob, room) = large(&mut stage).await;
    join(&mut stage, &bob, &room).await;
    let (alice, other) = stage.room("carol").await;
    stage.stop_lanes().await;
    stage
        .execute(&format!(
            "UPDATE members SET roles = ARRAY[NULL]::bigint[] WHERE account = {}",
            bob.id
        ))
        .await;
    let bad = post_join(&mut stage, &bob, &room);
    let good = stage.post_message(&alice, &other, "n", "x");
    stage.flush().await;
    stage.start_lanes(1);
    stage.answer::<MessageSent>(good).await;
    // It took effect, so nobody may say that it did not.
    stage.refused(bad, Reason::Unknown).await;
    assert_eq!(stage.metrics.poison_total.get(), 0);
    assert_eq!(stage.metrics.restarts_total.get(), 0);
}
