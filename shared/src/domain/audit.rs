//! What is recorded of those who moderate and build a server.

use shared_derive::Choice;

/// What was done. Numbers are in the database and never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Choice)]
pub enum Action {
    /// The server was changed.
    ServerUpdate = 1,
    /// The server has another owner.
    ServerTransfer = 2,
    /// An invite was made.
    InviteCreate = 3,
    /// An invite was revoked.
    InviteRevoke = 4,
    /// A channel was made.
    ChannelCreate = 10,
    /// A channel was changed.
    ChannelUpdate = 11,
    /// A channel was deleted.
    ChannelDelete = 12,
    /// A channel stands elsewhere.
    ChannelMove = 13,
    /// An override was set.
    OverrideSet = 14,
    /// An override was cleared.
    OverrideClear = 15,
    /// A role was made.
    RoleCreate = 20,
    /// A role was changed.
    RoleUpdate = 21,
    /// A role was deleted.
    RoleDelete = 22,
    /// Roles stand in another order.
    RoleReorder = 23,
    /// A member was removed.
    MemberKick = 30,
    /// An account was banned.
    MemberBan = 31,
    /// An account may come back.
    MemberUnban = 32,
    /// A member was silenced for some time, or may speak again.
    MemberTimeout = 33,
    /// A member was silenced in a channel.
    ChannelMute = 34,
    /// A member may speak in a channel again.
    ChannelUnmute = 35,
    /// The nickname of somebody else was changed.
    NicknameUpdate = 36,
    /// A member holds other roles.
    MemberRoles = 37,
    /// A message of somebody else was deleted.
    MessageDelete = 40,
    /// Several messages were deleted at once.
    MessagesDelete = 41,
    /// A message was pinned.
    MessagePin = 42,
    /// A message was unpinned.
    MessageUnpin = 43,
    /// A reaction of somebody else was taken away.
    ReactionRemove = 44,
    /// A report was resolved.
    ReportResolve = 50,
    /// A rule of moderation was made.
    RuleCreate = 51,
    /// A rule of moderation was changed.
    RuleUpdate = 52,
    /// A rule of moderation was deleted.
    RuleDelete = 53,
    /// A rule of moderation acted.
    RuleApply = 54,
    /// The server was locked down, or opened again.
    LockdownSet = 55,
}

/// What an action is about: it decides how long its entries are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Category {
    /// The server, its invites, channels and roles.
    Structure,
    /// Members, and what they may do.
    Members,
    /// Messages.
    Messages,
    /// Reports, rules and what they did.
    Rules,
}

impl Action {
    /// Every action there is.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..=u8::MAX).filter_map(Self::from_number)
    }

    /// What it is about.
    pub const fn category(self) -> Category {
        match self {
            Self::ServerUpdate
            | Self::ServerTransfer
            | Self::InviteCreate
            | Self::InviteRevoke
            | Self::ChannelCreate
            | Self::ChannelUpdate
            | Self::ChannelDelete
            | Self::ChannelMove
            | Self::OverrideSet
            | Self::OverrideClear
            | Self::RoleCreate
            | Self::RoleUpdate
            | Self::RoleDelete
            | Self::RoleReorder => Category::Structure,
            Self::MemberKick
            | Self::MemberBan
            | Self::MemberUnban
            | Self::MemberTimeout
            | Self::ChannelMute
            | Self::ChannelUnmute
            | Self::NicknameUpdate
            | Self::MemberRoles => Category::Members,
            Self::MessageDelete
            | Self::MessagesDelete
            | Self::MessagePin
            | Self::MessageUnpin
            | Self::ReactionRemove => Category::Messages,
            Self::ReportResolve
            | Self::RuleCreate
            | Self::RuleUpdate
            | Self::RuleDelete
            | Self::RuleApply
            | Self::LockdownSet => Category::Rules,
        }
    }
}
