//! The loop: deadlines, chunks, outages, panics.

use std::{sync::Arc, time::Duration};

use shared::{
    bus::{
        Class, Delivery, Topic,
        envelope::{CHUNK_BYTES, Chunk, Entry, NodeAnswer, NodeQuery, pack, unpack},
        sealed::{Way, open},
    },
    error::Reason,
    protocol::{
        Request as _, decode, encode,
        message::{GetMessages, Messages},
        ping::{Ping, Pong},
    },
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    super::{Address, MAX_RUN, classes_of, join_tasks, page_limit, run, run_handler, split_chunks},
    chat::{ALICE, CAROL, Chat, OPEN, SERVER, entry, id, keys, read},
};
use crate::{
    error::Error,
    fixture::NOW,
    store::{PgConnectOptions, read::Store},
};

/// The chunks of the next answer to the gateway.
async fn answer(subscriber: &mut shared::bus::Subscriber) -> Vec<Chunk> {
    let mut chunks: Vec<Chunk> = Vec::new();
    loop {
        match subscriber.next().await {
            Some(Delivery::Message(topic @ Topic::Chunks(_), bytes)) => {
                chunks.push(open(&bytes, &topic, &keys()).unwrap());
            }
            other => panic!("{other:?}"),
        }
        if chunks.last().unwrap().last {
            return chunks;
        }
    }
}

fn joined(chunks: Vec<Chunk>) -> Vec<u8> {
    chunks.into_iter().flat_map(|chunk| chunk.bytes).collect()
}

#[tokio::test]
async fn answers_travel_in_chunks_and_late_queries_are_dropped() {
    let chat = Chat::new().await;
    chat.messages(OPEN, 200, &"ü".repeat(1_000)).await;
    let bus = chat.deps.bus.clone();
    let mut subscriber = bus.subscriber().await.unwrap();
    let topic = Topic::Chunks("gateway-1".to_owned());
    subscriber.control().subscribe(vec![topic]).await.unwrap();
    let page = GetMessages {
        channel_id: id(OPEN),
        before: None,
        after: None,
        limit: Some(200),
    };
    let put = async |bytes| assert!(bus.push_query(Class::Account, bytes).await.unwrap());
    let ask = async |entry: &Entry| put(entry.clone().write(Way::Query, &keys()).unwrap()).await;
    let asks_page = entry(CAROL, GetMessages::ROW.opcode, SERVER, encode(&page));
    // Nobody waits for this one any more when it is taken.
    let late = Entry {
        patience_ms: 1,
        ..asks_page.clone()
    };
    ask(&late).await;
    let asked = bus.now_ms().await.unwrap();
    while bus.now_ms().await.unwrap() < asked + 5 {
        tokio::task::yield_now().await;
    }
    let (tracker, stop) = (TaskTracker::new(), CancellationToken::new());
    tracker.spawn(run(chat.deps.clone(), stop.clone()));
    ask(&asks_page).await;
    let chunks = answer(&mut subscriber).await;
    // A page of history ends at 256 KiB of text.
    assert!(chunks.len() > 4, "{}", chunks.len());
    assert!(chunks.iter().all(|chunk| chunk.bytes.len() <= CHUNK_BYTES));
    assert!(
        chunks
            .iter()
            .zip(0..)
            .all(|(chunk, index)| chunk.index == index)
    );
    assert!(chunks.iter().all(|chunk| chunk.ticket == 9));
    let messages: Messages = decode(&read(&joined(chunks)).unwrap()).unwrap();
    assert!(messages.more && messages.messages.len() > 100);

    put(vec![0xc1].into()).await;
    let ping = entry(0, Ping::ROW.opcode, 0, encode(&Ping {}));
    let others = "the secret of a cluster far away".parse().unwrap();
    put(ping.clone().write(Way::Query, &others).unwrap()).await;
    put(pack(&ping)).await;
    let no_node = Entry {
        node: String::new(),
        ..ping.clone()
    };
    ask(&no_node).await;
    ask(&ping).await;
    let pong: Pong = decode(&read(&joined(answer(&mut subscriber).await)).unwrap()).unwrap();
    assert_eq!(pong.now, NOW);
    // Somebody took it from Redis, and puts it back long after.
    let kept = Entry {
        asked_at_ms: NOW - 86_400_000,
        ..ping.clone()
    };
    ask(&kept).await;
    let refusal = read(&joined(answer(&mut subscriber).await)).unwrap_err();
    assert_eq!(refusal.reason, Reason::Expired);
    let heads = pack(&NodeQuery::Heads { topics: vec![1] }).to_vec();
    ask(&entry(0, 0, 0, heads)).await;
    let heads: NodeAnswer = unpack(&joined(answer(&mut subscriber).await)).unwrap();
    assert!(matches!(heads, NodeAnswer::Heads { topics, .. } if topics.is_empty()));

    stop.cancel();
    tracker.close();
    tracker.wait().await;
    let metrics = &chat.deps.metrics;
    assert_eq!(metrics.query_late_total.get(), 1);
    assert_eq!(metrics.query_malformed_total.get(), 3);
    let pages = metrics
        .queries_total
        .with_label_values(&["messages_get"])
        .get();
    assert_eq!(pages, 1, "the late one was not worked on");
}

#[tokio::test]
async fn where_a_task_panics_all_of_them_end() {
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(std::future::pending());
    tasks.spawn(async { panic!("not where it is caught") });
    join_tasks(tasks).await;
}

#[tokio::test]
async fn without_postgres_queries_are_unavailable_at_once() {
    let nowhere = PgConnectOptions::new_without_pgpass()
        .socket("/nonexistent")
        .username("nobody");
    let chat = Chat::with(|deps| deps.store = Store::new(nowhere, 1)).await;
    let page = GetMessages {
        channel_id: id(OPEN),
        before: None,
        after: None,
        limit: None,
    };
    let asked = tokio::time::timeout(Duration::from_secs(4), chat.ask(ALICE, SERVER, page));
    let refused = asked.await.expect("in time").unwrap_err();
    assert_eq!(refused.reason, Reason::Unavailable);
    let token = String::new();
    let answer = chat.node(&NodeQuery::Identify { token }).await;
    assert_eq!(answer, NodeAnswer::Failed);
    assert!(chat.ask(0, 0, Ping {}).await.is_ok());
}

#[tokio::test]
async fn a_panic_is_caught_and_a_slow_query_ends() {
    let chat = Chat::new().await;
    let deps = Arc::clone(&chat.deps);
    let panicking = async { panic!("a handler's mistake") };
    let error = run_handler::<()>(&deps, MAX_RUN, panicking)
        .await
        .unwrap_err();
    assert_eq!(error.refusal().reason, Reason::Internal);
    assert_eq!(deps.metrics.query_panics_total.get(), 1);
    let slow = std::future::pending::<Result<(), Error>>();
    let error = run_handler(&deps, Duration::from_millis(1), slow).await;
    assert_eq!(error.unwrap_err().refusal().reason, Reason::Unavailable);
}

#[test]
fn chunks_reassemble() {
    let to = Address {
        node: "g".to_owned(),
        ticket: 4,
    };
    for length in [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES] {
        let answer: Vec<u8> = (0_u8..=250).cycle().take(length).collect();
        let chunks = split_chunks(&to, &answer);
        let indices: Vec<u32> = chunks.iter().map(|chunk| chunk.index).collect();
        let expected: Vec<u32> = (0_u32..).take(chunks.len()).collect();
        assert_eq!(indices, expected);
        assert!(chunks.iter().all(|chunk| chunk.bytes.len() <= CHUNK_BYTES));
        assert_eq!(chunks.iter().filter(|chunk| chunk.last).count(), 1);
        assert!(chunks.last().unwrap().last);
        let joined: Vec<u8> = chunks.into_iter().flat_map(|chunk| chunk.bytes).collect();
        assert_eq!(joined, answer);
    }
}

#[test]
fn a_page_has_one_to_two_hundred() {
    assert_eq!(page_limit(None, 50), Ok(50));
    assert_eq!(page_limit(Some(200), 50), Ok(200));
    assert!(page_limit(Some(0), 50).is_err());
    assert!(page_limit(Some(201), 50).is_err());
}

#[test]
fn every_class_has_its_share_of_the_tasks() {
    for tasks in 1..=32 {
        let shares: Vec<_> = (0..tasks).map(|task| classes_of(task, tasks)).collect();
        for class in Class::ALL {
            assert!(
                shares.iter().any(|classes| classes.contains(&class)),
                "{class:?} of {tasks}"
            );
        }
        let for_strangers = shares
            .iter()
            .filter(|classes| classes.contains(&Class::Stranger))
            .count();
        assert!(for_strangers <= tasks.div_ceil(4), "{tasks}");
        if tasks >= 4 {
            for class in Class::ALL {
                let first = shares.iter().filter(|classes| classes[0] == class).count();
                assert!(first >= tasks / 4, "{class:?} of {tasks}");
            }
        }
    }
}
