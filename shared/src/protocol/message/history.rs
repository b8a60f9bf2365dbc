//! Ways through history: what a message said before, what stands around it, and what
//! answers it.

use serde::{Deserialize, Serialize};
use shared_derive::Body;

use super::{Message, Messages};
use crate::ids::{ChannelId, MessageId};

/// Lists what one's own message said before its edits, or with `MANAGE_MESSAGES` anybody's:
/// the last version first.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[query(2052, message_history, reply = MessageVersions, access = Channel(READ_HISTORY), limit = Read)]
pub struct ListVersions {
    /// Where it is.
    pub channel_id: ChannelId,
    /// The message.
    pub message_id: MessageId,
    /// Only versions before the one with this `place`.
    #[serde(default)]
    pub before: Option<u64>,
    /// At most 200; 50 when absent. A page ends before that where its texts would be more
    /// than 256 KiB.
    #[serde(default)]
    pub limit: Option<u32>,
}

/// What a message said before an edit.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct Version {
    /// The text.
    pub content: String,
    /// When it was replaced, in milliseconds since 1970.
    pub replaced_at: u64,
    /// Rises with each version of the message.
    pub place: u64,
}

/// A page of versions, the last first.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct MessageVersions {
    /// The versions; none of a message that was never edited.
    pub versions: Vec<Version>,
    /// Whether the page ended because of its size.
    #[serde(default)]
    pub more: bool,
}

/// Shows a message among those before and after it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[query(2053, messages_around, reply = MessagesAround, access = Channel(READ_HISTORY), limit = Read)]
pub struct GetMessagesAround {
    /// Where it is.
    pub channel_id: ChannelId,
    /// The message in the middle.
    pub message_id: MessageId,
    /// How many on each side, at most 100; 25 when absent. There are fewer where
    /// their texts would be more than 128 KiB.
    #[serde(default)]
    pub limit: Option<u32>,
}

/// A message among others, oldest first.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct MessagesAround {
    /// The messages.
    pub messages: Vec<Message>,
    /// Whether there are older ones.
    pub more_before: bool,
    /// Whether there are newer ones.
    pub more_after: bool,
}

/// Shows a page of the messages that answer one, oldest first; also where that was deleted.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[query(2054, message_replies, reply = Messages, access = Channel(READ_HISTORY), limit = Read)]
pub struct GetReplies {
    /// Where it is.
    pub channel_id: ChannelId,
    /// The message that they answer.
    pub message_id: MessageId,
    /// Only messages with a higher `seq`.
    #[serde(default)]
    pub after: Option<u64>,
    /// At most 200; 50 when absent. A page ends before that where its texts would be more
    /// than 256 KiB.
    #[serde(default)]
    pub limit: Option<u32>,
}
