//! One event on its way to many sessions.

use std::sync::Arc;

use shared::{
    bus::envelope::Envelope,
    frame,
    ids::{ChannelId, UserId},
};
use tokio::time::Instant;

use crate::dialect::frames::EventFrames;

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
    /// What its sessions get.
    pub frames: EventFrames,
    key: u64,
    audience: Option<Arc<[u64]>>,
}

impl Event {
    /// The event of an envelope.
    pub fn new(envelope: &Envelope) -> Self {
        let Envelope {
            topic,
            seq,
            opcode,
            body,
            ..
        } = envelope;
        Self {
            topic: *topic,
            seq: *seq,
            channel: channel(envelope),
            key: envelope.key.unwrap_or(0),
            heard: Instant::now(),
            audience: envelope.audience.as_deref().map(Arc::from),
            frames: EventFrames::new(frame::websocket_event(*topic, *seq, *opcode, body).into()),
        }
    }

    /// The key of what is not stored: in a full queue, a newer event takes the place of
    /// an older one with the same key, unless that is 0.
    pub fn ephemeral(&self) -> Option<u32> {
        // Two keys may fall together: then one says less, and is repeated soon.
        let half = (self.key ^ (self.key >> 32)) & u64::from(u32::MAX);
        (self.seq == 0).then(|| u32::try_from(half).unwrap_or(0))
    }

    /// Whether it is for some accounts only.
    pub const fn is_narrowed(&self) -> bool {
        self.audience.is_some()
    }

    /// Whether it is for this account, of those who see its channel.
    pub fn is_for(&self, user: Option<UserId>) -> bool {
        self.audience
            .as_ref()
            .is_none_or(|accounts| user.is_some_and(|user| accounts.contains(&user.get())))
    }
}

/// The channel whose visibility decides who gets an event.
pub fn channel(envelope: &Envelope) -> Option<ChannelId> {
    // A channel that is no id is seen by nobody.
    envelope
        .visibility
        .map(|channel| ChannelId::new(channel).unwrap_or(NOBODY))
}

/// Ids are never this large in the lifetime of the epoch: nobody sees it.
const NOBODY: ChannelId = match ChannelId::new(shared::ids::MAX_ID) {
    Some(channel) => channel,
    None => unreachable!(),
};
