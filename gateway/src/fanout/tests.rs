//! The topic router, in virtual time.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use prometheus::Registry;
use proptest::prelude::*;
use serde_bytes::ByteBuf;
use shared::{
    bus::envelope::{
        Beat, Caller, CallerKind, Effect, Envelope, OpenStructure, PartitionBeat, Published, pack,
    },
    domain::{
        permissions::{Permissions, Standing, Structure, everyone_role},
        rights::Change,
    },
    error::Reason,
    ids::{ChannelId, Partition, RoleId, ServerId, SessionId, UserId},
    protocol::control::TopicSeq,
};
use tokio::{sync::oneshot, time::Instant};

use super::{
    message::{Attach, AttachTopic, Attached, Cause},
    subscriptions::WantedTopics,
    topic_router::{CROSSING, Fetch, GRACE, TICK, TopicRouter},
};
use crate::{
    connection::Connection,
    delivery::message::{Close, ToShard},
    dialect::Dialect,
    limits::connection_limit::ConnectionLimit,
    metrics::Metrics,
    requests::{admission::Admission, gateway_queries::LogPage},
};

mod waiting;

const TOPIC: u64 = 4_096_321;
const EPOCH: u64 = 77;
/// Held by those who see the hidden channel.
const STAFF: u64 = 5;

fn router(now: Instant) -> TopicRouter {
    let metrics = Metrics::new(&Registry::new()).unwrap();
    let admission = Admission::new(10, now);
    TopicRouter::new(2, WantedTopics::default(), admission, metrics, now)
}

fn connection(connection_id: u64) -> Arc<Connection> {
    let permit = ConnectionLimit::new(9, 9)
        .take_permit([127, 0, 0, 1].into())
        .unwrap();
    let shard = usize::try_from(connection_id % 2).unwrap();
    Arc::new(Connection::new(
        connection_id,
        shard,
        Dialect::MessagePack,
        0,
        permit,
    ))
}

fn user(n: u64) -> UserId {
    UserId::new(n).unwrap()
}

fn channel(n: u64) -> ChannelId {
    ChannelId::new(n).unwrap()
}

/// Everyone sees channel 1.
fn structure(topic: u64) -> Structure {
    let server = ServerId::new(topic).unwrap();
    Structure {
        server,
        owner: user(999_999),
        roles: BTreeMap::from([
            (everyone_role(server), Permissions::VIEW_CHANNEL),
            (RoleId::new(STAFF).unwrap(), Permissions::empty()),
        ]),
        channels: BTreeMap::from([(channel(1), Vec::new())]),
        announcements: std::collections::BTreeSet::new(),
    }
}

fn standing(n: u64, since: u64) -> Standing {
    Standing {
        user: user(n),
        roles: Vec::new(),
        since,
        changed: 0,
    }
}

fn open(topic: u64, head: u64) -> OpenStructure {
    OpenStructure {
        head,
        version: 0,
        settled: 0,
        structure: structure(topic),
        standings: Vec::new(),
    }
}

/// User `n` with connection `n` wants a topic whose snapshot had this head.
fn want(
    router: &mut TopicRouter,
    n: u64,
    (topic, head): (u64, u64),
    standing: Option<Standing>,
    now: Instant,
) -> oneshot::Receiver<Vec<Attached>> {
    let attach = Attach {
        connection: connection(n),
        caller: Caller {
            user: user(n),
            session: SessionId::new(n).unwrap(),
            kind: CallerKind::Person,
        },
        epoch: Some(EPOCH),
        topics: vec![AttachTopic {
            topic,
            head,
            place: head,
            standing,
            cause: Cause::Open,
        }],
    };
    let (reply, answer) = oneshot::channel();
    router.attach_session(attach, reply, now);
    answer
}

fn position(mut answer: oneshot::Receiver<Vec<Attached>>) -> Option<u64> {
    match answer.try_recv().ok()?.first()? {
        Attached::At { position, .. } => Some(*position),
        _ => None,
    }
}

/// The same, with the structure of a server at hand; answers the place.
fn attach(
    router: &mut TopicRouter,
    n: u64,
    (topic, head): (u64, u64),
    is_server: bool,
    now: Instant,
) -> u64 {
    let answer = want(
        router,
        n,
        (topic, head),
        is_server.then(|| standing(n, 0)),
        now,
    );
    router
        .jobs
        .retain(|job| !matches!(job, Fetch::Structures(_)));
    router.apply_structures(&[topic], Ok((EPOCH, vec![open(topic, head)])), now);
    router.note_subscribed(&[topic], now);
    position(answer).unwrap()
}

/// One member of a topic that is heard, with nothing missing.
fn quiet(topic: u64, is_server: bool, now: Instant) -> TopicRouter {
    let mut router = router(now);
    attach(&mut router, 2, (topic, 0), is_server, now);
    router.apply_heads(&[(topic, 0)], Ok((EPOCH, Vec::new())), now);
    router.jobs.clear();
    clear(&mut router);
    router
}

fn envelope(topic: u64, seq: u64, effect: Option<Effect>) -> Envelope {
    Envelope {
        topic,
        seq,
        after: 0,
        visibility: None,
        audience: None,
        key: None,
        effect: effect.map(|effect| ByteBuf::from(pack(&effect).to_vec())),
        opcode: 16,
        body: Bytes::from_static(&[0xc0]),
        trace: None,
    }
}

/// A head without its events.
fn published(head: u64) -> Published {
    Published {
        epoch: EPOCH,
        head,
        events: Vec::new(),
        registers: 0,
    }
}

fn rights(follows: u64, changes: Vec<Change>) -> Effect {
    Effect::Rights { follows, changes }
}

fn log(seqs: &[u64], head: u64) -> LogPage {
    LogPage {
        events: seqs.iter().map(|seq| envelope(TOPIC, *seq, None)).collect(),
        head,
        too_old: false,
    }
}

/// What the shard of even connections was told, in short.
fn told(router: &mut TopicRouter) -> Vec<String> {
    router.out[1].clear();
    router.out[0]
        .drain(..)
        .flat_map(|message| match message {
            ToShard::Events(events) => events.iter().map(|event| event.seq.to_string()).collect(),
            ToShard::Join(join) => vec![format!("join {}", join.connection_id)],
            ToShard::Leave(connection_id, ..) => vec![format!("leave {connection_id}")],
            ToShard::Remove(connection_id) => vec![format!("remove {connection_id}")],
            ToShard::Rights(change) => {
                let mut told = Vec::new();
                if let Some(event) = &change.event {
                    told.push(event.event.seq.to_string());
                }
                let (turned, moved) = (change.groups.len(), change.moved.len());
                told.push(format!("rights, {turned} turned, {moved} moved"));
                told
            }
            ToShard::Gap(_, seq) => vec![format!("gap {seq}")],
            ToShard::Close(connection_id, _) => vec![format!("close {connection_id}")],
            ToShard::CloseTopic(_, Close::Code(code)) => vec![format!("close all {}", code.code())],
            _ => vec!["something else".to_owned()],
        })
        .collect()
}

fn clear(router: &mut TopicRouter) {
    told(router);
}

/// The answer that the head of the topic is there.
fn heads(seq: u64) -> (u64, Vec<TopicSeq>) {
    (EPOCH, vec![TopicSeq { topic: TOPIC, seq }])
}

fn repair(after: u64) -> Fetch {
    Fetch::Repair {
        topic: TOPIC,
        after,
    }
}

#[test]
fn a_servers_hole_is_repaired_at_once_and_an_accounts_after_a_moment() {
    let now = Instant::now();
    let mut router = quiet(TOPIC, true, now);
    router.take_event(envelope(TOPIC, 2, None), now);
    router.tick(now);
    assert_eq!(router.jobs, [repair(0)]);
    assert_eq!(told(&mut router), Vec::<String>::new());
    router.finish_repair(TOPIC, 0, Ok(log(&[1], 2)), now);
    assert_eq!(told(&mut router), ["1", "2"]);

    let mut router = quiet(TOPIC, false, now);
    router.take_event(envelope(TOPIC, 2, None), now);
    router.tick(now + CROSSING - Duration::from_millis(1));
    assert_eq!(router.jobs, []);
    router.take_event(envelope(TOPIC, 1, None), now);
    assert_eq!(told(&mut router), ["1", "2"]);
    router.take_event(envelope(TOPIC, 4, None), now);
    router.tick(now + CROSSING);
    assert_eq!(router.jobs, [repair(2)]);
}

fn beat(number: u64) -> Beat {
    Beat {
        epoch: EPOCH,
        partitions: vec![PartitionBeat {
            partition: Partition::of(TOPIC),
            term: 1,
            number,
            backlog: 0,
        }],
    }
}

#[test]
fn a_moved_head_is_repaired_when_its_event_does_not_come() {
    let now = Instant::now();
    let mut router = quiet(TOPIC, true, now);
    router.hear_events(TOPIC, published(1), now);
    router.tick(now);
    assert_eq!(router.jobs, []);
    router.take_event(envelope(TOPIC, 1, None), now);
    router.tick(now + GRACE);
    assert_eq!(router.jobs, [], "it came");
    router.hear_events(TOPIC, published(2), now);
    router.tick(now + GRACE);
    assert_eq!(router.jobs, [repair(1)]);
}

#[test]
fn a_missing_beat_asks_for_heads_and_repairs_what_moved() {
    let now = Instant::now();
    let mut router = quiet(TOPIC, true, now);
    router.hear_beat(&beat(1), now);
    router.hear_beat(&beat(3), now);
    let later = now + Duration::from_secs(1);
    router.tick(later);
    let asked = vec![(TOPIC, 0)];
    assert_eq!(router.jobs, [Fetch::Heads(asked.clone())]);
    router.jobs.clear();
    router.apply_heads(&asked, Err(Reason::Unavailable.into()), later);
    let later = later + Duration::from_secs(1);
    router.tick(later);
    assert_eq!(router.jobs, [Fetch::Heads(asked.clone())], "asked again");
    router.jobs.clear();
    router.apply_heads(&asked, Ok(heads(2)), later);
    router.tick(later + GRACE);
    assert_eq!(router.jobs, [repair(0)]);
}

#[test]
fn a_failed_repair_is_tried_again() {
    let now = Instant::now();
    let mut router = quiet(TOPIC, true, now);
    router.take_event(envelope(TOPIC, 2, None), now);
    router.tick(now);
    router.jobs.clear();
    router.finish_repair(TOPIC, 0, Err(Reason::Unavailable.into()), now);
    router.tick(now + Duration::from_secs(1));
    assert_eq!(router.jobs, [repair(0)]);
}

#[test]
fn repairs_and_questions_are_bounded() {
    let now = Instant::now();
    let mut router = router(now);
    for topic in 1..=2_000 {
        attach(&mut router, 2, (topic, 0), false, now);
    }
    // New topics are asked about together, and read when something is there.
    let mut asked = Vec::new();
    let is_heads = |job: &Fetch| matches!(job, Fetch::Heads(_));
    while let Some(index) = router.jobs.iter().position(is_heads) {
        assert!(router.jobs.iter().filter(|job| is_heads(job)).count() <= 2);
        let Fetch::Heads(topics) = router.jobs.remove(index) else {
            continue;
        };
        asked.push(topics.len());
        let moved = topics.iter().map(|(topic, _)| TopicSeq {
            topic: *topic,
            seq: 1,
        });
        router.apply_heads(&topics, Ok((EPOCH, moved.collect())), now);
    }
    assert_eq!(asked.iter().sum::<usize>(), 2_000);
    assert!(asked.len() < 12, "{asked:?}");
    assert_eq!(router.jobs.len(), 16);
    router.jobs.clear();
    router.mark_all_dirty(now);
    router.tick(now + Duration::from_secs(1));
    assert_eq!(router.jobs.len(), 2);
    assert!(
        router
            .jobs
            .iter()
            .all(|job| matches!(job, Fetch::Heads(topics) if topics.len() == 256))
    );
}

fn sees(n: u64) -> Vec<Change> {
    vec![Change::Channel {
        channel: channel(n),
        before: None,
        after: Some(Vec::new()),
    }]
}

#[test]
fn rights_change_with_their_event_and_nothing_is_asked() {
    let now = Instant::now();
    let mut router = quiet(TOPIC, true, now);
    router.take_event(envelope(TOPIC, 1, Some(rights(0, sees(2)))), now);
    router.take_event(envelope(TOPIC, 2, None), now);
    // What is not stored names what it came after.
    let typing = |after| Envelope {
        after,
        ..envelope(TOPIC, 0, None)
    };
    router.take_event(typing(3), now);
    router.take_event(typing(2), now);
    router.take_event(envelope(TOPIC, 3, Some(rights(1, sees(3)))), now);
    assert_eq!(
        told(&mut router),
        [
            "1",
            "rights, 1 turned, 0 moved",
            "2",
            "0",
            "3",
            "rights, 1 turned, 0 moved"
        ]
    );
    assert_eq!(router.jobs, []);
}

#[test]
fn a_role_that_thousands_hold_is_one_turn() {
    let now = Instant::now();
    let mut router = quiet(TOPIC, true, now);
    let role = RoleId::new(STAFF).unwrap();
    for n in (10..20_010).step_by(2) {
        let standing = Standing {
            roles: vec![role],
            ..standing(n, 0)
        };
        assert_eq!(
            position(want(&mut router, n, (TOPIC, 0), Some(standing), now)),
            Some(0)
        );
    }
    clear(&mut router);
    let bits = |before, after| {
        vec![Change::Role {
            role,
            before,
            after,
        }]
    };
    let none = Some(Permissions::empty());
    let all = Some(Permissions::ADMINISTRATOR);
    router.take_event(envelope(TOPIC, 1, Some(rights(0, sees(2)))), now);
    router.take_event(envelope(TOPIC, 2, Some(rights(1, bits(none, all)))), now);
    router.take_event(envelope(TOPIC, 3, Some(rights(2, bits(all, None)))), now);
    // Nobody sees more or less, nobody is moved, and nobody is closed.
    assert_eq!(
        told(&mut router),
        [
            "1",
            "rights, 2 turned, 0 moved",
            "2",
            "rights, 0 turned, 0 moved",
            "3",
            "rights, 0 turned, 0 moved"
        ]
    );
    assert_eq!(router.jobs, []);
}

#[test]
fn what_was_heard_of_while_the_log_was_read_is_not_taken_for_a_mistake() {
    let now = Instant::now();
    let mut router = quiet(TOPIC, true, now);
    router.hear_events(TOPIC, published(1), now);
    router.tick(now + GRACE);
    assert_eq!(std::mem::take(&mut router.jobs), [repair(0)]);
    router.hear_events(TOPIC, published(2), now);
    // Read before either was committed.
    router.finish_repair(TOPIC, 0, Ok(log(&[], 0)), now);
    assert_eq!(router.jobs, [repair(0)], "asked again");
    router.finish_repair(TOPIC, 0, Ok(log(&[1, 2], 2)), now);
    assert_eq!(told(&mut router), ["1", "2"]);
}

#[test]
fn another_log_ends_every_session() {
    let now = Instant::now();
    let mut router = quiet(TOPIC, true, now);
    let foreign = Published {
        epoch: EPOCH + 1,
        events: vec![envelope(TOPIC, 1, None)],
        ..published(1)
    };
    router.hear_events(TOPIC, foreign, now);
    assert_eq!(
        told(&mut router),
        Vec::<String>::new(),
        "its events mean nothing"
    );
    // The log itself is asked, and decides.
    let later = now + Duration::from_secs(1);
    router.tick(later);
    assert_eq!(router.jobs, [Fetch::Heads(vec![(TOPIC, 0)])]);
    router.apply_heads(&[(TOPIC, 0)], Ok((EPOCH + 1, Vec::new())), later);
    assert_eq!(told(&mut router), ["close all 4007"]);
    assert!(router.topics.is_empty());
}

#[test]
fn a_topic_is_left_lazily() {
    let now = Instant::now();
    let mut router = quiet(TOPIC, true, now);
    router.detach_connection(&connection(2));
    assert_eq!(told(&mut router), ["remove 2"]);
    router.take_event(envelope(TOPIC, 1, None), now);
    assert_eq!(told(&mut router), Vec::<String>::new());
    let soon = now + Duration::from_secs(1);
    router.tick(soon);
    assert_eq!(
        attach(&mut router, 2, (TOPIC, 1), true, soon),
        1,
        "still heard"
    );
    router.detach_connection(&connection(2));
    router.finish_repair(TOPIC, 1, Ok(log(&[], 1)), soon);
    router.tick(soon + TICK);
    router.tick(soon + TICK + Duration::from_secs(2));
    assert!(router.topics.is_empty());
}

#[test]
fn who_joined_anew_is_not_sent_away_by_an_old_event() {
    let now = Instant::now();
    let mut router = quiet(TOPIC, true, now);
    let left = |since| {
        let roles = Vec::new();
        let user = user(2);
        rights(0, vec![Change::Left { user, since, roles }])
    };
    // The membership began with event 1: the leaving is of an earlier one.
    router.detach_connection(&connection(2));
    clear(&mut router);
    want(&mut router, 2, (TOPIC, 0), Some(standing(2, 1)), now);
    clear(&mut router);
    router.take_event(envelope(TOPIC, 1, Some(left(0))), now);
    assert_eq!(told(&mut router), ["1", "rights, 0 turned, 0 moved"]);
    router.take_event(envelope(TOPIC, 2, Some(left(1))), now);
    assert_eq!(
        told(&mut router),
        ["2", "rights, 0 turned, 0 moved", "leave 2"]
    );
}

proptest! {
    /// Whatever is heard and repaired in whatever order: what the shards get is dense.
    #[test]
    fn shards_hear_every_event_once_and_in_order(
        heard in proptest::collection::vec((1_u64..30, any::<bool>(), 0_u64..400), 0..80)
    ) {
        let mut now = Instant::now();
        let mut router = quiet(TOPIC, true, now);
        let mut seen = Vec::new();
        let mut head = 0;
        for (seq, answered, wait) in heard {
            head = head.max(seq);
            router.take_event(envelope(TOPIC, seq, None), now);
            now += Duration::from_millis(wait);
            router.tick(now);
            for job in std::mem::take(&mut router.jobs) {
                let Fetch::Repair { after, .. } = job else { continue };
                let events: Vec<u64> = (after + 1..=head).take(5).collect();
                let answer = if answered { Ok(log(&events, head)) } else { Err(Reason::Unavailable.into()) };
                router.finish_repair(TOPIC, after, answer, now);
            }
            seen.extend(told(&mut router));
        }
        // In the end everything is repaired.
        for _ in 0..20 {
            now += Duration::from_secs(1);
            router.tick(now);
            for job in std::mem::take(&mut router.jobs) {
                let Fetch::Repair { after, .. } = job else { continue };
                let events: Vec<u64> = (after + 1..=head).take(5).collect();
                router.finish_repair(TOPIC, after, Ok(log(&events, head)), now);
            }
        }
        seen.extend(told(&mut router));
        let expected: Vec<String> = (1..=head).map(|seq| seq.to_string()).collect();
        prop_assert_eq!(seen, expected);
    }
}
