//! What the bus does when Redis is cut off, frozen, refusing or gone.

use std::{future::Future, time::Duration};

use bytes::Bytes;
use cluster::Signal;
use shared::{
    bus::{Bus, BusError, Delivery, StreamId, Subscriber, Topic},
    ids::Partition,
};
use tokio::time::{Instant, timeout};

use crate::support::{Redis, SlowLink};

const SOON: Duration = Duration::from_secs(20);
const LANE: Partition = Partition::of(0);
const PAYLOAD: Bytes = Bytes::from_static(b"payload");

/// Repeats until it succeeds: what every caller does after an outage.
async fn eventually<T, F: Future<Output = Result<T, BusError>>>(mut call: impl FnMut() -> F) -> T {
    let repeated = async {
        loop {
            match call().await {
                Ok(value) => return value,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    };
    timeout(SOON, repeated).await.unwrap()
}

async fn lost(subscriber: &mut Subscriber) {
    let lost = async { while subscriber.next().await.unwrap() != Delivery::Lost {} };
    timeout(SOON, lost).await.unwrap();
}

async fn hears(bus: &Bus, subscriber: &mut Subscriber, topic: Topic) {
    eventually(|| bus.publish(vec![(topic.clone(), PAYLOAD)])).await;
    let heard = timeout(SOON, subscriber.next()).await.unwrap();
    assert_eq!(heard, Some(Delivery::Message(topic, PAYLOAD)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_subscriber_says_lost_and_hears_everything_again() {
    let redis = Redis::start().await;
    let bus = redis.bus().await;
    let mut subscriber = bus.subscriber().await.unwrap();
    let topics: Vec<Topic> = (0..2000).map(Topic::Events).collect();
    subscriber.control().subscribe(topics).await.unwrap();
    for _ in 0..3 {
        redis.cli(&["client", "kill", "type", "pubsub"]);
        lost(&mut subscriber).await;
        hears(&bus, &mut subscriber, Topic::Events(0)).await;
        hears(&bus, &mut subscriber, Topic::Events(1999)).await;
    }
}

/// Subscribing again takes longer than any single answer may: it must come to an end all the
/// same, as long as it gets on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subscribing_anew_over_a_slow_link_comes_to_an_end() {
    let redis = Redis::start().await;
    let link = SlowLink::start(&redis).await;
    let bus = Bus::connect(&link.url()).await.unwrap();
    let mut subscriber = bus.subscriber().await.unwrap();
    let topics: Vec<Topic> = (0..20_000).map(Topic::Events).collect();
    for topics in topics.chunks(5_000) {
        let control = subscriber.control();
        control.subscribe(topics.to_vec()).await.unwrap();
    }
    // The answers of Redis to 20,000 topics are some 900 KB.
    link.slow_down(150_000);
    redis.cli(&["client", "kill", "type", "pubsub"]);
    let begun = Instant::now();
    lost(&mut subscriber).await;
    assert!(begun.elapsed() > Duration::from_secs(3), "it was not slow");
    let direct = redis.bus().await;
    hears(&direct, &mut subscriber, Topic::Events(19_999)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_redis_is_noticed_and_comes_back() {
    let redis = Redis::start().await;
    let bus = redis.bus().await;
    let mut reader = bus.reader().await.unwrap();
    let mut subscriber = bus.subscriber().await.unwrap();
    let control = subscriber.control();
    control.subscribe(vec![Topic::Beats]).await.unwrap();
    let after = [(LANE, StreamId::default())];
    assert_eq!(reader.read(&after, 1, Duration::ZERO).await.unwrap(), []);

    redis.node().signal(Signal::STOP).unwrap();
    let started = Instant::now();
    let (appended, all, read) = tokio::join!(
        bus.append(LANE, PAYLOAD),
        bus.append_all(vec![(LANE, PAYLOAD); 2]),
        reader.read(&after, 1, Duration::from_millis(500))
    );
    assert!(matches!(appended, Err(BusError::Unreachable(_))));
    let unreachable = |result| matches!(result, Err(BusError::Unreachable(_)));
    assert_eq!(
        all.into_iter().map(unreachable).collect::<Vec<_>>(),
        [true; 2]
    );
    assert!(matches!(read, Err(BusError::Unreachable(_))));
    assert!(started.elapsed() < Duration::from_secs(3));
    let subscribed = control.subscribe(vec![Topic::Events(1)]).await;
    assert!(matches!(subscribed, Err(BusError::Unreachable(_))));

    redis.node().signal(Signal::CONT).unwrap();
    eventually(|| bus.append(LANE, PAYLOAD)).await;
    timeout(SOON, async {
        while reader.read(&after, 1, SOON).await.is_err() {}
    })
    .await
    .unwrap();
    // What was asked for in vain is heard after all.
    lost(&mut subscriber).await;
    hears(&bus, &mut subscriber, Topic::Events(1)).await;
    hears(&bus, &mut subscriber, Topic::Beats).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_redis_in_place_of_a_killed_one_is_as_good() {
    let redis = Redis::start().await;
    let bus = redis.bus().await;
    let mut reader = bus.reader().await.unwrap();
    let mut subscriber = bus.subscriber().await.unwrap();
    let control = subscriber.control();
    control.subscribe(vec![Topic::Beats]).await.unwrap();
    bus.append(LANE, PAYLOAD).await.unwrap();
    bus.renew_lease("lanes", "a", SOON).await.unwrap();

    redis.node().kill().unwrap();
    let started = Instant::now();
    let appended = bus.append(LANE, PAYLOAD).await;
    assert!(matches!(appended, Err(BusError::Unreachable(_))));
    let after = [(LANE, StreamId::default())];
    let read = reader.read(&after, 1, Duration::ZERO).await;
    assert!(matches!(read, Err(BusError::Unreachable(_))));
    assert!(started.elapsed() < Duration::from_secs(10));

    redis.node().restart().unwrap();
    lost(&mut subscriber).await;
    hears(&bus, &mut subscriber, Topic::Beats).await;
    assert_eq!(eventually(|| bus.backlog(LANE)).await, 0);
    // The scripts are gone with it, too, and are loaded again.
    let names = eventually(|| bus.renew_lease("lanes", "b", SOON)).await;
    assert_eq!(names, ["b"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_is_told_from_an_outage() {
    let redis = Redis::start().await;
    let bus = redis.bus().await;
    redis.cli(&["set", "in:{0}", "no stream"]);
    let appended = bus.append(LANE, PAYLOAD).await;
    assert!(matches!(appended, Err(BusError::Refused(text)) if text.starts_with("WRONGTYPE")));
    redis.cli(&["config", "set", "maxmemory", "1"]);
    let appended = bus.append(Partition::of(64), PAYLOAD).await;
    assert!(matches!(appended, Err(BusError::Refused(text)) if text.starts_with("OOM")));
    redis.cli(&["config", "set", "maxmemory", "0"]);
    bus.append(Partition::of(64), PAYLOAD).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_that_others_wrote_is_like_a_mark() {
    let redis = Redis::start().await;
    let bus = redis.bus().await;
    let mut reader = bus.reader().await.unwrap();
    redis.cli(&["xadd", "in:{0}", "1-1", "other", "field"]);
    let after = [(LANE, StreamId::default())];
    let read = reader.read(&after, 1, SOON).await.unwrap();
    assert_eq!((read.len(), &read[0].bytes), (1, &Bytes::new()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_waits_for_a_redis_that_starts_later() {
    let redis = Redis::start().await;
    redis.node().kill().unwrap();
    let url = redis.url();
    let mut connecting = Box::pin(Bus::connect(url));
    assert!(
        timeout(Duration::from_secs(1), &mut connecting)
            .await
            .is_err()
    );
    redis.node().restart().unwrap();
    let bus = timeout(SOON, connecting).await.unwrap().unwrap();
    eventually(|| bus.append(LANE, PAYLOAD)).await;
}

#[tokio::test]
async fn a_wrong_url_is_refused_without_showing_it() {
    for url in [
        "",
        "redis",
        "http://:hunter2@redis:x",
        "redis-cluster://:hunter2@redis",
    ] {
        match Bus::connect(url).await {
            Err(BusError::Refused(text)) => assert!(!text.contains("hunter2"), "{text}"),
            Err(error) => panic!("{url}: {error}"),
            Ok(_) => panic!("{url} was accepted"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_takes_no_writes_still_says_whose_it_is() {
    let redis = Redis::start().await;
    let bus = redis.bus().await;
    let setting = ["config", "set", "min-replicas-to-write"];
    redis.cli(&[&setting[..], &["1"]].concat());
    assert!(bus.name_origin("ours").await.is_err());
    redis.cli(&[&setting[..], &["0"]].concat());
    assert_eq!(bus.name_origin("ours").await.unwrap(), "ours");
    redis.cli(&[&setting[..], &["1"]].concat());
    assert_eq!(bus.name_origin("another").await.unwrap(), "ours");
}
