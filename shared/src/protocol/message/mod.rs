//! Messages: send, edit, delete, read.

mod history;
mod pin;
mod reaction;

use serde::{Deserialize, Serialize};
use shared_derive::Body;

pub use self::{
    history::{
        GetMessagesAround, GetReplies, ListVersions, MessageVersions, MessagesAround, Version,
    },
    pin::{
        ListPins, MessagePinned, MessageUnpinned, Pin, PinMessage, PinnedMessages, UnpinMessage,
    },
    reaction::{
        AddReaction, ListReactors, Reaction, ReactionAdded, ReactionRemoved, Reactors,
        RemoveReaction,
    },
};
use super::macros::family;
use crate::ids::{AnyId, ChannelId, MessageId, UserId};

family! {
    commands: NewMessage, EditMessage, DeleteMessage, PinMessage, UnpinMessage, AddReaction,
        RemoveReaction, DeleteMessages;
    queries: GetMessage, GetMessages, ListPins, ListReactors, ListVersions, GetMessagesAround,
        GetReplies;
    events: MessageCreated, MessageEdited, MessageDeleted, MessagePinned, MessageUnpinned,
        ReactionAdded, ReactionRemoved, MessagesDeleted;
}

/// Sends a message to a channel.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(16, message_new, reply = MessageSent, access = Channel(SEND_MESSAGES), limit = Send)]
pub struct NewMessage {
    /// The idempotency key.
    pub nonce: String,
    /// Where it goes.
    pub channel_id: ChannelId,
    /// Up to 2,000 characters.
    pub content: String,
    /// The message of the same channel that it answers.
    #[serde(default)]
    pub reply_to: Option<MessageId>,
    /// Whether the author of the message that it answers is not mentioned by that.
    #[serde(default)]
    pub silent_reply: bool,
}

/// A message was stored.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct MessageSent {
    /// The message; its id tells when it was sent.
    pub message_id: MessageId,
    /// Its place in the channel, from 1 without holes.
    pub seq: u64,
}

/// A message.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct Message {
    /// The message; its id tells when it was sent.
    pub message_id: MessageId,
    /// Its place in the channel, from 1 without holes.
    pub seq: u64,
    /// Who sent it.
    pub author_id: UserId,
    /// What it says.
    pub content: String,
    /// The message that it answers.
    pub reply_to: Option<MessageId>,
    /// When it was last changed, in milliseconds since 1970.
    pub edited_at: Option<u64>,
    /// The accounts and roles that it mentions, by id; the role of everyone has the
    /// server's id.
    #[serde(default)]
    pub mentions: Vec<AnyId>,
    /// Whether it is pinned.
    #[serde(default)]
    pub pinned: bool,
    /// How people reacted to it, the first reaction first.
    #[serde(default)]
    pub reactions: Vec<Reaction>,
}

/// A message was sent.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[event(16, message_created)]
pub struct MessageCreated {
    /// Where.
    pub channel_id: ChannelId,
    /// The message.
    pub message: Message,
}

/// Changes one's own message.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(17, message_edit, access = Channel(SEND_MESSAGES), limit = Send)]
pub struct EditMessage {
    /// The idempotency key.
    pub nonce: String,
    /// Where it is.
    pub channel_id: ChannelId,
    /// The message.
    pub message_id: MessageId,
    /// What it is to say.
    pub content: String,
}

/// A message was changed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[event(17, message_edited)]
pub struct MessageEdited {
    /// Where it is.
    pub channel_id: ChannelId,
    /// The message.
    pub message_id: MessageId,
    /// What it says now.
    pub content: String,
    /// When, in milliseconds since 1970.
    pub edited_at: u64,
    /// Whom it mentions now.
    #[serde(default)]
    pub mentions: Vec<AnyId>,
}

/// Deletes one's own message, or with `MANAGE_MESSAGES` any.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(18, message_delete, access = Channel(VIEW_CHANNEL), limit = Write)]
pub struct DeleteMessage {
    /// The idempotency key.
    pub nonce: String,
    /// Where it is.
    pub channel_id: ChannelId,
    /// The message.
    pub message_id: MessageId,
}

/// A message was deleted.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[event(18, message_deleted)]
pub struct MessageDeleted {
    /// Where it was.
    pub channel_id: ChannelId,
    /// The message.
    pub message_id: MessageId,
}

/// Deletes up to 100 messages at once; those that are not there are left out.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(23, messages_delete, reply = MessagesDeleted, access = Channel(MANAGE_MESSAGES), limit = Write)]
pub struct DeleteMessages {
    /// The idempotency key.
    pub nonce: String,
    /// Where they are.
    pub channel_id: ChannelId,
    /// The messages.
    pub message_ids: Vec<MessageId>,
}

/// Several messages were deleted at once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[event(23, messages_deleted)]
pub struct MessagesDeleted {
    /// Where they were.
    pub channel_id: ChannelId,
    /// Those that were there.
    pub message_ids: Vec<MessageId>,
}

/// Shows one message.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[query(2048, message_get, reply = Message, access = Channel(READ_HISTORY), limit = Read)]
pub struct GetMessage {
    /// Where it is.
    pub channel_id: ChannelId,
    /// The message.
    pub message_id: MessageId,
}

/// Shows a page of history, oldest first: the last messages, or those next to a place.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[query(2049, messages_get, reply = Messages, access = Channel(READ_HISTORY), limit = Read)]
pub struct GetMessages {
    /// Where.
    pub channel_id: ChannelId,
    /// Only messages with a lower `seq`, the nearest ones.
    #[serde(default)]
    pub before: Option<u64>,
    /// Only messages with a higher `seq`, the nearest ones.
    #[serde(default)]
    pub after: Option<u64>,
    /// At most 200; 50 when absent. A page ends before that where its texts would be more
    /// than 256 KiB.
    #[serde(default)]
    pub limit: Option<u32>,
}

/// A page of history, oldest first; deleted messages leave a hole in `seq`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct Messages {
    /// The messages.
    pub messages: Vec<Message>,
    /// Whether the page ended because of its size: more follow in the same direction.
    #[serde(default)]
    pub more: bool,
}
