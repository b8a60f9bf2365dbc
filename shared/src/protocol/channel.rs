//! Channels: list, create, change, move, delete.

use serde::{Deserialize, Serialize};
use shared_derive::{Body, Choice};

use super::macros::family;
use crate::{
    domain::permissions::Override,
    ids::{ChannelId, MessageId},
};

family! {
    commands: CreateChannel, UpdateChannel, DeleteChannel, MoveChannel;
    queries: GetChannels;
    events: ChannelCreated, ChannelUpdated, ChannelDeleted, ChannelsMoved;
}

/// What a channel is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Choice)]
pub enum ChannelKind {
    /// Messages.
    #[default]
    Text = 0,
    /// Talking; it has no messages.
    Voice = 1,
    /// Threads; it has no messages of its own.
    Forum = 2,
    /// Messages of those who manage messages, or whom an override lets send.
    Announcement = 3,
    /// Holds other channels; it has no messages.
    Category = 4,
    /// A line between others: it is seen or not, and nothing else.
    Separator = 5,
}

impl ChannelKind {
    /// Whether messages are sent to it.
    pub const fn has_messages(self) -> bool {
        matches!(self, Self::Text | Self::Announcement)
    }
}

/// A channel.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct Channel {
    /// The channel.
    pub channel_id: ChannelId,
    /// What it is called.
    pub name: String,
    /// What it is about; may be empty.
    pub topic: String,
    /// Where it stands among the others, from 0.
    pub position: u32,
    /// Who may do otherwise here.
    pub overrides: Vec<Override>,
    /// How many messages it has had: the `seq` of the last one.
    pub last_seq: u64,
    /// Its last message.
    pub last_message_id: Option<MessageId>,
    /// What it is for.
    #[serde(default)]
    pub kind: ChannelKind,
    /// The category that it stands in, which not everybody may see who sees the channel.
    #[serde(default)]
    pub parent_id: Option<ChannelId>,
    /// How many seconds a member waits between two messages; 0 is not at all. Who changes a message
    /// need not wait.
    #[serde(default)]
    pub slow_mode: u32,
}

/// Creates a channel in the scope's server.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(432, channel_create, reply = ChannelCreated, access = Server(MANAGE_CHANNELS), limit = Write)]
pub struct CreateChannel {
    /// The idempotency key.
    pub nonce: String,
    /// Up to 100 characters.
    pub name: String,
    /// What it is about, up to 1,024 characters.
    #[serde(default)]
    pub topic: Option<String>,
    /// Who may do otherwise here; needs `MANAGE_ROLES`, and gives nothing that the creator lacks.
    #[serde(default)]
    pub overrides: Vec<Override>,
    /// What it is for; it stays so.
    #[serde(default)]
    pub kind: ChannelKind,
    /// The category that it is to stand in; a category stands in none.
    #[serde(default)]
    pub parent_id: Option<ChannelId>,
    /// How many seconds a member waits between two messages, up to 21,600: six hours.
    #[serde(default)]
    pub slow_mode: u32,
}

/// A channel was created.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[event(432, channel_created)]
pub struct ChannelCreated {
    /// The channel.
    pub channel: Channel,
}

/// Changes a channel; absent fields stay as they are.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(433, channel_update, access = Channel(MANAGE_CHANNELS), limit = Write)]
pub struct UpdateChannel {
    /// The idempotency key.
    pub nonce: String,
    /// The channel.
    pub channel_id: ChannelId,
    /// Up to 100 characters.
    #[serde(default)]
    pub name: Option<String>,
    /// Up to 1,024 characters.
    #[serde(default)]
    pub topic: Option<String>,
    /// Where it is to stand among the others, from 0.
    #[serde(default)]
    pub position: Option<u32>,
    /// All overrides, in place of those before; needs `MANAGE_ROLES`.
    #[serde(default)]
    pub overrides: Option<Vec<Override>>,
    /// How many seconds a member waits between two messages, up to 21,600; 0 is not at all. What was sent before does not count.
    #[serde(default)]
    pub slow_mode: Option<u32>,
}

/// A channel was changed. Who sees it afterwards gets it; who came to see it or lost it gets `sight`, too.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[event(433, channel_updated)]
pub struct ChannelUpdated {
    /// The channel as it is now.
    pub channel: Channel,
}

/// Deletes a channel with all that was said in it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(434, channel_delete, access = Channel(MANAGE_CHANNELS), limit = Write)]
pub struct DeleteChannel {
    /// The idempotency key.
    pub nonce: String,
    /// The channel.
    pub channel_id: ChannelId,
}

/// A channel was deleted: for those who saw it. What stood in a deleted category stands by itself: `channels_moved` says so.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[event(434, channel_deleted)]
pub struct ChannelDeleted {
    /// The channel.
    pub channel_id: ChannelId,
}

/// Puts a channel elsewhere; the others make room, so that positions are dense.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(435, channel_move, access = Channel(MANAGE_CHANNELS), limit = Write)]
pub struct MoveChannel {
    /// The idempotency key.
    pub nonce: String,
    /// The channel.
    pub channel_id: ChannelId,
    /// Its place among all channels of the server, from 0; beyond the last one, it is the last.
    pub position: u32,
    /// The category that it stands in from now on; none where it stands by itself.
    #[serde(default)]
    pub parent_id: Option<ChannelId>,
}

/// Channels stand elsewhere: those that moved, and that the member sees. A move may come as several of these events.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[event(435, channels_moved)]
pub struct ChannelsMoved {
    /// Where each of them stands now.
    pub channels: Vec<ChannelPlace>,
}

/// Where a channel stands.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct ChannelPlace {
    /// The channel.
    pub channel_id: ChannelId,
    /// Its place among all channels of the server, from 0.
    pub position: u32,
    /// The category that it stands in.
    pub parent_id: Option<ChannelId>,
}

/// Lists the channels of the scope's server that the member sees.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[query(2464, channels_get, reply = Channels, access = Member, limit = Read)]
pub struct GetChannels {}

/// The channels that the member sees, by position.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct Channels {
    /// The channels.
    pub channels: Vec<Channel>,
}
