//! A shard: one task that owns the writing halves and queues of its
//! connections, so that no delivery takes a lock.

use std::{collections::VecDeque, hash::BuildHasher, sync::Arc, time::Duration};

use foldhash::fast::RandomState;
use futures_util::{FutureExt, StreamExt, future::abortable, stream::FuturesUnordered};
use shared::{
    bus::envelope::Answer, close::CloseCode, error::Reason, frame::opcode,
    protocol::control::Reconnect,
};
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval},
};

use super::{
    event::Event,
    message::{Close, NewWatch, ToShard},
    sockets::{BlockedSocket, SocketConfig, Sockets, send_answer},
    topics::{TopicConfig, Topics},
    watches::Watches,
};
use crate::{
    connection::{Connection, PendingCommand},
    limits::memory_budget::MemoryBudget,
    metrics::ShardMetrics,
    transport::socket::Socket,
};

/// How many messages may wait for a shard. A shard never waits for a socket, so
/// whoever finds the queue full waits a moment.
pub const INBOX: usize = 1_024;
/// How many messages a turn takes: more of them mean more frames per system
/// call, fewer mean less delay for the first one.
const TURN: usize = 256;
/// How many frames a turn queues before it writes: with [`sockets::WRITES`](super::sockets::WRITES) some milliseconds
/// of work, after which those are heard who came meanwhile. A single event to a large room
/// may be more.
const FRAMES: u64 = 65_536;
/// Over how many milliseconds those are spread who have to resume a topic at the same time.
const OUT_OF_SYNC_MS: u64 = 1_000;
/// How often deadlines are looked at.
const TICK: Duration = Duration::from_millis(250);

/// What a shard keeps to.
#[derive(Debug, Clone, Copy)]
pub struct ShardConfig {
    /// Of a connection.
    pub sockets: SocketConfig,
    /// Of a topic.
    pub topics: TopicConfig,
}

/// The connections of one core.
pub struct Shard<S> {
    sockets: Sockets<S>,
    topics: Topics,
    watches: Watches,
    drain: Option<Drain>,
    random: RandomState,
}

struct Drain {
    since: Instant,
    window: Duration,
    told: Vec<(u32, u64)>,
}

/// Runs a shard until everyone who could tell it something is gone.
pub async fn run<S: Socket>(
    mut inbox: mpsc::Receiver<ToShard<S>>,
    config: ShardConfig,
    memory: MemoryBudget,
    metrics: ShardMetrics,
) {
    let mut shard = Shard::new(config, &memory, metrics);
    let mut fresh = Vec::with_capacity(TURN);
    let mut turn = VecDeque::with_capacity(TURN);
    let mut waiting = FuturesUnordered::new();
    let mut blocked = Vec::new();
    let mut unfinished = false;
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            count = inbox.recv_many(&mut fresh, TURN), if turn.is_empty() => {
                if count == 0 {
                    break;
                }
                turn.extend(fresh.drain(..));
            }
            Some(done) = waiting.next(), if !waiting.is_empty() => {
                shard.clear_blocked(&done);
                while let Some(Some(done)) = waiting.next().now_or_never() {
                    shard.clear_blocked(&done);
                }
            }
            now = ticks.tick() => shard.tick(now),
            // Other tasks of this thread get their turn even under constant load.
            () = tokio::task::yield_now(), if unfinished => {}
        }
        let now = Instant::now();
        shard.apply_some(&mut turn, now);
        unfinished = shard.flush(now, &mut blocked) || !turn.is_empty() || shard.is_telling();
        for BlockedSocket {
            slot,
            connection_id,
            socket,
        } in blocked.drain(..)
        {
            let (future, handle) = abortable(async move {
                socket.writable().await;
                (slot, connection_id)
            });
            shard.sockets.set_blocked(slot, handle);
            waiting.push(future);
        }
        tokio::task::consume_budget().await;
    }
}

impl<S: Socket> Shard<S> {
    /// A shard without connections.
    pub fn new(config: ShardConfig, memory: &MemoryBudget, metrics: ShardMetrics) -> Self {
        Self {
            sockets: Sockets::new(config.sockets, memory, metrics),
            topics: Topics::new(config.topics),
            watches: Watches::new(memory),
            drain: None,
            random: RandomState::default(),
        }
    }

    fn clear_blocked<E>(&mut self, done: &Result<(u32, u64), E>) {
        // Aborted waits belong to connections that are gone.
        if let Ok((slot, connection_id)) = done {
            self.sockets.clear_blocked(*slot, *connection_id);
        }
    }

    /// Does what it is told until that is enough for a turn; the rest stays.
    pub fn apply_some(&mut self, turn: &mut VecDeque<ToShard<S>>, now: Instant) {
        let end = self.sockets.metrics.queued + FRAMES;
        while self.sockets.metrics.queued < end
            && let Some(message) = turn.pop_front()
        {
            match message {
                ToShard::Events(mut events) => {
                    let mut done = 0;
                    for event in &events {
                        if self.sockets.metrics.queued >= end {
                            break;
                        }
                        self.deliver_event(event, now);
                        done += 1;
                    }
                    if done < events.len() {
                        events.drain(..done);
                        turn.push_front(ToShard::Events(events));
                    }
                }
                message => self.apply_message(message, now),
            }
        }
        self.tell_presence(now);
    }

    /// Does what it is told; nothing is written before [`Shard::flush`].
    pub fn apply_message(&mut self, message: ToShard<S>, now: Instant) {
        match message {
            ToShard::Add(connection, socket) => {
                self.sockets.add_connection(connection, socket, now);
            }
            ToShard::Send(connection_id, frames) => {
                if let Some(slot) = self.sockets.find_slot(connection_id) {
                    for frame in &frames {
                        self.sockets.push_reply(slot, frame, now);
                    }
                }
            }
            ToShard::Reply {
                connection_id,
                opcode,
                request,
                payload,
            } => {
                if let Some(slot) = self.sockets.find_slot(connection_id) {
                    self.sockets
                        .push_answer(slot, (opcode, request), &payload, now);
                }
            }
            ToShard::Replay(connection_id, frames, drained) => {
                if let Some(slot) = self.sockets.find_slot(connection_id) {
                    for frame in &frames {
                        self.sockets.push_frame(slot, frame, now);
                    }
                    self.sockets.when_drained(slot, drained, now);
                }
            }
            ToShard::Answers(answers) => {
                for answer in answers {
                    self.answer_command(&answer, now);
                }
            }
            ToShard::AnswersLost => self.refuse_unknown(now, Connection::take_commands),
            ToShard::Events(events) => {
                for event in &events {
                    self.deliver_event(event, now);
                }
            }
            ToShard::Join(join) => {
                if let Some(slot) = self.sockets.find_slot(join.connection_id) {
                    self.topics.add_member(slot, &join, now);
                    if let Some(writer) = self.sockets.get_mut(slot) {
                        writer.topics.push(join.topic);
                    }
                }
            }
            ToShard::Release(connection_id, topic, reply) => {
                let released = self.sockets.find_slot(connection_id).is_none_or(|slot| {
                    self.topics
                        .release_member(topic, slot, &mut self.sockets, now)
                });
                send_answer(reply, released);
            }
            ToShard::Leave(connection_id, topic, keep_buffered) => {
                self.leave_topic(connection_id, topic, keep_buffered);
            }
            ToShard::Rights(change) => self.topics.change_rights(&change, &mut self.sockets, now),
            ToShard::Registers(account, version) => {
                self.topics
                    .send_registers(account, version, &mut self.sockets, now);
            }
            ToShard::Gap(topic, seq) => {
                // Who left meanwhile, nobody tells.
                for slot in self.topics.list_members(topic) {
                    self.watches.remove_server(slot, topic);
                }
                self.topics.send_gap(topic, seq, &mut self.sockets, now);
            }
            ToShard::Presence(changes) => self.watches.take_changes(&changes),
            ToShard::Watch(watch) => self.start_watch(*watch, now),
            ToShard::Unwatch(server, account) => self.watches.drop_account(server, account),
            ToShard::CloseTopic(topic, close) => {
                for slot in self.topics.list_members(topic) {
                    let close = match close {
                        // All at once would come back all at once.
                        Close::Code(CloseCode::OutOfSync) => {
                            let delay = self.random.hash_one((slot, now)) % OUT_OF_SYNC_MS;
                            Close::OutOfSync(topic, delay)
                        }
                        other => other,
                    };
                    self.sockets.close_connection(slot, close, now);
                }
            }
            ToShard::Close(connection_id, close) => {
                if let Some(slot) = self.sockets.find_slot(connection_id) {
                    self.sockets.close_connection(slot, close, now);
                }
            }
            ToShard::Remove(connection_id) => {
                self.remove_connection(connection_id);
            }
            ToShard::Drain(window) => self.start_drain(window, now),
            ToShard::Relieve(count, over) => self.relieve(count, over, now),
        }
    }

    /// Gives an event to those who see it.
    pub fn deliver_event(&mut self, event: &Arc<Event>, now: Instant) {
        let took = now.saturating_duration_since(event.heard);
        let metrics = self.sockets.metrics.all();
        metrics.fanout_seconds.observe(took.as_secs_f64());
        self.topics.deliver_event(event, &mut self.sockets, now);
    }

    /// Tells some of those who are to hear of presence.
    fn tell_presence(&mut self, now: Instant) {
        if let Some(found) = self.watches.tell_some(&mut self.sockets, now) {
            let took = now.saturating_duration_since(found);
            let metrics = self.sockets.metrics.all();
            metrics.presence_seconds.observe(took.as_secs_f64());
        }
    }

    /// Whether somebody is still to hear of presence.
    pub const fn is_telling(&self) -> bool {
        self.watches.is_telling()
    }

    /// Writes what was queued, up to the end of the turn; says whether something is left.
    pub fn flush(&mut self, now: Instant, blocked: &mut Vec<BlockedSocket<S>>) -> bool {
        let unfinished = self.sockets.flush(now, blocked);
        while let Some(connection_id) = self.sockets.over.pop() {
            self.remove_connection(connection_id);
        }
        self.sockets.metrics.publish();
        unfinished
    }

    /// The connections, for tests.
    pub const fn sockets(&mut self) -> &mut Sockets<S> {
        &mut self.sockets
    }

    fn answer_command(&mut self, answer: &Answer, now: Instant) {
        let Some(slot) = self.sockets.find_slot(answer.connection) else {
            return;
        };
        let Some(writer) = self.sockets.get_mut(slot) else {
            return;
        };
        // Nobody waits any more: the client was told "unknown", and its number may
        // be that of another request by now.
        let Some(pending) = writer.connection.take_command(answer.ticket) else {
            self.sockets.metrics.all().answers_late_total.inc();
            return;
        };
        let dialect = writer.connection.dialect;
        let left = pending.deadline.saturating_duration_since(now);
        let frame = dialect.answer(pending.opcode, pending.request, &answer.payload);
        let took = self.sockets.answer_time().saturating_sub(left);
        let metrics = self.sockets.metrics.all();
        metrics.acknowledge_seconds.observe(took.as_secs_f64());
        self.sockets.push_reply(slot, &frame, now);
    }

    /// Answers who wants to watch, and tells it from now on. Who is not attached to the server's
    /// topic would not hear that it left it.
    fn start_watch(&mut self, watch: NewWatch, now: Instant) {
        let NewWatch {
            connection_id,
            server,
            opcode,
            request,
            payload,
            complete,
            accounts,
        } = watch;
        let Some(slot) = self.sockets.find_slot(connection_id) else {
            return;
        };
        let Some(writer) = self.sockets.get_mut(slot) else {
            return;
        };
        let dialect = writer.connection.dialect;
        let hears = complete && writer.topics.contains(&server);
        let set = if hears && (accounts.is_empty() || self.watches.has_room()) {
            self.watches.set(slot, server, accounts)
        } else {
            Err(Reason::Busy.into())
        };
        match set {
            Ok(()) => {
                self.sockets
                    .push_answer(slot, (opcode, request), &payload, now);
            }
            Err(refusal) => {
                let frame = dialect.refusal(request, &refusal);
                self.sockets.push_reply(slot, &frame, now);
            }
        }
    }

    fn leave_topic(&mut self, connection_id: u64, topic: u64, keep_buffered: bool) {
        if let Some(slot) = self.sockets.find_slot(connection_id) {
            self.watches.remove_server(slot, topic);
            // While it is held there, the connection's end must find it there.
            if !self.topics.remove_member(topic, slot, keep_buffered)
                && let Some(writer) = self.sockets.get_mut(slot)
            {
                writer.topics.retain(|other| *other != topic);
            }
        }
    }

    fn remove_connection(&mut self, connection_id: u64) {
        if let Some(slot) = self.sockets.find_slot(connection_id)
            && let Some(mut writer) = self.sockets.remove_connection(slot)
        {
            self.watches.remove_slot(slot);
            for topic in std::mem::take(&mut writer.topics) {
                self.topics.remove_member(topic, slot, false);
            }
        }
    }

    /// Asks the oldest to go, evenly over that time, and nobody twice. Whoever came back is the youngest:
    /// with a balancer that sends some back, everybody else goes before he goes again.
    fn relieve(&mut self, count: usize, over: Duration, now: Instant) {
        if self.drain.is_some() {
            return;
        }
        let mut oldest = self.sockets.list_not_asked();
        if count < oldest.len() {
            oldest.select_nth_unstable(count);
            oldest.truncate(count);
        }
        let step = u64::try_from(over.as_millis()).unwrap_or(u64::MAX) / oldest.len().max(1) as u64;
        for ((connection_id, slot), place) in oldest.into_iter().zip(0..) {
            // Other shards ask some at the same time.
            let jitter = self.random.hash_one(connection_id) % step.max(1);
            self.sockets.mark_asked(slot);
            self.ask_to_go((slot, connection_id), step * place + jitter, now);
        }
    }

    fn ask_to_go(&mut self, (slot, connection_id): (u32, u64), delay_ms: u64, now: Instant) {
        if let Some(writer) = self.sockets.get_mut(slot)
            && writer.connection.id == connection_id
        {
            let frame = writer
                .connection
                .dialect
                .control(opcode::RECONNECT, &Reconnect { delay_ms });
            self.sockets.push_frame(slot, &frame, now);
        }
    }

    fn start_drain(&mut self, window: Duration, now: Instant) {
        let told = self
            .sockets
            .list_open()
            .map(|(slot, connection)| (slot, connection.id))
            .collect();
        self.drain = Some(Drain {
            since: now,
            window,
            told,
        });
    }

    /// Time passed.
    pub fn tick(&mut self, now: Instant) {
        self.watches.count_memory();
        self.sockets.tick(now);
        self.sockets.show_waiting();
        self.topics.send_cursors(&mut self.sockets, now);
        self.expire_commands(now);
        self.continue_drain(now);
    }

    /// Answers the commands that no lane answered in time.
    fn expire_commands(&mut self, now: Instant) {
        self.refuse_unknown(now, |connection| connection.take_expired(now));
    }

    /// Tells clients that nobody knows what became of these commands.
    fn refuse_unknown(&mut self, now: Instant, which: impl Fn(&Connection) -> Vec<PendingCommand>) {
        let expired: Vec<_> = self
            .sockets
            .list_open()
            .flat_map(|(slot, connection)| {
                let dialect = connection.dialect;
                which(connection)
                    .into_iter()
                    .map(move |pending| (slot, dialect, pending.request))
            })
            .collect();
        for (slot, dialect, request) in expired {
            self.sockets.metrics.all().unknown_total.inc();
            let frame = dialect.refusal(request, &Reason::Unknown.into());
            self.sockets.push_reply(slot, &frame, now);
        }
    }

    /// Tells everyone to go, spread over the first half of the window, and
    /// closes those who are still here at its end. Whoever was told later
    /// stays for longer, so that they go evenly over four fifths of it.
    fn continue_drain(&mut self, now: Instant) {
        let Some(mut drain) = self.drain.take() else {
            return;
        };
        let passed = now.saturating_duration_since(drain.since);
        let half = drain.window / 2;
        let left = half.saturating_sub(passed).as_millis();
        // The same share of the rest in each tick, everyone at the end of the half.
        let ticks = usize::try_from(left / TICK.as_millis()).unwrap_or(0) + 1;
        let share = drain.told.len().div_ceil(ticks);
        let stay = passed.min(half) * 3 / 5;
        let until_next = u64::try_from((TICK * 8 / 5).as_millis()).unwrap_or(1);
        for (slot, connection_id) in drain.told.split_off(drain.told.len().saturating_sub(share)) {
            let jitter = self.random.hash_one(connection_id) % until_next;
            let delay_ms = u64::try_from(stay.as_millis()).unwrap_or(0) + jitter;
            self.ask_to_go((slot, connection_id), delay_ms, now);
        }
        if passed >= drain.window {
            // Those who wait for a reply get it, for two seconds at most.
            let late = passed >= drain.window + Duration::from_secs(2);
            let over: Vec<u32> = self
                .sockets
                .list_open()
                .filter(|(_, connection)| late || connection.count_pending() == 0)
                .map(|(slot, _)| slot)
                .collect();
            for slot in over {
                self.sockets
                    .close_connection(slot, Close::Code(CloseCode::Shutdown), now);
            }
        }
        self.drain = Some(drain);
    }
}
