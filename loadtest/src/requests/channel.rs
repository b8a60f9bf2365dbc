//! Requests of channels, and what overrides of them say.

use shared::{
    domain::permissions::{Override, Permissions, TargetKind},
    ids::ChannelId,
    protocol::{
        channel::{ChannelKind, CreateChannel, DeleteChannel, MoveChannel, UpdateChannel},
        role::{ClearOverride, SetOverride},
    },
};

use crate::random::nonce;

/// Creates a channel without a topic.
pub fn create_channel(name: &str, overrides: Vec<Override>) -> CreateChannel {
    CreateChannel {
        nonce: nonce(),
        name: name.to_owned(),
        topic: None,
        overrides,
        kind: ChannelKind::Text,
        parent_id: None,
        slow_mode: 0,
    }
}

/// Changes nothing of a channel yet.
pub fn update_channel(channel_id: ChannelId) -> UpdateChannel {
    UpdateChannel {
        nonce: nonce(),
        channel_id,
        name: None,
        topic: None,
        position: None,
        overrides: None,
        slow_mode: None,
    }
}

/// Sets the overrides of a channel and leaves the rest of it.
pub fn set_overrides(channel_id: ChannelId, overrides: Vec<Override>) -> UpdateChannel {
    UpdateChannel {
        overrides: Some(overrides),
        ..update_channel(channel_id)
    }
}

/// Puts a channel at a place, in no category.
pub fn move_channel(channel_id: ChannelId, position: u32) -> MoveChannel {
    MoveChannel {
        nonce: nonce(),
        channel_id,
        position,
        parent_id: None,
    }
}

/// Says what a role or a member may do otherwise, and leaves the other overrides.
pub fn set_override(channel_id: ChannelId, given: &Override) -> SetOverride {
    SetOverride {
        nonce: nonce(),
        channel_id,
        kind: given.kind,
        target: given.target,
        allow: given.allow,
        deny: given.deny,
    }
}

/// Takes back what was said of the same role or member.
pub fn clear_override(channel_id: ChannelId, given: &Override) -> ClearOverride {
    ClearOverride {
        nonce: nonce(),
        channel_id,
        kind: given.kind,
        target: given.target,
    }
}

/// Deletes a channel.
pub fn delete_channel(channel_id: ChannelId) -> DeleteChannel {
    DeleteChannel {
        nonce: nonce(),
        channel_id,
    }
}

/// Takes a permission from everyone in a channel of this server, but for those who may everything.
pub const fn deny_everyone(server: u64, deny: Permissions) -> Override {
    override_of(TargetKind::Role, server, Permissions::empty(), deny)
}

/// Hides a channel of this server from everyone but those who may everything.
pub const fn hide_channel(server: u64) -> Override {
    deny_everyone(server, Permissions::VIEW_CHANNEL)
}

/// Gives one member a permission in a channel.
pub const fn allow_member(account: u64, allow: Permissions) -> Override {
    override_of(TargetKind::Member, account, allow, Permissions::empty())
}

/// What a role or a member may do otherwise in a channel.
pub const fn override_of(
    kind: TargetKind,
    target: u64,
    allow: Permissions,
    deny: Permissions,
) -> Override {
    Override {
        kind,
        target,
        allow,
        deny,
    }
}
