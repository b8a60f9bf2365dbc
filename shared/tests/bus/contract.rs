//! The contract of the bus, held against Redis and against its twin.

use std::{collections::HashSet, time::Duration};

use bytes::Bytes;
use proptest::{
    prelude::*,
    strategy::{Strategy, ValueTree as _},
    test_runner::TestRunner,
};
use shared::{
    bus::{
        Bucket, Bus, Class, Decision, Delivery, End, Quota, Reader, StreamEntry, StreamId,
        Subscriber, Topic,
    },
    ids::Partition,
};
use tokio::time::{Instant, timeout};
use tokio_util::task::TaskTracker;

const SOON: Duration = Duration::from_secs(10);
const NO_WAIT: Duration = Duration::ZERO;

/// Each of these runs against both.
macro_rules! contract {
    ($($name:ident)*) => {
        mod memory {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$name(super::Bus::memory()).await;
                }
            )*
        }
        mod redis {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    let redis = crate::support::Redis::start().await;
                    super::$name(redis.bus().await).await;
                }
            )*
        }
    };
}

contract! {
    entries_are_read_in_order_and_after_a_place
    the_first_origin_that_is_named_stays
    a_read_waits_for_what_comes
    many_streams_are_read_at_once
    a_mark_lifts_the_ids_above_it
    trimming_drops_only_what_is_below
    queries_are_taken_once_oldest_first
    the_first_class_with_a_query_is_served
    the_newest_can_be_taken_first
    a_full_list_takes_nothing_more
    messages_arrive_in_order_on_their_topics
    nothing_published_after_subscribing_is_missed
    many_topics_at_once
    a_reset_says_lost_and_hears_again
    a_burst_arrives_complete_or_says_lost
    leases_live_until_they_run_out
    what_is_told_with_a_lease_goes_with_it
    draws_hold_burst_and_rate
    what_is_given_back_can_be_drawn_again
    draws_are_those_of_the_one_rule
    a_reset_makes_buckets_whole
}

fn partition(number: u16) -> Partition {
    Partition::new(number).unwrap()
}

fn text(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

async fn next(subscriber: &mut Subscriber) -> Delivery {
    timeout(SOON, subscriber.next()).await.unwrap().unwrap()
}

async fn the_first_origin_that_is_named_stays(bus: Bus) {
    for (origin, said) in [("", ""), ("", ""), ("another", "")] {
        assert_eq!(bus.name_origin(origin).await.unwrap(), said);
    }
}

async fn entries_are_read_in_order_and_after_a_place(bus: Bus) {
    let lane = partition(7);
    let mut reader = bus.reader().await.unwrap();
    let after = [(lane, StreamId::default())];
    assert_eq!(reader.read(&after, 10, NO_WAIT).await.unwrap(), []);
    assert_eq!(reader.read(&[], 10, NO_WAIT).await.unwrap(), []);

    // Bytes that are no text, text, and nothing.
    let payloads = [Bytes::from_static(&[0xff, 0, 0xfe]), text("{7}"), text("")];
    let mut entries = Vec::new();
    for payload in &payloads {
        entries.push(StreamEntry {
            partition: lane,
            id: bus.append(lane, payload.clone()).await.unwrap(),
            bytes: payload.clone(),
        });
    }
    assert!(entries.is_sorted_by(|a, b| a.id < b.id));
    assert_eq!(bus.backlog(lane).await.unwrap(), 3);
    assert_eq!(bus.backlog(partition(8)).await.unwrap(), 0);
    assert_eq!(reader.read(&after, 10, NO_WAIT).await.unwrap(), entries);
    assert_eq!(reader.read(&after, 2, SOON).await.unwrap(), entries[..2]);
    let after = [(lane, entries[0].id)];
    assert_eq!(reader.read(&after, 10, SOON).await.unwrap(), entries[1..]);
}

async fn a_read_waits_for_what_comes(bus: Bus) {
    let lane = partition(0);
    let mut reader = bus.reader().await.unwrap();
    let started = Instant::now();
    let wait = Duration::from_millis(100);
    let after = [(lane, StreamId::default())];
    assert_eq!(reader.read(&after, 1, wait).await.unwrap(), []);
    assert!(started.elapsed() >= wait);

    let (read, appended) = tokio::join!(reader.read(&after, 1, SOON), bus.append(lane, text("a")));
    assert_eq!(read.unwrap()[0].id, appended.unwrap());

    // A read that was given up does not hold up the next one.
    let last = [(
        lane,
        StreamId {
            ms: u64::MAX,
            seq: 0,
        },
    )];
    assert!(timeout(wait, reader.read(&last, 1, SOON)).await.is_err());
    let started = Instant::now();
    assert_eq!(reader.read(&after, 1, SOON).await.unwrap().len(), 1);
    assert!(started.elapsed() < SOON / 2);
}

async fn many_streams_are_read_at_once(bus: Bus) {
    let lanes: Vec<Partition> = (0..64).map(partition).collect();
    for lane in &lanes {
        let texts = (0..20).map(|number| (*lane, text(&format!("{lane}/{number}"))));
        let appended = bus.append_all(texts.collect()).await;
        assert_eq!(appended, vec![Ok(()); 20]);
    }
    assert_eq!(bus.append_all(Vec::new()).await, []);
    let after: Vec<_> = lanes.iter().map(|p| (*p, StreamId::default())).collect();
    let mut reader = bus.reader().await.unwrap();
    let read = reader.read(&after, 16, SOON).await.unwrap();
    let expected: Vec<Bytes> = lanes
        .iter()
        .flat_map(|lane| (0..16).map(move |number| text(&format!("{lane}/{number}"))))
        .collect();
    let payloads: Vec<Bytes> = read.into_iter().map(|entry| entry.bytes).collect();
    assert_eq!(payloads, expected);
}

async fn a_mark_lifts_the_ids_above_it(bus: Bus) {
    let lane = partition(63);
    let hour = 3_600_000;
    let mark = StreamId {
        ms: bus.now_ms().await.unwrap() + hour,
        seq: 5,
    };
    assert!(!bus.mark_stream(lane, StreamId::default()).await.unwrap());
    assert!(bus.mark_stream(lane, mark).await.unwrap());
    assert!(!bus.mark_stream(lane, mark).await.unwrap());
    assert!(
        !bus.mark_stream(lane, StreamId { ms: 1, seq: 1 })
            .await
            .unwrap()
    );
    assert_eq!(bus.append(lane, text("a")).await.unwrap(), mark.next());

    let mut reader = bus.reader().await.unwrap();
    let after = [(lane, StreamId::default())];
    let read = reader.read(&after, 10, SOON).await.unwrap();
    assert_eq!(read.len(), 2);
    assert_eq!((read[0].id, &read[0].bytes), (mark, &Bytes::new()));
}

async fn trimming_drops_only_what_is_below(bus: Bus) {
    let lane = partition(1);
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(bus.append(lane, text("a")).await.unwrap());
    }
    bus.trim_stream(lane, ids[3]).await.unwrap();
    bus.trim_stream(partition(2), ids[3]).await.unwrap();
    let mut reader = bus.reader().await.unwrap();
    let read = reader
        .read(&[(lane, StreamId::default())], 10, SOON)
        .await
        .unwrap();
    let left: Vec<StreamId> = read.into_iter().map(|entry| entry.id).collect();
    assert_eq!(left, ids[3..]);

    // Even when all is trimmed, ids go on rising.
    bus.trim_stream(lane, ids[4].next()).await.unwrap();
    assert_eq!(bus.backlog(lane).await.unwrap(), 0);
    assert!(bus.append(lane, text("b")).await.unwrap() > ids[4]);
}

/// What is taken from one class.
async fn take(reader: &mut Reader, wait: Duration) -> Option<Bytes> {
    let taken = reader
        .take_query(&[Class::Account], End::Oldest, wait)
        .await;
    taken.unwrap().map(|taken| taken.bytes)
}

async fn ask(bus: &Bus, class: Class, query: &str) {
    assert!(bus.push_query(class, text(query)).await.unwrap());
}

async fn queries_are_taken_once_oldest_first(bus: Bus) {
    let class = Class::Account;
    let mut one = bus.reader().await.unwrap();
    let mut two = bus.reader().await.unwrap();
    assert_eq!(take(&mut one, NO_WAIT).await, None);
    assert_eq!(take(&mut one, Duration::from_millis(100)).await, None);
    ask(&bus, class, "a").await;
    // Bytes that are no text.
    let bytes = Bytes::from_static(&[0xff, 0, 0xfe]);
    assert!(bus.push_query(class, bytes.clone()).await.unwrap());
    assert_eq!(take(&mut one, SOON).await, Some(text("a")));
    assert_eq!(take(&mut two, NO_WAIT).await, Some(bytes));
    let (taken, ()) = tokio::join!(take(&mut two, SOON), ask(&bus, class, "c"));
    assert_eq!(taken, Some(text("c")));

    // A wait that was given up takes no query with it.
    let wait = Duration::from_millis(50);
    assert!(timeout(wait, take(&mut one, SOON)).await.is_err());
    ask(&bus, class, "d").await;
    assert_eq!(take(&mut one, SOON).await, Some(text("d")));
}

async fn the_first_class_with_a_query_is_served(bus: Bus) {
    let mut reader = bus.reader().await.unwrap();
    for class in Class::ALL.into_iter().rev() {
        ask(&bus, class, class.name()).await;
    }
    let mut names = Vec::new();
    while let Some(taken) = reader
        .take_query(&Class::ALL, End::Oldest, NO_WAIT)
        .await
        .unwrap()
    {
        assert_eq!(taken.bytes, text(taken.class.name()));
        assert!(taken.waited < SOON);
        names.push(taken.class.name());
    }
    assert_eq!(names, ["node", "opening", "account", "stranger"]);
    ask(&bus, Class::Stranger, "x").await;
    let others = &Class::ALL[..3];
    assert_eq!(
        reader.take_query(others, End::Oldest, NO_WAIT).await,
        Ok(None)
    );
}

async fn the_newest_can_be_taken_first(bus: Bus) {
    let mut reader = bus.reader().await.unwrap();
    for query in ["a", "b", "c"] {
        ask(&bus, Class::Node, query).await;
    }
    for (end, query) in [(End::Newest, "c"), (End::Oldest, "a"), (End::Newest, "b")] {
        let taken = reader.take_query(&[Class::Node], end, SOON).await.unwrap();
        assert_eq!(taken.unwrap().bytes, text(query));
    }
}

async fn a_full_list_takes_nothing_more(bus: Bus) {
    let class = Class::Stranger;
    for _ in 0..class.bound() {
        ask(&bus, class, "x").await;
    }
    assert_eq!(bus.push_query(class, text("y")).await, Ok(false));
    ask(&bus, Class::Account, "z").await;
    let mut reader = bus.reader().await.unwrap();
    let taken = reader
        .take_query(&[class], End::Newest, SOON)
        .await
        .unwrap();
    assert_eq!(taken.unwrap().bytes, text("x"), "it was not even put in");
    ask(&bus, class, "y").await;
}

async fn what_is_given_back_can_be_drawn_again(bus: Bus) {
    let quota = Quota {
        burst: 2,
        count: 1,
        period_ms: 3_600_000,
        cooldown_ms: 0,
    };
    let draw = [("a".to_owned(), quota)];
    for _ in 0..2 {
        assert_eq!(bus.draw(&draw).await.unwrap(), [Decision::Allowed]);
    }
    bus.give_back(&draw).await.unwrap();
    assert_eq!(bus.draw(&draw).await.unwrap(), [Decision::Allowed]);
    assert_ne!(bus.draw(&draw).await.unwrap(), [Decision::Allowed]);
    // More than was drawn is no credit.
    for _ in 0..9 {
        bus.give_back(&draw).await.unwrap();
    }
    for _ in 0..2 {
        assert_eq!(bus.draw(&draw).await.unwrap(), [Decision::Allowed]);
    }
    assert_ne!(bus.draw(&draw).await.unwrap(), [Decision::Allowed]);
    bus.give_back(&[]).await.unwrap();
}

async fn messages_arrive_in_order_on_their_topics(bus: Bus) {
    let mut subscriber = bus.subscriber().await.unwrap();
    let control = subscriber.control();
    let topics = [Topic::Events(1), Topic::Node("a".to_owned()), Topic::Beats];
    control.subscribe(topics.to_vec()).await.unwrap();
    bus.publish(Vec::new()).await.unwrap();
    let mut messages: Vec<(Topic, Bytes)> = (0_u32..300)
        .map(|number| {
            let topic = topics[number as usize % 3].clone();
            (topic, Bytes::copy_from_slice(&number.to_be_bytes()))
        })
        .collect();
    let heard = messages.clone();
    messages.insert(9, (Topic::Events(2), text("for nobody")));
    bus.publish(messages).await.unwrap();
    for (topic, bytes) in heard {
        assert_eq!(next(&mut subscriber).await, Delivery::Message(topic, bytes));
    }

    control.unsubscribe(topics[..2].to_vec()).await.unwrap();
    let messages = topics.iter().map(|topic| (topic.clone(), text("x")));
    bus.publish(messages.collect()).await.unwrap();
    let heard = Delivery::Message(Topic::Beats, text("x"));
    assert_eq!(next(&mut subscriber).await, heard);
}

async fn nothing_published_after_subscribing_is_missed(bus: Bus) {
    let mut subscriber = bus.subscriber().await.unwrap();
    let control = subscriber.control();
    for number in 0..200 {
        let topic = Topic::Events(number);
        control.subscribe(vec![topic.clone()]).await.unwrap();
        bus.publish(vec![(topic.clone(), text("first"))])
            .await
            .unwrap();
        let heard = Delivery::Message(topic, text("first"));
        assert_eq!(next(&mut subscriber).await, heard);
    }
}

async fn many_topics_at_once(bus: Bus) {
    const TOPICS: u64 = 5000;
    let mut subscriber = bus.subscriber().await.unwrap();
    let control = subscriber.control();
    let topics: Vec<Topic> = (0..TOPICS).map(Topic::Events).collect();
    control.subscribe(topics.clone()).await.unwrap();
    let messages = topics.iter().map(|topic| (topic.clone(), text("x")));
    bus.publish(messages.collect()).await.unwrap();
    let mut heard = HashSet::new();
    while heard.len() < topics.len() {
        match next(&mut subscriber).await {
            Delivery::Message(topic, _) => assert!(heard.insert(topic)),
            Delivery::Lost => panic!("nothing was cut"),
        }
    }
}

async fn a_reset_says_lost_and_hears_again(bus: Bus) {
    let mut subscriber = bus.subscriber().await.unwrap();
    let control = subscriber.control();
    control.subscribe(vec![Topic::Beats]).await.unwrap();
    control.reset().await;
    assert_eq!(next(&mut subscriber).await, Delivery::Lost);
    bus.publish(vec![(Topic::Beats, text("x"))]).await.unwrap();
    let heard = Delivery::Message(Topic::Beats, text("x"));
    assert_eq!(next(&mut subscriber).await, heard);
}

async fn a_burst_arrives_complete_or_says_lost(bus: Bus) {
    const MESSAGES: u32 = 100_000;
    let mut subscriber = bus.subscriber().await.unwrap();
    let control = subscriber.control();
    control.subscribe(vec![Topic::Beats]).await.unwrap();
    let tasks = TaskTracker::new();
    let publisher = bus.clone();
    tasks.spawn(async move {
        for first in (0..MESSAGES).step_by(500) {
            let messages = (first..first + 500).map(|number| {
                let bytes = Bytes::copy_from_slice(&number.to_be_bytes());
                (Topic::Beats, bytes)
            });
            publisher.publish(messages.collect()).await.unwrap();
        }
    });
    let (mut expected, mut lost) = (0, false);
    while expected < MESSAGES {
        match next(&mut subscriber).await {
            Delivery::Lost => {
                lost = true;
                // The burst may be over: a last one tells where we are.
                let end = Bytes::copy_from_slice(&(MESSAGES - 1).to_be_bytes());
                bus.publish(vec![(Topic::Beats, end)]).await.unwrap();
            }
            Delivery::Message(_, bytes) => {
                let number = u32::from_be_bytes(bytes.as_ref().try_into().unwrap());
                assert!(
                    number == expected || lost,
                    "{expected} was dropped silently"
                );
                (expected, lost) = (number + 1, lost && number != MESSAGES - 1);
            }
        }
    }
}

async fn leases_live_until_they_run_out(bus: Bus) {
    let minute = Duration::from_mins(1);
    let short = Duration::from_millis(50);
    assert_eq!(bus.renew_lease("lanes", "b", minute).await.unwrap(), ["b"]);
    assert_eq!(
        bus.renew_lease("lanes", "a", short).await.unwrap(),
        ["a", "b"]
    );
    assert_eq!(bus.renew_lease("nodes", "c", minute).await.unwrap(), ["c"]);
    timeout(SOON, async {
        while bus.renew_lease("lanes", "b", minute).await.unwrap() != ["b"] {}
    })
    .await
    .unwrap();
    bus.renew_lease("lanes", "d", minute).await.unwrap();
    bus.release_lease("lanes", "b").await.unwrap();
    bus.release_lease("lanes", "unknown").await.unwrap();
    assert_eq!(bus.renew_lease("lanes", "d", minute).await.unwrap(), ["d"]);
}

async fn what_is_told_with_a_lease_goes_with_it(bus: Bus) {
    let minute = Duration::from_mins(1);
    let short = Duration::from_millis(50);
    let list = async || bus.list_leases("nodes").await.unwrap();
    let of = |name: &str, told: &str| (name.to_owned(), text(told));
    assert_eq!(list().await, []);
    let told = bus.tell_lease("nodes", "b", minute, text("1")).await;
    assert_eq!(told.unwrap(), ["b"]);
    bus.renew_lease("nodes", "a", minute).await.unwrap();
    bus.tell_lease("others", "c", minute, text("c"))
        .await
        .unwrap();
    // Who renews without a word takes back nothing; a new word is told in place of the old one.
    bus.renew_lease("nodes", "b", minute).await.unwrap();
    assert_eq!(list().await, [of("a", ""), of("b", "1")]);
    bus.tell_lease("nodes", "b", short, text("2"))
        .await
        .unwrap();
    timeout(SOON, async {
        loop {
            let listed = list().await;
            if listed == [of("a", "")] {
                break;
            }
            assert_eq!(listed, [of("a", ""), of("b", "2")]);
        }
    })
    .await
    .unwrap();
    bus.tell_lease("nodes", "d", minute, text("d"))
        .await
        .unwrap();
    bus.release_lease("nodes", "a").await.unwrap();
    assert_eq!(list().await, [of("d", "d")]);
}

async fn draws_hold_burst_and_rate(bus: Bus) {
    let slow = Quota {
        burst: 3,
        count: 1,
        period_ms: 3_600_000,
        cooldown_ms: 0,
    };
    let never = Quota { burst: 0, ..slow };
    assert_eq!(bus.draw(&[]).await.unwrap(), []);
    // The same key twice in one call draws twice; another key is decided alone.
    let twice = [
        ("a".to_owned(), slow),
        ("b".to_owned(), never),
        ("a".to_owned(), slow),
    ];
    let decisions = bus.draw(&twice).await.unwrap();
    assert_eq!(
        (decisions[0], decisions[2]),
        (Decision::Allowed, Decision::Allowed)
    );
    assert_eq!(decisions[1], Decision::Limited(3_600_000));
    let decisions = bus.draw(&twice).await.unwrap();
    assert_eq!(decisions[0], Decision::Allowed);
    let Decision::Limited(wait_ms) = decisions[2] else {
        panic!("a fourth one was allowed");
    };
    assert!((3_590_000..=3_600_000).contains(&wait_ms), "{wait_ms}");

    let fast = Quota {
        burst: 1,
        count: 1,
        period_ms: 50,
        cooldown_ms: 0,
    };
    let fast = [("c".to_owned(), fast)];
    assert_eq!(bus.draw(&fast).await.unwrap(), [Decision::Allowed]);
    let started = Instant::now();
    timeout(SOON, async {
        while bus.draw(&fast).await.unwrap() != [Decision::Allowed] {}
    })
    .await
    .unwrap();
    assert!(started.elapsed() > Duration::from_millis(40));
}

/// Draws from one bucket and holds each decision, and what is kept, against [`Quota::draw`] at
/// some time between what was kept before and after.
async fn follow_rule(bus: &Bus, key: &str, quota: Quota) {
    let key = [key.to_owned()];
    let draw = [(key[0].clone(), quota)];
    let one = |shown: (u64, Vec<Bucket>)| (shown.0, shown.1[0]);
    for _ in 0..60 {
        let (from_us, before) = one(bus.show_buckets(&key).await.unwrap());
        let decision = bus.draw(&draw).await.unwrap()[0];
        let (until_us, after) = one(bus.show_buckets(&key).await.unwrap());
        // What ran out is shown as it is, or as nothing.
        let alike = |kept: Bucket, at: u64| {
            let live = |us: u64, kept: u64| us == kept || (us.max(kept) <= at);
            live(kept.spent_us, after.spent_us) && live(kept.barred_us, after.barred_us)
        };
        let explained = (from_us..=until_us).any(|now_us| {
            let (due, kept) = quota.draw(before, now_us);
            due == decision && alike(kept, until_us)
        });
        assert!(
            explained,
            "{quota:?} {before:?} {decision:?} {after:?} {from_us}..={until_us}"
        );
    }
}

async fn draws_are_those_of_the_one_rule(bus: Bus) {
    let mut runner = TestRunner::deterministic();
    // Some milliseconds, so that buckets fill and cooldowns end while draws go on.
    let quotas = (0_u32..4, 0_u32..6, 0_u32..6, prop_oneof![Just(0), 0_u32..8]);
    for round in 0..80 {
        let (burst, count, period_ms, cooldown_ms) =
            quotas.new_tree(&mut runner).unwrap().current();
        let quota = Quota {
            burst,
            count,
            period_ms,
            cooldown_ms,
        };
        follow_rule(&bus, &format!("rule {round}"), quota).await;
    }
}

async fn a_reset_makes_buckets_whole(bus: Bus) {
    let quota = Quota {
        burst: 2,
        count: 1,
        period_ms: 1_000,
        cooldown_ms: 3_600_000,
    };
    let keys = ["a".to_owned(), "b".to_owned()];
    let draws: Vec<_> = keys.iter().map(|key| (key.clone(), quota)).collect();
    for _ in 0..3 {
        bus.draw(&draws).await.unwrap();
    }
    let (now_us, kept) = bus.show_buckets(&keys).await.unwrap();
    for bucket in kept {
        let left = quota.left(bucket, now_us);
        assert_eq!(left.draws, 0);
        assert!((3_590_000..=3_600_000).contains(&left.next_ms), "{left:?}");
        assert_eq!(left.whole_ms, left.next_ms);
    }
    bus.reset_buckets(&keys[..1]).await.unwrap();
    bus.reset_buckets(&[]).await.unwrap();
    let (now_us, kept) = bus.show_buckets(&keys).await.unwrap();
    assert_eq!(quota.left(kept[0], now_us).draws, 2);
    assert_eq!(quota.left(kept[1], now_us).draws, 0);
    let decisions = bus.draw(&draws).await.unwrap();
    assert_eq!(decisions[0], Decision::Allowed);
    assert_ne!(decisions[1], Decision::Allowed);
}
