//! What the commands of one transaction share, from the first of them to COMMIT.
//!
//! The lane begins a [`Transaction`], gives each command a [`Context`] of it, and commits it.
//! A handler has only the context: it can neither publish nor reply, and it can read or
//! change what the lane does with the transaction only through the context's methods.

mod context;
mod event;

use std::{collections::BTreeMap, sync::Arc};

use foldhash::HashMap;
use shared::{
    bus::{StreamId, envelope::Envelope},
    ids::{ChannelId, MessageId, Partition},
    keys::ClusterKeys,
};

pub(crate) use self::context::{Context, CurrentCommand};
use self::event::{EmittedEvent, SeqSource};
use crate::{
    error::StoreError,
    push::PushPolicy,
    state::{State, account::Registers},
    store::{
        event_text::find_named,
        write::{
            self, Connection,
            event::ToldName,
            message::KnownMessage,
            nonce::{FirstResult, NonceKey},
            transaction::{PartitionCounters, PendingRows},
        },
    },
    telling::Telling,
};

/// How many of what there may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caps {
    /// Servers that one account is in.
    pub(crate) servers: u32,
    /// Guests in all.
    pub(crate) guests: u32,
}

/// What a transaction begins with.
pub(crate) struct Start {
    pub(crate) connection: Arc<Connection>,
    pub(crate) keys: ClusterKeys,
    pub(crate) caps: Caps,
    pub(crate) push: Option<Arc<PushPolicy>>,
    pub(crate) telling: Telling,
    /// The lane's memory: lost with the transaction, unless it commits.
    pub(crate) state: State,
    /// Of each partition that has a command in it.
    pub(crate) counters: BTreeMap<Partition, PartitionCounters>,
    pub(crate) registers: Registers,
    /// The messages that its commands speak of.
    pub(crate) messages: HashMap<(ChannelId, MessageId), Option<KnownMessage>>,
    pub(crate) now_ms: u64,
}

/// The commands of one transaction, and what they gathered. The lane goes on with its state,
/// counters and rows once it has committed.
pub(crate) struct Transaction {
    connection: Arc<Connection>,
    keys: ClusterKeys,
    caps: Caps,
    /// Who may be told by web push; none where that is off.
    push: Option<Arc<PushPolicy>>,
    telling: Telling,
    pub(crate) state: State,
    pub(crate) counters: BTreeMap<Partition, PartitionCounters>,
    pub(crate) rows: PendingRows,
    /// Events in the order they were emitted; those of accounts get their seq last.
    emitted: Vec<EmittedEvent>,
    /// Partitions whose lanes have a new internal command.
    pub(crate) woken: Vec<Partition>,
    now_ms: u64,
    messages: HashMap<(ChannelId, MessageId), Option<KnownMessage>>,
    /// Whether it began in Postgres: not before a command needs it.
    begun: bool,
    /// How often something was changed: a refusal after a change aborts the transaction.
    changes: usize,
}

impl Transaction {
    pub(crate) fn new(start: Start) -> Self {
        Self {
            connection: start.connection,
            keys: start.keys,
            caps: start.caps,
            push: start.push,
            telling: start.telling,
            state: start.state,
            counters: start.counters,
            rows: PendingRows {
                registers: start.registers,
                ..PendingRows::default()
            },
            emitted: Vec::new(),
            woken: Vec::new(),
            now_ms: start.now_ms,
            messages: start.messages,
            begun: false,
            changes: 0,
        }
    }

    /// What the handler of a command may touch.
    pub(crate) const fn context(&mut self, command: CurrentCommand) -> Context<'_> {
        Context::new(self, command)
    }

    /// Milliseconds since 1970.
    pub(crate) const fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// Keeps what a nonce was answered.
    pub(crate) fn keep_result(&mut self, key: NonceKey, first: FirstResult) {
        self.rows.nonces.push((key, first));
    }

    /// Moves the offset of a partition to this entry of its stream.
    pub(crate) fn advance_offset(&mut self, partition: Partition, entry: StreamId) {
        if let Some(counters) = self.counters.get_mut(&partition) {
            counters.offset = counters.offset.max(entry);
        }
    }

    /// Notes that an internal command took effect.
    pub(crate) fn apply_internal(&mut self, target: Partition, source: Partition, number: i64) {
        self.rows.applied.insert((target, source), number);
    }

    /// Whether something is to be stored.
    pub(crate) fn has_changes(&self) -> bool {
        self.changes > 0 || !self.rows.applied.is_empty()
    }

    /// Gives every event its seq and its position. Topics that several lanes write
    /// are locked here, last before COMMIT: who reads n can read all below.
    pub(crate) async fn number_events(&mut self) -> Result<Vec<Envelope>, StoreError> {
        let mut topics: Vec<u64> = self
            .emitted
            .iter()
            .filter(|event| event.seq == SeqSource::Shared)
            .map(|event| event.topic)
            .collect();
        topics.sort_unstable();
        topics.dedup();
        let mut heads = if topics.is_empty() {
            BTreeMap::new()
        } else {
            write::event::lock_topics(&self.connection, &topics).await?
        };
        let mut envelopes = Vec::with_capacity(self.emitted.len());
        for event in &self.emitted {
            let seq = match event.seq {
                SeqSource::Unstored(_) => {
                    envelopes.push(event.envelope(0));
                    continue;
                }
                SeqSource::Lane(seq) => seq,
                SeqSource::Shared => {
                    // An account that is gone has no topic, and nobody to notify.
                    let Some(head) = heads.get_mut(&event.topic) else {
                        continue;
                    };
                    *head += 1;
                    self.rows.heads.insert(event.topic, *head);
                    *head
                }
            };
            envelopes.push(event.envelope(seq));
            let counters = self
                .counters
                .get_mut(&event.partition)
                .ok_or(StoreError::Fenced)?;
            counters.position += 1;
            let row = event.row(seq, counters.position);
            if let Some(account) = find_named(row.opcode, &row.body) {
                let topic = row.topic;
                self.rows.told_names.push(ToldName {
                    account,
                    topic,
                    seq,
                });
            }
            self.rows.events.push(row);
        }
        Ok(envelopes)
    }

    /// The events of a transaction that stores nothing: signals.
    pub(crate) fn signals(&self) -> Vec<Envelope> {
        self.emitted.iter().map(|event| event.envelope(0)).collect()
    }

    /// Stores everything; `day` is counted from 1970.
    pub(crate) async fn commit(&self, day: i32) -> Result<(), StoreError> {
        let (rows, counters) = (&self.rows, &self.counters);
        write::transaction::commit(&self.connection, rows, counters, day, self.begun).await
    }

    /// Ends a transaction that stores nothing, if it began.
    pub(crate) async fn end(&self) -> Result<(), StoreError> {
        if self.begun {
            write::transaction::rollback(&self.connection).await?;
        }
        Ok(())
    }
}
