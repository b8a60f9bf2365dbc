//! Entries for the bus, sealed with the keys of the cluster, and what is opened with them.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use serde::de::DeserializeOwned;
use shared::{
    bus::{
        Topic,
        envelope::{Caller, Entry},
        sealed::{self, Unreadable, Way},
    },
    clock::Clock,
    error::{Reason, Refusal},
    keys::{Claim, ClusterKeys},
    protocol::row,
    telemetry::trace_parent,
};
use tracing::Span;

use crate::dialect::request::Request;

/// Who asks, and from where.
#[derive(Debug, Clone, Default)]
pub struct Asker {
    /// The connection; 0 for the gateway itself and for HTTP.
    pub connection_id: u64,
    /// Whose session it is.
    pub caller: Option<Caller>,
    /// What limits per address count by.
    pub address: u64,
}

/// Makes the entries of a gateway. Clones share everything.
#[derive(Clone)]
pub struct Entries(Arc<EntryConfig>);

/// What the entries of a gateway say of it, and what seals them.
pub struct EntryConfig {
    /// The name of this incarnation.
    pub node: String,
    /// The keys of the cluster.
    pub keys: ClusterKeys,
    /// Tells when something is asked.
    pub clock: Clock,
    /// How long anybody waits for an answer.
    pub deadline: Duration,
}

impl Entries {
    /// Makes entries that say this.
    pub fn new(config: EntryConfig) -> Self {
        Self(Arc::new(config))
    }

    /// How long anybody waits for an answer.
    pub fn deadline(&self) -> Duration {
        self.0.deadline
    }

    /// Whom a token names, if a worker of this cluster made it. Whether its session is
    /// still open, only a worker knows.
    pub fn check_token(&self, token: &str) -> Option<Claim> {
        self.0.keys.check_token(token)
    }

    /// A sealed entry for the bus.
    pub fn seal_entry(
        &self,
        way: Way,
        ticket: u64,
        asker: Asker,
        request: Request,
    ) -> Result<Bytes, Refusal> {
        let patience = self.0.deadline.as_millis();
        let entry = Entry {
            node: self.0.node.clone(),
            connection: asker.connection_id,
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
    pub fn open_message<T: DeserializeOwned>(
        &self,
        topic: &Topic,
        bytes: &[u8],
    ) -> Result<T, Unreadable> {
        sealed::open(bytes, topic, &self.0.keys)
    }

    /// What opens entries, and tells the time that they name.
    #[cfg(test)]
    pub fn keys_and_clock(&self) -> (&ClusterKeys, &Clock) {
        (&self.0.keys, &self.0.clock)
    }
}

/// One request as a span of its trace, which begins here.
pub fn request_span(opcode: u16) -> Span {
    tracing::debug_span!("request", command.name = row(opcode).map(|row| row.name))
}
