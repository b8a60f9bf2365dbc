//! Channels: list, create, change, delete.

use serde::{Deserialize, Serialize};
use shared_derive::Body;

use super::macros::family;
use crate::{
    domain::permissions::Override,
    ids::{ChannelId, MessageId},
};

family! {
    commands: CreateChannel, UpdateChannel, DeleteChannel;
    queries: GetChannels;
    events: ChannelCreated, ChannelUpdated, ChannelDeleted;
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

/// A channel was deleted: for those who saw it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[event(434, channel_deleted)]
pub struct ChannelDeleted {
    /// The channel.
    pub channel_id: ChannelId,
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
