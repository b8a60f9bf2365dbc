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
    frame::{WebSocketKind, websocket},
};
use tokio::{sync::oneshot, time::Instant};

use super::{
    answer,
    queue::{Pushed, Queue, SLICES},
};
use crate::{dialect::Dialect, event::Event, metrics::ShardMetrics, session::link::Link};

/// Where the bytes of a connection go.
pub trait Socket: Send + Sync + 'static {
    /// Writes what the socket takes at once: a cheaper call for one frame.
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.try_write_vectored(&[IoSlice::new(bytes)])
    }
    /// Writes what the socket takes at once.
    fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize>;
    /// Resolves when the socket may take more.
    fn writable(&self) -> impl Future<Output = ()> + Send;
}

impl Socket for tokio::net::tcp::OwnedWriteHalf {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        Self::try_write(self, bytes)
    }

    fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        Self::try_write_vectored(self, slices)
    }

    async fn writable(&self) {
        // An error shows again at the next write, which handles it.
        if let Err(error) = Self::writable(self).await {
            tracing::trace!(%error, "waiting for a socket failed");
        }
    }
}

/// The bounds of a connection's queue.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// The most bytes that may wait.
    pub queue_bytes: usize,
    /// How long a socket may take nothing at all, and how long it may take to
    /// take a part of a replay.
    pub stall: Duration,
}

/// How long the close frame may take to go out.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Close {
    /// The gateway ends it.
    Code(CloseCode),
    /// The client ended it with this code.
    Echo(Option<u16>),
}

impl Close {
    /// The label of metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Code(code) => code.name(),
            Self::Echo(_) => "Client",
        }
    }

    fn frame(self) -> Bytes {
        let (code, name) = match self {
            Self::Code(code) => (code.code(), code.name()),
            Self::Echo(Some(code)) => (code, ""),
            Self::Echo(None) => return websocket(WebSocketKind::Close, &[]).into(),
        };
        let payload = [&code.to_be_bytes()[..], name.as_bytes()].concat();
        websocket(WebSocketKind::Close, &payload).into()
    }
}

/// One connection, as its shard sees it.
pub struct Writer<S> {
    /// What it shares with the reading half.
    pub link: Arc<Link>,
    /// What it speaks: here too, because a delivery looks at nothing else of the link.
    dialect: Dialect,
    /// The topics that it is a member of here.
    pub topics: Vec<u64>,
    socket: Arc<S>,
    queue: Queue,
    dirty: bool,
    /// Set while somebody waits for the socket to take more.
    blocked: Option<AbortHandle>,
    /// When the socket last took something, or had nothing to take.
    progress: Instant,
    closing: Option<Instant>,
    /// Who waits for most of it to be written, and since when.
    drained: Vec<(oneshot::Sender<()>, Instant)>,
}

impl<S> Drop for Writer<S> {
    fn drop(&mut self) {
        if let Some(handle) = &self.blocked {
            handle.abort();
        }
    }
}

/// The connections of a shard, by slot.
pub struct Writers<S> {
    slots: Vec<Option<Writer<S>>>,
    free: Vec<u32>,
    by_connection: HashMap<u64, u32, RandomState>,
    dirty: Vec<u32>,
    bounds: Bounds,
    /// What this shard counts.
    pub metrics: ShardMetrics,
    /// Slots whose connection is over: the shard takes them out of its topics.
    pub over: Vec<u32>,
}

/// A socket that has to be waited for.
pub struct Blocked<S> {
    /// Its slot.
    pub slot: u32,
    /// Its connection, as slots are used again.
    pub connection: u64,
    /// The socket.
    pub socket: Arc<S>,
}

impl<S: Socket> Writers<S> {
    /// No connections yet.
    pub fn new(bounds: Bounds, metrics: ShardMetrics) -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            by_connection: HashMap::default(),
            dirty: Vec::new(),
            bounds,
            metrics,
            over: Vec::new(),
        }
    }

    /// Adds a connection.
    pub fn add(&mut self, link: Arc<Link>, socket: S, now: Instant) -> u32 {
        let connection = link.connection;
        let writer = Writer {
            dialect: link.dialect,
            link,
            topics: Vec::new(),
            socket: Arc::new(socket),
            queue: Queue::default(),
            dirty: false,
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
        self.by_connection.insert(connection, slot);
        slot
    }

    /// The slot of a connection.
    pub fn slot(&self, connection: u64) -> Option<u32> {
        self.by_connection.get(&connection).copied()
    }

    /// The connection in a slot.
    pub fn get_mut(&mut self, slot: u32) -> Option<&mut Writer<S>> {
        self.slots.get_mut(slot as usize)?.as_mut()
    }

    /// The connections that are not closing, with their slots.
    pub fn open(&self) -> impl Iterator<Item = (u32, &Arc<Link>)> {
        (0..).zip(&self.slots).filter_map(|(slot, writer)| {
            let writer = writer.as_ref()?;
            writer.closing.is_none().then_some((slot, &writer.link))
        })
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
    pub fn remove(&mut self, slot: u32) -> Option<Writer<S>> {
        let writer = self.slots.get_mut(slot as usize)?.take()?;
        self.by_connection.remove(&writer.link.connection);
        self.free.push(slot);
        Some(writer)
    }

    /// Queues a frame. A connection whose queue overflows is closed.
    pub fn push(&mut self, slot: u32, bytes: &Bytes, ephemeral: bool, now: Instant) {
        let Some(writer) = self.slots.get_mut(slot as usize).and_then(Option::as_mut) else {
            return;
        };
        if writer.closing.is_some() {
            return;
        }
        if writer.queue.is_empty() {
            writer.progress = now;
        }
        if writer.queue.bytes() + bytes.len() > self.bounds.queue_bytes
            && writer.blocked.is_none()
            && let Err(error) = write(writer, now, &mut self.metrics)
        {
            // So much came in one turn; that does not make the reader slow. The
            // error shows again at the flush, which handles it.
            tracing::trace!(%error, "an early write failed");
        }
        match writer
            .queue
            .push(bytes.clone(), ephemeral, self.bounds.queue_bytes)
        {
            Pushed::Queued => self.metrics.queued += 1,
            Pushed::Replaced(dropped) => {
                self.metrics.queued += 1;
                self.metrics.dropped += dropped as u64;
            }
            Pushed::Dropped => self.metrics.dropped += 1,
            Pushed::Full => {
                self.close(slot, Close::Code(CloseCode::SlowConsumer), now);
                return;
            }
        }
        if !writer.dirty {
            writer.dirty = true;
            self.dirty.push(slot);
        }
    }

    /// Queues an event, in the dialect of the connection.
    pub fn push_event(&mut self, slot: u32, event: &Event, ephemeral: bool, now: Instant) {
        if let Some(writer) = self.get_mut(slot) {
            let dialect = writer.dialect;
            self.push(slot, event.frame(dialect), ephemeral, now);
        }
    }

    /// Queues a control frame that was encoded once for each dialect.
    pub fn push_control(&mut self, slot: u32, frames: &[(Dialect, Bytes)], now: Instant) {
        if let Some(writer) = self.get_mut(slot) {
            let dialect = writer.dialect;
            if let Some((_, frame)) = frames.iter().find(|(other, _)| *other == dialect) {
                self.push(slot, frame, false, now);
            }
        }
    }

    /// Asks to be told when most of what waits was written.
    pub fn when_drained(&mut self, slot: u32, drained: oneshot::Sender<()>, now: Instant) {
        let low = self.bounds.queue_bytes / 4;
        if let Some(writer) = self.get_mut(slot)
            && writer.closing.is_none()
            && writer.queue.bytes() > low
        {
            writer.drained.push((drained, now));
        } else {
            answer(drained, ());
        }
    }

    /// Ends a connection: its close frame is the last thing that it gets.
    pub fn close(&mut self, slot: u32, close: Close, now: Instant) {
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
        writer.queue.push_last(close.frame());
        writer.closing = Some(now);
        writer.drained.clear();
        writer.link.close();
        self.metrics.closed(close.name());
        if !writer.dirty {
            writer.dirty = true;
            self.dirty.push(slot);
        }
    }

    /// The socket in this slot may take more.
    pub fn unblocked(&mut self, slot: u32, connection: u64) {
        if let Some(writer) = self.slots.get_mut(slot as usize).and_then(Option::as_mut)
            && writer.link.connection == connection
        {
            writer.blocked = None;
            if !writer.dirty {
                writer.dirty = true;
                self.dirty.push(slot);
            }
        }
    }

    /// Somebody waits for the socket in this slot.
    pub fn blocked(&mut self, slot: u32, handle: AbortHandle) {
        if let Some(writer) = self.get_mut(slot) {
            writer.blocked = Some(handle);
        }
    }

    /// Writes what was queued in this turn, with one system call for each
    /// connection as long as the frames fit; says which sockets took only a part.
    pub fn flush(&mut self, now: Instant, blocked: &mut Vec<Blocked<S>>) {
        let low = self.bounds.queue_bytes / 4;
        while let Some(slot) = self.dirty.pop() {
            let Some(writer) = self.slots.get_mut(slot as usize).and_then(Option::as_mut) else {
                continue;
            };
            writer.dirty = false;
            if writer.blocked.is_some() {
                continue;
            }
            match write(writer, now, &mut self.metrics) {
                Ok(true) if writer.closing.is_some() => self.over.push(slot),
                Ok(true) => {}
                Ok(false) => blocked.push(Blocked {
                    slot,
                    connection: writer.link.connection,
                    socket: Arc::clone(&writer.socket),
                }),
                Err(_error) => {
                    writer.link.close();
                    self.over.push(slot);
                }
            }
            if writer.queue.bytes() <= low {
                for (drained, _) in writer.drained.drain(..) {
                    answer(drained, ());
                }
            }
        }
    }

    /// Closes connections that take nothing, and gives memory back.
    pub fn tick(&mut self, now: Instant) {
        let mut stalled = Vec::new();
        for (slot, writer) in (0..).zip(&mut self.slots) {
            let Some(writer) = writer else { continue };
            writer.queue.shrink();
            if let Some(since) = writer.closing {
                if now >= since + CLOSE_TIMEOUT {
                    self.over.push(slot);
                }
                continue;
            }
            // A replay has one of few turns: who reads it by drops would keep it.
            let replay = writer.drained.first().map(|(_, since)| *since);
            let since = replay.map_or(writer.progress, |since| since.min(writer.progress));
            if !writer.queue.is_empty() && now >= since + self.bounds.stall {
                stalled.push(slot);
            }
        }
        for slot in stalled {
            self.close(slot, Close::Code(CloseCode::SlowConsumer), now);
        }
    }

    /// The room that a queue has without an allocation, for tests.
    pub fn queue_capacity(&mut self, slot: u32) -> usize {
        self.get_mut(slot)
            .map_or(0, |writer| writer.queue.capacity())
    }
}

/// `Ok(true)` when everything was written, `Ok(false)` when the socket is full.
fn write<S: Socket>(
    writer: &mut Writer<S>,
    now: Instant,
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
                metrics.bytes += taken as u64;
                metrics.delivered += writer.queue.advance(taken) as u64;
                writer.progress = now;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

/// Apart, so that the slices cost nothing where there is one frame.
#[inline(never)]
fn write_many(socket: &impl Socket, queue: &Queue) -> io::Result<usize> {
    let mut slices = [IoSlice::new(&[]); SLICES];
    let count = queue.slices(&mut slices);
    socket.try_write_vectored(slices.get(..count).unwrap_or_default())
}
