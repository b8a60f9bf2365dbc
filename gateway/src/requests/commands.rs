//! Commands on their way to the lane of their scope.

use std::sync::Arc;

use bytes::Bytes;
use shared::{
    bus::{Bus, envelope::Caller, sealed::Way},
    error::{Reason, Refusal},
    ids::{MAX_ID, Partition},
};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout},
};
use tracing::Instrument;

use super::{
    admission::Admission,
    batcher::{QueuedCommand, refuse_unappended},
    entries::{Asker, Entries, request_span},
    pending::PendingReplies,
};
use crate::{
    connection::{Connection, PendingCommand},
    dialect::request::Request,
    metrics::Metrics,
};

/// Sends commands. Clones share everything.
#[derive(Clone)]
pub struct Commands(Arc<CommandConfig>);

/// What commands are sent with.
pub struct CommandConfig {
    /// Where they go.
    pub bus: Bus,
    /// Which lanes can take more.
    pub admission: Admission,
    /// Seals them.
    pub entries: Entries,
    /// Where HTTP waits for answers.
    pub replies: PendingReplies,
    /// Those of sockets go through this one.
    pub batcher: mpsc::Sender<QueuedCommand>,
    /// How many requests of one connection may be on their way.
    pub max_pending: usize,
    /// What is counted.
    pub metrics: Metrics,
}

impl Commands {
    /// Sends with this.
    pub fn new(config: CommandConfig) -> Self {
        Self(Arc::new(config))
    }

    /// Sends a command of a connection. Its answer goes to the shard of the
    /// connection; a refusal says that none will come.
    pub async fn send_command(
        &self,
        connection: &Arc<Connection>,
        caller: &Caller,
        request: Request,
    ) -> Result<(), Refusal> {
        let partition = partition_of(caller, request.scope)?;
        self.0.admission.check_lane(partition, Instant::now())?;
        let ticket = self.0.replies.next_ticket();
        #[cfg(feature = "sabotage")]
        let ticket = crate::sabotage::ticket(ticket, request.request);
        let pending = PendingCommand {
            ticket,
            request: request.request,
            opcode: request.opcode,
            deadline: Instant::now() + self.0.entries.deadline(),
        };
        connection.add_command(pending, self.0.max_pending)?;
        let asker = Asker {
            connection_id: connection.id,
            caller: Some(caller.clone()),
            address: connection.address,
        };
        let span = request_span(request.opcode);
        let way = Way::Lane(partition);
        let entry = span.in_scope(|| self.0.entries.seal_entry(way, ticket, asker, request));
        let entry = entry.inspect_err(|_refusal| {
            connection.take_command(ticket);
        })?;
        self.0.metrics.commands_total.inc();
        let command = QueuedCommand {
            connection: Arc::clone(connection),
            ticket,
            partition,
            entry,
            span,
        };
        if self.0.batcher.send(command).await.is_err() && connection.take_command(ticket).is_some()
        {
            return Err(Reason::Unavailable.into());
        }
        Ok(())
    }

    /// Sends a command and waits for the payload of its answer, for HTTP.
    pub async fn execute_command(
        &self,
        caller: &Caller,
        address: u64,
        request: Request,
    ) -> Result<Bytes, Refusal> {
        let partition = partition_of(caller, request.scope)?;
        self.0.admission.check_lane(partition, Instant::now())?;
        let reply = self.0.replies.expect_lane_reply();
        let asker = Asker {
            connection_id: 0,
            caller: Some(caller.clone()),
            address,
        };
        let span = request_span(request.opcode);
        self.append_entry(partition, reply.ticket(), asker, request)
            .instrument(span)
            .await?;
        timeout(self.0.entries.deadline(), reply.wait())
            .await
            .unwrap_or_else(|_elapsed| {
                self.0.metrics.unknown_total.inc();
                Err(Reason::Unknown.into())
            })
    }

    /// How many requests of one connection may be on their way.
    pub fn max_pending(&self) -> usize {
        self.0.max_pending
    }

    async fn append_entry(
        &self,
        partition: Partition,
        ticket: u64,
        asker: Asker,
        request: Request,
    ) -> Result<(), Refusal> {
        let way = Way::Lane(partition);
        let entry = self.0.entries.seal_entry(way, ticket, asker, request)?;
        self.0.metrics.commands_total.inc();
        match self.0.bus.append(partition, entry).await {
            Ok(_) => Ok(()),
            Err(error) => Err(refuse_unappended(&self.0.metrics, &error)),
        }
    }
}

fn partition_of(caller: &Caller, scope: u64) -> Result<Partition, Refusal> {
    match scope {
        0 => Ok(caller.user.partition()),
        1..=MAX_ID => Ok(Partition::of(scope)),
        _ => Err(Refusal::field(Reason::Malformed, "scope")),
    }
}
