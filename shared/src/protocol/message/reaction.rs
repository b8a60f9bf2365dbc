//! Reactions: emoji that members put to a message.

use serde::{Deserialize, Serialize};
use shared_derive::Body;

use crate::ids::{ChannelId, MessageId, UserId};

/// Reacts to a message; who has reacted so already changes nothing.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(21, message_react_add, access = Channel(ADD_REACTIONS), limit = Write)]
pub struct AddReaction {
    /// The idempotency key.
    pub nonce: String,
    /// Where it is.
    pub channel_id: ChannelId,
    /// The message.
    pub message_id: MessageId,
    /// One Unicode emoji. A message has at most 20 different ones.
    pub emoji: String,
}

/// Somebody reacted to a message.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[event(21, reaction_added)]
pub struct ReactionAdded {
    /// Where it is.
    pub channel_id: ChannelId,
    /// The message.
    pub message_id: MessageId,
    /// Who reacted.
    pub user_id: UserId,
    /// The emoji, spelled out in full.
    pub emoji: String,
    /// How many have reacted with it now.
    pub count: u32,
}

/// Takes a reaction away: one's own, or with `MANAGE_MESSAGES` anybody's. One that is not
/// there changes nothing.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(22, message_react_remove, access = Channel(VIEW_CHANNEL), limit = Write)]
pub struct RemoveReaction {
    /// The idempotency key.
    pub nonce: String,
    /// Where it is.
    pub channel_id: ChannelId,
    /// The message.
    pub message_id: MessageId,
    /// The emoji.
    pub emoji: String,
    /// Whose; one's own when absent.
    #[serde(default)]
    pub user_id: Option<UserId>,
}

/// A reaction was taken away.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[event(22, reaction_removed)]
pub struct ReactionRemoved {
    /// Where it was.
    pub channel_id: ChannelId,
    /// The message.
    pub message_id: MessageId,
    /// Whose it was.
    pub user_id: UserId,
    /// The emoji.
    pub emoji: String,
    /// How many still react with it; with none it is gone.
    pub count: u32,
}

/// How many reacted to a message with one emoji.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct Reaction {
    /// The emoji.
    pub emoji: String,
    /// How many reacted with it.
    pub count: u32,
    /// Whether the reader did.
    pub me: bool,
}

/// Lists who reacted to a message with one emoji, by id.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[query(2051, message_reactions, reply = Reactors, access = Channel(READ_HISTORY), limit = Read)]
pub struct ListReactors {
    /// Where it is.
    pub channel_id: ChannelId,
    /// The message.
    pub message_id: MessageId,
    /// The emoji.
    pub emoji: String,
    /// Only accounts with a higher id.
    #[serde(default)]
    pub after: Option<UserId>,
    /// At most 200; 50 when absent.
    #[serde(default)]
    pub limit: Option<u32>,
}

/// A page of those who reacted, by id.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct Reactors {
    /// Who reacted.
    pub user_ids: Vec<UserId>,
}
