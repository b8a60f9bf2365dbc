//! Events in order and without holes, whatever the bus does to them.

use proptest::{prelude::*, test_runner::TestRunner};
use shared::bus::envelope::{Envelope, NodeQuery};

use crate::support::{
    ALICE, Running, SERVER,
    client::{Client, Got},
    two_members, until,
};

/// A gateway with two members of a server who see channel 1.
async fn members() -> (Running, Client, Client) {
    two_members(&[], &[1]).await
}

#[tokio::test]
async fn members_get_every_event_once_and_in_order() {
    let (gateway, mut alice, mut bob) = members().await;
    for _ in 0..300 {
        gateway.world.emit(SERVER, Some(1), None).await;
    }
    let expected: Vec<u64> = (1..=300).collect();
    assert_eq!(alice.events(SERVER, 300).await, expected);
    assert_eq!(bob.events(SERVER, 300).await, expected);
}

#[tokio::test]
async fn a_hole_is_repaired_from_the_log() {
    let (gateway, mut alice, _bob) = members().await;
    gateway.world.emit(SERVER, Some(1), None).await;
    assert_eq!(alice.events(SERVER, 1).await, [1]);
    gateway.world.write(SERVER, Some(1), None);
    gateway.world.write(SERVER, Some(1), None);
    gateway.world.emit(SERVER, Some(1), None).await;
    assert_eq!(alice.events(SERVER, 3).await, [2, 3, 4]);
}

#[tokio::test]
async fn the_lost_last_event_of_a_quiet_topic_is_repaired_by_a_beat() {
    let (gateway, mut alice, mut bob) = members().await;
    let begin = std::time::Instant::now();
    gateway.world.write(SERVER, Some(1), None);
    assert_eq!(alice.events(SERVER, 1).await, [1]);
    assert_eq!(bob.events(SERVER, 1).await, [1]);
    assert!(begin.elapsed().as_secs() < 5);
}

#[tokio::test]
async fn a_lost_last_event_is_repaired_though_its_beat_is_lost_too() {
    let (gateway, mut alice, _bob) = members().await;
    gateway.world.write(SERVER, Some(1), None);
    // The beat that names the head is never published.
    gateway.world.state().beating = false;
    gateway.world.state().moved.clear();
    gateway.world.state().number += 1;
    gateway.world.state().beating = true;
    assert_eq!(alice.events(SERVER, 1).await, [1]);
}

#[tokio::test]
async fn silent_lanes_make_topics_dirty() {
    let (gateway, mut alice, _bob) = members().await;
    gateway.world.state().beating = false;
    gateway.world.write(ALICE, None, None);
    gateway.world.state().moved.clear();
    assert_eq!(alice.events(ALICE, 1).await, [1]);
    let heads = |query: &NodeQuery| matches!(query, NodeQuery::Heads { .. });
    assert!(gateway.world.state().asked.iter().any(heads));
}

#[tokio::test]
async fn publishes_of_two_lanes_may_cross_on_an_accounts_topic() {
    let (gateway, mut alice, _bob) = members().await;
    // Whatever was asked for when the sessions were opened.
    alice.is_quiet(1).await;
    gateway.world.forget_requests();
    let first = gateway.world.write(ALICE, None, None);
    let second = gateway.world.write(ALICE, None, None);
    gateway.world.publish(&[second, first]).await;
    assert_eq!(alice.events(ALICE, 2).await, [1, 2]);
    let asked = gateway.world.state().asked.clone();
    let repair = NodeQuery::Events {
        topic: ALICE,
        after: 0,
        bytes: 1024 * 1024,
    };
    assert!(!asked.contains(&repair), "{asked:?}");
}

#[tokio::test]
async fn what_is_not_stored_is_given_to_those_who_are_there() {
    let (gateway, mut alice, mut bob) = members().await;
    until("the topic is heard", async || {
        gateway.world.signal(SERVER, Some(1)).await;
        matches!(alice.next().await, Got::Event(SERVER, 0))
    })
    .await;
    gateway.world.signal(SERVER, Some(2)).await;
    gateway.world.emit(SERVER, Some(1), None).await;
    let mut last = Got::Event(SERVER, 0);
    while last == Got::Event(SERVER, 0) {
        last = bob.next().await;
    }
    assert_eq!(last, Got::Event(SERVER, 1));
}

#[tokio::test]
async fn a_hole_that_the_log_no_longer_has_is_a_gap() {
    let (gateway, mut alice, _bob) = members().await;
    gateway.world.emit(SERVER, Some(1), None).await;
    assert_eq!(alice.events(SERVER, 1).await, [1]);
    gateway.world.trim(SERVER, 5);
    for _ in 2..=6 {
        gateway.world.write(SERVER, Some(1), None);
    }
    gateway.world.emit(SERVER, Some(1), None).await;
    let gap = Got::gap(SERVER, 7);
    assert_eq!(alice.next_but_cursors().await, gap);
    gateway.world.emit(SERVER, Some(1), None).await;
    assert_eq!(alice.events(SERVER, 1).await, [8]);
}

#[tokio::test]
async fn a_log_that_went_back_closes() {
    let (gateway, mut alice, _bob) = members().await;
    for _ in 0..3 {
        gateway.world.emit(SERVER, Some(1), None).await;
    }
    assert_eq!(alice.events(SERVER, 3).await, [1, 2, 3]);
    gateway.world.restore(SERVER, 1);
    gateway.world.state().number += 1;
    assert_eq!(alice.closed().await, 4007);
}

/// What the bus does to the publish of one event.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Heard,
    Lost,
    Doubled,
    /// After the next ones.
    Late,
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        4 => Just(Fate::Heard),
        1 => Just(Fate::Lost),
        1 => Just(Fate::Doubled),
        1 => Just(Fate::Late),
    ]
}

async fn play(gateway: &Running, fates: &[Fate], topic: u64) {
    let mut late: Vec<Envelope> = Vec::new();
    for fate in fates {
        let envelope = gateway.world.write(topic, Some(1), None);
        match fate {
            Fate::Heard => gateway.world.publish(&[envelope]).await,
            Fate::Lost => {}
            Fate::Doubled => gateway.world.publish(&[envelope.clone(), envelope]).await,
            Fate::Late => late.push(envelope),
        }
        if late.len() > 3 {
            gateway.world.publish(&late).await;
            late.clear();
        }
    }
    gateway.world.publish(&late).await;
}

#[test]
fn no_loss_doubling_or_crossing_is_seen_by_a_client() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 12,
        max_shrink_iters: 20,
        ..ProptestConfig::default()
    });
    let cases = proptest::collection::vec(fate(), 1..120);
    runner
        .run(&(cases, 0_u64..60), |(fates, seen)| {
            runtime.block_on(async {
                let (gateway, mut alice, bob) = members().await;
                drop(bob);
                play(&gateway, &fates, SERVER).await;
                let expected: Vec<u64> = (1..=fates.len() as u64).collect();
                assert_eq!(alice.events(SERVER, fates.len()).await, expected);
                // And whoever resumes from anywhere gets exactly the rest.
                let seen = seen.min(fates.len() as u64);
                let mut bob = Client::resume(gateway.address, "bob", &[(SERVER, seen)]).await;
                bob.ready().await;
                play(&gateway, &fates, SERVER).await;
                let count = fates.len() * 2 - usize::try_from(seen).unwrap();
                let expected: Vec<u64> = (seen + 1..=fates.len() as u64 * 2).collect();
                assert_eq!(bob.events(SERVER, count).await, expected);
            });
            Ok(())
        })
        .unwrap();
}
