//! The topics of a gateway: decides what is given out, in which order, and what
//! has to be fetched. Knows no I/O: it leaves messages and jobs behind.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use foldhash::fast::RandomState;
use shared::{
    bus::envelope::{Beat, Effect, Envelope},
    close::CloseCode,
    ids::{Partition, ServerId, UserId},
    telemetry,
};
use tokio::time::Instant;

use super::{
    beats::Beats,
    message::{Attach, AttachTopic, Join, ToShard},
    subscriptions::Wants,
    topic::{Kind, Member, Subscription, Topic},
};
use crate::{
    admission::Admission,
    event::Event,
    metrics::Metrics,
    session::link::Link,
    shard::{topics::Sight, writers::Close},
};

/// How long publishes of several writers may cross on an account's topic.
pub const CROSSING: Duration = Duration::from_millis(50);
/// How long an event that a beat named may still be on its way.
pub const GRACE: Duration = Duration::from_millis(200);
/// How long a topic is heard after the last session left it.
const LINGER: Duration = Duration::from_secs(2);
/// How often idle topics and silent partitions are looked for.
pub const TICK: Duration = Duration::from_millis(500);

/// Something to be fetched.
#[derive(Debug, PartialEq, Eq)]
pub enum Job {
    /// The events of a topic after a place.
    Repair {
        /// The topic.
        topic: u64,
        /// The last event given out.
        after: u64,
    },
    /// The heads of topics, with the last event of each when it was asked.
    Heads(Vec<(u64, u64)>),
    /// Views of a server's members.
    Views {
        /// The server.
        topic: u64,
        /// As of this event or later.
        seq: u64,
        /// Whom to ask about.
        users: Vec<UserId>,
    },
}

/// A session that has to join a server.
#[derive(Debug)]
pub struct Joining {
    /// Its connection.
    pub link: Arc<Link>,
    /// The server.
    pub server: ServerId,
    /// The event that the membership began with.
    pub after: u64,
}

/// All topics.
pub struct Table {
    pub(super) topics: HashMap<u64, Topic, RandomState>,
    connections: HashMap<u64, Vec<u64>, RandomState>,
    pub(super) wants: Wants,
    pub(super) admission: Admission,
    beats: Beats,
    alarms: BinaryHeap<Reverse<(Instant, u64)>>,
    /// Topics that wait for a repair.
    pub(super) repairs: VecDeque<u64>,
    pub(super) repairs_running: usize,
    /// Topics that were just subscribed and wait for their heads.
    pub(super) fresh: VecDeque<u64>,
    /// Dirty topics that wait for their heads.
    pub(super) dirty: VecDeque<u64>,
    pub(super) dirty_at: Instant,
    pub(super) heads_running: usize,
    random: RandomState,
    tick_at: Instant,
    pub(super) metrics: Metrics,
    /// What each shard is to be told, in order.
    pub out: Vec<Vec<ToShard>>,
    /// What is to be fetched.
    pub jobs: Vec<Job>,
    /// Sessions that have to join a server.
    pub joining: Vec<Joining>,
}

impl Table {
    /// No topics yet.
    pub fn new(
        shards: usize,
        wants: Wants,
        admission: Admission,
        metrics: Metrics,
        now: Instant,
    ) -> Self {
        Self {
            topics: HashMap::default(),
            connections: HashMap::default(),
            wants,
            admission,
            beats: Beats::default(),
            alarms: BinaryHeap::new(),
            repairs: VecDeque::new(),
            repairs_running: 0,
            fresh: VecDeque::new(),
            dirty: VecDeque::new(),
            dirty_at: now,
            heads_running: 0,
            random: RandomState::default(),
            tick_at: now + TICK,
            metrics,
            out: (0..shards).map(|_| Vec::new()).collect(),
            jobs: Vec::new(),
            joining: Vec::new(),
        }
    }

    /// Tells one shard something.
    pub fn tell(&mut self, shard: usize, message: ToShard) {
        if let Some(out) = self.out.get_mut(shard) {
            out.push(message);
        }
    }

    /// Tells every shard with members of a topic something.
    pub(super) fn tell_members(&mut self, number: u64, message: impl Fn() -> ToShard) {
        let Some(topic) = self.topics.get(&number) else {
            return;
        };
        for (out, count) in self.out.iter_mut().zip(&topic.shards) {
            if *count > 0 {
                out.push(message());
            }
        }
    }

    // ---- sessions

    /// A session gets the events of topics from now on; answers the place of each.
    /// Nothing for a connection that is about to end: nobody would undo it.
    pub fn attach(&mut self, attach: &Attach, now: Instant) -> Vec<u64> {
        if attach.link.is_closing() {
            return Vec::new();
        }
        attach
            .topics
            .iter()
            .map(|topic| self.attach_one(attach, topic, now))
            .collect()
    }

    fn attach_one(&mut self, attach: &Attach, wanted: &AttachTopic, now: Instant) -> u64 {
        let link = &attach.link;
        let number = wanted.topic;
        let shards = self.out.len();
        let topic = self.topics.entry(number).or_insert_with(|| {
            self.wants.set(number, true);
            let kind = if wanted.view.is_some() {
                Kind::Server
            } else {
                Kind::Account
            };
            Topic::new(kind, wanted.head, shards)
        });
        let was_member = topic.members.contains_key(&link.connection);
        topic.join(Member {
            link: Arc::clone(link),
            user: attach.caller.user,
            session: attach.caller.session,
            view: wanted.view.as_ref().map(|(id, _)| *id),
            since: wanted.head,
        });
        if let Some(hold) = &mut topic.hold
            && wanted.head < hold.seq
        {
            // What it sees may be older than what was answered about its account.
            hold.tried.remove(&attach.caller.user);
        }
        let position = topic.last;
        let sight = wanted.view.as_ref().map(|(id, view)| {
            topic.learn_view(*id, wanted.head, view);
            topic
                .views
                .get(id)
                .map_or(Sight::Nothing, |known| Sight::View(Arc::clone(&known.view)))
        });
        topic.want = topic.want.max(wanted.head);
        if topic.is_behind() {
            self.alarm(now + GRACE, number);
        }
        if was_member {
            self.tell(link.shard, ToShard::Leave(link.connection, number, false));
        } else {
            self.connections
                .entry(link.connection)
                .or_default()
                .push(number);
        }
        let join = Join {
            connection: link.connection,
            topic: number,
            position,
            after: wanted.place,
            released: wanted.place >= position,
            group: wanted.view.as_ref().map(|(id, _)| *id),
            sight,
        };
        self.tell(link.shard, ToShard::Join(join));
        position
    }

    /// A session no longer belongs to a topic. Whether it still gets what waits
    /// for the end of its replay.
    pub fn leave(&mut self, connection: u64, number: u64, keep_held: bool, now: Instant) {
        let Some(topic) = self.topics.get_mut(&number) else {
            return;
        };
        let Some(member) = topic.leave(connection) else {
            return;
        };
        if topic.members.is_empty() {
            topic.idle_since = Some(now);
        }
        if let Some(topics) = self.connections.get_mut(&connection) {
            topics.retain(|other| *other != number);
        }
        self.tell(
            member.link.shard,
            ToShard::Leave(connection, number, keep_held),
        );
    }

    /// A connection has ended.
    pub fn detach(&mut self, link: &Link, now: Instant) {
        for number in self
            .connections
            .remove(&link.connection)
            .unwrap_or_default()
        {
            if let Some(topic) = self.topics.get_mut(&number) {
                topic.leave(link.connection);
                if topic.members.is_empty() {
                    topic.idle_since = Some(now);
                }
            }
        }
        self.tell(link.shard, ToShard::Remove(link.connection));
    }

    // ---- events

    /// An event was heard, or read from the log.
    pub fn take(&mut self, envelope: Envelope, now: Instant) {
        let number = envelope.topic;
        let Some(topic) = self.topics.get_mut(&number) else {
            return;
        };
        let seq = envelope.seq;
        if seq == 0 {
            // Without views nobody knows who may see it, and nobody waits for it.
            if topic.hold.is_none() {
                self.give(number, &envelope);
            }
            return;
        }
        topic.want = topic.want.max(seq);
        if seq <= topic.last {
            self.metrics.events_doubled_total.inc();
        } else if topic.hold.is_some() {
            topic.keep(envelope);
        } else if seq == topic.last + 1 {
            self.deliver(envelope, now);
            self.advance(number, now);
        } else {
            topic.keep(envelope);
            let wait = if topic.kind == Kind::Account {
                CROSSING
            } else {
                Duration::ZERO
            };
            self.metrics.holes_total.inc();
            self.alarm(now + wait, number);
        }
    }

    /// Gives out what was kept and follows now.
    pub(super) fn advance(&mut self, number: u64, now: Instant) {
        loop {
            let Some(topic) = self.topics.get_mut(&number) else {
                return;
            };
            if topic.hold.is_some() {
                return;
            }
            let Some(envelope) = topic.next_kept() else {
                break;
            };
            self.deliver(envelope, now);
        }
        if self.topics.get(&number).is_some_and(Topic::is_behind) {
            self.alarm(now + GRACE, number);
        }
    }

    /// Gives out the event that follows the last one, unless views have to be
    /// known first.
    fn deliver(&mut self, envelope: Envelope, now: Instant) {
        let (number, seq) = (envelope.topic, envelope.seq);
        if let Some(Effect::Appeared { members }) = &envelope.effect
            && self
                .topics
                .get(&number)
                .is_some_and(|topic| topic.rights_at < seq)
        {
            self.hold(number, seq, members.iter().copied().collect(), now);
        }
        let Some(topic) = self.topics.get_mut(&number) else {
            return;
        };
        if topic.hold.is_some() {
            topic.keep(envelope);
            return;
        }
        topic.last = seq;
        self.give(number, &envelope);
        if let Some(effect) = &envelope.effect {
            self.effect(number, seq, effect, now);
        }
    }

    fn give(&mut self, number: u64, envelope: &Envelope) {
        let Some(topic) = self.topics.get(&number) else {
            return;
        };
        let span = envelope.trace.as_deref().map(|trace| {
            let span = tracing::debug_span!("fan_out");
            telemetry::adopt(&span, Some(trace));
            span
        });
        let _entered = span.as_ref().map(tracing::Span::enter);
        let event = Arc::new(Event::new(envelope));
        for (out, count) in self.out.iter_mut().zip(&topic.shards) {
            if *count == 0 {
                continue;
            }
            // One message for all events of a turn.
            if let Some(ToShard::Events(events)) = out.last_mut() {
                events.push(Arc::clone(&event));
            } else {
                out.push(ToShard::Events(vec![Arc::clone(&event)]));
            }
        }
    }

    /// Acts on an event after those who saw it under the old rights got it.
    fn effect(&mut self, number: u64, seq: u64, effect: &Effect, now: Instant) {
        match effect {
            // Acted on before the event was given out.
            Effect::Appeared { .. } => {}
            Effect::Rights { members } => {
                self.hold(number, seq, members.iter().copied().collect(), now);
            }
            Effect::Joined { server, after } => {
                let Some(topic) = self.topics.get(&number) else {
                    return;
                };
                let joining = topic.members.values().map(|member| Joining {
                    link: Arc::clone(&member.link),
                    server: *server,
                    after: *after,
                });
                self.joining.extend(joining);
            }
            Effect::Left { user } => {
                for connection in self.members(number, |member| {
                    // Who joined anew since has nothing to do with this event.
                    member.user == *user && member.since < seq
                }) {
                    self.leave(connection, number, true, now);
                }
            }
            Effect::Revoked { session } => {
                let close = Close::Code(CloseCode::Revoked);
                for connection in self.members(number, |member| member.session == *session) {
                    let Some(shard) = self.shard_of(number, connection) else {
                        continue;
                    };
                    self.tell(shard, ToShard::Close(connection, close));
                }
            }
        }
    }

    fn members(&self, number: u64, wanted: impl Fn(&Member) -> bool) -> Vec<u64> {
        let Some(topic) = self.topics.get(&number) else {
            return Vec::new();
        };
        topic
            .members
            .iter()
            .filter(|(_, member)| wanted(member))
            .map(|(connection, _)| *connection)
            .collect()
    }

    fn shard_of(&self, number: u64, connection: u64) -> Option<usize> {
        let member = self.topics.get(&number)?.members.get(&connection)?;
        Some(member.link.shard)
    }

    /// Closes everyone who belongs to a topic: its stream cannot go on.
    pub(super) fn out_of_sync(&mut self, number: u64) {
        let close = Close::Code(CloseCode::OutOfSync);
        self.tell_members(number, || ToShard::CloseTopic(number, close));
    }

    // ---- beats

    /// The lanes told how they are.
    pub fn beat(&mut self, beat: &Beat, now: Instant) {
        for partition in &beat.partitions {
            self.admission.heard(partition, now);
            if self.beats.heard(partition, now) {
                self.mark_partition(partition.partition, now);
            }
            for head in &partition.moved {
                let Some(topic) = self.topics.get_mut(&head.topic) else {
                    continue;
                };
                topic.want = topic.want.max(head.seq);
                if topic.is_behind() {
                    self.alarm(now + GRACE, head.topic);
                }
            }
        }
    }

    /// Anything may have been lost on every topic.
    pub fn lost(&mut self, now: Instant) {
        self.metrics.lost_total.inc();
        self.mark(|_, _| true, now);
    }

    /// A partition's lane was not heard for a while. It may have written its
    /// servers' topics and any account's.
    fn mark_partition(&mut self, partition: Partition, now: Instant) {
        self.mark(
            |number, topic| topic.kind == Kind::Account || Partition::of(number) == partition,
            now,
        );
    }

    fn mark(&mut self, wanted: impl Fn(u64, &Topic) -> bool, now: Instant) {
        let was_empty = self.dirty.is_empty();
        for (number, topic) in &mut self.topics {
            if !topic.dirty && wanted(*number, topic) {
                topic.dirty = true;
                self.dirty.push_back(*number);
                self.metrics.dirty_total.inc();
            }
        }
        if was_empty && !self.dirty.is_empty() {
            // All gateways notice at the same time; they need not all ask then.
            self.dirty_at = now + self.jitter(Duration::from_millis(500));
        }
        self.ask_heads(now);
    }

    pub(super) fn jitter(&self, most: Duration) -> Duration {
        use std::hash::BuildHasher;
        let most = u64::try_from(most.as_millis()).unwrap_or(u64::MAX);
        let hash = self.random.hash_one((self.dirty.len(), self.dirty_at));
        Duration::from_millis(hash % most.max(1))
    }

    // ---- time

    /// Looks at a topic again at `at`.
    pub(super) fn alarm(&mut self, at: Instant, number: u64) {
        // The earliest is enough: whoever looks asks for the next one.
        if let Some(topic) = self.topics.get_mut(&number)
            && topic.alarm.is_none_or(|earlier| at < earlier)
        {
            topic.alarm = Some(at);
            self.alarms.push(Reverse((at, number)));
        }
    }

    /// When [`Table::tick`] has to be called at the latest.
    pub fn next_tick(&self) -> Instant {
        let alarm = self.alarms.peek().map(|Reverse((at, _))| *at);
        let dirty = (!self.dirty.is_empty() && self.heads_running == 0).then_some(self.dirty_at);
        [alarm, dirty]
            .into_iter()
            .flatten()
            .fold(self.tick_at, Instant::min)
    }

    /// Time passed.
    pub fn tick(&mut self, now: Instant) {
        while let Some(Reverse((at, number))) = self.alarms.peek().copied()
            && at <= now
        {
            self.alarms.pop();
            if let Some(topic) = self.topics.get_mut(&number) {
                topic.alarm = None;
            }
            self.look_at(number, now);
        }
        self.ask_heads(now);
        if now < self.tick_at {
            return;
        }
        self.tick_at = now + TICK;
        for partition in self.beats.fell_silent(now) {
            self.mark_partition(partition, now);
        }
        self.forget_idle(now);
        let held = self.topics.values().filter(|topic| topic.hold.is_some());
        self.metrics
            .topics_held
            .set(i64::try_from(held.count()).unwrap_or(i64::MAX));
        self.metrics
            .topics
            .set(i64::try_from(self.topics.len()).unwrap_or(i64::MAX));
        self.metrics
            .beat_age_seconds
            .set(self.beats.oldest_seconds(now));
    }

    fn forget_idle(&mut self, now: Instant) {
        let wants = &self.wants;
        self.topics.retain(|number, topic| {
            // A repair that is under way would answer about a topic that begins anew.
            let idle = topic.idle_since.is_some_and(|since| now >= since + LINGER);
            let forget = idle && !topic.repairing;
            if forget {
                wants.set(*number, false);
            }
            !forget
        });
    }

    /// The bus has these subscriptions: what was published before they were in
    /// place has to be read from the log. Mostly there is nothing, and one
    /// question about many heads says so.
    pub fn subscribed(&mut self, numbers: &[u64], now: Instant) {
        for number in numbers {
            if let Some(topic) = self.topics.get_mut(number) {
                topic.subscription = Subscription::Fresh;
                self.fresh.push_back(*number);
            }
        }
        self.ask_heads(now);
    }
}
