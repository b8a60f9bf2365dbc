//! Channels: list, create, change, delete.

use super::macros::family;
use crate::{
    domain::permissions::Override,
    ids::{ChannelId, MessageId},
    wire::bodies,
};

family! {
    commands {
        /// Creates a channel in the scope's server.
        432 channel_create: CreateChannel -> ChannelCreated, [needs MANAGE_CHANNELS in server], limited by Write;
        /// Changes a channel; absent fields stay as they are.
        433 channel_update: UpdateChannel -> (), [needs MANAGE_CHANNELS in channel], limited by Write;
        /// Deletes a channel with all that was said in it.
        434 channel_delete: DeleteChannel -> (), [needs MANAGE_CHANNELS in channel], limited by Write;
    }
    queries {
        /// Lists the channels of the scope's server that the member sees.
        2464 channels_get: GetChannels -> Channels, [for member], limited by Read;
    }
    events {
        /// A channel was created.
        432 channel_created: ChannelCreated;
        /// A channel was changed. Who sees it afterwards gets it; who came to see it or lost it gets `sight`, too.
        433 channel_updated: ChannelUpdated;
        /// A channel was deleted: for those who saw it.
        434 channel_deleted: ChannelDeleted;
    }
}

bodies! {
    /// A channel.
    Channel {
        /// The channel.
        channel_id: ChannelId,
        /// What it is called.
        name: String,
        /// What it is about; may be empty.
        topic: String,
        /// Where it stands among the others, from 0.
        position: u32,
        /// Who may do otherwise here.
        overrides: Vec<Override>,
        /// How many messages it has had: the `seq` of the last one.
        last_seq: u64,
        /// Its last message.
        last_message_id: Option<MessageId>,
    }
    /// Creates a channel.
    CreateChannel {
        /// The idempotency key.
        nonce: String,
        /// Up to 100 characters.
        name: String,
        /// What it is about, up to 1,024 characters.
        topic: Option<String> = default,
        /// Who may do otherwise here; needs `MANAGE_ROLES`, and gives nothing that the creator lacks.
        overrides: Vec<Override> = default,
    }
    /// A channel was created.
    ChannelCreated {
        /// The channel.
        channel: Channel,
    }
    /// Changes a channel.
    UpdateChannel {
        /// The idempotency key.
        nonce: String,
        /// The channel.
        channel_id: ChannelId,
        /// Up to 100 characters.
        name: Option<String> = default,
        /// Up to 1,024 characters.
        topic: Option<String> = default,
        /// Where it is to stand among the others, from 0.
        position: Option<u32> = default,
        /// All overrides, in place of those before; needs `MANAGE_ROLES`.
        overrides: Option<Vec<Override>> = default,
    }
    /// A channel was changed.
    ChannelUpdated {
        /// The channel as it is now.
        channel: Channel,
    }
    /// Deletes a channel.
    DeleteChannel {
        /// The idempotency key.
        nonce: String,
        /// The channel.
        channel_id: ChannelId,
    }
    /// A channel was deleted.
    ChannelDeleted {
        /// The channel.
        channel_id: ChannelId,
    }
    /// Asks for the channels.
    GetChannels {}
    /// The channels that the member sees, by position.
    Channels {
        /// The channels.
        channels: Vec<Channel>,
    }
}
