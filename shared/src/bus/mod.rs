//! The bus: Redis seen by us.
//!
//! - **streams** carry commands from gateways to the lane of their partition;
//! - **queries** go through a list per class to any worker;
//! - **topics** (pub/sub) carry events, answers, chunks and beats;
//! - **leases** say which nodes and lanes live, and what a node tells of itself.
//!
//! Redis may lose all of it at any moment: nothing here is the only copy of
//! what was acknowledged. [`Bus::memory`] is a twin inside the process, for tests.

pub mod class;
pub mod envelope;
mod inbox;
pub mod level;
pub mod limits;
mod memory;
pub mod node;
mod redis;
pub mod sealed;
pub mod topic;

use std::{fmt, str::FromStr, sync::Arc, time::Duration};

use bytes::Bytes;
use tokio_util::sync::DropGuard;

use self::inbox::Inbox;
use crate::ids::Partition;

macro_rules! both {
    ($kind:ident, $target:expr, $method:ident($($argument:expr),*)) => {
        match $target {
            $kind::Redis(redis) => redis.$method($($argument),*).await,
            $kind::Memory(memory) => memory.$method($($argument),*).await,
        }
    };
}

pub use class::{Class, End, Taken};
pub use limits::{Bucket, Decision, Left, Quota};
pub use topic::Topic;

/// How long a query may wait to be taken, in milliseconds: longer than any gateway waits.
const KEEP_MS: u64 = 30_000;

/// The bus. Clones are cheap and share their connections.
#[derive(Clone)]
pub struct Bus(BusKind);

#[derive(Clone)]
enum BusKind {
    Redis(redis::Redis),
    Memory(memory::Memory),
}

/// A place in a stream: milliseconds of Redis' clock and a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct StreamId {
    /// Milliseconds since 1970 by the clock of Redis.
    pub ms: u64,
    /// Counts within the millisecond.
    pub seq: u64,
}

impl StreamId {
    /// The place just above this one.
    #[must_use]
    pub const fn next(self) -> Self {
        match self.seq.checked_add(1) {
            Some(seq) => Self { ms: self.ms, seq },
            None => Self {
                ms: self.ms + 1,
                seq: 0,
            },
        }
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.seq)
    }
}

impl FromStr for StreamId {
    type Err = BusError;

    fn from_str(text: &str) -> Result<Self, BusError> {
        let parse = || {
            let (ms, seq) = text.split_once('-')?;
            Some(Self {
                ms: ms.parse().ok()?,
                seq: seq.parse().ok()?,
            })
        };
        parse().ok_or(BusError::Malformed)
    }
}

/// An entry of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamEntry {
    /// Whose stream.
    pub partition: Partition,
    /// Its place.
    pub id: StreamId,
    /// The packed [`envelope::Entry`]; empty for a mark.
    pub bytes: Bytes,
}

/// What a subscriber hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// A message on a topic.
    Message(Topic, Bytes),
    /// Messages may have been missed on every topic: the link was cut or the
    /// receiver lagged. The subscriptions are in place again.
    Lost,
}

/// Why the bus did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BusError {
    /// Redis is out of reach, or did not answer in time: what was asked may or
    /// may not have happened.
    #[error("redis is out of reach: {0}")]
    Unreachable(String),
    /// Redis said no, so nothing happened.
    #[error("redis refused: {0}")]
    Refused(String),
    /// Redis holds what we never wrote.
    #[error("redis holds what nobody wrote")]
    Malformed,
}

impl Bus {
    /// Connects to Redis at `url` (`redis://`, `rediss://` or `redis-sentinel://`).
    /// Waits for the first connection without end: pods start in any order.
    pub async fn connect(url: &str) -> Result<Self, BusError> {
        redis::Redis::connect(url)
            .await
            .map(BusKind::Redis)
            .map(Self)
    }

    /// A bus inside this process, for tests.
    pub fn memory() -> Self {
        Self(BusKind::Memory(memory::Memory::default()))
    }

    /// Ends the connections for commands and opens them again: for a caller that finds
    /// that the Redis they lead to is not the one that the others talk to. What is
    /// under way fails. Subscribers have a reset of their own.
    pub fn reset(&self) {
        match &self.0 {
            BusKind::Redis(redis) => redis.reset(),
            BusKind::Memory(_) => {}
        }
    }

    /// Appends a packed entry to the stream of its partition. Sent once, never
    /// repeated: `Unreachable` means that it may or may not have been appended.
    pub async fn append(&self, partition: Partition, entry: Bytes) -> Result<StreamId, BusError> {
        both!(BusKind, &self.0, append(partition, entry))
    }

    /// Appends packed entries in their order, in one pipeline: like [`Self::append`]
    /// of each, at a fraction of the cost. Answers one result per entry.
    pub async fn append_all(&self, entries: Vec<(Partition, Bytes)>) -> Vec<Result<(), BusError>> {
        both!(BusKind, &self.0, append_all(entries))
    }

    /// Writes an empty entry at exactly `id`, so that later ids are above it
    /// whatever the clock of Redis says. `Ok(false)` when the stream is ahead already.
    pub async fn mark_stream(&self, partition: Partition, id: StreamId) -> Result<bool, BusError> {
        both!(BusKind, &self.0, mark_stream(partition, id))
    }

    /// Drops the entries of a stream below `id`.
    pub async fn trim_stream(&self, partition: Partition, id: StreamId) -> Result<(), BusError> {
        both!(BusKind, &self.0, trim_stream(partition, id))
    }

    /// How many entries a stream holds. Executed ones are trimmed soon, so this
    /// is how much waits.
    pub async fn backlog(&self, partition: Partition) -> Result<u64, BusError> {
        both!(BusKind, &self.0, backlog(partition))
    }

    /// A reader of streams, with a connection of its own.
    pub async fn reader(&self) -> Result<Reader, BusError> {
        Ok(Reader(match &self.0 {
            BusKind::Redis(redis) => ReaderKind::Redis(redis.reader().await?),
            BusKind::Memory(memory) => ReaderKind::Memory(memory.clone()),
        }))
    }

    /// Publishes in order, in one pipeline.
    pub async fn publish(&self, messages: Vec<(Topic, Bytes)>) -> Result<(), BusError> {
        both!(BusKind, &self.0, publish(messages))
    }

    /// A subscriber with a connection of its own.
    pub async fn subscriber(&self) -> Result<Subscriber, BusError> {
        both!(BusKind, &self.0, subscriber())
    }

    /// Hands a packed entry to any worker. `Ok(false)` when as many wait in its class as
    /// may: then it was not handed over. What lay there for half a minute is dropped.
    pub async fn push_query(&self, class: Class, entry: Bytes) -> Result<bool, BusError> {
        both!(BusKind, &self.0, push_query(class, entry))
    }

    /// The time of Redis, in milliseconds since 1970.
    pub async fn now_ms(&self) -> Result<u64, BusError> {
        both!(BusKind, &self.0, now_ms())
    }

    /// Says of which origin the event log is that all this belongs to, unless it was said before;
    /// answers with what was said. What Redis holds of another log must not meet this one.
    pub async fn name_origin(&self, origin: &str) -> Result<String, BusError> {
        both!(BusKind, &self.0, name_origin(origin))
    }

    /// Says that `name` lives for another `ttl`, and lists everyone who does
    /// under the same prefix (`prefix:name`), sorted.
    pub async fn renew_lease(
        &self,
        prefix: &str,
        name: &str,
        ttl: Duration,
    ) -> Result<Vec<String>, BusError> {
        self.tell_lease(prefix, name, ttl, Bytes::new()).await
    }

    /// The same, and tells something of `name` to who asks by [`Self::list_leases`], in place of
    /// what was told before.
    pub async fn tell_lease(
        &self,
        prefix: &str,
        name: &str,
        ttl: Duration,
        told: Bytes,
    ) -> Result<Vec<String>, BusError> {
        both!(BusKind, &self.0, renew_lease(prefix, name, ttl, told))
    }

    /// Everyone who lives under a prefix, sorted, and what was told of each; empty where nothing was.
    pub async fn list_leases(&self, prefix: &str) -> Result<Vec<(String, Bytes)>, BusError> {
        both!(BusKind, &self.0, list_leases(prefix))
    }

    /// Gives a lease back.
    pub async fn release_lease(&self, prefix: &str, name: &str) -> Result<(), BusError> {
        both!(BusKind, &self.0, release_lease(prefix, name))
    }

    /// Draws once from each bucket, all in one call. Refused draws take nothing.
    pub async fn draw(&self, draws: &[(String, Quota)]) -> Result<Vec<Decision>, BusError> {
        both!(BusKind, &self.0, draw(draws))
    }

    /// Gives back what was drawn once from each bucket, all in one call.
    pub async fn give_back(&self, draws: &[(String, Quota)]) -> Result<(), BusError> {
        both!(BusKind, &self.0, give_back(draws))
    }

    /// What is kept of each of these buckets, without drawing, and the time in microseconds
    /// by the clock that it counts by.
    pub async fn show_buckets(&self, keys: &[String]) -> Result<(u64, Vec<Bucket>), BusError> {
        both!(BusKind, &self.0, show_buckets(keys))
    }

    /// Forgets what these buckets have spent, and their cooldowns.
    pub async fn reset_buckets(&self, keys: &[String]) -> Result<(), BusError> {
        both!(BusKind, &self.0, reset_buckets(keys))
    }
}

/// Reads streams and the lists of queries, on a connection of its own: waiting
/// blocks nobody else. A call that is dropped half-way loses nothing when the next
/// call is the same; use one reader for streams and another for queries.
pub struct Reader(ReaderKind);

enum ReaderKind {
    Redis(redis::RedisReader),
    Memory(memory::Memory),
}

impl Reader {
    /// What was appended after the given places, at most `count` entries per
    /// stream; waits up to `wait` for the first one. Empty when none came.
    pub async fn read(
        &mut self,
        after: &[(Partition, StreamId)],
        count: u64,
        wait: Duration,
    ) -> Result<Vec<StreamEntry>, BusError> {
        both!(ReaderKind, &mut self.0, read(after, count, wait))
    }

    /// A query that nobody took, of the first of these classes that has one, from one
    /// end of its list; waits up to `wait` for one.
    pub async fn take_query(
        &mut self,
        classes: &[Class],
        end: End,
        wait: Duration,
    ) -> Result<Option<Taken>, BusError> {
        both!(ReaderKind, &mut self.0, take_query(classes, end, wait))
    }
}

/// Hears topics, on a connection of its own. Keeps its subscriptions through
/// reconnects and says [`Delivery::Lost`] after each.
pub struct Subscriber {
    inbox: Arc<Inbox>,
    control: SubscriberControl,
    /// Ends the connection; none within a process.
    _stop: Option<DropGuard>,
}

impl Subscriber {
    /// The next thing heard; `None` when the bus was shut down.
    pub async fn next(&mut self) -> Option<Delivery> {
        self.inbox.next().await
    }

    /// Waits for something and takes up to `limit` of what was heard; answers how
    /// many, and 0 when the bus was shut down. A call that is dropped loses nothing.
    pub async fn next_many(&mut self, into: &mut Vec<Delivery>, limit: usize) -> usize {
        self.inbox.next_many(into, limit).await
    }

    /// A handle that changes what this subscriber hears.
    pub fn control(&self) -> SubscriberControl {
        self.control.clone()
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        // Who publishes within the process forgets it then.
        self.inbox.close();
    }
}

/// Changes what a [`Subscriber`] hears. Clones are cheap.
#[derive(Clone)]
pub struct SubscriberControl(ControlKind);

#[derive(Clone)]
enum ControlKind {
    Redis(redis::RedisControl),
    Memory(memory::MemoryControl),
}

impl SubscriberControl {
    /// Hears these topics too. When it returns, Redis has the subscriptions (a
    /// barrier on the same connection, as the driver answers too early): what is
    /// published from now on is heard. After an error they may be heard or not: ask
    /// again, or unsubscribe.
    pub async fn subscribe(&self, topics: Vec<Topic>) -> Result<(), BusError> {
        both!(ControlKind, &self.0, subscribe(topics))
    }

    /// Hears these topics no longer.
    pub async fn unsubscribe(&self, topics: Vec<Topic>) -> Result<(), BusError> {
        both!(ControlKind, &self.0, unsubscribe(topics))
    }

    /// Drops the connection and builds it again: for a link that carries nothing
    /// although it looks open. [`Delivery::Lost`] follows.
    pub async fn reset(&self) {
        both!(ControlKind, &self.0, reset());
    }
}
