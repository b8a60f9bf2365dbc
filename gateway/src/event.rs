//! One event on its way to many sessions.

use std::sync::OnceLock;

use bytes::Bytes;
use shared::{bus::envelope::Envelope, ids::ChannelId};
use tokio::time::Instant;

use crate::dialect::{Dialect, json_event};

/// An event, shared by every session that gets it.
#[derive(Debug)]
pub struct Event {
    /// The server or the account.
    pub topic: u64,
    /// Its place in the topic; 0 when it is not stored.
    pub seq: u64,
    /// The channel that it concerns.
    pub channel: Option<ChannelId>,
    /// When the gateway had it.
    pub heard: Instant,
    frame: Bytes,
    /// Made when the first JSON session needs it, once for all of them.
    json: OnceLock<Bytes>,
}

impl Event {
    /// The event of an envelope.
    pub fn new(envelope: &Envelope) -> Self {
        Self {
            topic: envelope.topic,
            seq: envelope.seq,
            // A channel that is no id is seen by no view.
            channel: envelope
                .channel
                .map(|channel| ChannelId::new(channel).unwrap_or(NOBODY)),
            heard: Instant::now(),
            frame: envelope.frame.clone(),
            json: OnceLock::new(),
        }
    }

    /// The finished WebSocket frame.
    pub fn frame(&self, dialect: Dialect) -> &Bytes {
        match dialect {
            Dialect::MessagePack => &self.frame,
            Dialect::Json => self.json.get_or_init(|| json_event(&self.frame)),
        }
    }
}

/// Ids are never this large in the lifetime of the epoch: no view has it.
const NOBODY: ChannelId = match ChannelId::new(shared::ids::MAX_ID) {
    Some(channel) => channel,
    None => unreachable!(),
};
