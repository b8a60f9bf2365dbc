//! An event that a command emitted and that is not stored yet.

use serde_bytes::ByteBuf;
use shared::{
    bus::envelope::{Effect, Envelope, pack},
    ids::Partition,
    protocol::{self, Event},
};

use crate::{state::server::Audience, store::write::event::NewEvent};

/// Whom an event is for, and what gateways do about it.
pub(super) struct Target {
    pub(super) topic: u64,
    pub(super) seq: SeqSource,
    pub(super) audience: Audience,
    pub(super) effect: Option<Effect>,
    /// Of what is not stored: what it replaces where it still waits.
    pub(super) key: Option<u64>,
}

/// Where the seq of an event comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SeqSource {
    /// This lane alone writes the topic: the seq was taken from memory.
    Lane(u64),
    /// Any lane, as joining and founding a server concern the account, too: the seq is taken
    /// under the lock of the topic's row, which is kept until COMMIT, in the order of ids and
    /// after every other lock that lanes share. So seqs are dense, n + 1 is never seen before n, and lanes that
    /// write for the same accounts wait for each other but never in a circle.
    Shared,
    /// The event is not stored; it comes after this one.
    Unstored(u64),
}

/// An event that is not stored yet.
#[derive(Debug)]
pub(super) struct EmittedEvent {
    pub(super) topic: u64,
    pub(super) seq: SeqSource,
    pub(super) partition: Partition,
    opcode: u16,
    key: Option<u64>,
    audience: Audience,
    effect: Option<Vec<u8>>,
    body: Vec<u8>,
    trace: Option<String>,
}

impl EmittedEvent {
    pub(super) fn new<E: Event>(
        target: Target,
        event: &E,
        partition: Partition,
        trace: Option<String>,
    ) -> Self {
        Self {
            topic: target.topic,
            seq: target.seq,
            partition,
            opcode: E::OPCODE,
            key: target.key,
            audience: target.audience,
            effect: target.effect.map(|effect| pack(&effect).to_vec()),
            body: protocol::encode(event),
            trace,
        }
    }

    /// The finished event, once its seq is known.
    pub(super) fn envelope(&self, seq: u64) -> Envelope {
        let after = match self.seq {
            SeqSource::Unstored(after) => after,
            SeqSource::Lane(_) | SeqSource::Shared => 0,
        };
        Envelope {
            topic: self.topic,
            seq,
            after,
            visibility: self.audience.channel(),
            audience: self.audience.accounts(),
            key: self.key,
            effect: self.effect.clone().map(ByteBuf::from),
            opcode: self.opcode,
            body: self.body.clone().into(),
            trace: self.trace.clone(),
        }
    }

    /// The row of the event log.
    pub(super) fn row(&self, seq: u64, position: i64) -> NewEvent {
        NewEvent {
            topic: self.topic,
            seq,
            partition: self.partition,
            position,
            opcode: self.opcode,
            channel: self.audience.channel(),
            audience: self
                .audience
                .accounts()
                .map(|accounts| pack(&accounts).to_vec()),
            effect: self.effect.clone(),
            body: self.body.clone(),
            trace: self.trace.clone(),
        }
    }
}
