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
