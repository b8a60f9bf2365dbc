//! Pins: messages that a channel holds up.

use serde::{Deserialize, Serialize};
use shared_derive::Body;

use super::Message;
use crate::ids::{ChannelId, MessageId, UserId};

/// Pins a message; one that is pinned already stays as it is.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(19, message_pin, access = Channel(PIN_MESSAGES), limit = Write)]
pub struct PinMessage {
    /// The idempotency key.
    pub nonce: String,
    /// Where it is.
    pub channel_id: ChannelId,
    /// The message.
    pub message_id: MessageId,
}

/// A message was pinned.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[event(19, message_pinned)]
pub struct MessagePinned {
    /// Where it is.
    pub channel_id: ChannelId,
    /// The message.
    pub message_id: MessageId,
    /// Who pinned it.
    pub user_id: UserId,
    /// When, in milliseconds since 1970.
    pub pinned_at: u64,
}

/// Unpins a message; one that is not pinned stays as it is.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(20, message_unpin, access = Channel(PIN_MESSAGES), limit = Write)]
pub struct UnpinMessage {
    /// The idempotency key.
    pub nonce: String,
    /// Where it is.
    pub channel_id: ChannelId,
    /// The message.
    pub message_id: MessageId,
}

/// A message was unpinned.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[event(20, message_unpinned)]
pub struct MessageUnpinned {
    /// Where it is.
    pub channel_id: ChannelId,
    /// The message.
    pub message_id: MessageId,
    /// Who unpinned it.
    pub user_id: UserId,
}

/// Lists the pinned messages of a channel, the last pinned first.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[query(2050, messages_pinned, reply = PinnedMessages, access = Channel(READ_HISTORY), limit = Read)]
pub struct ListPins {
    /// Where.
    pub channel_id: ChannelId,
    /// Only what was pinned before the pin with this `place`.
    #[serde(default)]
    pub before: Option<u64>,
    /// At most 200; 50 when absent. A page ends before that where its texts would be more
    /// than 256 KiB.
    #[serde(default)]
    pub limit: Option<u32>,
}

/// A pinned message.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct Pin {
    /// The message.
    pub message: Message,
    /// Who pinned it.
    pub user_id: UserId,
    /// When, in milliseconds since 1970.
    pub pinned_at: u64,
    /// Rises with each pin of the channel.
    pub place: u64,
}

/// A page of pinned messages, the last pinned first.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct PinnedMessages {
    /// The pins.
    pub pins: Vec<Pin>,
    /// Whether the page ended because of its size.
    #[serde(default)]
    pub more: bool,
}
