//! The writing halves of a shard's connections.

use std::{
    collections::HashMap,
    io::{self, IoSlice},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use foldhash::fast::RandomState;
use futures_util::future::AbortHandle;
use shared::{
    close::CloseCode,
    error::{Reason, Refusal},
    ids::UserId,
};
use tokio::{sync::oneshot, time::Instant};

use super::{
    event::Event,
    large_answers::LargeAnswers,
    message::Close,
    queue::{Pushed, Queue, SLICES},
    write_order::{Listed, WriteOrder},
};
use crate::{
    connection::Connection,
    deflate,
    dialect::{
        Dialect,
        frames::{ControlFrames, EventFrames},
    },
    limits::memory_budget::{MemoryBudget, MemoryCharge},
    metrics::{RESET, ShardMetrics},
    transport::socket::Socket,
};

/// What the queue of a connection keeps to.
#[derive(Debug, Clone, Copy)]
pub struct SocketConfig {
    /// The most bytes that may wait.
    pub queue_bytes: usize,
    /// How long a socket may take nothing at all, and how long it may take to
    /// take a part of a replay or of a large answer.
    pub stall: Duration,
    /// How long a command may take until its answer comes.
    pub answer: Duration,
}

/// System calls of a turn. What is left goes on after what came meanwhile: a room of
/// 50,000 must not keep everybody else waiting. At 5 us each this is 5 ms.
pub const WRITES: u64 = 1_024;
/// When to ask again for an answer that did not fit, in milliseconds.
const RETRY_MS: u64 = 1_000;
/// How long the close frame may take to go out.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// What a frame is to the queue.
#[derive(Clone, Copy)]
enum Class {
    Event,
    /// The first to go.
    Ephemeral(u32),
    /// Waited for.
    Reply,
}

/// One connection, as its shard sees it.
pub struct SocketWriter<S> {
    /// What it shares with the reading half.
    pub connection: Arc<Connection>,
    /// What it speaks: here too, because a delivery looks at nothing else of the connection.
    dialect: Dialect,
    deflates: bool,
    /// The topics that it is a member of here.
    pub topics: Vec<u64>,
    socket: Arc<S>,
    queue: Queue,
    dirty: bool,
    /// Whether it was asked to go to a gateway that has fewer.
    asked: bool,
    listed: Listed,
    /// What is too large for the queue; none for nearly everybody.
    answers: Option<Box<LargeAnswers>>,
    /// Set while somebody waits for the socket to take more.
    blocked: Option<AbortHandle>,
    /// When the socket last took something, or had nothing to take.
    progress: Instant,
    closing: Option<Instant>,
    /// Who waits for most of it to be written, and since when.
    drained: Vec<(oneshot::Sender<()>, Instant)>,
}

impl<S> Drop for SocketWriter<S> {
    fn drop(&mut self) {
        if let Some(handle) = &self.blocked {
            handle.abort();
        }
    }
}

/// The connections of a shard, by slot.
pub struct Sockets<S> {
    slots: Vec<Option<SocketWriter<S>>>,
    free: Vec<u32>,
    by_connection: HashMap<u64, u32, RandomState>,
    turns: WriteOrder,
    config: SocketConfig,
    /// What of the gateway's memory waits here, as of the last tick.
    charge: MemoryCharge,
    /// What this shard counts.
    pub metrics: ShardMetrics,
    /// Connections that are over: the shard takes them out of its topics. A slot would not
    /// do, as it may have another connection by then.
    pub over: Vec<u64>,
}

/// A socket that has to be waited for.
pub struct BlockedSocket<S> {
    /// Its slot.
    pub slot: u32,
    /// Its connection, as slots are used again.
    pub connection_id: u64,
    /// The socket.
    pub socket: Arc<S>,
}

impl<S: Socket> Sockets<S> {
    /// No connections yet.
    pub fn new(config: SocketConfig, memory: &MemoryBudget, metrics: ShardMetrics) -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            by_connection: HashMap::default(),
            turns: WriteOrder::default(),
            config,
            charge: memory.charge(),
            metrics,
            over: Vec::new(),
        }
    }

    /// Adds a connection.
    pub fn add_connection(&mut self, connection: Arc<Connection>, socket: S, now: Instant) -> u32 {
        let connection_id = connection.id;
        let writer = SocketWriter {
            dialect: connection.dialect,
            deflates: connection.deflates,
            connection,
            topics: Vec::new(),
            socket: Arc::new(socket),
            queue: Queue::default(),
            dirty: false,
            asked: false,
            listed: Listed::default(),
            answers: None,
            blocked: None,
            progress: now,
            closing: None,
            drained: Vec::new(),
        };
        let slot = if let Some(slot) = self.free.pop()
            && let Some(place) = self.slots.get_mut(slot as usize)
        {
            *place = Some(writer);
            slot
        } else {
            self.slots.push(Some(writer));
            u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
        };
        self.by_connection.insert(connection_id, slot);
        slot
    }

    /// The slot of a connection.
    pub fn find_slot(&self, connection_id: u64) -> Option<u32> {
        self.by_connection.get(&connection_id).copied()
    }

    /// The connection in a slot.
    pub fn get_mut(&mut self, slot: u32) -> Option<&mut SocketWriter<S>> {
        self.slots.get_mut(slot as usize)?.as_mut()
    }

    /// Whose session the connection in a slot has.
    pub fn find_user(&self, slot: u32) -> Option<UserId> {
        let writer = self.slots.get(slot as usize)?.as_ref()?;
        writer.connection.caller().map(|caller| caller.user)
    }

    /// The connections that were not asked to go, and are not closing, with their slots.
    pub fn list_not_asked(&self) -> Vec<(u64, u32)> {
        let writers = (0..).zip(&self.slots);
        let open = writers.filter_map(|(slot, writer)| Some((slot, writer.as_ref()?)));
        open.filter(|(_, writer)| !writer.asked && writer.closing.is_none())
            .map(|(slot, writer)| (writer.connection.id, slot))
            .collect()
    }

    /// Notes that the connection in a slot was asked to go.
    pub fn mark_asked(&mut self, slot: u32) {
        if let Some(writer) = self.get_mut(slot) {
            writer.asked = true;
            let metrics = self.metrics.all();
            metrics.relieved_total.inc();
            metrics.relieved_here.inc();
        }
    }

    /// The connections that are not closing, with their slots.
    pub fn list_open(&self) -> impl Iterator<Item = (u32, &Arc<Connection>)> {
        (0..).zip(&self.slots).filter_map(|(slot, writer)| {
            let writer = writer.as_ref()?;
            writer
                .closing
                .is_none()
                .then_some((slot, &writer.connection))
        })
    }

    /// How long a command may take until its answer comes.
    pub const fn answer_time(&self) -> Duration {
        self.config.answer
    }

    /// How many connections there are.
    pub fn len(&self) -> usize {
        self.by_connection.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_connection.is_empty()
    }

    /// Takes a connection out. Dropping its half ends the stream of bytes.
    pub fn remove_connection(&mut self, slot: u32) -> Option<SocketWriter<S>> {
        let writer = self.slots.get_mut(slot as usize)?.take()?;
        self.by_connection.remove(&writer.connection.id);
        self.free.push(slot);
        if writer.asked {
            self.metrics.all().relieved_here.dec();
        }
        Some(writer)
    }

    /// Queues a frame. A connection whose queue overflows is closed.
    pub fn push_frame(&mut self, slot: u32, bytes: &Bytes, now: Instant) {
        self.queue_frame(slot, bytes, Class::Event, now);
    }

    /// Queues a frame that somebody waits for: the connection is written to before others.
    pub fn push_reply(&mut self, slot: u32, bytes: &Bytes, now: Instant) {
        self.queue_frame(slot, bytes, Class::Reply, now);
    }

    /// Queues the answer to a query, however large it is. When too many are too large for
    /// the queue, the request is refused: it had no effect, so it can be made again.
    pub fn push_answer(
        &mut self,
        slot: u32,
        (opcode, request): (u16, u32),
        payload: &[u8],
        now: Instant,
    ) {
        let (bound, low) = (self.config.queue_bytes, self.config.slice_bytes());
        let Some(writer) = self.slots.get_mut(slot as usize).and_then(Option::as_mut) else {
            return;
        };
        let mut frame = writer.dialect.answer(opcode, request, payload);
        if writer.deflates && frame.len() <= deflate::LARGEST_ANSWER {
            frame = deflate::frame(&frame).unwrap_or(frame);
        }
        if writer.queue.total() + frame.len() <= bound {
            return self.push_reply(slot, &frame, now);
        }
        if writer.closing.is_some() {
            return;
        }
        let answers = writer
            .answers
            .get_or_insert_with(|| Box::new(LargeAnswers::new(now)));
        if answers.is_empty() && writer.queue.total() <= low {
            if writer.queue.is_empty() {
                writer.progress = now;
            }
            answers.begin(now);
            writer.queue.push_beyond(frame);
            self.metrics.queued += 1;
            writer.list_for_write(slot, &mut self.turns, true);
        } else if !answers.keep(frame, bound) {
            let busy = Refusal::retry(Reason::Busy, RETRY_MS);
            let frame = writer.dialect.refusal(request, &busy);
            self.push_reply(slot, &frame, now);
        }
    }

    fn queue_frame(&mut self, slot: u32, bytes: &Bytes, class: Class, now: Instant) {
        let Some(writer) = self.slots.get_mut(slot as usize).and_then(Option::as_mut) else {
            return;
        };
        if writer.closing.is_some() {
            return;
        }
        if writer.queue.is_empty() {
            writer.progress = now;
        }
        if writer.queue.bytes() + bytes.len() > self.config.queue_bytes
            && writer.blocked.is_none()
            && let Err(error) =
                write_queue(writer, now, self.config.slice_bytes(), &mut self.metrics)
        {
            // So much came in one turn; that does not make the reader slow. The
            // error shows again at the flush, which handles it.
            tracing::trace!(%error, "an early write failed");
        }
        let ephemeral = match class {
            Class::Ephemeral(key) => Some(key),
            Class::Event | Class::Reply => None,
        };
        match writer
            .queue
            .push(bytes.clone(), ephemeral, self.config.queue_bytes)
        {
            Pushed::Queued => self.metrics.queued += 1,
            Pushed::Replaced(dropped) => {
                self.metrics.queued += 1;
                self.metrics.dropped += dropped as u64;
            }
            Pushed::Dropped => self.metrics.dropped += 1,
            Pushed::Full => {
                self.close_connection(slot, Close::Code(CloseCode::SlowConsumer), now);
                return;
            }
        }
        writer.list_for_write(slot, &mut self.turns, matches!(class, Class::Reply));
    }

    /// Queues an event, in the dialect of the connection.
    pub fn push_event(&mut self, slot: u32, event: &Event, now: Instant) {
        let class = match event.ephemeral() {
            Some(key) => Class::Ephemeral(key),
            None => Class::Event,
        };
        if let Some(writer) = self.get_mut(slot) {
            let frame = event.frames.frame_for(writer.dialect, writer.deflates);
            self.queue_frame(slot, frame, class, now);
        }
    }

    /// Queues what several connections are told, in the dialect of this one.
    pub fn push_frames(&mut self, slot: u32, frames: &EventFrames, now: Instant) {
        if let Some(writer) = self.get_mut(slot) {
            let frame = frames.frame_for(writer.dialect, writer.deflates).clone();
            self.push_frame(slot, &frame, now);
        }
    }

    /// Queues a control frame that was encoded once for each dialect.
    pub fn push_control(&mut self, slot: u32, frames: &ControlFrames, now: Instant) {
        if let Some(writer) = self.get_mut(slot) {
            let dialect = writer.dialect;
            self.push_frame(slot, frames.frame_for(dialect), now);
        }
    }

    /// Asks to be told when most of what waits was written.
    pub fn when_drained(&mut self, slot: u32, drained: oneshot::Sender<()>, now: Instant) {
        let low = self.config.slice_bytes();
        if let Some(writer) = self.get_mut(slot)
            && writer.closing.is_none()
            && writer.queue.total() > low
        {
            writer.drained.push((drained, now));
        } else {
            send_answer(drained, ());
        }
    }

    /// Ends a connection: its close frame is the last thing that it gets.
    pub fn close_connection(&mut self, slot: u32, close: Close, now: Instant) {
        let Some(writer) = self.slots.get_mut(slot as usize).and_then(Option::as_mut) else {
            return;
        };
        if writer.closing.is_some() {
            return;
        }
        if close == Close::Code(CloseCode::SlowConsumer) {
            // What it did not read it will resume; the close frame must not
            // wait behind it.
            writer.queue.clear();
        }
        writer.queue.push_beyond(close.frame());
        writer.closing = Some(now);
        writer.drained.clear();
        writer.answers = None;
        writer.connection.mark_closing();
        self.metrics.closed(close.name());
        writer.list_for_write(slot, &mut self.turns, true);
    }

    /// The socket in this slot may take more.
    pub fn clear_blocked(&mut self, slot: u32, connection_id: u64) {
        if let Some(writer) = self.slots.get_mut(slot as usize).and_then(Option::as_mut)
            && writer.connection.id == connection_id
        {
            writer.blocked = None;
            writer.list_for_write(slot, &mut self.turns, false);
        }
    }

    /// Somebody waits for the socket in this slot.
    pub fn set_blocked(&mut self, slot: u32, handle: AbortHandle) {
        if let Some(writer) = self.get_mut(slot) {
            writer.blocked = Some(handle);
        }
    }

    /// Writes what was queued, with one system call for each connection as long as the
    /// frames fit, and at most [`WRITES`] of them; says which sockets took only a part, and
    /// whether something is left to write.
    pub fn flush(&mut self, now: Instant, blocked: &mut Vec<BlockedSocket<S>>) -> bool {
        let low = self.config.slice_bytes();
        let end = self.metrics.writes + WRITES;
        while self.metrics.writes < end {
            let Some((slot, reply)) = self.turns.pop() else {
                return false;
            };
            let Some(writer) = self.slots.get_mut(slot as usize).and_then(Option::as_mut) else {
                continue;
            };
            writer.listed.taken(reply);
            if !std::mem::take(&mut writer.dirty) || writer.blocked.is_some() {
                continue;
            }
            match write_queue(writer, now, low, &mut self.metrics) {
                Ok(true) if writer.closing.is_some() => self.over.push(writer.connection.id),
                Ok(true) => {}
                Ok(false) => blocked.push(BlockedSocket {
                    slot,
                    connection_id: writer.connection.id,
                    socket: Arc::clone(&writer.socket),
                }),
                Err(_error) => {
                    if writer.closing.is_none() {
                        self.metrics.closed(RESET);
                    }
                    writer.connection.mark_closing();
                    self.over.push(writer.connection.id);
                }
            }
            if writer.queue.total() <= low {
                for (drained, _) in writer.drained.drain(..) {
                    send_answer(drained, ());
                }
                if let Some(answers) = &mut writer.answers {
                    match answers.next(now) {
                        Some(frame) => {
                            writer.queue.push_beyond(frame);
                            self.metrics.queued += 1;
                            writer.list_for_write(slot, &mut self.turns, true);
                        }
                        None if !writer.queue.has_beyond() => writer.answers = None,
                        None => {}
                    }
                }
            }
        }
        !self.turns.is_empty()
    }

    /// Closes connections that take nothing, and gives memory back.
    pub fn tick(&mut self, now: Instant) {
        let mut stalled = Vec::new();
        let mut waiting = 0;
        for (slot, writer) in (0..).zip(&mut self.slots) {
            let Some(writer) = writer else { continue };
            writer.queue.shrink();
            waiting += writer.waiting_bytes();
            if let Some(since) = writer.closing {
                if now >= since + CLOSE_TIMEOUT {
                    self.over.push(writer.connection.id);
                }
                continue;
            }
            // A replay has one of few turns: who reads it by drops would keep it.
            let replay = writer.drained.first().map(|(_, since)| *since);
            let since = replay.map_or(writer.progress, |since| since.min(writer.progress));
            // So has the memory of a large answer.
            let late = writer
                .answers
                .as_ref()
                .is_some_and(|answers| answers.is_late(self.config.stall, now));
            if !writer.queue.is_empty() && (late || now >= since + self.config.stall) {
                stalled.push(slot);
            }
        }
        for slot in stalled {
            self.close_connection(slot, Close::Code(CloseCode::SlowConsumer), now);
        }
        self.charge.set(waiting);
        self.close_most_behind(now);
    }

    /// Shows how much waits in the whole gateway.
    pub fn show_waiting(&self) {
        let used = i64::try_from(self.charge.memory().used()).unwrap_or(i64::MAX);
        self.metrics.all().waiting_bytes.set(used);
    }

    /// When too much waits in the whole gateway, those go who are most behind.
    fn close_most_behind(&mut self, now: Instant) {
        let mut excess = self.charge.memory().excess(self.charge.bytes());
        if excess == 0 {
            return;
        }
        let mut behind: Vec<(usize, u32)> = (0..)
            .zip(&self.slots)
            .filter_map(|(slot, writer)| Some((writer.as_ref()?.waiting_bytes(), slot)))
            .filter(|(waiting, _)| *waiting > 0)
            .collect();
        behind.sort_unstable_by(|one, other| other.cmp(one));
        for (waiting, slot) in behind {
            self.close_connection(slot, Close::Code(CloseCode::SlowConsumer), now);
            excess = excess.saturating_sub(waiting);
            if excess == 0 {
                break;
            }
        }
    }

    /// The room that a queue has without an allocation, for tests.
    pub fn queue_capacity(&mut self, slot: u32) -> usize {
        self.get_mut(slot)
            .map_or(0, |writer| writer.queue.capacity())
    }
}

impl SocketConfig {
    /// What a socket may take its time for: a slice of a replay or of a large answer.
    const fn slice_bytes(&self) -> usize {
        self.queue_bytes / 4
    }
}

impl<S> SocketWriter<S> {
    /// How many bytes wait for it: each counts what many share, so that the sum is no less
    /// than what there is.
    fn waiting_bytes(&self) -> usize {
        let answers = self.answers.as_ref().map_or(0, |answers| answers.bytes());
        self.queue.total() + answers
    }

    /// Something was queued for it, or it may take more.
    fn list_for_write(&mut self, slot: u32, turns: &mut WriteOrder, reply: bool) {
        self.dirty = true;
        turns.add(slot, &mut self.listed, reply);
    }
}

/// Answers somebody who may have stopped waiting.
pub(super) fn send_answer<T>(sender: oneshot::Sender<T>, value: T) {
    if sender.send(value).is_err() {
        tracing::trace!("nobody waits for an answer any more");
    }
}

/// `Ok(true)` when everything was written, `Ok(false)` when the socket is full.
fn write_queue<S: Socket>(
    writer: &mut SocketWriter<S>,
    now: Instant,
    slice: usize,
    metrics: &mut ShardMetrics,
) -> io::Result<bool> {
    while !writer.queue.is_empty() {
        metrics.writes += 1;
        let written = match writer.queue.single() {
            Some(frame) => writer.socket.try_write(frame),
            None => write_many(&*writer.socket, &writer.queue),
        };
        match written {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(taken) => {
                metrics.waited(writer.progress);
                metrics.bytes += taken as u64;
                metrics.delivered += writer.queue.advance(taken) as u64;
                writer.progress = now;
                if let Some(answers) = &mut writer.answers {
                    answers.took(taken, slice, now);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    match writer.socket.try_flush() {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
        other => other.map(|()| true),
    }
}

/// Apart, so that the slices cost nothing where there is one frame.
#[inline(never)]
fn write_many(socket: &impl Socket, queue: &Queue) -> io::Result<usize> {
    let mut slices = [IoSlice::new(&[]); SLICES];
    let count = queue.slices(&mut slices);
    socket.try_write_vectored(slices.get(..count).unwrap_or_default())
}
