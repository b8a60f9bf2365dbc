//! Resuming: exactly what was missed, in order, on any gateway.

use shared::{
    bus::{
        Bus,
        envelope::{Effect, Envelope},
    },
    domain::rights::Change,
    frame::opcode,
    ids::ChannelId,
    protocol::{
        control::{Resume, Sight},
        encode,
    },
};

use crate::support::{
    ALICE, Running, SERVER,
    client::{Client, Got},
    start, start_on, token,
    world::{World, sees, server, user},
};

fn member(world: &World) {
    world.account("alice", ALICE);
    world.member(SERVER, ALICE, &[1]);
}

/// Bob keeps the topic of the server open, one event above where a snapshot for Alice may be.
async fn keep_open(gateway: &Running) -> Client {
    let world = &gateway.world;
    world.account("bob", 10_001);
    world.member(SERVER, 10_001, &[1]);
    let (mut bob, _) = Client::open(gateway.address, "bob").await;
    world.emit(SERVER, Some(1), None).await;
    assert_eq!(bob.events(SERVER, 1).await, [1]);
    bob
}

#[tokio::test]
async fn what_was_missed_is_replayed_on_another_gateway_and_then_it_is_live() {
    let world = World::start(&Bus::memory());
    let first = start_on(world.clone(), &["--node", "first"]).await;
    let second = start_on(world.clone(), &["--node", "second"]).await;
    member(&world);
    let (mut alice, _) = Client::open(first.address, "alice").await;
    world.emit(SERVER, Some(1), None).await;
    assert_eq!(alice.events(SERVER, 1).await, [1]);
    drop(alice);
    for _ in 0..500 {
        world.write(SERVER, Some(1), None);
    }
    let mut alice = Client::resume(second.address, "alice", &[(SERVER, 1), (ALICE, 0)]).await;
    let ready = alice.ready().await;
    let place = ready.topics.iter().find(|place| place.topic == SERVER);
    assert_eq!(place.unwrap().seq, 1);
    for _ in 0..100 {
        world.emit(SERVER, Some(1), None).await;
    }
    let expected: Vec<u64> = (2..=601).collect();
    assert_eq!(alice.events(SERVER, 600).await, expected);
}

#[tokio::test]
async fn a_replay_is_filtered_and_carries_the_client_past_what_it_hides() {
    let gateway = start(&[]).await;
    member(&gateway.world);
    for channel in [1, 2, 1, 2, 2] {
        gateway.world.write(SERVER, Some(channel), None);
    }
    let mut alice = Client::resume(gateway.address, "alice", &[(SERVER, 0)]).await;
    alice.ready().await;
    assert_eq!(alice.next().await, Got::Event(SERVER, 1));
    assert_eq!(alice.next().await, Got::cursor(SERVER, 2));
    assert_eq!(alice.next().await, Got::Event(SERVER, 3));
    assert_eq!(alice.next().await, Got::cursor(SERVER, 5));
}

#[tokio::test]
async fn another_log_is_a_gap_for_each_topic() {
    let gateway = start(&[]).await;
    member(&gateway.world);
    for _ in 0..3 {
        gateway.world.write(SERVER, Some(1), None);
    }
    let mut alice = Client::connect(gateway.address).await;
    let resume = Resume {
        token: token("alice"),
        epoch: "another".to_owned(),
        topics: Vec::new(),
    };
    alice.send(opcode::RESUME, 0, 0, &encode(&resume)).await;
    alice.ready().await;
    let gaps = [(ALICE, 0), (SERVER, 3)].map(|(topic, seq)| Got::gap(topic, seq));
    assert_eq!([alice.next().await, alice.next().await], gaps);
    gateway.world.emit(SERVER, Some(1), None).await;
    assert_eq!(alice.events(SERVER, 1).await, [4]);
}

#[tokio::test]
async fn a_backlog_larger_than_the_queue_is_replayed_as_the_client_reads() {
    let gateway = start(&["--queue-bytes", "4096"]).await;
    member(&gateway.world);
    for _ in 0..2_000 {
        gateway.world.write(SERVER, Some(1), None);
    }
    let mut alice = Client::resume(gateway.address, "alice", &[(SERVER, 0)]).await;
    alice.ready().await;
    let expected: Vec<u64> = (1..=2_000).collect();
    assert_eq!(alice.events(SERVER, 2_000).await, expected);
}

#[tokio::test]
async fn rights_that_change_in_the_last_moment_are_followed() {
    let gateway = start(&[]).await;
    let world = &gateway.world;
    member(world);
    let mut bob = keep_open(&gateway).await;
    world.state().snapshots_held = Some(0);
    let mut alice = Client::connect(gateway.address).await;
    alice.identify("alice").await;
    world.snapshot_held().await;
    let channel = ChannelId::new(1).unwrap();
    let taken = Change::Override {
        channel,
        before: Some(sees(ALICE)),
        after: None,
    };
    let taken = world.change(SERVER, Some(1), vec![taken]);
    world.publish(&[taken]).await;
    world.emit(SERVER, Some(1), None).await;
    assert_eq!(bob.events(SERVER, 2).await, [2, 3]);
    world.state().snapshots_held = None;
    alice.ready().await;
    let hidden = Sight {
        topic: SERVER,
        seq: 2,
        shown: Vec::new(),
        hidden: vec![channel],
    };
    assert_eq!(alice.next().await, Got::Sight(hidden));
    assert_eq!(alice.next().await, Got::cursor(SERVER, 3));
    world.emit(SERVER, None, None).await;
    assert_eq!(alice.events(SERVER, 1).await, [4]);
}

#[tokio::test]
async fn a_log_that_no_longer_holds_the_place_is_a_gap() {
    let gateway = start(&[]).await;
    let world = &gateway.world;
    member(world);
    for topic in [SERVER, ALICE] {
        for _ in 0..3 {
            world.write(topic, None, None);
        }
        world.trim(topic, 2);
    }
    let mut alice = Client::resume(gateway.address, "alice", &[(SERVER, 0), (ALICE, 0)]).await;
    alice.ready().await;
    let gaps = [alice.next().await, alice.next().await];
    for topic in [ALICE, SERVER] {
        assert!(gaps.contains(&Got::gap(topic, 3)), "{gaps:?}");
    }
    world.emit(SERVER, Some(1), None).await;
    assert_eq!(alice.events(SERVER, 1).await, [4]);
}

/// The account leaves a server, and comes back with the event of this place.
fn come_back(
    world: &World,
    server: u64,
    user_id: u64,
    (since, again): (u64, u64),
) -> [Envelope; 2] {
    let left = Change::Left {
        user: user(user_id),
        since,
        roles: Vec::new(),
    };
    let left = world.change(server, None, vec![left]);
    world.member(server, user_id, &[]);
    world.begin(server, user_id, again);
    [left, world.write(server, None, None)]
}

#[tokio::test]
async fn who_came_back_while_the_log_went_is_told_of_one_gap() {
    let gateway = start(&[]).await;
    let world = &gateway.world;
    member(world);
    let mut bob = keep_open(&gateway).await;
    world.state().snapshots_held = Some(0);
    let mut alice = Client::resume(gateway.address, "alice", &[(SERVER, 1), (ALICE, 0)]).await;
    world.snapshot_held().await;
    world.emit(SERVER, Some(1), None).await;
    assert_eq!(bob.events(SERVER, 1).await, [2]);
    // What the replay needs is gone, and the gateway has not heard of the rest.
    world.state().beating = false;
    world.trim(SERVER, 2);
    come_back(world, SERVER, ALICE, (0, 4));
    world.state().snapshots_held = None;
    alice.ready().await;
    let gap = Got::gap(SERVER, 4);
    assert_eq!(alice.next().await, gap);
    world.emit(SERVER, Some(1), None).await;
    assert_eq!(alice.events(SERVER, 1).await, [5]);
}

#[tokio::test]
async fn who_leaves_and_comes_back_while_he_joins_is_told_of_no_gap() {
    let gateway = start(&[]).await;
    let world = &gateway.world;
    member(world);
    let other = 8_192_321;
    world.account("bob", 10_001);
    world.member(other, 10_001, &[3]);
    let (mut bob, _) = Client::open(gateway.address, "bob").await;
    let (mut alice, _) = Client::open(gateway.address, "alice").await;
    world.state().snapshots_held = Some(0);
    world.member(other, ALICE, &[]);
    world.begin(other, ALICE, 1);
    world.emit(other, None, None).await;
    let joined = Effect::Joined {
        server: server(other),
        since: 1,
    };
    world.emit(ALICE, None, Some(joined)).await;
    assert_eq!(alice.next().await, Got::Event(ALICE, 1));
    world.snapshot_held().await;
    world.publish(&come_back(world, other, ALICE, (1, 3))).await;
    world.emit(other, None, None).await;
    assert_eq!(bob.events(other, 4).await, [1, 2, 3, 4]);
    world.state().snapshots_held = None;
    assert_eq!(alice.next().await, Got::cursor(other, 3));
    assert_eq!(alice.events(other, 1).await, [4]);
}
