//! Who sees what: changes of rights, joining, leaving, revocation.

use serde_bytes::ByteBuf;
use shared::{
    bus::envelope::{Effect, NodeQuery, pack},
    domain::rights::Change,
    ids::ChannelId,
    protocol::control::Sight,
};

use crate::support::{
    ALICE, BOB, Running, SERVER,
    client::{Client, Got},
    start, two_members,
    world::{sees, server, user},
};

/// Everyone sees it.
const LOBBY: Option<u64> = Some(1);
/// Only Alice sees it.
const STAFF: Option<u64> = Some(2);

async fn alice_and_bob(flags: &[&str]) -> (Running, Client, Client) {
    two_members(flags, &[1, 2]).await
}

#[tokio::test]
async fn only_who_sees_the_channel_gets_its_events_and_cursors_carry_the_others() {
    let (gateway, mut alice, mut bob) = alice_and_bob(&["--cursor-ms", "50"]).await;
    for channel in [LOBBY, STAFF, None, STAFF, Some(3), STAFF] {
        gateway.world.emit(SERVER, channel, None).await;
    }
    assert_eq!(alice.events(SERVER, 5).await, [1, 2, 3, 4, 6]);
    assert_eq!(bob.events(SERVER, 2).await, [1, 3]);
    let mut got = bob.next().await;
    while got != Got::cursor(SERVER, 6) {
        assert!(matches!(got, Got::Cursor(_)), "{got:?}");
        got = bob.next().await;
    }
}

/// Takes the channel from a member, or gives it.
fn over(channel: Option<u64>, user: u64, given: bool) -> Vec<Change> {
    let channel = ChannelId::new(channel.unwrap()).unwrap();
    let (before, after) = if given {
        (None, Some(sees(user)))
    } else {
        (Some(sees(user)), None)
    };
    vec![Change::Override {
        channel,
        before,
        after,
    }]
}

fn sight(seq: u64, shown: &[u64], hidden: &[u64]) -> Got {
    let ids = |list: &[u64]| list.iter().filter_map(|id| ChannelId::new(*id)).collect();
    Got::Sight(Sight {
        topic: SERVER,
        seq,
        shown: ids(shown),
        hidden: ids(hidden),
    })
}

#[tokio::test]
async fn each_event_is_given_by_the_rights_as_of_itself() {
    let (gateway, mut alice, mut bob) = alice_and_bob(&[]).await;
    let world = &gateway.world;
    // Everything is stored before the gateway hears of any of it.
    let events = [
        world.write(SERVER, STAFF, None),
        world.change(SERVER, STAFF, over(STAFF, ALICE, false)),
        world.write(SERVER, STAFF, None),
        world.change(SERVER, STAFF, over(STAFF, BOB, true)),
        world.write(SERVER, STAFF, None),
        world.change(SERVER, STAFF, over(STAFF, ALICE, true)),
        world.write(SERVER, STAFF, None),
        world.write(SERVER, LOBBY, None),
    ];
    world.publish(&events).await;
    alice
        .expect_all([
            Got::Event(SERVER, 1),
            sight(2, &[], &[2]),
            Got::cursor(SERVER, 5),
            Got::Event(SERVER, 6),
            sight(6, &[2], &[]),
            Got::Event(SERVER, 7),
            Got::Event(SERVER, 8),
        ])
        .await;
    bob.expect_all([
        Got::cursor(SERVER, 3),
        Got::Event(SERVER, 4),
        sight(4, &[2], &[]),
        Got::Event(SERVER, 5),
        Got::Event(SERVER, 6),
        Got::Event(SERVER, 7),
        Got::Event(SERVER, 8),
    ])
    .await;
    assert!(
        !world
            .state()
            .asked
            .iter()
            .any(|query| matches!(query, NodeQuery::Changes { .. })),
        "nothing is asked for"
    );
}

#[tokio::test]
async fn a_resume_gives_each_event_by_the_rights_as_of_itself() {
    let (gateway, alice, bob) = alice_and_bob(&[]).await;
    let world = &gateway.world;
    drop(alice);
    for event in [
        world.write(SERVER, STAFF, None),
        world.change(SERVER, STAFF, over(STAFF, BOB, true)),
        world.write(SERVER, STAFF, None),
        world.change(SERVER, LOBBY, over(LOBBY, ALICE, false)),
        world.write(SERVER, LOBBY, None),
        world.change(SERVER, LOBBY, over(LOBBY, ALICE, true)),
        world.change(SERVER, STAFF, over(STAFF, ALICE, false)),
        world.write(SERVER, STAFF, None),
    ] {
        world.publish(&[event]).await;
    }
    let mut alice = Client::resume(gateway.address, "alice", &[(SERVER, 0), (ALICE, 0)]).await;
    alice.ready().await;
    // What was said in the channel that she lost is not shown any more.
    alice
        .expect_all([
            sight(4, &[], &[1]),
            Got::cursor(SERVER, 5),
            Got::Event(SERVER, 6),
            sight(6, &[1], &[]),
            sight(7, &[], &[2]),
            Got::cursor(SERVER, 8),
        ])
        .await;
    drop(bob);
    let mut bob = Client::resume(gateway.address, "bob", &[(SERVER, 0), (BOB, 0)]).await;
    bob.ready().await;
    bob.expect_all([
        Got::cursor(SERVER, 1),
        Got::Event(SERVER, 2),
        sight(2, &[2], &[]),
        Got::Event(SERVER, 3),
        Got::Event(SERVER, 4),
        Got::Event(SERVER, 5),
        Got::Event(SERVER, 6),
        Got::Event(SERVER, 7),
        Got::Event(SERVER, 8),
    ])
    .await;
}

#[tokio::test]
async fn a_channel_comes_for_who_sees_it_after_and_goes_for_who_saw_it_before() {
    let (gateway, mut alice, mut bob) = alice_and_bob(&[]).await;
    let world = &gateway.world;
    let channel = ChannelId::new(5).unwrap();
    let comes = Change::Channel {
        channel,
        before: None,
        after: Some(vec![sees(ALICE)]),
    };
    let goes = Change::Channel {
        channel,
        before: Some(vec![sees(ALICE)]),
        after: None,
    };
    let events = [
        world.change(SERVER, Some(5), vec![comes]),
        world.write(SERVER, Some(5), None),
        world.change(SERVER, Some(5), vec![goes]),
        world.write(SERVER, LOBBY, None),
    ];
    world.publish(&events).await;
    let resumed = Client::resume(gateway.address, "alice", &[(SERVER, 0), (ALICE, 0)]).await;
    alice
        .expect_all([
            Got::Event(SERVER, 1),
            sight(1, &[5], &[]),
            Got::Event(SERVER, 2),
            Got::Event(SERVER, 3),
            sight(3, &[], &[5]),
            Got::Event(SERVER, 4),
        ])
        .await;
    assert_eq!(bob.events(SERVER, 1).await, [4]);
    // In a replay, what was said there is gone with the channel; that it went is not.
    let mut alice = resumed;
    alice.ready().await;
    alice
        .expect_all([
            sight(1, &[5], &[]),
            Got::cursor(SERVER, 2),
            Got::Event(SERVER, 3),
            sight(3, &[], &[5]),
            Got::Event(SERVER, 4),
        ])
        .await;
}

#[tokio::test]
async fn a_missing_change_is_a_gap_and_nobody_is_closed() {
    let (gateway, mut alice, mut bob) = alice_and_bob(&[]).await;
    let world = &gateway.world;
    let mut event = world.change(SERVER, STAFF, over(STAFF, ALICE, false));
    // As if another change had come before it.
    let changes = Vec::new();
    let follows = 77;
    event.effect = Some(ByteBuf::from(
        pack(&Effect::Rights { follows, changes }).to_vec(),
    ));
    world.publish(&[event]).await;
    let gap = Got::gap(SERVER, 1);
    assert_eq!(alice.next().await, gap.clone());
    assert_eq!(bob.next().await, gap);
    world.emit(SERVER, STAFF, None).await;
    world.emit(SERVER, LOBBY, None).await;
    assert_eq!(alice.events(SERVER, 1).await, [3]);
    assert_eq!(bob.events(SERVER, 1).await, [3]);
}

#[tokio::test]
async fn typing_waits_for_nobody_and_goes_only_where_its_place_was_seen() {
    let (gateway, mut alice, mut bob) = alice_and_bob(&[]).await;
    let world = &gateway.world;
    // The right is gone, but the gateway has not heard of it.
    let change = world.change(SERVER, STAFF, over(STAFF, ALICE, false));
    world.signal(SERVER, STAFF).await;
    world.publish(&[change]).await;
    assert_eq!(alice.next().await, sight(1, &[], &[2]));
    world.signal(SERVER, LOBBY).await;
    assert_eq!(alice.next().await, Got::Event(SERVER, 0));
    assert_eq!(bob.next_but_cursors().await, Got::Event(SERVER, 0));
}

#[tokio::test]
async fn a_topic_whose_structure_does_not_come_holds_only_itself_back() {
    let gateway = start(&[]).await;
    gateway.world.account("alice", ALICE);
    gateway.world.member(SERVER, ALICE, &[1]);
    gateway.world.state().structures_stopped = true;
    let (mut alice, _) = Client::open(gateway.address, "alice").await;
    gateway.world.emit(SERVER, LOBBY, None).await;
    alice.is_quiet(1).await;
    gateway.world.state().structures_stopped = false;
    assert_eq!(alice.events(SERVER, 1).await, [1]);
}

#[tokio::test]
async fn joining_a_server_begins_behind_the_event_of_joining() {
    let (gateway, mut alice, _bob) = alice_and_bob(&[]).await;
    let other = 8_192_321;
    // The first is the membership itself; two are said before the gateway asks.
    gateway.world.member(other, ALICE, &[3]);
    gateway.world.begin(other, ALICE, 1);
    for _ in 0..3 {
        gateway.world.write(other, Some(3), None);
    }
    let joined = Effect::Joined {
        server: server(other),
        since: 1,
    };
    gateway.world.emit(ALICE, None, Some(joined)).await;
    assert_eq!(alice.next().await, Got::Event(ALICE, 1));
    assert_eq!(alice.next().await, Got::cursor(other, 1));
    assert_eq!(alice.events(other, 2).await, [2, 3]);
    gateway.world.emit(other, Some(3), None).await;
    assert_eq!(alice.events(other, 1).await, [4]);
}

#[tokio::test]
async fn who_leaves_gets_that_event_and_nothing_after_it() {
    let (gateway, mut alice, mut bob) = alice_and_bob(&[]).await;
    let left = |since| Change::Left {
        user: user(BOB),
        since,
        roles: Vec::new(),
    };
    let event = gateway.world.change(SERVER, None, vec![left(0)]);
    gateway.world.publish(&[event]).await;
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
async fn who_joins_leaves_and_joins_again_gets_one_stream() {
    let (gateway, mut alice, _bob) = alice_and_bob(&[]).await;
    let world = &gateway.world;
    let other = 8_192_321;
    let joined = |since| {
        let server = server(other);
        world.write(ALICE, None, Some(Effect::Joined { server, since }))
    };
    // The gateway hears of all of it at once.
    world.member(other, ALICE, &[3]);
    let mut own = vec![joined(1)];
    world.begin(other, ALICE, 1);
    world.write(other, None, None);
    world.write(other, Some(3), None);
    let left = Change::Left {
        user: user(ALICE),
        since: 1,
        roles: Vec::new(),
    };
    let left = world.change(other, None, vec![left]);
    own.push(world.write(ALICE, None, None));
    world.member(other, ALICE, &[]);
    world.begin(other, ALICE, 4);
    let again = world.write(other, None, None);
    own.push(joined(4));
    let said = world.write(other, Some(3), None);
    world.publish(&own).await;
    world.publish(&[left, again, said]).await;
    world.emit(other, Some(3), None).await;
    let mut seen = Vec::new();
    let mut place = 0;
    while place < 6 {
        match alice.next().await {
            Got::Event(topic, seq) if topic == other => {
                assert!(seq > place, "{seq} after {place}");
                place = seq;
                seen.push(seq);
            }
            Got::Cursor(topics) => {
                for cursor in topics.iter().filter(|cursor| cursor.topic == other) {
                    assert!(cursor.seq >= place, "back from {place} to {cursor:?}");
                    place = cursor.seq;
                }
            }
            Got::Event(..) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(seen.ends_with(&[5, 6]), "{seen:?}");
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
