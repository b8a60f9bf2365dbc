//! Commands on their way to the lane of their scope.
//!
//! Those of all connections go through one task, which appends whatever came
//! while it waited for Redis in one pipeline: the busier, the cheaper each.

use std::sync::Arc;

use bytes::Bytes;
use shared::{
    bus::{Bus, BusError, envelope::Caller, sealed::Way},
    error::{Reason, Refusal},
    ids::{MAX_ID, Partition},
};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout},
};
use tracing::{Instrument, Span};

use super::{
    admission::Admission,
    queries::{Asker, Queries, span},
};
use crate::{
    connection::{Link, NotPending, Pending},
    fanout::{message::ToShard, task::Exchange},
    metrics::Metrics,
    session::Request,
};

/// When to come again with more than the connection may have on its way, in milliseconds.
const RETRY_MS: u64 = 200;
/// Commands that wait for the bus, and that one pipeline takes, at most. A
/// connection that finds the queue full is not read until there is room.
const QUEUE: usize = 1_024;

/// Sends commands. Clones share everything.
#[derive(Clone)]
pub struct Upstream(Arc<Shared>);

struct Shared {
    bus: Bus,
    admission: Admission,
    queries: Queries,
    metrics: Metrics,
    uplink: mpsc::Sender<Sending>,
    /// How many requests of one connection may be on their way.
    bound: usize,
}

/// A command of a connection, ready for the bus.
struct Sending {
    link: Arc<Link>,
    ticket: u64,
    partition: Partition,
    entry: Bytes,
    /// Ends when the bus has it.
    _span: Span,
}

/// The task that appends the commands of all connections.
pub struct Uplink {
    waiting: mpsc::Receiver<Sending>,
    bus: Bus,
    metrics: Metrics,
}

impl Uplink {
    /// Runs until there is no [`Upstream`] any more. Everything stays in the
    /// order in which it came; who gets no answer of a lane is told so.
    pub async fn run(mut self, exchange: Exchange) {
        let mut turn = Vec::with_capacity(QUEUE);
        while self.waiting.recv_many(&mut turn, QUEUE).await > 0 {
            let entries = turn
                .iter()
                .map(|sending: &Sending| (sending.partition, sending.entry.clone()))
                .collect();
            let results = self.bus.append_all(entries).await;
            for (sending, result) in turn.drain(..).zip(results) {
                if let Err(error) = result {
                    self.refuse(&exchange, &sending, &error).await;
                }
            }
        }
    }

    /// Answers in place of the lane, unless the deadline passed meanwhile and
    /// the client was told.
    async fn refuse(&self, exchange: &Exchange, sending: &Sending, error: &BusError) {
        let link = &sending.link;
        let refusal = self.metrics.not_appended(error);
        if let Some(pending) = link.answered(sending.ticket) {
            self.metrics
                .refusals_total
                .with_label_values(&[refusal.reason.name()])
                .inc();
            let frame = link.dialect.refusal(pending.request, &refusal);
            let message = ToShard::Send(link.connection, vec![frame]);
            exchange.tell(link.shard, message).await;
        }
    }
}

impl Upstream {
    /// Sends to `bus` what `admission` lets through. The task has to be run.
    pub fn new(
        bus: Bus,
        admission: Admission,
        queries: Queries,
        metrics: Metrics,
        bound: usize,
    ) -> (Self, Uplink) {
        let (uplink, waiting) = mpsc::channel(QUEUE);
        let task = Uplink {
            waiting,
            bus: bus.clone(),
            metrics: metrics.clone(),
        };
        let upstream = Self(Arc::new(Shared {
            bus,
            admission,
            queries,
            metrics,
            uplink,
            bound,
        }));
        (upstream, task)
    }

    /// Sends a command of a connection. Its answer goes to the shard of the
    /// connection; a refusal says that none will come.
    pub async fn command(
        &self,
        link: &Arc<Link>,
        caller: &Caller,
        request: Request,
    ) -> Result<(), Refusal> {
        let partition = partition(caller, request.scope)?;
        self.0.admission.check(partition, Instant::now())?;
        let ticket = self.0.queries.ticket();
        #[cfg(feature = "sabotage")]
        let ticket = crate::sabotage::ticket(ticket, request.request);
        let pending = Pending {
            ticket,
            request: request.request,
            opcode: request.opcode,
            deadline: Instant::now() + self.0.queries.deadline(),
        };
        link.expect(pending, self.0.bound).map_err(refusal)?;
        let asker = Asker {
            connection: link.connection,
            caller: Some(caller.clone()),
            address: link.address,
        };
        let span = span(request.opcode);
        let way = Way::Lane(partition);
        let entry = span.in_scope(|| self.0.queries.entry(way, ticket, asker, request));
        let entry = entry.inspect_err(|_refusal| {
            link.answered(ticket);
        })?;
        self.0.metrics.commands_total.inc();
        let sending = Sending {
            link: Arc::clone(link),
            ticket,
            partition,
            entry,
            _span: span,
        };
        if self.0.uplink.send(sending).await.is_err() && link.answered(ticket).is_some() {
            return Err(Reason::Unavailable.into());
        }
        Ok(())
    }

    /// Sends a command and waits for the payload of its answer, for HTTP.
    pub async fn command_and_wait(
        &self,
        caller: &Caller,
        address: u64,
        request: Request,
    ) -> Result<Bytes, Refusal> {
        let partition = partition(caller, request.scope)?;
        self.0.admission.check(partition, Instant::now())?;
        let wait = self.0.queries.wait_for_lane();
        let asker = Asker {
            connection: 0,
            caller: Some(caller.clone()),
            address,
        };
        self.append(partition, wait.ticket(), asker, request)
            .await?;
        timeout(self.0.queries.deadline(), wait.answer())
            .await
            .unwrap_or_else(|_elapsed| {
                self.0.metrics.unknown_total.inc();
                Err(Reason::Unknown.into())
            })
    }

    /// Asks any worker for a connection; answers the payload of the reply.
    pub async fn query(&self, link: &Link, request: Request) -> Result<Bytes, Refusal> {
        let asker = Asker {
            connection: link.connection,
            caller: link.caller().cloned(),
            address: link.address,
        };
        self.0.queries.ask(asker, request).await
    }

    /// How many requests of one connection may be on their way.
    pub fn bound(&self) -> usize {
        self.0.bound
    }

    async fn append(
        &self,
        partition: Partition,
        ticket: u64,
        asker: Asker,
        request: Request,
    ) -> Result<(), Refusal> {
        let span = span(request.opcode);
        self.append_inside(partition, ticket, asker, request)
            .instrument(span)
            .await
    }

    async fn append_inside(
        &self,
        partition: Partition,
        ticket: u64,
        asker: Asker,
        request: Request,
    ) -> Result<(), Refusal> {
        let way = Way::Lane(partition);
        let entry = self.0.queries.entry(way, ticket, asker, request)?;
        self.0.metrics.commands_total.inc();
        match self.0.bus.append(partition, entry).await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.0.metrics.not_appended(&error)),
        }
    }
}

impl Metrics {
    /// What is said when the bus did not take a command, or perhaps did not.
    fn not_appended(&self, error: &BusError) -> Refusal {
        match error {
            BusError::Unreachable(_) => {
                self.unknown_total.inc();
                Reason::Unknown.into()
            }
            BusError::Refused(_) | BusError::Malformed => Reason::Unavailable.into(),
        }
    }
}

/// Who is too fast or repeats a number.
pub fn refusal(not_pending: NotPending) -> Refusal {
    match not_pending {
        NotPending::Duplicate => Refusal::field(Reason::Malformed, "request"),
        NotPending::Full => Refusal::retry(Reason::Busy, RETRY_MS),
    }
}

fn partition(caller: &Caller, scope: u64) -> Result<Partition, Refusal> {
    match scope {
        0 => Ok(caller.user.partition()),
        1..=MAX_ID => Ok(Partition::of(scope)),
        _ => Err(Refusal::field(Reason::Malformed, "scope")),
    }
}
