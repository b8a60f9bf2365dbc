//! Questions to any worker: of each class at most so many in flight, a bounded line
//! behind them, and answers put together from chunks.

use std::sync::Arc;

use bytes::Bytes;
use shared::{
    bus::{Bus, BusError, Class, Delivery, Subscriber, Topic, envelope::Chunk, sealed::Way},
    error::{Reason, Refusal},
    protocol::{RowKind, row},
};
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout_at},
};
use tracing::Instrument;

use super::{
    entries::{Asker, Entries, request_span},
    pending::{AnswerSource, PendingReplies},
    quotas::What,
};
use crate::{
    dialect::request::Request,
    metrics::{Counted, Metrics},
};

/// How many queries of a class are in flight, and how many wait for their turn; more
/// are refused. Each class has its own, so that none can take the turns of another.
const fn class_share(class: Class) -> (usize, usize) {
    match class {
        Class::Node | Class::Session => (32, 1_024),
        Class::Account => (64, 1_024),
        Class::Stranger => (16, 128),
    }
}

/// Asks workers. Clones share everything.
#[derive(Clone)]
pub struct Queries(Arc<Shared>);

struct Shared {
    bus: Bus,
    entries: Entries,
    replies: PendingReplies,
    metrics: Metrics,
    lines: [Line; Class::ALL.len()],
}

/// The turns of one class, and the room for those who wait for one.
struct Line {
    turns: Semaphore,
    room: Semaphore,
}

impl Queries {
    /// Asks with `entries`, and waits for answers among `replies`.
    pub fn new(bus: Bus, entries: Entries, replies: PendingReplies, metrics: Metrics) -> Self {
        let lines = Class::ALL.map(|class| {
            let (turns, room) = class_share(class);
            Line {
                turns: Semaphore::new(turns),
                room: Semaphore::new(room),
            }
        });
        Self(Arc::new(Shared {
            bus,
            entries,
            replies,
            metrics,
            lines,
        }))
    }

    /// Asks any worker; answers the payload of a reply or refusal frame. Who signs in is a
    /// stranger, though he has a session: else members took the turns of those who hash.
    pub async fn ask_worker(&self, asker: Asker, request: Request) -> Result<Bytes, Refusal> {
        let class = match (&asker.caller, What::with(request.opcode)) {
            (Some(_), What::Other) => Class::Account,
            (Some(_), What::SignIn) | (None, _) => Class::Stranger,
        };
        self.ask_as(class, asker, request).await
    }

    pub(super) async fn ask_as(
        &self,
        class: Class,
        asker: Asker,
        request: Request,
    ) -> Result<Bytes, Refusal> {
        let span = request_span(request.opcode);
        self.ask_in_span(class, asker, request)
            .instrument(span)
            .await
    }

    async fn ask_in_span(
        &self,
        class: Class,
        asker: Asker,
        request: Request,
    ) -> Result<Bytes, Refusal> {
        let deadline = Instant::now() + self.0.entries.deadline();
        let forwarded = row(request.opcode).is_some_and(|row| row.kind == RowKind::Forwarded);
        let source = if forwarded {
            AnswerSource::Forwarded
        } else {
            AnswerSource::Query
        };
        let replies = &self.0.replies;
        let reply = replies.expect_reply();
        let ticket = reply.ticket();
        let entry = self
            .0
            .entries
            .seal_entry(Way::Query, ticket, asker, request)?;
        let line = self.find_line(class)?;
        let busy = || Refusal::from(Reason::Busy);
        let _turn = {
            let _room = line.room.try_acquire().map_err(|_full| busy())?;
            let _counted = Counted::new(&self.0.metrics.queries_waiting);
            let turn = timeout_at(deadline, line.turns.acquire()).await;
            turn.map_err(|_elapsed| busy())?.map_err(|_closed| busy())?
        };
        self.0.metrics.queries_total.inc();
        let _counted = Counted::new(&self.0.metrics.queries_in_flight);
        replies.mark_sent(ticket, source);
        match self.0.bus.push_query(class, entry).await {
            Ok(true) => {}
            // It is in no list: nobody will execute it.
            Ok(false) => return Err(busy()),
            Err(BusError::Unreachable(_)) if forwarded => return Err(Reason::Unknown.into()),
            Err(_) => return Err(Reason::Unavailable.into()),
        }
        match timeout_at(deadline, reply.wait()).await {
            Ok(answer) => answer,
            Err(_elapsed) => Err(source.refuse_lost()),
        }
    }

    pub(super) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    fn find_line(&self, class: Class) -> Result<&Line, Refusal> {
        let line = self.0.lines.get(class.index());
        line.ok_or_else(|| Reason::Internal.into())
    }
}

/// Hears the answers of queries, apart from events: a large one must not hold
/// those up.
pub async fn hear_chunks(
    entries: Entries,
    replies: PendingReplies,
    metrics: Metrics,
    mut subscriber: Subscriber,
) {
    while let Some(delivery) = subscriber.next().await {
        match delivery {
            Delivery::Lost => replies.lose_chunks(),
            Delivery::Message(topic @ Topic::Chunks(_), bytes) => {
                match entries.open_message::<Chunk>(&topic, &bytes) {
                    Ok(chunk) => replies.add_chunk(&chunk),
                    Err(error) => {
                        metrics.garbled_total.inc();
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
    use std::time::Duration;

    use prometheus::Registry;
    use shared::{
        bus::{
            End,
            envelope::{Caller, CallerKind, Entry},
        },
        clock::Clock,
        ids::{SessionId, UserId},
        wire::Wire,
    };

    use super::*;
    use crate::requests::entries::EntryConfig;

    fn queries() -> Queries {
        let metrics = Metrics::new(&Registry::new()).unwrap();
        let entries = Entries::new(EntryConfig {
            node: "n".to_owned(),
            keys: "a secret of at least 32 characters".parse().unwrap(),
            clock: Clock::manual(1_800_000_000_000),
            deadline: Duration::from_secs(10),
        });
        let replies = PendingReplies::new(metrics.clone());
        Queries::new(Bus::memory(), entries, replies, metrics)
    }

    #[tokio::test]
    async fn no_class_takes_the_turns_of_another() {
        let queries = queries();
        let ask = |caller: bool| {
            let (queries, asker) = (queries.clone(), asker(caller));
            async move { queries.ask_worker(asker, ping()).await }
        };
        let (in_flight, bound) = class_share(Class::Stranger);
        let tasks = tokio_util::task::TaskTracker::new();
        for _ in 0..in_flight + bound {
            tasks.spawn(ask(false));
        }
        while queries.0.replies.count() < in_flight + bound {
            tokio::task::yield_now().await;
        }
        assert_eq!(ask(false).await, Err(Reason::Busy.into()));
        tasks.spawn(ask(true));
        let mut reader = queries.0.bus.reader().await.unwrap();
        let taken = reader
            .take_query(&[Class::Account], End::Oldest, Duration::from_secs(5))
            .await;
        let bytes = taken.unwrap().unwrap().bytes;
        let (keys, clock) = queries.0.entries.keys_and_clock();
        let entry = Entry::read(&bytes, Way::Query, keys).unwrap();
        assert!(!entry.is_old(clock.now_ms()));
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
            tasks.spawn(async move { queries.ask_worker(asker, request).await });
            let taken = reader
                .take_query(&Class::ALL, End::Oldest, Duration::from_secs(5))
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
}
