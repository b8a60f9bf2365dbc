//! Questions to any worker: at most so many in flight, a bounded line behind
//! them, and answers put together from chunks.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use foldhash::fast::RandomState;
use shared::{
    bus::{
        Bus, BusError, Delivery, Subscriber, Topic,
        envelope::{Answer, Caller, Chunk, Entry, NodeAnswer, NodeQuery, pack, unpack},
    },
    clock::Clock,
    error::{Reason, Refusal},
    frame::websocket_payload,
    protocol::{RowKind, row},
    telemetry::trace_parent,
};
use tokio::{
    sync::{Semaphore, oneshot},
    time::{Instant, timeout_at},
};
use tracing::{Instrument, Span};

use crate::{metrics::Metrics, session::Request};

/// How many queries of a gateway are in flight.
const IN_FLIGHT: usize = 64;
/// How many wait for their turn; more are refused.
const LINE: usize = 1_024;
/// The largest answer: four pages of events, and more than any snapshot of a
/// sane account.
const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;
/// How many queries may wait at the workers.
const MAX_DEPTH: u64 = 4_096;
/// When to come again to a busy gateway, in milliseconds.
const RETRY_MS: u64 = 1_000;

/// Asks workers. Clones share everything.
#[derive(Clone)]
pub struct Queries(Arc<Shared>);

struct Shared {
    bus: Bus,
    node: String,
    clock: Clock,
    metrics: Metrics,
    /// How long anybody waits for an answer.
    deadline: Duration,
    permits: Semaphore,
    line: AtomicUsize,
    /// The number of the gateway's next own request.
    next: AtomicU32,
    waiters: Mutex<HashMap<(u64, u32), Waiter, RandomState>>,
}

struct Waiter {
    answer: oneshot::Sender<Result<Bytes, Refusal>>,
    next: u32,
    bytes: Vec<u8>,
}

/// Who asks, and from where.
#[derive(Debug, Clone, Default)]
pub struct Asker {
    /// The connection; 0 for the gateway itself and for HTTP.
    pub connection: u64,
    /// Whose session it is.
    pub caller: Option<Caller>,
    /// What limits per address count by.
    pub address: u64,
}

impl Queries {
    /// Asks in the name of `node`, and waits for answers as long as `deadline`.
    pub fn new(bus: Bus, node: String, clock: Clock, metrics: Metrics, deadline: Duration) -> Self {
        Self(Arc::new(Shared {
            bus,
            node,
            clock,
            metrics,
            deadline,
            permits: Semaphore::new(IN_FLIGHT),
            line: AtomicUsize::new(0),
            next: AtomicU32::new(1),
            waiters: Mutex::default(),
        }))
    }

    /// A number for a request of the gateway itself.
    pub fn number(&self) -> u32 {
        self.0.next.fetch_add(1, Ordering::Relaxed)
    }

    /// How long anybody waits for an answer.
    pub fn deadline(&self) -> Duration {
        self.0.deadline
    }

    /// An entry for the bus.
    pub fn entry(&self, asker: Asker, request: Request) -> Entry {
        let deadline = u64::try_from(self.0.deadline.as_millis()).unwrap_or(u64::MAX);
        Entry {
            node: self.0.node.clone(),
            connection: asker.connection,
            request: request.request,
            caller: asker.caller,
            opcode: request.opcode,
            scope: request.scope,
            body: request.body,
            deadline_ms: self.0.clock.now_ms().saturating_add(deadline),
            address: asker.address,
            trace: trace_parent(),
        }
    }

    /// Asks any worker; answers the payload of a reply or refusal frame.
    pub async fn ask(&self, asker: Asker, request: Request) -> Result<Bytes, Refusal> {
        let span = span(request.opcode);
        self.ask_inside(asker, request).instrument(span).await
    }

    async fn ask_inside(&self, asker: Asker, request: Request) -> Result<Bytes, Refusal> {
        let deadline = Instant::now() + self.0.deadline;
        let wait = self.wait(asker.connection, request.request)?;
        let opening = row(request.opcode).is_some_and(|row| row.kind == RowKind::Opening);
        let entry = self.entry(asker, request);
        let _permit = {
            let _place = self.line()?;
            match timeout_at(deadline, self.0.permits.acquire()).await {
                Ok(Ok(permit)) => permit,
                _ => return Err(Refusal::retry(Reason::Busy, RETRY_MS)),
            }
        };
        self.0.metrics.queries_total.inc();
        let _gauge = InFlight::new(&self.0.metrics);
        match self.0.bus.ask(pack(&entry)).await {
            Ok(depth) if depth > MAX_DEPTH => {
                // A worker will find it too old; nobody here waits for that. An
                // opening may still be executed, and its nonce makes that harmless.
                return Err(Refusal::retry(Reason::Busy, RETRY_MS));
            }
            Ok(_) => {}
            Err(BusError::Unreachable(_)) if opening => return Err(Reason::Unknown.into()),
            Err(_) => return Err(Reason::Unavailable.into()),
        }
        match timeout_at(deadline, wait.answer()).await {
            Ok(answer) => answer,
            // An opening may have reached its lane.
            Err(_elapsed) if opening => Err(Reason::Unknown.into()),
            Err(_elapsed) => Err(Reason::Unavailable.into()),
        }
    }

    /// Asks for the gateway itself.
    pub async fn node(&self, query: &NodeQuery) -> Result<NodeAnswer, Refusal> {
        let request = Request {
            opcode: 0,
            request: self.number(),
            scope: 0,
            body: pack(query).to_vec(),
        };
        let bytes = self.ask(Asker::default(), request).await?;
        match unpack(&bytes) {
            Ok(NodeAnswer::Failed) => Err(Reason::Unavailable.into()),
            Ok(answer) => Ok(answer),
            Err(error) => {
                self.0.metrics.garbled_total.inc();
                tracing::warn!(%error, "the answer of a worker cannot be read");
                Err(Reason::Unavailable.into())
            }
        }
    }

    /// Waits for the answer to a request, which is sent afterwards.
    pub fn wait(&self, connection: u64, request: u32) -> Result<Wait, Refusal> {
        let (answer, receiver) = oneshot::channel();
        let mut waiters = self.lock();
        if waiters.contains_key(&(connection, request)) {
            return Err(Refusal::field(Reason::Malformed, "request"));
        }
        let waiter = Waiter {
            answer,
            next: 0,
            bytes: Vec::new(),
        };
        waiters.insert((connection, request), waiter);
        drop(waiters);
        Ok(Wait {
            queries: self.clone(),
            key: (connection, request),
            receiver,
        })
    }

    /// Whether somebody waits for the answer to this request.
    pub fn is_waited_for(&self, connection: u64, request: u32) -> bool {
        self.lock().contains_key(&(connection, request))
    }

    /// The answer of a lane: to what was opened by a worker, or asked by HTTP.
    /// `false` when nobody here waits for it.
    pub fn answered(&self, answer: &Answer) -> bool {
        let Some(waiter) = self.lock().remove(&(answer.connection, answer.request)) else {
            // 0 is no connection, so it can only be for somebody who has gone.
            return answer.connection == 0;
        };
        let payload = websocket_payload(&answer.frame).unwrap_or_default();
        drop(waiter.answer.send(Ok(Bytes::copy_from_slice(payload))));
        true
    }

    /// A piece of an answer.
    pub fn chunk(&self, chunk: &Chunk) {
        let key = (chunk.connection, chunk.request);
        let mut waiters = self.lock();
        let Some(waiter) = waiters.get_mut(&key) else {
            return;
        };
        let fits = waiter.bytes.len() + chunk.bytes.len() <= MAX_ANSWER_BYTES;
        if chunk.index != waiter.next || !fits {
            // A piece was lost: what is left is of no use.
            if let Some(waiter) = waiters.remove(&key) {
                drop(waiter.answer.send(Err(Reason::Unavailable.into())));
            }
            return;
        }
        waiter.next += 1;
        waiter.bytes.extend_from_slice(&chunk.bytes);
        if chunk.last
            && let Some(waiter) = waiters.remove(&key)
        {
            drop(waiter.answer.send(Ok(waiter.bytes.into())));
        }
    }

    /// Pieces may be lost: everyone who has a part of an answer gets no more.
    pub fn lost(&self) {
        let mut waiters = self.lock();
        for (_, waiter) in waiters.extract_if(|_, waiter| waiter.next > 0) {
            drop(waiter.answer.send(Err(Reason::Unavailable.into())));
        }
    }

    fn line(&self) -> Result<Place<'_>, Refusal> {
        let place = Place(&self.0);
        let waiting = self.0.line.fetch_add(1, Ordering::Relaxed) + 1;
        self.0.metrics.queries_waiting.inc();
        if waiting > LINE {
            return Err(Refusal::retry(Reason::Busy, RETRY_MS));
        }
        Ok(place)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(u64, u32), Waiter, RandomState>> {
        self.0
            .waiters
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// One request as a span of its trace, which begins here.
pub fn span(opcode: u16) -> Span {
    let span = tracing::debug_span!("request", command.name = tracing::field::Empty);
    if !span.is_disabled()
        && let Some(row) = row(opcode)
    {
        span.record("command.name", row.name);
    }
    span
}

/// A place in the line, given back when dropped.
struct Place<'a>(&'a Shared);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.line.fetch_sub(1, Ordering::Relaxed);
        self.0.metrics.queries_waiting.dec();
    }
}

struct InFlight<'a>(&'a Metrics);

impl<'a> InFlight<'a> {
    fn new(metrics: &'a Metrics) -> Self {
        metrics.queries_in_flight.inc();
        Self(metrics)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.queries_in_flight.dec();
    }
}

/// Somebody who waits for an answer; dropping it gives up.
pub struct Wait {
    queries: Queries,
    key: (u64, u32),
    receiver: oneshot::Receiver<Result<Bytes, Refusal>>,
}

impl Wait {
    /// The payload of a reply or refusal frame, or a packed answer to the gateway itself.
    pub async fn answer(mut self) -> Result<Bytes, Refusal> {
        (&mut self.receiver)
            .await
            .unwrap_or_else(|_gone| Err(Reason::Unavailable.into()))
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.queries.lock().remove(&self.key);
    }
}

/// Hears the answers of queries, apart from events: a large one must not hold
/// those up.
pub async fn hear(queries: Queries, mut subscriber: Subscriber) {
    while let Some(delivery) = subscriber.next().await {
        match delivery {
            Delivery::Lost => queries.lost(),
            Delivery::Message(Topic::Chunks(_), bytes) => match unpack::<Chunk>(&bytes) {
                Ok(chunk) => queries.chunk(&chunk),
                Err(error) => {
                    queries.0.metrics.garbled_total.inc();
                    tracing::warn!(%error, "a piece of an answer cannot be read");
                }
            },
            Delivery::Message(..) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use prometheus::Registry;

    use super::*;

    fn queries() -> Queries {
        let metrics = Metrics::new(&Registry::new()).unwrap();
        Queries::new(
            Bus::memory(),
            "n".to_owned(),
            Clock::manual(0),
            metrics,
            Duration::from_secs(10),
        )
    }

    fn chunk(index: u32, last: bool, bytes: &[u8]) -> Chunk {
        Chunk {
            connection: 3,
            request: 4,
            index,
            last,
            bytes: bytes.to_vec(),
        }
    }

    #[tokio::test]
    async fn chunks_are_put_together() {
        let queries = queries();
        let wait = queries.wait(3, 4).unwrap();
        queries.chunk(&chunk(0, false, b"ab"));
        queries.chunk(&chunk(1, true, b"c"));
        assert_eq!(wait.answer().await, Ok(Bytes::from_static(b"abc")));
        assert!(!queries.is_waited_for(3, 4));
    }

    #[tokio::test]
    async fn a_missing_or_lost_chunk_ends_the_wait() {
        let queries = queries();
        let wait = queries.wait(3, 4).unwrap();
        queries.chunk(&chunk(0, false, b"ab"));
        queries.chunk(&chunk(2, true, b"c"));
        assert_eq!(wait.answer().await, Err(Reason::Unavailable.into()));
        let (begun, fresh) = (queries.wait(3, 4).unwrap(), queries.wait(3, 5).unwrap());
        queries.chunk(&chunk(0, false, b"ab"));
        queries.lost();
        assert_eq!(begun.answer().await, Err(Reason::Unavailable.into()));
        assert!(queries.is_waited_for(3, 5));
        drop(fresh);
        assert!(!queries.is_waited_for(3, 5));
    }

    #[tokio::test]
    async fn a_number_in_use_is_refused() {
        let queries = queries();
        let _wait = queries.wait(3, 4).unwrap();
        assert!(queries.wait(3, 4).is_err());
        assert!(queries.wait(2, 4).is_ok());
    }
}
