//! Who sees what: views, changes of rights, joining, leaving, revocation.

use shared::{bus::envelope::Effect, protocol::control::TopicSeq};

use crate::support::{
    Running,
    client::{Client, Got},
    start,
    world::{server, user},
};

const ALICE: u64 = 10_000;
const BOB: u64 = 10_001;
const SERVER: u64 = 4_096_321;
/// Everyone sees it.
const LOBBY: Option<u64> = Some(1);
/// Only Alice sees it.
const STAFF: Option<u64> = Some(2);

async fn alice_and_bob(flags: &[&str]) -> (Running, Client, Client) {
    let gateway = start(flags).await;
    gateway.world.account("alice", ALICE);
    gateway.world.account("bob", BOB);
    let all = gateway.world.view(7, &[1, 2]);
    let some = gateway.world.view(8, &[1]);
    gateway.world.member(SERVER, ALICE, all);
    gateway.world.member(SERVER, BOB, some);
    let (alice, _) = Client::open(gateway.address, "alice").await;
    let (bob, _) = Client::open(gateway.address, "bob").await;
    (gateway, alice, bob)
}

#[tokio::test]
async fn only_views_with_the_channel_get_its_events_and_cursors_carry_the_others() {
    let (gateway, mut alice, mut bob) = alice_and_bob(&["--cursor-ms", "50"]).await;
    for channel in [LOBBY, STAFF, None, STAFF, Some(3), STAFF] {
        gateway.world.emit(SERVER, channel, None).await;
    }
    assert_eq!(alice.events(SERVER, 5).await, [1, 2, 3, 4, 6]);
    assert_eq!(bob.events(SERVER, 2).await, [1, 3]);
    let place = TopicSeq {
        topic: SERVER,
        seq: 6,
    };
    let mut got = bob.next().await;
    while got != Got::Cursor(vec![place.clone()]) {
        assert!(matches!(got, Got::Cursor(_)), "{got:?}");
        got = bob.next().await;
    }
}

#[tokio::test]
async fn a_lost_right_holds_back_what_comes_after() {
    let (gateway, mut alice, mut bob) = alice_and_bob(&[]).await;
    gateway.world.emit(SERVER, STAFF, None).await;
    gateway.world.stop_views(true);
    // Alice falls to Bob's view.
    let some = gateway.world.view(8, &[1]);
    gateway.world.member(SERVER, ALICE, some);
    let members = vec![user(ALICE)];
    let rights = Some(Effect::Rights { members });
    gateway.world.emit(SERVER, STAFF, rights).await;
    gateway.world.emit(SERVER, STAFF, None).await;
    gateway.world.emit(SERVER, LOBBY, None).await;
    // She still sees the event that took her right, and nothing after it.
    assert_eq!(alice.events(SERVER, 2).await, [1, 2]);
    alice.is_quiet(1).await;
    bob.is_quiet(1).await;
    gateway.world.stop_views(false);
    assert_eq!(alice.events(SERVER, 1).await, [4]);
    assert_eq!(bob.events(SERVER, 1).await, [4]);
}

#[tokio::test]
async fn a_view_that_shows_more_shows_it_at_once() {
    let (gateway, mut alice, mut bob) = alice_and_bob(&[]).await;
    gateway.world.view(8, &[1, 2]);
    let rights = Some(Effect::Rights {
        members: Vec::new(),
    });
    gateway.world.emit(SERVER, LOBBY, rights).await;
    gateway.world.emit(SERVER, STAFF, None).await;
    assert_eq!(bob.events(SERVER, 2).await, [1, 2]);
    assert_eq!(alice.events(SERVER, 2).await, [1, 2]);
}

#[tokio::test]
async fn a_new_channel_is_seen_from_its_first_event() {
    let (gateway, mut alice, mut bob) = alice_and_bob(&[]).await;
    gateway.world.view(7, &[1, 2, 5]);
    let members = Vec::new();
    let appeared = Some(Effect::Appeared { members });
    gateway.world.emit(SERVER, Some(5), appeared).await;
    gateway.world.emit(SERVER, Some(5), None).await;
    gateway.world.emit(SERVER, LOBBY, None).await;
    assert_eq!(alice.events(SERVER, 3).await, [1, 2, 3]);
    assert_eq!(bob.events(SERVER, 1).await, [3]);
}

#[tokio::test]
async fn a_new_channel_during_a_resume_is_seen_too() {
    let (gateway, mut alice, bob) = alice_and_bob(&[]).await;
    drop(bob);
    gateway.world.emit(SERVER, LOBBY, None).await;
    gateway.world.view(8, &[1, 5]);
    let members = Vec::new();
    let appeared = Some(Effect::Appeared { members });
    gateway.world.emit(SERVER, Some(5), appeared).await;
    gateway.world.emit(SERVER, Some(5), None).await;
    let mut bob = Client::resume(gateway.address, "bob", &[(SERVER, 0)]).await;
    bob.ready().await;
    assert_eq!(bob.events(SERVER, 3).await, [1, 2, 3]);
    assert_eq!(alice.events(SERVER, 1).await, [1]);
}

#[tokio::test]
async fn views_that_do_not_come_close() {
    let (gateway, mut alice, mut bob) = alice_and_bob(&[]).await;
    gateway.world.stop_views(true);
    let rights = Some(Effect::Rights {
        members: Vec::new(),
    });
    gateway.world.emit(SERVER, LOBBY, rights).await;
    assert_eq!(alice.closed().await, 4007);
    assert_eq!(bob.closed().await, 4007);
}

#[tokio::test]
async fn joining_a_server_begins_behind_the_event_of_joining() {
    let (gateway, mut alice, _bob) = alice_and_bob(&[]).await;
    let other = 8_192_321;
    let view = gateway.world.view(9, &[3]);
    gateway.world.member(other, ALICE, view);
    for _ in 0..3 {
        gateway.world.write(other, Some(3), None);
    }
    // The first was the membership itself; two were said before the gateway asked.
    let joined = Effect::Joined {
        server: server(other),
        after: 1,
    };
    gateway.world.emit(ALICE, None, Some(joined)).await;
    assert_eq!(alice.next().await, Got::Event(ALICE, 1));
    let begins = TopicSeq {
        topic: other,
        seq: 1,
    };
    assert_eq!(alice.next().await, Got::Cursor(vec![begins]));
    assert_eq!(alice.events(other, 2).await, [2, 3]);
    gateway.world.emit(other, Some(3), None).await;
    assert_eq!(alice.events(other, 1).await, [4]);
}

#[tokio::test]
async fn who_leaves_gets_that_event_and_nothing_after_it() {
    let (gateway, mut alice, mut bob) = alice_and_bob(&[]).await;
    gateway.world.no_member(SERVER, BOB);
    let left = Some(Effect::Left { user: user(BOB) });
    gateway.world.emit(SERVER, None, left).await;
    gateway.world.emit(SERVER, LOBBY, None).await;
    gateway.world.signal(SERVER, LOBBY).await;
    assert_eq!(alice.events(SERVER, 2).await, [1, 2]);
    assert_eq!(bob.events(SERVER, 1).await, [1]);
    bob.is_quiet(1).await;
    // His own topic goes on.
    gateway.world.emit(BOB, None, None).await;
    assert_eq!(bob.events(BOB, 1).await, [1]);
}

#[tokio::test]
async fn a_revoked_session_is_closed_after_its_event_and_others_stay() {
    let (gateway, mut alice, _bob) = alice_and_bob(&[]).await;
    let second = gateway.world.session("alice-2", ALICE, 600_000);
    let (mut other, _) = Client::open(gateway.address, "alice-2").await;
    let revoked = Effect::Revoked {
        session: second.session,
    };
    gateway.world.emit(ALICE, None, Some(revoked)).await;
    assert_eq!(other.next().await, Got::Event(ALICE, 1));
    assert_eq!(other.closed().await, 4504);
    assert_eq!(alice.events(ALICE, 1).await, [1]);
    alice.is_quiet(1).await;
}
