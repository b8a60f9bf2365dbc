//! Members: look at one, their roles and nicknames; remove, ban and silence them.

use serde::{Deserialize, Serialize};
use shared_derive::Body;

use super::macros::family;
use crate::{
    ids::{ChannelId, MessageId, RoleId, UserId},
    protocol::user::{Member, User},
};

family! {
    commands: KickMember, BanUser, UnbanUser, TimeOutMember, MuteMember, UnmuteMember,
        SetNickname, RemoveNickname, SetMemberRoles, AddMemberRoles, RemoveMemberRoles,
        DeleteAuthored, DeleteBanned;
    queries: GetMember, GetMemberRoles, ListBans, ListMembers;
    events: MemberRolesChanged, NicknameChanged, MemberTimedOut, ChannelMuted, ChannelUnmuted;
}

/// Shows a member of the scope's server.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[query(2400, member_get, reply = ShownMember, access = Member, limit = Read)]
pub struct GetMember {
    /// The member.
    pub user_id: UserId,
}

/// A member, as one other member sees him.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct ShownMember {
    /// The member.
    pub member: Member,
    /// The channels where he may only look on, of those that the asker sees: for himself and for
    /// those who may silence him.
    #[serde(default)]
    pub mutes: Vec<Mute>,
}

/// A channel in which a member may only look on.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct Mute {
    /// The channel.
    pub channel_id: ChannelId,
    /// Until when, in milliseconds since 1970.
    pub until: u64,
}

/// Removes a member of lower rank from the scope's server; he may come back.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(368, member_kick, access = Server(KICK_MEMBERS), limit = Write)]
pub struct KickMember {
    /// The idempotency key.
    pub nonce: String,
    /// The member.
    pub user_id: UserId,
    /// Why, up to 512 characters.
    #[serde(default)]
    pub reason: String,
}

/// Bans an account from the scope's server: a member of lower rank, or who is none, whether the
/// account exists or not. Its membership
/// ends, and it cannot join until the ban ends. A ban of an account that is banned replaces the one before.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(369, user_ban, access = Server(BAN_MEMBERS), limit = Write)]
pub struct BanUser {
    /// The idempotency key.
    pub nonce: String,
    /// The account.
    pub user_id: UserId,
    /// Why, up to 512 characters.
    #[serde(default)]
    pub reason: String,
    /// For how many seconds, up to ten years; for ever when absent.
    #[serde(default)]
    pub duration: Option<u32>,
    /// Of how many of the last hours its messages are deleted, bit by bit: at most 168, 0 by default.
    /// This needs `MANAGE_MESSAGES` in the server, too.
    #[serde(default)]
    pub delete_hours: u32,
}

/// Lets a banned account join again.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(370, user_unban, access = Server(BAN_MEMBERS), limit = Write)]
pub struct UnbanUser {
    /// The idempotency key.
    pub nonce: String,
    /// The account.
    pub user_id: UserId,
    /// Why, up to 512 characters.
    #[serde(default)]
    pub reason: String,
}

/// Lists who is banned from the scope's server, by id.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[query(2402, users_banned_list, reply = Bans, access = Server(BAN_MEMBERS), limit = Read)]
pub struct ListBans {
    /// Begin after this account.
    #[serde(default)]
    pub after: Option<UserId>,
    /// At most 200.
    #[serde(default)]
    pub limit: Option<u32>,
}

/// A page of bans.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct Bans {
    /// The bans.
    pub bans: Vec<Ban>,
}

/// A banned account.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct Ban {
    /// The account. Of one that never was a member nothing but its id is said; its name is empty.
    pub user: User,
    /// Why, by whom and until when.
    pub terms: BanTerms,
}

/// What a ban says.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct BanTerms {
    /// Why; may be empty.
    pub reason: String,
    /// Who banned; absent where a rule did.
    pub banned_by: Option<UserId>,
    /// When, in milliseconds since 1970.
    pub banned_at: u64,
    /// Until when; for ever when absent.
    pub until: Option<u64>,
}

/// Lets a member of lower rank only look on for some time, wherever in the scope's server.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(371, user_timeout, access = Server(TIMEOUT_MEMBERS), limit = Write)]
pub struct TimeOutMember {
    /// The idempotency key.
    pub nonce: String,
    /// The member.
    pub user_id: UserId,
    /// For how many seconds from now, up to 28 days; 0 lets him speak again.
    pub duration: u32,
    /// Why, up to 512 characters.
    #[serde(default)]
    pub reason: String,
}

/// Lets a member of lower rank only look on in one channel for some time.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(372, channel_mute, access = Channel(TIMEOUT_MEMBERS), limit = Write)]
pub struct MuteMember {
    /// The idempotency key.
    pub nonce: String,
    /// The channel.
    pub channel_id: ChannelId,
    /// The member.
    pub user_id: UserId,
    /// For how many seconds from now: 1 second to 28 days.
    pub duration: u32,
    /// Why, up to 512 characters.
    #[serde(default)]
    pub reason: String,
}

/// Lets a member speak in a channel again.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(373, channel_unmute, access = Channel(TIMEOUT_MEMBERS), limit = Write)]
pub struct UnmuteMember {
    /// The idempotency key.
    pub nonce: String,
    /// The channel.
    pub channel_id: ChannelId,
    /// The member.
    pub user_id: UserId,
    /// Why, up to 512 characters.
    #[serde(default)]
    pub reason: String,
}

/// Deletes messages of an account in the scope's server. Programs from before left it; it becomes
/// part of [`DeleteBanned`].
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[internal(61792, authored_delete, nonce = ignored)]
pub struct DeleteAuthored {
    /// The account.
    pub author: UserId,
    /// Messages with ids above this one, and up to `until`.
    pub from: MessageId,
    /// The last one that may be deleted.
    pub until: MessageId,
    /// Where the slice begins: at this channel,
    pub channel: ChannelId,
    /// and behind this message of it.
    pub after: MessageId,
}

/// Deletes what banned accounts said in the scope's server, one slice after the other: each leaves
/// the next one behind, until no ban asks for more. There is one of them for each server.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[internal(61793, banned_delete, nonce = ignored)]
pub struct DeleteBanned {
    /// Messages with ids above this one, and up to `until`.
    pub from: MessageId,
    /// The last one that may be deleted.
    pub until: MessageId,
    /// Where the slice begins: at this channel,
    pub channel: ChannelId,
    /// and behind this message of it.
    pub after: MessageId,
}

/// A ban as the audit log has it; why, its entry says.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct RecordedBan {
    /// Who banned; absent where a rule did.
    pub banned_by: Option<UserId>,
    /// When, in milliseconds since 1970.
    pub banned_at: u64,
    /// Until when; for ever when absent.
    pub until: Option<u64>,
    /// Of how many hours messages were deleted with it; 0 where it says what was before.
    #[serde(default)]
    pub deleted_hours: u32,
}

/// Lists the roles of a member of the scope's server.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[query(2401, user_roles_get, reply = MemberRoles, access = Member, limit = Read)]
pub struct GetMemberRoles {
    /// The member.
    pub user_id: UserId,
}

/// The roles of a member.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct MemberRoles {
    /// The roles, besides that of everyone.
    pub roles: Vec<RoleId>,
}

/// Lists the members of the scope's server as people see them: under each hoisted role, from the
/// highest rank down, those whose highest hoisted role it is; then all others; each by nickname
/// or name.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[query(2403, members_list, reply = MemberPage, access = Member, limit = Read)]
pub struct ListMembers {
    /// Go on where a page ended.
    #[serde(default)]
    pub place: Option<MemberPlace>,
    /// At most 200; 100 by default.
    #[serde(default)]
    pub limit: Option<u32>,
}

/// A page of a member list.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct MemberPage {
    /// The members; fewer than asked for where many were passed over, as they stand elsewhere.
    pub members: Vec<Member>,
    /// Where the page ended; absent when there are no more.
    pub next: Option<MemberPlace>,
}

/// A place in a member list. Once its role is hoisted no more, it is refused as `moved`: the client
/// begins with the first page.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct MemberPlace {
    /// Under which hoisted role; absent among all others.
    pub role_id: Option<RoleId>,
    /// Behind this name, as it is sorted,
    pub name: String,
    /// and of those who have it, behind this member; absent before the first one.
    pub user_id: Option<UserId>,
}

/// Calls a member of the scope's server something else there: oneself with `CHANGE_NICKNAME`,
/// a member of lower rank with `MANAGE_NICKNAMES`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(374, nickname_update, access = Member, limit = Write)]
pub struct SetNickname {
    /// The idempotency key.
    pub nonce: String,
    /// 1 to 32 characters.
    pub nickname: String,
    /// Whom; oneself when absent.
    #[serde(default)]
    pub user_id: Option<UserId>,
}

/// Calls a member of the scope's server by the name of the account again; who may is the same as
/// for `nickname_update`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(375, nickname_remove, access = Member, limit = Write)]
pub struct RemoveNickname {
    /// The idempotency key.
    pub nonce: String,
    /// Whom; oneself when absent.
    #[serde(default)]
    pub user_id: Option<UserId>,
}

/// Gives a member these roles in place of those before. Who gives or takes a role is above it, and
/// above the member unless that is himself; and gives nothing that he lacks.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(376, user_roles_set, access = Server(MANAGE_ROLES), limit = Write)]
pub struct SetMemberRoles {
    /// The idempotency key.
    pub nonce: String,
    /// The member.
    pub user_id: UserId,
    /// All roles that he is to hold, besides that of everyone: at most 100.
    pub roles: Vec<RoleId>,
    /// Why, up to 512 characters.
    #[serde(default)]
    pub reason: String,
}

/// Gives a member roles besides those that he holds; rules as for `user_roles_set`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(377, user_roles_add, access = Server(MANAGE_ROLES), limit = Write)]
pub struct AddMemberRoles {
    /// The idempotency key.
    pub nonce: String,
    /// The member.
    pub user_id: UserId,
    /// The roles; those that he holds already do no harm.
    pub roles: Vec<RoleId>,
    /// Why, up to 512 characters.
    #[serde(default)]
    pub reason: String,
}

/// Takes roles from a member; rules as for `user_roles_set`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(378, user_roles_remove, access = Server(MANAGE_ROLES), limit = Write)]
pub struct RemoveMemberRoles {
    /// The idempotency key.
    pub nonce: String,
    /// The member.
    pub user_id: UserId,
    /// The roles; those that he does not hold do no harm.
    pub roles: Vec<RoleId>,
    /// Why, up to 512 characters.
    #[serde(default)]
    pub reason: String,
}

/// A member holds other roles. In a server of more than 1,000 members only he and who did it are
/// told.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[event(368, member_roles_changed)]
pub struct MemberRolesChanged {
    /// The member.
    pub user_id: UserId,
    /// All roles held now, besides that of everyone.
    pub roles: Vec<RoleId>,
}

/// A member is called something else. In a server of more than 1,000 members only he and who did
/// it are told.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[event(369, nickname_changed)]
pub struct NicknameChanged {
    /// The member.
    pub user_id: UserId,
    /// The nickname; the name of the account when absent.
    pub nickname: Option<String>,
}

/// A member may only look on for some time, or may speak again. In a server of more than 1,000
/// members only he and who did it are told.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[event(370, member_timed_out)]
pub struct MemberTimedOut {
    /// The member.
    pub user_id: UserId,
    /// Until when, in milliseconds since 1970; he may speak when absent.
    pub until: Option<u64>,
}

/// A member may only look on in a channel for some time: told to him and to who did it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[event(371, channel_muted)]
pub struct ChannelMuted {
    /// The member.
    pub user_id: UserId,
    /// Where, and until when.
    pub mute: Mute,
}

/// A member may speak in a channel again: told to him and to who did it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[event(372, channel_unmuted)]
pub struct ChannelUnmuted {
    /// The member.
    pub user_id: UserId,
    /// Where.
    pub channel_id: ChannelId,
}
