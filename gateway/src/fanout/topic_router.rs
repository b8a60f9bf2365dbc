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
    bus::envelope::{Beat, Envelope, Published},
    close::CloseCode,
    ids::{Partition, ServerId, UserId},
    protocol::{Event as _, server::ServerDeleted},
    telemetry,
};
use tokio::{sync::oneshot, time::Instant};

use super::{
    beats::Beats,
    effect::{Consequence, interpret_effect},
    message::{Attach, Attached},
    subscriptions::WantedTopics,
    topic::{Subscription, Topic, TopicKind},
};
use crate::{
    connection::Connection,
    delivery::{
        event::Event,
        message::{Close, ToShard},
    },
    metrics::Metrics,
    presence::ToPresence,
    requests::admission::Admission,
};

/// How long publishes of several writers may cross on an account's topic.
pub const CROSSING: Duration = Duration::from_millis(50);
/// How long an event that a beat named may still be on its way.
pub const GRACE: Duration = Duration::from_millis(200);
/// How long a topic is heard after the last session left it.
const LINGER: Duration = Duration::from_secs(2);
/// How often idle topics and silent partitions are looked for.
pub const TICK: Duration = Duration::from_millis(500);

/// How many servers one question about structures names.
pub(super) const STRUCTURES: usize = 64;

/// Something to be fetched.
#[derive(Debug, PartialEq, Eq)]
pub enum Fetch {
    /// The events of a topic after a place.
    Repair {
        /// The topic.
        topic: u64,
        /// The last event given out.
        after: u64,
    },
    /// The heads of topics, with the last event of each when it was asked.
    Heads(Vec<(u64, u64)>),
    /// What decides who sees what of servers, with the members whose standing
    /// has to be known, too.
    Structures(Vec<(u64, Vec<UserId>)>),
}

/// A session that has to join a server.
#[derive(Debug)]
pub struct ServerJoin {
    /// Its connection.
    pub connection: Arc<Connection>,
    /// The server.
    pub server: ServerId,
}

/// A connection with its topics.
pub(super) struct AttachedConnection {
    pub user: UserId,
    pub topics: Vec<u64>,
}

/// A session that waits to be attached.
pub(super) struct PendingAttach {
    pub attach: Attach,
    pub reply: oneshot::Sender<Vec<Attached>>,
    pub since: Instant,
}

/// All topics.
pub struct TopicRouter {
    pub(super) topics: HashMap<u64, Topic, RandomState>,
    /// What each connection is attached to.
    pub(super) connections: HashMap<u64, AttachedConnection, RandomState>,
    /// The connections of each account.
    pub(super) accounts: HashMap<UserId, Vec<u64>, RandomState>,
    /// Sessions that wait until their topics have come far enough.
    pub(super) pending: HashMap<u64, PendingAttach, RandomState>,
    pub(super) next_pending: u64,
    /// Names the log that all places belong to; none before the first session.
    pub(super) epoch: Option<u64>,
    /// Servers whose structure has to be read.
    pub(super) unknown: VecDeque<u64>,
    pub(super) unknown_at: Instant,
    pub(super) structures_running: usize,
    /// How many servers the next question about structures names.
    pub(super) structures_most: usize,
    pub(super) wants: WantedTopics,
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
    pub jobs: Vec<Fetch>,
    /// Sessions that have to join a server.
    pub joining: Vec<ServerJoin>,
    /// What presence is to be told.
    pub presence: Vec<ToPresence>,
}

impl TopicRouter {
    /// No topics yet.
    pub fn new(
        shards: usize,
        wants: WantedTopics,
        admission: Admission,
        metrics: Metrics,
        now: Instant,
    ) -> Self {
        Self {
            topics: HashMap::default(),
            connections: HashMap::default(),
            accounts: HashMap::default(),
            pending: HashMap::default(),
            next_pending: 0,
            epoch: None,
            unknown: VecDeque::new(),
            unknown_at: now,
            structures_running: 0,
            structures_most: STRUCTURES,
            wants,
            admission,
            beats: Beats::new(Instant::now()),
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
            presence: Vec::new(),
        }
    }

    /// Tells one shard something.
    pub fn tell_shard(&mut self, shard: usize, message: ToShard) {
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

    // ---- events

    /// The registers of an account were changed up to a version: its sessions look
    /// whether they were told of each change.
    pub fn send_registers(&mut self, number: u64, version: u64) {
        if version > 0 {
            self.tell_members(number, || ToShard::Registers(number, version));
        }
    }

    /// Something was published on a topic.
    pub fn hear_events(&mut self, number: u64, published: Published, now: Instant) {
        let Published {
            epoch,
            head,
            events,
            registers,
        } = published;
        let Some(topic) = self.topics.get_mut(&number) else {
            return;
        };
        if self.epoch.is_some_and(|known| known != epoch) {
            // Another database, or a late word of the old one: the log says which.
            self.metrics
                .events_foreign_total
                .inc_by(events.len() as u64);
            return self.mark_dirty(|other, _| other == number, now);
        }
        topic.want = topic.want.max(head);
        self.send_registers(number, registers);
        for envelope in events {
            if envelope.topic == number {
                self.take_event(envelope, now);
            }
        }
        self.await_missing(number, now);
    }

    /// An event was heard, or read from the log.
    pub fn take_event(&mut self, envelope: Envelope, now: Instant) {
        let number = envelope.topic;
        let Some(topic) = self.topics.get_mut(&number) else {
            return;
        };
        let seq = envelope.seq;
        if seq == 0 {
            // Nobody waits for it, and what came before it may take the right to see it.
            if topic.reached(envelope.after) {
                self.send_event(number, &envelope);
            }
            return;
        }
        topic.want = topic.want.max(seq);
        if !topic.is_open() {
            topic.keep(envelope);
        } else if seq <= topic.last {
            self.metrics.events_doubled_total.inc();
        } else if seq == topic.last + 1 {
            self.deliver_event(envelope, now);
            self.deliver_kept(number, now);
        } else {
            topic.keep(envelope);
            let wait = if topic.kind == TopicKind::Account {
                CROSSING
            } else {
                Duration::ZERO
            };
            self.metrics.holes_total.inc();
            self.set_alarm(now + wait, number);
        }
    }

    /// Gives out what was kept and follows now.
    pub(super) fn deliver_kept(&mut self, number: u64, now: Instant) {
        while let Some(topic) = self.topics.get_mut(&number)
            && topic.is_open()
            && let Some(envelope) = topic.next_kept()
        {
            self.deliver_event(envelope, now);
        }
        self.await_missing(number, now);
        self.wake_waiting(number, now);
    }

    /// Gives out the event that follows the last one.
    fn deliver_event(&mut self, envelope: Envelope, now: Instant) {
        let (number, seq) = (envelope.topic, envelope.seq);
        let effect = envelope.effect();
        let ends = envelope.opcode == ServerDeleted::OPCODE;
        let Some(topic) = self.topics.get_mut(&number) else {
            return;
        };
        match interpret_effect(topic.kind, effect.as_ref()) {
            Consequence::Rights { follows, changes } => {
                self.change_rights(envelope, follows, changes, now);
            }
            Consequence::RightsUnknown => self.reread_structure(number, now),
            consequence => {
                topic.last = seq;
                self.send_event(number, &envelope);
                self.apply_consequence(number, consequence);
            }
        }
        if ends {
            self.end_topic(number);
        }
    }

    fn send_event(&mut self, number: u64, envelope: &Envelope) {
        let Some(topic) = self.topics.get(&number) else {
            return;
        };
        let span = fan_out_span(envelope);
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

    /// Acts on an event of an account, after its sessions got it.
    fn apply_consequence(&mut self, number: u64, consequence: Consequence<'_>) {
        match consequence {
            Consequence::Nothing | Consequence::Rights { .. } | Consequence::RightsUnknown => {}
            Consequence::Join(server) => {
                let Some(topic) = self.topics.get(&number) else {
                    return;
                };
                let joining = topic.members.values().map(|member| ServerJoin {
                    connection: Arc::clone(&member.connection),
                    server,
                });
                self.joining.extend(joining);
            }
            Consequence::Status(status) => {
                let user = UserId::new(number);
                let told = user.map(|user| ToPresence::Status(user, status));
                self.presence.extend(told);
            }
            Consequence::End { session, code } => {
                let members = self.topics.get(&number).map(|topic| topic.members.values());
                for member in members.into_iter().flatten() {
                    if member.session == session
                        && let Some(out) = self.out.get_mut(member.connection.shard)
                    {
                        out.push(ToShard::Close(member.connection.id, Close::Code(code)));
                    }
                }
            }
        }
    }

    /// Closes everyone who belongs to a topic: its stream cannot go on.
    pub(super) fn close_out_of_sync(&mut self, number: u64) {
        let close = Close::Code(CloseCode::OutOfSync);
        self.tell_members(number, || ToShard::CloseTopic(number, close));
    }

    // ---- beats

    /// The lanes told how they are.
    pub fn hear_beat(&mut self, beat: &Beat, now: Instant) {
        let mut missed = Vec::new();
        for partition in &beat.partitions {
            self.admission.note_beat(partition, now);
            if self.beats.note_beat(partition, now) {
                missed.push(partition.partition);
            }
        }
        if self.epoch.is_some_and(|known| known != beat.epoch) {
            // Any question to the log tells whether it is another one.
            return self.mark_dirty(|_, _| true, now);
        }
        self.mark_partitions(&missed, now);
    }

    /// Names the log that places belong to, as a worker read it. In another log
    /// they mean nothing: every session has to begin anew.
    pub(super) fn learn_epoch(&mut self, epoch: u64) {
        if self.epoch == Some(epoch) {
            return;
        }
        if self.epoch.replace(epoch).is_some() {
            tracing::warn!("the event log is another one: all sessions begin anew");
            let numbers: Vec<u64> = self.topics.keys().copied().collect();
            for number in numbers {
                self.close_out_of_sync(number);
                self.drop_waiting(number);
                self.wants.set_wanted(number, false);
            }
            self.topics.clear();
            self.unknown.clear();
            self.repairs.clear();
            self.fresh.clear();
            self.dirty.clear();
        }
    }

    /// Anything may have been lost on every topic.
    pub fn mark_all_dirty(&mut self, now: Instant) {
        self.metrics.lost_total.inc();
        self.mark_dirty(|_, _| true, now);
    }

    /// These partitions' lanes were not heard for a while. They may have written
    /// their servers' topics and any account's.
    fn mark_partitions(&mut self, partitions: &[Partition], now: Instant) {
        if partitions.is_empty() {
            return;
        }
        self.mark_dirty(
            |number, topic| {
                topic.kind == TopicKind::Account || partitions.contains(&Partition::of(number))
            },
            now,
        );
    }

    pub(super) fn mark_dirty(&mut self, wanted: impl Fn(u64, &Topic) -> bool, now: Instant) {
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
            self.dirty_at = now + self.pick_jitter(Duration::from_millis(500));
        }
        self.ask_heads(now);
    }

    pub(super) fn pick_jitter(&self, most: Duration) -> Duration {
        use std::hash::BuildHasher;
        let most = u64::try_from(most.as_millis()).unwrap_or(u64::MAX);
        let hash = self.random.hash_one((self.dirty.len(), self.dirty_at));
        Duration::from_millis(hash % most.max(1))
    }

    // ---- time

    /// Looks whether what is missing of a topic came, after a while.
    pub(super) fn await_missing(&mut self, number: u64, now: Instant) {
        if self.topics.get(&number).is_some_and(Topic::is_behind) {
            self.set_alarm(now + GRACE, number);
        }
    }

    /// Looks at a topic again at `at`.
    pub(super) fn set_alarm(&mut self, at: Instant, number: u64) {
        // The earliest is enough: whoever looks asks for the next one.
        if let Some(topic) = self.topics.get_mut(&number)
            && topic.alarm.is_none_or(|earlier| at < earlier)
        {
            topic.alarm = Some(at);
            self.alarms.push(Reverse((at, number)));
        }
    }

    /// When [`TopicRouter::tick`] has to be called at the latest.
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
            self.check_topic(number, now);
        }
        self.ask_heads(now);
        self.ask_structures(now);
        if now < self.tick_at {
            return;
        }
        self.tick_at = now + TICK;
        let silent = self.beats.fell_silent(now);
        self.mark_partitions(&silent, now);
        self.forget_idle(now);
        self.hurry_pending(now);
        let waiting = self.topics.values().filter(|topic| !topic.is_open());
        self.metrics
            .topics_waiting
            .set(i64::try_from(waiting.count()).unwrap_or(i64::MAX));
        self.metrics
            .topics
            .set(i64::try_from(self.topics.len()).unwrap_or(i64::MAX));
        self.metrics
            .beat_age_seconds
            .set(self.beats.oldest_seconds(now));
    }

    fn forget_idle(&mut self, now: Instant) {
        let awaited = self.awaited_topics();
        let wants = &self.wants;
        self.topics.retain(|number, topic| {
            if !topic.members.is_empty() || awaited.contains(number) {
                topic.idle_since = None;
                return true;
            }
            let since = *topic.idle_since.get_or_insert(now);
            // What is under way would answer about a topic that begins anew.
            let forget = now >= since + LINGER && !topic.repairing && !topic.asking;
            if forget {
                wants.set_wanted(*number, false);
            }
            !forget
        });
    }

    /// The bus has these subscriptions: what was published before they were in
    /// place has to be read from the log. Mostly there is nothing, and one
    /// question about many heads says so.
    pub fn note_subscribed(&mut self, numbers: &[u64], now: Instant) {
        for number in numbers {
            if let Some(topic) = self.topics.get_mut(number) {
                topic.subscription = Subscription::Fresh;
                self.fresh.push_back(*number);
            }
        }
        self.ask_heads(now);
    }
}

/// A span for giving out an event that is traced.
pub(super) fn fan_out_span(envelope: &Envelope) -> Option<tracing::Span> {
    envelope.trace.as_deref().map(|trace| {
        let span = tracing::debug_span!("fan_out");
        telemetry::adopt_parent(&span, Some(trace));
        span
    })
}
