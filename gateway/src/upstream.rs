//! Commands on their way to the lane of their scope.

use std::sync::Arc;

use bytes::Bytes;
use shared::{
    bus::{
        Bus, BusError,
        envelope::{Caller, pack},
    },
    error::{Reason, Refusal},
    ids::{MAX_ID, Partition},
};
use tokio::time::{Instant, timeout};
use tracing::Instrument;

use crate::{
    admission::Admission,
    metrics::Metrics,
    queries::{Asker, Queries, span},
    session::{
        Request,
        link::{Link, NotPending, Pending},
    },
};

/// When to come again with more than the connection may have on its way, in milliseconds.
const RETRY_MS: u64 = 200;

/// Sends commands. Clones share everything.
#[derive(Clone)]
pub struct Upstream(Arc<Shared>);

struct Shared {
    bus: Bus,
    admission: Admission,
    queries: Queries,
    metrics: Metrics,
    /// How many requests of one connection may be on their way.
    bound: usize,
}

impl Upstream {
    /// Sends to `bus` what `admission` lets through.
    pub fn new(
        bus: Bus,
        admission: Admission,
        queries: Queries,
        metrics: Metrics,
        bound: usize,
    ) -> Self {
        Self(Arc::new(Shared {
            bus,
            admission,
            queries,
            metrics,
            bound,
        }))
    }

    /// Sends a command of a connection. Its answer goes to the shard of the
    /// connection; a refusal says that none will come. One connection's
    /// commands are sent one after the other, which keeps their order.
    pub async fn command(
        &self,
        link: &Link,
        caller: &Caller,
        request: Request,
    ) -> Result<(), Refusal> {
        let number = request.request;
        if self.0.queries.is_waited_for(link.connection, number) {
            return Err(Refusal::field(Reason::Malformed, "request"));
        }
        let partition = partition(caller, request.scope)?;
        self.0.admission.check(partition, Instant::now())?;
        let pending = Pending {
            request: number,
            opcode: request.opcode,
            deadline: Instant::now() + self.0.queries.deadline(),
        };
        link.expect(pending, self.0.bound).map_err(refusal)?;
        let asker = Asker {
            connection: link.connection,
            caller: Some(caller.clone()),
            address: link.address,
        };
        let sent = self.append(partition, asker, request).await;
        if sent.is_err() && link.answered(number).is_none() {
            // The deadline passed meanwhile, and the client was told.
            return Ok(());
        }
        sent
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
        let wait = self.0.queries.wait(0, request.request)?;
        let asker = Asker {
            connection: 0,
            caller: Some(caller.clone()),
            address,
        };
        self.append(partition, asker, request).await?;
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
        asker: Asker,
        request: Request,
    ) -> Result<(), Refusal> {
        let span = span(request.opcode);
        self.append_inside(partition, asker, request)
            .instrument(span)
            .await
    }

    async fn append_inside(
        &self,
        partition: Partition,
        asker: Asker,
        request: Request,
    ) -> Result<(), Refusal> {
        let entry = pack(&self.0.queries.entry(asker, request));
        self.0.metrics.commands_total.inc();
        match self.0.bus.append(partition, entry).await {
            Ok(_) => Ok(()),
            Err(BusError::Unreachable(_)) => {
                self.0.metrics.unknown_total.inc();
                Err(Reason::Unknown.into())
            }
            Err(BusError::Refused(_) | BusError::Malformed) => Err(Reason::Unavailable.into()),
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
