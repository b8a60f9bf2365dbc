//! The fan-out's table, in virtual time.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use prometheus::Registry;
use proptest::prelude::*;
use shared::{
    bus::envelope::{Beat, Caller, CallerKind, Effect, Envelope, PartitionBeat},
    domain::permissions::{Permissions, View, ViewId},
    error::Reason,
    ids::{ChannelId, Partition, SessionId, UserId},
    protocol::control::TopicSeq,
};
use tokio::time::Instant;

use super::{
    message::{Attach, AttachTopic, ToShard},
    repair::Repaired,
    subscriptions::Wants,
    table::{CROSSING, GRACE, Job, Table},
    views::Views,
};
use crate::{
    admission::Admission, dialect::Dialect, metrics::Metrics, places::Places, session::link::Link,
    shard::writers::Close,
};

const TOPIC: u64 = 4_096_321;

fn table(now: Instant) -> Table {
    let metrics = Metrics::new(&Registry::new()).unwrap();
    let admission = Admission::new(10, now);
    Table::new(2, Wants::default(), admission, metrics, now)
}

fn link(connection: u64) -> Arc<Link> {
    let place = Places::new(9, 9).take([127, 0, 0, 1].into()).unwrap();
    let shard = usize::try_from(connection % 2).unwrap();
    Arc::new(Link::new(connection, shard, Dialect::MessagePack, 0, place))
}

fn view(channels: &[u64]) -> Arc<View> {
    let ids = channels.iter().filter_map(|id| ChannelId::new(*id));
    Arc::new(ids.map(|id| (id, Permissions::VIEW_CHANNEL)).collect())
}

/// User `n` with connection `n`, on a topic whose snapshot had this head.
fn attach(
    table: &mut Table,
    n: u64,
    (topic, head): (u64, u64),
    view_id: Option<u64>,
    now: Instant,
) -> u64 {
    let attach = Attach {
        link: link(n),
        caller: Caller {
            user: UserId::new(n).unwrap(),
            session: SessionId::new(n).unwrap(),
            kind: CallerKind::Person,
        },
        topics: vec![AttachTopic {
            topic,
            head,
            place: head,
            view: view_id.map(|id| (ViewId(id), view(&[1]))),
        }],
    };
    let positions = table.attach(&attach, now);
    table.subscribed(&[topic], now);
    positions[0]
}

/// One member of a topic that is heard, with nothing missing.
fn quiet(topic: u64, view_id: Option<u64>, now: Instant) -> Table {
    let mut table = table(now);
    attach(&mut table, 2, (topic, 0), view_id, now);
    table.heads(&[(topic, 0)], Ok(Vec::new()), now);
    table.jobs.clear();
    clear(&mut table);
    table
}

fn envelope(topic: u64, seq: u64, effect: Option<Effect>) -> Envelope {
    Envelope {
        topic,
        seq,
        channel: None,
        effect,
        frame: Bytes::from_static(b"event"),
        trace: None,
    }
}

fn log(seqs: &[u64], head: u64) -> Repaired {
    Repaired {
        events: seqs.iter().map(|seq| envelope(TOPIC, *seq, None)).collect(),
        head,
        too_old: false,
    }
}

/// What the shard of even connections was told, in short.
fn told(table: &mut Table) -> Vec<String> {
    table.out[1].clear();
    table.out[0]
        .drain(..)
        .flat_map(|message| match message {
            ToShard::Events(events) => events.iter().map(|event| event.seq.to_string()).collect(),
            ToShard::Join(join) => vec![format!("join {}", join.connection)],
            ToShard::Leave(connection, ..) => vec![format!("leave {connection}")],
            ToShard::Remove(connection) => vec![format!("remove {connection}")],
            ToShard::Views(change) => vec![format!("views, {} moved", change.moved.len())],
            ToShard::Gap(_, seq) => vec![format!("gap {seq}")],
            ToShard::Close(connection, _) => vec![format!("close {connection}")],
            ToShard::CloseTopic(_, Close::Code(code)) => vec![format!("close all {}", code.code())],
            _ => vec!["something else".to_owned()],
        })
        .collect()
}

fn clear(table: &mut Table) {
    told(table);
}

fn repair(after: u64) -> Job {
    Job::Repair {
        topic: TOPIC,
        after,
    }
}

#[test]
fn a_new_topic_is_read_once_it_is_subscribed() {
    let now = Instant::now();
    let mut table = table(now);
    assert_eq!(attach(&mut table, 2, (TOPIC, 5), Some(7), now), 5);
    assert_eq!(table.jobs, [Job::Heads(vec![(TOPIC, 5)])]);
    let heads = vec![TopicSeq {
        topic: TOPIC,
        seq: 7,
    }];
    table.heads(&[(TOPIC, 5)], Ok(heads), now);
    assert_eq!(table.jobs.pop(), Some(repair(5)));
    table.take(envelope(TOPIC, 6, None), now);
    table.repaired(TOPIC, 5, Ok(log(&[6, 7], 7)), now);
    assert_eq!(told(&mut table), ["join 2", "6", "7"]);
    // Whoever comes later joins at its place.
    assert_eq!(attach(&mut table, 4, (TOPIC, 6), Some(7), now), 7);
}

#[test]
fn a_servers_hole_is_repaired_at_once_and_an_accounts_after_a_moment() {
    let now = Instant::now();
    let mut table = quiet(TOPIC, Some(7), now);
    table.take(envelope(TOPIC, 2, None), now);
    table.tick(now);
    assert_eq!(table.jobs, [repair(0)]);
    assert_eq!(told(&mut table), Vec::<String>::new());
    table.repaired(TOPIC, 0, Ok(log(&[1], 2)), now);
    assert_eq!(told(&mut table), ["1", "2"]);

    let mut table = quiet(TOPIC, None, now);
    table.take(envelope(TOPIC, 2, None), now);
    table.tick(now + CROSSING - Duration::from_millis(1));
    assert_eq!(table.jobs, []);
    table.take(envelope(TOPIC, 1, None), now);
    assert_eq!(told(&mut table), ["1", "2"]);
    table.take(envelope(TOPIC, 4, None), now);
    table.tick(now + CROSSING);
    assert_eq!(table.jobs, [repair(2)]);
}

fn beat(number: u64, moved: Vec<TopicSeq>) -> Beat {
    Beat {
        partitions: vec![PartitionBeat {
            partition: Partition::of(TOPIC),
            term: 1,
            number,
            backlog: 0,
            moved,
        }],
    }
}

#[test]
fn a_moved_head_is_repaired_when_its_event_does_not_come() {
    let now = Instant::now();
    let mut table = quiet(TOPIC, Some(7), now);
    let moved = |seq| vec![TopicSeq { topic: TOPIC, seq }];
    table.beat(&beat(1, moved(1)), now);
    table.tick(now);
    assert_eq!(table.jobs, []);
    table.take(envelope(TOPIC, 1, None), now);
    table.tick(now + GRACE);
    assert_eq!(table.jobs, [], "it came");
    table.beat(&beat(2, moved(2)), now);
    table.tick(now + GRACE);
    assert_eq!(table.jobs, [repair(1)]);
}

#[test]
fn a_missing_beat_asks_for_heads_and_repairs_what_moved() {
    let now = Instant::now();
    let mut table = quiet(TOPIC, Some(7), now);
    table.beat(&beat(1, Vec::new()), now);
    table.beat(&beat(3, Vec::new()), now);
    let later = now + Duration::from_secs(1);
    table.tick(later);
    let asked = vec![(TOPIC, 0)];
    assert_eq!(table.jobs, [Job::Heads(asked.clone())]);
    table.jobs.clear();
    table.heads(&asked, Err(Reason::Unavailable.into()), later);
    let later = later + Duration::from_secs(1);
    table.tick(later);
    assert_eq!(table.jobs, [Job::Heads(asked.clone())], "asked again");
    table.jobs.clear();
    let moved = vec![TopicSeq {
        topic: TOPIC,
        seq: 2,
    }];
    table.heads(&asked, Ok(moved), later);
    table.tick(later + GRACE);
    assert_eq!(table.jobs, [repair(0)]);
}

#[test]
fn a_failed_repair_is_tried_again() {
    let now = Instant::now();
    let mut table = quiet(TOPIC, Some(7), now);
    table.take(envelope(TOPIC, 2, None), now);
    table.tick(now);
    table.jobs.clear();
    table.repaired(TOPIC, 0, Err(Reason::Unavailable.into()), now);
    table.tick(now + Duration::from_secs(1));
    assert_eq!(table.jobs, [repair(0)]);
}

#[test]
fn repairs_and_questions_are_bounded() {
    let now = Instant::now();
    let mut table = table(now);
    for topic in 1..=2_000 {
        attach(&mut table, 2, (topic, 0), None, now);
    }
    // New topics are asked about together, and read when something is there.
    let mut asked = Vec::new();
    let is_heads = |job: &Job| matches!(job, Job::Heads(_));
    while let Some(index) = table.jobs.iter().position(is_heads) {
        assert!(table.jobs.iter().filter(|job| is_heads(job)).count() <= 2);
        let Job::Heads(topics) = table.jobs.remove(index) else {
            continue;
        };
        asked.push(topics.len());
        let moved = topics.iter().map(|(topic, _)| TopicSeq {
            topic: *topic,
            seq: 1,
        });
        table.heads(&topics, Ok(moved.collect()), now);
    }
    assert_eq!(asked.iter().sum::<usize>(), 2_000);
    assert!(asked.len() < 12, "{asked:?}");
    assert_eq!(table.jobs.len(), 16);
    table.jobs.clear();
    table.lost(now);
    table.tick(now + Duration::from_secs(1));
    assert_eq!(table.jobs.len(), 2);
    assert!(
        table
            .jobs
            .iter()
            .all(|job| matches!(job, Job::Heads(topics) if topics.len() == 256))
    );
}

#[test]
fn rights_hold_events_until_views_are_new_enough() {
    let now = Instant::now();
    let mut table = quiet(TOPIC, Some(7), now);
    let user = UserId::new(2).unwrap();
    let rights = Effect::Rights {
        members: vec![user],
    };
    table.take(envelope(TOPIC, 1, Some(rights)), now);
    table.take(envelope(TOPIC, 2, None), now);
    table.take(envelope(TOPIC, 0, None), now);
    assert_eq!(told(&mut table), ["1"]);
    let asks = Job::Views {
        topic: TOPIC,
        seq: 1,
        users: vec![user],
    };
    assert_eq!(table.jobs.drain(..).collect::<Vec<_>>(), [asks]);
    let answer = |seq| {
        Ok(Views {
            seq,
            members: vec![(user, ViewId(9))],
            views: vec![(ViewId(9), View::clone(&view(&[1])))],
        })
    };
    table.views(TOPIC, &[user], answer(0), now);
    assert_eq!(told(&mut table), Vec::<String>::new(), "too old");
    table.tick(now + Duration::from_millis(50));
    assert_eq!(table.jobs.len(), 1, "asked again");
    table.views(TOPIC, &[user], answer(2), now);
    assert_eq!(told(&mut table), ["views, 1 moved", "2"]);
}

#[test]
fn a_representative_who_left_is_replaced_by_another_one() {
    let now = Instant::now();
    let mut table = quiet(TOPIC, Some(7), now);
    attach(&mut table, 4, (TOPIC, 0), Some(7), now);
    table.jobs.clear();
    clear(&mut table);
    let appeared = Effect::Appeared {
        members: Vec::new(),
    };
    table.take(envelope(TOPIC, 1, Some(appeared)), now);
    assert_eq!(told(&mut table), Vec::<String>::new(), "not yet");
    for _ in 0..2 {
        let Some(Job::Views { users, .. }) = table.jobs.pop() else {
            panic!("nobody was asked about");
        };
        assert_eq!(users.len(), 1);
        let nothing = Views {
            seq: 1,
            members: Vec::new(),
            views: Vec::new(),
        };
        table.views(TOPIC, &users, Ok(nothing), now);
    }
    // Nobody knows what the view shows: its members find out by resuming.
    let mut told = told(&mut table);
    told.sort();
    assert_eq!(told, ["1", "close 2", "close 4", "views, 0 moved"]);
}

#[test]
fn a_view_that_has_another_name_since_is_followed() {
    let now = Instant::now();
    let mut table = quiet(TOPIC, Some(7), now);
    let user = UserId::new(2).unwrap();
    // The channel whose override named the member was deleted, which changes
    // nobody's rights; somebody else's rights change later.
    let rights = Effect::Rights {
        members: vec![UserId::new(99).unwrap()],
    };
    table.take(envelope(TOPIC, 1, Some(rights)), now);
    assert_eq!(told(&mut table), ["1"]);
    let answer = Views {
        seq: 1,
        members: vec![(user, ViewId(9))],
        views: vec![(ViewId(9), View::clone(&view(&[1])))],
    };
    table.views(TOPIC, &[user], Ok(answer), now);
    assert_eq!(told(&mut table), ["views, 1 moved"]);
}

#[test]
fn who_joins_with_an_old_view_while_views_are_fetched_is_asked_about() {
    let now = Instant::now();
    let mut table = quiet(TOPIC, Some(7), now);
    let alice = UserId::new(2).unwrap();
    for n in [4, 8] {
        attach(&mut table, n, (TOPIC, 0), Some(8), now);
    }
    table.jobs.clear();
    clear(&mut table);
    let appeared = Effect::Appeared {
        members: vec![alice],
    };
    table.take(envelope(TOPIC, 1, Some(appeared)), now);
    let users = asked(&mut table);
    assert!(users.contains(&alice) && users.len() == 2, "{users:?}");
    // The one who was asked about besides her has left: another one is asked about.
    let answer = |user: UserId| Views {
        seq: 1,
        members: vec![(user, ViewId(user.get()))],
        views: vec![(ViewId(user.get()), View::clone(&view(&[1])))],
    };
    table.views(TOPIC, &users, Ok(answer(alice)), now);
    let other = asked(&mut table);
    // Meanwhile she comes a second time, with what she saw before.
    let again = Attach {
        link: link(6),
        caller: Caller {
            user: alice,
            session: SessionId::new(6).unwrap(),
            kind: CallerKind::Person,
        },
        topics: vec![AttachTopic {
            topic: TOPIC,
            head: 0,
            place: 0,
            view: Some((ViewId(8), view(&[1]))),
        }],
    };
    table.attach(&again, now);
    table.views(TOPIC, &other, Ok(answer(other[0])), now);
    assert_eq!(asked(&mut table), [alice]);
}

/// Whom the only question about views is about.
fn asked(table: &mut Table) -> Vec<UserId> {
    let mut questions = table.jobs.drain(..).filter_map(|job| match job {
        Job::Views { users, .. } => Some(users),
        _ => None,
    });
    questions.next().unwrap_or_default()
}

#[test]
fn views_that_do_not_come_close_the_topic() {
    let now = Instant::now();
    let mut table = quiet(TOPIC, Some(7), now);
    let rights = Effect::Rights {
        members: Vec::new(),
    };
    table.take(envelope(TOPIC, 1, Some(rights)), now);
    clear(&mut table);
    table.tick(now + Duration::from_millis(4_999));
    assert_eq!(told(&mut table), Vec::<String>::new());
    table.tick(now + Duration::from_secs(5));
    assert_eq!(told(&mut table), ["close all 4007"]);
}

#[test]
fn a_topic_is_left_lazily() {
    let now = Instant::now();
    let mut table = quiet(TOPIC, Some(7), now);
    table.detach(&link(2), now);
    assert_eq!(told(&mut table), ["remove 2"]);
    table.take(envelope(TOPIC, 1, None), now);
    assert_eq!(told(&mut table), Vec::<String>::new());
    let soon = now + Duration::from_secs(1);
    table.tick(soon);
    assert_eq!(
        attach(&mut table, 2, (TOPIC, 1), Some(7), soon),
        1,
        "still heard"
    );
    table.detach(&link(2), soon);
    table.repaired(TOPIC, 1, Ok(log(&[], 1)), soon);
    table.tick(soon + Duration::from_secs(2));
    assert!(table.topics.is_empty());
}

#[test]
fn who_joined_anew_is_not_sent_away_by_an_old_event() {
    let now = Instant::now();
    let mut table = quiet(TOPIC, Some(7), now);
    let left = |user| Effect::Left {
        user: UserId::new(user).unwrap(),
    };
    // The snapshot of the new membership already has the old departure.
    attach(&mut table, 2, (TOPIC, 1), Some(7), now);
    clear(&mut table);
    table.take(envelope(TOPIC, 1, Some(left(2))), now);
    assert_eq!(told(&mut table), ["1"]);
    table.take(envelope(TOPIC, 2, Some(left(2))), now);
    assert_eq!(told(&mut table), ["2", "leave 2"]);
}

proptest! {
    /// Whatever is heard and repaired in whatever order: what the shards get is dense.
    #[test]
    fn shards_hear_every_event_once_and_in_order(
        heard in proptest::collection::vec((1_u64..30, any::<bool>(), 0_u64..400), 0..80)
    ) {
        let mut now = Instant::now();
        let mut table = quiet(TOPIC, Some(7), now);
        let mut seen = Vec::new();
        let mut head = 0;
        for (seq, answered, wait) in heard {
            head = head.max(seq);
            table.take(envelope(TOPIC, seq, None), now);
            now += Duration::from_millis(wait);
            table.tick(now);
            for job in std::mem::take(&mut table.jobs) {
                let Job::Repair { after, .. } = job else { continue };
                let events: Vec<u64> = (after + 1..=head).take(5).collect();
                let answer = if answered { Ok(log(&events, head)) } else { Err(Reason::Unavailable.into()) };
                table.repaired(TOPIC, after, answer, now);
            }
            seen.extend(told(&mut table));
        }
        // In the end everything is repaired.
        for _ in 0..20 {
            now += Duration::from_secs(1);
            table.tick(now);
            for job in std::mem::take(&mut table.jobs) {
                let Job::Repair { after, .. } = job else { continue };
                let events: Vec<u64> = (after + 1..=head).take(5).collect();
                table.repaired(TOPIC, after, Ok(log(&events, head)), now);
            }
        }
        seen.extend(told(&mut table));
        let expected: Vec<String> = (1..=head).map(|seq| seq.to_string()).collect();
        prop_assert_eq!(seen, expected);
    }
}
