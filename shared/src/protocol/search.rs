//! Search: what was said, found by what it says.

use serde::{Deserialize, Serialize};
use shared_derive::Body;

use super::{macros::family, message::Message};
use crate::{
    domain::search::SearchFilter,
    ids::{ChannelId, MessageId, ServerId},
};

family! {
    queries: SearchMessages;
}

/// Looks for messages, the newest first: in the server of the scope, or with scope 0 in every
/// server of the account; in both, where the account may read the history now. An answer takes
/// a quarter of a second at most and may have few messages or none: `next` says how far it looked.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[query(2560, messages_search, reply = FoundMessages, access = Account, limit = Search)]
pub struct SearchMessages {
    /// What is looked for, as a person writes it: words, `"quoted texts"`, and `from:ID`,
    /// `in:ID`, `mentions:ID`, `has:link`, `is:pinned`, `before:2026-03-01`, `after:2026-03-01`.
    #[serde(default)]
    pub query: String,
    /// The same as values; what both say must hold.
    #[serde(default)]
    pub filter: Option<SearchFilter>,
    /// Only older messages than this: goes on where an answer ended whose `next` it was.
    #[serde(default)]
    pub before: Option<MessageId>,
    /// At most 200; 25 when absent. An answer ends before that where its texts would be more
    /// than 256 KiB.
    #[serde(default)]
    pub limit: Option<u32>,
}

/// What was found, the newest first.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct FoundMessages {
    /// The messages.
    pub messages: Vec<FoundMessage>,
    /// The `before` of the next answer; its time is that down to which was searched. None when
    /// nothing older is left.
    pub next: Option<MessageId>,
}

/// A message, and where it is.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct FoundMessage {
    /// The server.
    pub server_id: ServerId,
    /// The channel.
    pub channel_id: ChannelId,
    /// The message.
    pub message: Message,
}
