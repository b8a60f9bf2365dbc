//! The task that appends the commands of all connections: whatever came while it waited for
//! Redis goes in one pipeline, so the busier, the cheaper each.

use std::sync::Arc;

use bytes::Bytes;
use shared::{
    bus::{Bus, BusError},
    error::{Reason, Refusal},
    ids::Partition,
};
use tokio::sync::mpsc;
use tracing::Span;

use crate::{connection::Connection, delivery::shards::Shards, metrics::Metrics};

/// Commands that wait for the bus, and that one pipeline takes, at most. A
/// connection that finds the queue full is not read until there is room.
const QUEUE: usize = 1_024;

/// A command of a connection, ready for the bus.
pub struct QueuedCommand {
    /// Who waits for its answer.
    pub connection: Arc<Connection>,
    /// Its number.
    pub ticket: u64,
    /// Whose lane executes it.
    pub partition: Partition,
    /// The sealed entry.
    pub entry: Bytes,
    /// Ends when the bus has it.
    pub span: Span,
}

/// Appends commands. Has to be run.
pub struct CommandBatcher {
    queue: mpsc::Receiver<QueuedCommand>,
    bus: Bus,
    shards: Shards,
    metrics: Metrics,
}

impl CommandBatcher {
    /// A batcher, and its queue.
    pub fn new(bus: Bus, shards: Shards, metrics: Metrics) -> (mpsc::Sender<QueuedCommand>, Self) {
        let (sender, queue) = mpsc::channel(QUEUE);
        let batcher = Self {
            queue,
            bus,
            shards,
            metrics,
        };
        (sender, batcher)
    }

    /// Runs until nobody can send a command any more. Everything stays in the
    /// order in which it came; who gets no answer of a lane is told so.
    pub async fn run(mut self) {
        let mut batch = Vec::with_capacity(QUEUE);
        while self.queue.recv_many(&mut batch, QUEUE).await > 0 {
            let entries = batch
                .iter()
                .map(|command: &QueuedCommand| (command.partition, command.entry.clone()))
                .collect();
            let results = self.bus.append_all(entries).await;
            for (command, result) in batch.drain(..).zip(results) {
                if let Err(error) = result {
                    self.refuse_command(&command, &error).await;
                }
                drop(command.span);
            }
        }
    }

    /// Answers in place of the lane, unless the deadline passed meanwhile and
    /// the client was told.
    async fn refuse_command(&self, command: &QueuedCommand, error: &BusError) {
        let refusal = refuse_unappended(&self.metrics, error);
        if let Some(pending) = command.connection.take_command(command.ticket) {
            self.shards
                .refuse_request(&command.connection, pending.request, &refusal)
                .await;
        }
    }
}

/// What is said when the bus did not take a command, or perhaps did not.
pub fn refuse_unappended(metrics: &Metrics, error: &BusError) -> Refusal {
    match error {
        BusError::Unreachable(_) => {
            metrics.unknown_total.inc();
            Reason::Unknown.into()
        }
        BusError::Refused(_) | BusError::Malformed => Reason::Unavailable.into(),
    }
}
