//! Questions to any worker: of each class at most so many in flight, a bounded line
//! behind them, and answers put together from chunks.

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
use serde::de::DeserializeOwned;
use shared::{
    bus::{
        Bus, BusError, Class, Delivery, Subscriber, Topic,
        envelope::{Answer, Caller, Chunk, Entry, NodeAnswer, NodeQuery, pack, unpack},
        sealed::{self, Unreadable, Way},
    },
    clock::Clock,
    error::{Reason, Refusal},
    keys::{Claim, ClusterKeys},
    protocol::{RowKind, row},
    telemetry::trace_parent,
};
use tokio::{
    sync::{Semaphore, oneshot},
    time::{Instant, timeout_at},
};
use tracing::{Instrument, Span};

use super::quotas::What;
use crate::{fanout::repair::Repaired, metrics::Metrics, session::Request};

/// The largest answer: four pages of events, and more than any snapshot of a
/// sane account.
const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;

/// How many queries of a class are in flight, and how many wait for their turn; more
/// are refused. Each class has its own, so that none can take the turns of another.
const fn share(class: Class) -> (usize, usize) {
    match class {
        Class::Node | Class::Opening => (32, 1_024),
        Class::Account => (64, 1_024),
        Class::Stranger => (16, 128),
    }
}

/// Asks workers. Clones share everything.
#[derive(Clone)]
pub struct Queries(Arc<Shared>);

struct Shared {
    bus: Bus,
    node: String,
    keys: ClusterKeys,
    clock: Clock,
    metrics: Metrics,
    /// How long anybody waits for an answer.
    deadline: Duration,
    lines: [Line; Class::ALL.len()],
    /// The next ticket. They are never used again, so an answer that is late finds nobody
    /// instead of somebody else.
    next: AtomicU64,
    waiters: Mutex<HashMap<u64, Waiter, RandomState>>,
}

/// The turns of one class.
struct Line {
    permits: Semaphore,
    waiting: AtomicUsize,
    bound: usize,
}

struct Waiter {
    answer: oneshot::Sender<Result<Bytes, Refusal>>,
    /// What is said when the answer may be lost; none while nothing was sent that
    /// could be answered.
    lost: Option<Lost>,
    next: u32,
    bytes: Vec<u8>,
}

/// Which link an answer comes on, and so what its loss means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lost {
    /// That of chunks. Reading changes nothing: it can be asked again.
    Query,
    /// A worker refuses by chunks, a lane answers on its own link; perhaps it was done.
    Opening,
    /// That of lanes: perhaps it was done.
    Command,
}

/// What the entries of a gateway say of it, and what seals them.
pub struct Origin {
    /// The name of this incarnation.
    pub node: String,
    /// The keys of the cluster.
    pub keys: ClusterKeys,
    /// Tells when something is asked.
    pub clock: Clock,
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
    /// Asks as `origin`, and waits for answers as long as `deadline`.
    pub fn new(bus: Bus, origin: Origin, metrics: Metrics, deadline: Duration) -> Self {
        let Origin { node, keys, clock } = origin;
        let lines = Class::ALL.map(|class| {
            let (in_flight, bound) = share(class);
            Line {
                permits: Semaphore::new(in_flight),
                waiting: AtomicUsize::new(0),
                bound,
            }
        });
        Self(Arc::new(Shared {
            bus,
            node,
            keys,
            clock,
            metrics,
            deadline,
            lines,
            next: AtomicU64::new(1),
            waiters: Mutex::default(),
        }))
    }

    /// Whom a token names, if a worker of this cluster made it. Whether its session is
    /// still open, only a worker knows.
    pub fn claim(&self, token: &str) -> Option<Claim> {
        self.0.keys.check(token)
    }

    /// The number of one request, which no other request of this process has.
    pub fn ticket(&self) -> u64 {
        self.0.next.fetch_add(1, Ordering::Relaxed)
    }

    /// How long anybody waits for an answer.
    pub fn deadline(&self) -> Duration {
        self.0.deadline
    }

    /// A sealed entry for the bus.
    pub fn entry(
        &self,
        way: Way,
        ticket: u64,
        asker: Asker,
        request: Request,
    ) -> Result<Bytes, Refusal> {
        let patience = self.0.deadline.as_millis();
        let entry = Entry {
            node: self.0.node.clone(),
            connection: asker.connection,
            ticket,
            caller: asker.caller,
            opcode: request.opcode,
            scope: request.scope,
            body: request.body,
            sealed: false,
            patience_ms: u64::try_from(patience).unwrap_or(u64::MAX),
            address: asker.address,
            trace: trace_parent(),
            asked_at_ms: self.0.clock.now_ms(),
        };
        let written = entry.write(way, &self.0.keys);
        written.map_err(|_randomness| Reason::Internal.into())
    }

    /// Opens what was published to this gateway.
    pub fn open<T: DeserializeOwned>(&self, topic: &Topic, bytes: &[u8]) -> Result<T, Unreadable> {
        sealed::open(bytes, topic, &self.0.keys)
    }

    /// Asks any worker; answers the payload of a reply or refusal frame. Who signs in is a
    /// stranger, though he has a session: else members took the turns of those who hash.
    pub async fn ask(&self, asker: Asker, request: Request) -> Result<Bytes, Refusal> {
        let class = match (&asker.caller, What::with(request.opcode)) {
            (Some(_), What::Other) => Class::Account,
            (Some(_), What::SignIn) | (None, _) => Class::Stranger,
        };
        self.ask_as(class, asker, request).await
    }

    async fn ask_as(&self, class: Class, asker: Asker, request: Request) -> Result<Bytes, Refusal> {
        let span = span(request.opcode);
        self.ask_inside(class, asker, request)
            .instrument(span)
            .await
    }

    async fn ask_inside(
        &self,
        class: Class,
        asker: Asker,
        request: Request,
    ) -> Result<Bytes, Refusal> {
        let deadline = Instant::now() + self.0.deadline;
        let opening = row(request.opcode).is_some_and(|row| row.kind == RowKind::Opening);
        let lost = if opening { Lost::Opening } else { Lost::Query };
        let wait = self.wait();
        let entry = self.entry(Way::Query, wait.ticket(), asker, request)?;
        let line = self.line(class)?;
        let _permit = {
            let _place = line.place(&self.0.metrics)?;
            match timeout_at(deadline, line.permits.acquire()).await {
                Ok(Ok(permit)) => permit,
                _ => return Err(Reason::Busy.into()),
            }
        };
        self.0.metrics.queries_total.inc();
        let _gauge = InFlight::new(&self.0.metrics);
        self.sent(wait.ticket(), lost);
        match self.0.bus.ask(class, entry).await {
            Ok(true) => {}
            // It is in no list: nobody will execute it.
            Ok(false) => return Err(Reason::Busy.into()),
            Err(BusError::Unreachable(_)) if opening => return Err(Reason::Unknown.into()),
            Err(_) => return Err(Reason::Unavailable.into()),
        }
        match timeout_at(deadline, wait.answer()).await {
            Ok(answer) => answer,
            Err(_elapsed) => Err(lost.refusal()),
        }
    }

    /// Asks for the gateway itself.
    pub async fn node(&self, query: &NodeQuery) -> Result<NodeAnswer, Refusal> {
        let class = match query {
            NodeQuery::Open { .. } | NodeQuery::Identify { .. } | NodeQuery::Topic { .. } => {
                Class::Opening
            }
            _ => Class::Node,
        };
        let request = Request {
            opcode: 0,
            request: 0,
            scope: 0,
            body: pack(query).to_vec(),
        };
        let bytes = self.ask_as(class, Asker::default(), request).await?;
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
    fn wait(&self) -> Wait {
        let (answer, receiver) = oneshot::channel();
        let ticket = self.ticket();
        let waiter = Waiter {
            answer,
            lost: None,
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

    /// Waits for the answer of a lane to a command, which is sent at once.
    pub fn wait_for_lane(&self) -> Wait {
        let wait = self.wait();
        self.sent(wait.ticket(), Lost::Command);
        wait
    }

    /// From now on the answer may be lost.
    fn sent(&self, ticket: u64, lost: Lost) {
        if let Some(waiter) = self.lock().get_mut(&ticket) {
            waiter.lost = Some(lost);
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

    /// Chunks may be lost. Who waited for one is told now instead of at the deadline:
    /// a repair is asked again at once, and so is a client's question.
    pub fn chunks_lost(&self) {
        self.lost(|lost| lost != Lost::Command);
    }

    /// Answers of lanes may be lost: who waits for one hears `unknown` now.
    pub fn answers_lost(&self) {
        self.lost(|lost| lost != Lost::Query);
    }

    fn lost(&self, concerns: impl Fn(Lost) -> bool) {
        let mut waiters = self.lock();
        for (_, waiter) in waiters.extract_if(|_, waiter| waiter.lost.is_some_and(&concerns)) {
            let refusal = waiter.lost.map_or(Reason::Unknown.into(), Lost::refusal);
            drop(waiter.answer.send(Err(refusal)));
        }
    }

    fn line(&self, class: Class) -> Result<&Line, Refusal> {
        let line = self.0.lines.get(class.index());
        line.ok_or_else(|| Reason::Internal.into())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Waiter, RandomState>> {
        self.0
            .waiters
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lost {
    /// What is said when no answer comes.
    fn refusal(self) -> Refusal {
        match self {
            Self::Query => Reason::Unavailable.into(),
            Self::Opening | Self::Command => Reason::Unknown.into(),
        }
    }
}

impl Line {
    fn place<'a>(&'a self, metrics: &'a Metrics) -> Result<Place<'a>, Refusal> {
        let place = Place(self, metrics);
        let waiting = self.waiting.fetch_add(1, Ordering::Relaxed) + 1;
        metrics.queries_waiting.inc();
        if waiting > self.bound {
            return Err(Reason::Busy.into());
        }
        Ok(place)
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
struct Place<'a>(&'a Line, &'a Metrics);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
        self.1.queries_waiting.dec();
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

/// The next events of a topic.
pub async fn read_events(
    queries: &Queries,
    topic: u64,
    after: u64,
    bytes: u32,
) -> Result<Repaired, Refusal> {
    let query = NodeQuery::Events {
        topic,
        after,
        bytes,
    };
    match queries.node(&query).await {
        Ok(NodeAnswer::Events {
            events,
            head,
            too_old,
        }) => Ok(Repaired {
            events,
            head,
            too_old,
        }),
        other => Err(unexpected(other)),
    }
}

/// A refusal, or the answer to another question.
pub fn unexpected(answer: Result<NodeAnswer, Refusal>) -> Refusal {
    match answer {
        Err(refusal) => refusal,
        Ok(_) => Reason::Unavailable.into(),
    }
}

/// Hears the answers of queries, apart from events: a large one must not hold
/// those up.
pub async fn hear(queries: Queries, mut subscriber: Subscriber) {
    while let Some(delivery) = subscriber.next().await {
        match delivery {
            Delivery::Lost => queries.chunks_lost(),
            Delivery::Message(topic @ Topic::Chunks(_), bytes) => {
                match queries.open::<Chunk>(&topic, &bytes) {
                    Ok(chunk) => queries.chunk(&chunk),
                    Err(error) => {
                        queries.0.metrics.garbled_total.inc();
                        tracing::warn!(%error, "a piece of an answer cannot be read");
                    }
                }
            }
            Delivery::Message(..) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use prometheus::Registry;
    use serde_bytes::ByteBuf;
    use shared::{
        bus::{End, envelope::CallerKind},
        ids::{SessionId, UserId},
        wire::Wire,
    };

    use super::*;

    fn queries() -> Queries {
        let metrics = Metrics::new(&Registry::new()).unwrap();
        Queries::new(
            Bus::memory(),
            Origin {
                node: "n".to_owned(),
                keys: "a secret of at least 32 characters".parse().unwrap(),
                clock: Clock::manual(1_800_000_000_000),
            },
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
    }

    #[tokio::test]
    async fn a_lost_link_ends_every_wait_that_it_concerns() {
        let queries = queries();
        let unavailable = || Err(Reason::Unavailable.into());
        let unknown = || Err(Reason::Unknown.into());
        let asked = |lost| {
            let wait = queries.wait();
            queries.sent(wait.ticket(), lost);
            wait
        };
        let (in_line, read) = (queries.wait(), asked(Lost::Query));
        let (opening, command) = (asked(Lost::Opening), queries.wait_for_lane());
        queries.chunks_lost();
        // Not a single chunk had come, and still it does not wait for its deadline.
        assert_eq!(read.answer().await, unavailable());
        assert_eq!(opening.answer().await, unknown());
        let (read, opening) = (asked(Lost::Query), asked(Lost::Opening));
        queries.answers_lost();
        assert_eq!(opening.answer().await, unknown());
        assert_eq!(command.answer().await, unknown());
        assert_eq!(
            queries.lock().len(),
            2,
            "the one in line, and the one that reads"
        );
        drop((in_line, read));
        assert!(queries.lock().is_empty());
    }

    #[tokio::test]
    async fn no_class_takes_the_turns_of_another() {
        let queries = queries();
        let ask = |caller: bool| {
            let (queries, asker) = (queries.clone(), asker(caller));
            async move { queries.ask(asker, ping()).await }
        };
        let (in_flight, bound) = share(Class::Stranger);
        let tasks = tokio_util::task::TaskTracker::new();
        for _ in 0..in_flight + bound {
            tasks.spawn(ask(false));
        }
        while queries.lock().len() < in_flight + bound {
            tokio::task::yield_now().await;
        }
        assert_eq!(ask(false).await, Err(Reason::Busy.into()));
        tasks.spawn(ask(true));
        let mut reader = queries.0.bus.reader().await.unwrap();
        let taken = reader
            .take(&[Class::Account], End::Oldest, Duration::from_secs(5))
            .await;
        let bytes = taken.unwrap().unwrap().bytes;
        let entry = Entry::read(&bytes, Way::Query, &queries.0.keys).unwrap();
        assert!(!entry.is_old(queries.0.clock.now_ms()));
        assert_eq!((entry.body, entry.patience_ms), (ping().body, 10_000));
    }

    #[tokio::test]
    async fn who_signs_in_is_a_stranger_whatever_session_he_has() {
        let queries = queries();
        let tasks = tokio_util::task::TaskTracker::new();
        let mut reader = queries.0.bus.reader().await.unwrap();
        for name in ["login", "register", "guest"] {
            let opcode = shared::protocol::row_named(name).unwrap().opcode;
            let (queries, asker) = (queries.clone(), asker(true));
            let request = Request { opcode, ..ping() };
            tasks.spawn(async move { queries.ask(asker, request).await });
            let taken = reader
                .take(&Class::ALL, End::Oldest, Duration::from_secs(5))
                .await;
            assert_eq!(taken.unwrap().unwrap().class, Class::Stranger, "{name}");
        }
    }

    fn asker(signed_in: bool) -> Asker {
        let caller = signed_in.then(|| Caller {
            user: UserId::sample(),
            session: SessionId::sample(),
            kind: CallerKind::Person,
        });
        Asker {
            caller,
            ..Asker::default()
        }
    }

    fn ping() -> Request {
        Request {
            opcode: shared::protocol::row_named("ping").unwrap().opcode,
            request: 0,
            scope: 0,
            body: vec![0x90],
        }
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
