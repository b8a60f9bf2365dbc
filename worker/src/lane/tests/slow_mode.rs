//! Slow mode: who waits for how long, also when another lane has taken the channel.

use shared::{error::Reason, protocol::channel::UpdateChannel};

use super::stage::{Person, Room, Stage};

/// A room whose members wait ten seconds between two messages, its owner, and a member.
async fn slow_room() -> (Stage, Person, Person, Room) {
    let (mut stage, alice, room) = Stage::with_room().await;
    let bob = stage.member("bob", &room).await;
    let slow = UpdateChannel {
        nonce: "slow".to_owned(),
        channel_id: room.channel,
        name: None,
        topic: None,
        position: None,
        overrides: None,
        slow_mode: Some(10),
    };
    stage.call(&alice, room.server, &slow).await;
    (stage, alice, bob, room)
}

#[tokio::test]
async fn who_sent_waits_to_the_millisecond() {
    let (mut stage, alice, bob, room) = slow_room().await;
    let start = stage.now_ms();
    stage.send(&bob, &room, "1", "one").await;
    stage.clock.set(start + 9_999);
    let early = stage.post_message(&bob, &room, "2", "early");
    stage.refused(early, Reason::RateLimited).await;
    // Who manages the channel does not wait.
    stage.send(&alice, &room, "1", "hers").await;
    stage.send(&alice, &room, "2", "at once").await;
    stage.clock.set(start + 10_000);
    stage.send(&bob, &room, "3", "two").await;
    let early = stage.post_message(&bob, &room, "4", "early");
    stage.refused(early, Reason::RateLimited).await;
    stage.counts("messages", 4).await;
}

#[tokio::test]
async fn the_next_lane_knows_who_sent() {
    let (mut stage, _, bob, room) = slow_room().await;
    let start = stage.now_ms();
    stage.send(&bob, &room, "1", "one").await;
    stage.stop_lanes().await;
    stage.clock.set(start + 5_000);
    stage.start_lanes(1);
    let early = stage.post_message(&bob, &room, "2", "early");
    stage.refused(early, Reason::RateLimited).await;
    stage.clock.set(start + 10_001);
    stage.send(&bob, &room, "3", "two").await;
}
