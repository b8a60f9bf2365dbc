//! Questions to any worker: at most so many in flight, a bounded line behind
//! them, and answers put together from chunks.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
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
    /// The next ticket. They are never used again, so an answer that is late finds nobody
    /// instead of somebody else.
    next: AtomicU64,
    waiters: Mutex<HashMap<u64, Waiter, RandomState>>,
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
            next: AtomicU64::new(1),
            waiters: Mutex::default(),
        }))
    }

    /// The number of one request, which no other request of this process has.
    pub fn ticket(&self) -> u64 {
        self.0.next.fetch_add(1, Ordering::Relaxed)
    }

    /// How long anybody waits for an answer.
    pub fn deadline(&self) -> Duration {
        self.0.deadline
    }

    /// An entry for the bus.
    pub fn entry(&self, ticket: u64, asker: Asker, request: Request) -> Entry {
        let deadline = u64::try_from(self.0.deadline.as_millis()).unwrap_or(u64::MAX);
        Entry {
            node: self.0.node.clone(),
            connection: asker.connection,
            ticket,
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
        let wait = self.wait();
        let opening = row(request.opcode).is_some_and(|row| row.kind == RowKind::Opening);
        let entry = self.entry(wait.ticket(), asker, request);
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
            request: 0,
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

    /// Waits for the answer to a request, which is sent afterwards with this ticket.
    pub fn wait(&self) -> Wait {
        let (answer, receiver) = oneshot::channel();
        let ticket = self.ticket();
        let waiter = Waiter {
            answer,
            next: 0,
            bytes: Vec::new(),
        };
        self.lock().insert(ticket, waiter);
        Wait {
            queries: self.clone(),
            ticket,
            receiver,
        }
    }

    /// The answer of a lane: to what was opened by a worker, or asked by HTTP.
    /// `false` when nobody here waits for it.
    pub fn answered(&self, answer: &Answer) -> bool {
        if let Some(waiter) = self.lock().remove(&answer.ticket) {
            drop(
                waiter
                    .answer
                    .send(Ok(Bytes::copy_from_slice(&answer.payload))),
            );
            return true;
        }
        // 0 is no connection, so it can only be for somebody who has gone.
        if answer.connection == 0 {
            self.0.metrics.answers_late_total.inc();
        }
        answer.connection == 0
    }

    /// A piece of an answer.
    pub fn chunk(&self, chunk: &Chunk) {
        let mut waiters = self.lock();
        let Some(waiter) = waiters.get_mut(&chunk.ticket) else {
            if chunk.last {
                self.0.metrics.answers_late_total.inc();
            }
            return;
        };
        let fits = waiter.bytes.len() + chunk.bytes.len() <= MAX_ANSWER_BYTES;
        if chunk.index != waiter.next || !fits {
            // A piece was lost: what is left is of no use.
            if let Some(waiter) = waiters.remove(&chunk.ticket) {
                drop(waiter.answer.send(Err(Reason::Unavailable.into())));
            }
            return;
        }
        waiter.next += 1;
        waiter.bytes.extend_from_slice(&chunk.bytes);
        if chunk.last
            && let Some(waiter) = waiters.remove(&chunk.ticket)
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

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Waiter, RandomState>> {
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
    ticket: u64,
    receiver: oneshot::Receiver<Result<Bytes, Refusal>>,
}

impl Wait {
    /// What the request has to be sent with.
    pub const fn ticket(&self) -> u64 {
        self.ticket
    }

    /// The payload of a reply or refusal frame, or a packed answer to the gateway itself.
    pub async fn answer(mut self) -> Result<Bytes, Refusal> {
        (&mut self.receiver)
            .await
            .unwrap_or_else(|_gone| Err(Reason::Unavailable.into()))
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.queries.lock().remove(&self.ticket);
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
    use serde_bytes::ByteBuf;

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

    fn chunk(ticket: u64, index: u32, last: bool, bytes: &[u8]) -> Chunk {
        Chunk {
            ticket,
            index,
            last,
            bytes: bytes.to_vec(),
        }
    }

    #[tokio::test]
    async fn chunks_are_put_together() {
        let queries = queries();
        let wait = queries.wait();
        queries.chunk(&chunk(wait.ticket(), 0, false, b"ab"));
        queries.chunk(&chunk(wait.ticket(), 1, true, b"c"));
        assert_eq!(wait.answer().await, Ok(Bytes::from_static(b"abc")));
        assert!(queries.lock().is_empty());
    }

    #[tokio::test]
    async fn a_missing_or_lost_chunk_ends_the_wait() {
        let queries = queries();
        let wait = queries.wait();
        queries.chunk(&chunk(wait.ticket(), 0, false, b"ab"));
        queries.chunk(&chunk(wait.ticket(), 2, true, b"c"));
        assert_eq!(wait.answer().await, Err(Reason::Unavailable.into()));
        let (begun, fresh) = (queries.wait(), queries.wait());
        queries.chunk(&chunk(begun.ticket(), 0, false, b"ab"));
        queries.lost();
        assert_eq!(begun.answer().await, Err(Reason::Unavailable.into()));
        assert!(queries.lock().contains_key(&fresh.ticket()));
        drop(fresh);
        assert!(queries.lock().is_empty());
    }

    #[tokio::test]
    async fn an_answer_that_is_late_finds_nobody() {
        let queries = queries();
        let given_up = queries.wait().ticket();
        let waits = queries.wait();
        assert_ne!(given_up, waits.ticket());
        let answer = |ticket, connection| Answer {
            connection,
            ticket,
            payload: ByteBuf::from(b"x".to_vec()),
        };
        assert!(queries.answered(&answer(given_up, 0)));
        queries.chunk(&chunk(given_up, 0, true, b"x"));
        assert_eq!(queries.0.metrics.answers_late_total.get(), 2);
        // That of a command of a connection, for all we know.
        assert!(!queries.answered(&answer(given_up, 3)));
        assert!(queries.answered(&answer(waits.ticket(), 3)));
        assert_eq!(waits.answer().await, Ok(Bytes::from_static(b"x")));
    }
}
