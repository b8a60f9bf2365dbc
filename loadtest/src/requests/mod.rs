//! Requests as clients of this crate send them: each with a fresh nonce, and without what is
//! optional. Who wants more sets the field: `CreateAccount { invite, ..register(name) }`.

mod moderation;

pub use self::moderation::{
    create_rule, get_modlog, list_reports, report_message, resolve_report, rule_settings,
    set_lockdown, test_rules,
};

use serde::Serialize;
use shared::{
    domain::permissions::{Override, Permissions, TargetKind},
    frame::Frame,
    ids::{ChannelId, MessageId, RoleId, ServerId, SessionId, UserId},
    protocol::{
        self, Request,
        account::{
            ChangePassword, CreateAccount, DeleteAccount, JoinAsGuest, LogIn, RegisterGuest,
            SetSignUpPolicy, SignUp, StartExport, UpdateAccount,
        },
        channel::{ChannelKind, CreateChannel, DeleteChannel, MoveChannel, UpdateChannel},
        invite::{
            CreateInvite, ListInviteUses, ListInvites, PreviewInvite, RedeemInvite, RevokeInvite,
        },
        member::{
            BanUser, GetMember, KickMember, ListBans, MuteMember, RemoveNickname, SetMemberRoles,
            SetNickname, TimeOutMember, UnbanUser, UnmuteMember,
        },
        message::{
            AddReaction, DeleteMessage, DeleteMessages, EditMessage, GetMessage, GetMessages,
            ListPins, ListReactors, NewMessage, PinMessage, RemoveReaction, UnpinMessage,
        },
        presence::{GetPresences, SetStatus, StatusKind, WatchPresences},
        role::{
            AddSelfRole, ClearOverride, CreateRole, DeleteRole, RemoveSelfRole, ReorderRoles,
            SetOverride, UpdateRole,
        },
        search::SearchMessages,
        server::{
            CreateServer, DeleteServer, JoinServer, LeaveServer, TransferServer, UpdateServer,
        },
        session::RevokeSession,
        unread::{AckUnread, CountUnreads, GetUnreads, ListMentions, MarkUnread},
        user::{ListUsers, SearchUsers},
    },
};

use crate::random::nonce;

/// The password of accounts that have no other.
pub const PASSWORD: &str = "correct horse battery";
/// The most messages or members that a page holds.
pub const PAGE: u32 = 200;

/// The frame of a request.
pub fn encode_request<R: Request>(request: u32, scope: u64, body: &R) -> Vec<u8> {
    Frame {
        opcode: R::ROW.opcode,
        request,
        scope,
        body: &protocol::encode(body),
    }
    .write()
}

/// A control frame of a client, which has the form of a request.
pub fn encode_control<T: Serialize>(opcode: u16, body: &T) -> Vec<u8> {
    Frame {
        opcode,
        request: 0,
        scope: 0,
        body: &protocol::encode(body),
    }
    .write()
}

/// Creates an account with [`PASSWORD`].
pub fn register(name: &str) -> CreateAccount {
    CreateAccount {
        nonce: nonce(),
        name: name.to_owned(),
        password: PASSWORD.to_owned(),
        invite: None,
        device: None,
    }
}

/// Signs in.
pub fn log_in(name: &str, password: &str) -> LogIn {
    LogIn {
        nonce: nonce(),
        name: name.to_owned(),
        password: password.to_owned(),
        device: None,
    }
}

/// Creates an account without a password.
pub fn join_as_guest() -> JoinAsGuest {
    JoinAsGuest {
        nonce: nonce(),
        device: None,
    }
}

/// Changes nothing of one's account yet.
pub fn update_account() -> UpdateAccount {
    UpdateAccount {
        nonce: nonce(),
        name: None,
        avatar: None,
        bio: None,
        locale: None,
    }
}

/// Changes the password from [`PASSWORD`] and leaves all sessions open.
pub fn change_password(new: &str) -> ChangePassword {
    ChangePassword {
        nonce: nonce(),
        password: PASSWORD.to_owned(),
        new_password: new.to_owned(),
        end_others: false,
    }
}

/// Gives a guest a name, and [`PASSWORD`].
pub fn register_guest(name: &str) -> RegisterGuest {
    RegisterGuest {
        nonce: nonce(),
        name: name.to_owned(),
        password: PASSWORD.to_owned(),
        invite: None,
    }
}

/// Deletes one's account.
pub fn delete_account(password: Option<&str>) -> DeleteAccount {
    DeleteAccount {
        nonce: nonce(),
        password: password.map(str::to_owned),
    }
}

/// Ends a session of one's own account.
pub fn revoke_session(session_id: SessionId) -> RevokeSession {
    RevokeSession {
        nonce: nonce(),
        session_id,
    }
}

/// Creates a server.
pub fn create_server(name: &str) -> CreateServer {
    CreateServer {
        nonce: nonce(),
        name: name.to_owned(),
    }
}

/// Leaves the server of the scope.
pub fn leave_server() -> LeaveServer {
    LeaveServer { nonce: nonce() }
}

/// Changes nothing of the server of the scope yet.
pub fn update_server() -> UpdateServer {
    UpdateServer {
        nonce: nonce(),
        name: None,
        icon: None,
        description: None,
        discoverable: None,
    }
}

/// Hands the server of the scope over.
pub fn transfer_server(user_id: UserId) -> TransferServer {
    TransferServer {
        nonce: nonce(),
        user_id,
    }
}

/// Deletes the server of the scope, which has this name.
pub fn delete_server(name: &str) -> DeleteServer {
    DeleteServer {
        nonce: nonce(),
        name: name.to_owned(),
    }
}

/// Joins a server that everyone finds.
pub fn join_server(server_id: ServerId) -> JoinServer {
    JoinServer {
        nonce: nonce(),
        server_id,
    }
}

/// Says who may sign up from now on.
pub fn set_signup(signup: SignUp) -> SetSignUpPolicy {
    SetSignUpPolicy {
        nonce: nonce(),
        signup: Some(signup),
        guests: None,
    }
}

/// Makes a code for the server of the scope, or for the deployment, without an end.
pub fn create_invite() -> CreateInvite {
    CreateInvite {
        nonce: nonce(),
        max_uses: None,
        expires_in: None,
    }
}

/// Joins the server of a code.
pub fn redeem_invite(code: &str) -> RedeemInvite {
    RedeemInvite {
        nonce: nonce(),
        code: code.to_owned(),
    }
}

/// Asks what a code opens.
pub fn preview_invite(code: &str) -> PreviewInvite {
    PreviewInvite {
        code: code.to_owned(),
    }
}

/// Makes a code useless.
pub fn revoke_invite(code: &str) -> RevokeInvite {
    RevokeInvite {
        nonce: nonce(),
        code: code.to_owned(),
    }
}

/// Reads the first [`PAGE`] codes.
pub const fn list_invites() -> ListInvites {
    ListInvites {
        after: None,
        limit: Some(PAGE),
    }
}

/// Reads the last [`PAGE`] uses of a code.
pub fn list_uses(code: &str) -> ListInviteUses {
    ListInviteUses {
        code: code.to_owned(),
        after: None,
        limit: Some(PAGE),
    }
}

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

/// Makes a role that permits this and has no look.
pub fn create_role(name: &str, permissions: Permissions) -> CreateRole {
    CreateRole {
        nonce: nonce(),
        name: name.to_owned(),
        permissions,
        colour: None,
        hoist: false,
        mentionable: false,
        self_assignable: false,
        category: None,
    }
}

/// Changes nothing of a role yet.
pub fn update_role(role_id: RoleId) -> UpdateRole {
    UpdateRole {
        nonce: nonce(),
        role_id,
        name: None,
        permissions: None,
        colour: None,
        hoist: None,
        mentionable: None,
        self_assignable: None,
        category: None,
    }
}

/// Deletes a role.
pub fn delete_role(role_id: RoleId) -> DeleteRole {
    DeleteRole {
        nonce: nonce(),
        role_id,
    }
}

/// Puts all roles into this order, that of everyone first.
pub fn reorder_roles(roles: Vec<RoleId>) -> ReorderRoles {
    ReorderRoles {
        nonce: nonce(),
        roles,
        position: None,
    }
}

/// Moves one role.
pub fn move_role(role_id: RoleId, position: u32) -> ReorderRoles {
    ReorderRoles {
        position: Some(position),
        ..reorder_roles(vec![role_id])
    }
}

/// Takes a role.
pub fn take_role(role_id: RoleId) -> AddSelfRole {
    AddSelfRole {
        nonce: nonce(),
        role_id,
    }
}

/// Leaves a role.
pub fn leave_role(role_id: RoleId) -> RemoveSelfRole {
    RemoveSelfRole {
        nonce: nonce(),
        role_id,
    }
}

/// Sends a message that replies to none.
pub fn send_message(channel_id: ChannelId, content: impl Into<String>) -> NewMessage {
    NewMessage {
        nonce: nonce(),
        channel_id,
        content: content.into(),
        reply_to: None,
        silent_reply: false,
    }
}

/// Changes the text of a message.
pub fn edit_message(channel_id: ChannelId, message_id: MessageId, content: &str) -> EditMessage {
    EditMessage {
        nonce: nonce(),
        channel_id,
        message_id,
        content: content.to_owned(),
    }
}

/// Deletes a message.
pub fn delete_message(channel_id: ChannelId, message_id: MessageId) -> DeleteMessage {
    DeleteMessage {
        nonce: nonce(),
        channel_id,
        message_id,
    }
}

/// Deletes several messages at once.
pub fn delete_messages(channel_id: ChannelId, message_ids: Vec<MessageId>) -> DeleteMessages {
    DeleteMessages {
        nonce: nonce(),
        channel_id,
        message_ids,
    }
}

/// Pins a message.
pub fn pin_message(channel_id: ChannelId, message_id: MessageId) -> PinMessage {
    PinMessage {
        nonce: nonce(),
        channel_id,
        message_id,
    }
}

/// Unpins a message.
pub fn unpin_message(channel_id: ChannelId, message_id: MessageId) -> UnpinMessage {
    UnpinMessage {
        nonce: nonce(),
        channel_id,
        message_id,
    }
}

/// Reads the last [`PAGE`] pins of a channel.
pub const fn list_pins(channel_id: ChannelId) -> ListPins {
    ListPins {
        channel_id,
        before: None,
        limit: Some(PAGE),
    }
}

/// Reacts to a message.
pub fn add_reaction(channel_id: ChannelId, message_id: MessageId, emoji: &str) -> AddReaction {
    AddReaction {
        nonce: nonce(),
        channel_id,
        message_id,
        emoji: emoji.to_owned(),
    }
}

/// Takes one's own reaction back.
pub fn remove_reaction(
    channel_id: ChannelId,
    message_id: MessageId,
    emoji: &str,
) -> RemoveReaction {
    RemoveReaction {
        nonce: nonce(),
        channel_id,
        message_id,
        emoji: emoji.to_owned(),
        user_id: None,
    }
}

/// Reads the first [`PAGE`] of those who reacted.
pub fn list_reactors(channel_id: ChannelId, message_id: MessageId, emoji: &str) -> ListReactors {
    ListReactors {
        channel_id,
        message_id,
        emoji: emoji.to_owned(),
        after: None,
        limit: Some(PAGE),
    }
}

/// Reads one message.
pub const fn get_message(channel_id: ChannelId, message_id: MessageId) -> GetMessage {
    GetMessage {
        channel_id,
        message_id,
    }
}

/// Reads the last [`PAGE`] messages of a channel.
pub const fn get_messages(channel_id: ChannelId) -> GetMessages {
    GetMessages {
        channel_id,
        before: None,
        after: None,
        limit: Some(PAGE),
    }
}

/// Moves the cursor of a channel forward.
pub const fn ack_unread(channel_id: ChannelId, seq: u64) -> AckUnread {
    AckUnread { channel_id, seq }
}

/// Moves the cursor of a channel anywhere, if its version is the one that was seen.
pub const fn mark_unread(channel_id: ChannelId, seq: u64, seen: u64) -> MarkUnread {
    MarkUnread {
        channel_id,
        seq,
        seen,
    }
}

/// Looks for messages, from the newest on.
pub fn search_messages(query: &str) -> SearchMessages {
    SearchMessages {
        query: query.to_owned(),
        filter: None,
        before: None,
        limit: None,
    }
}

/// Reads the first [`PAGE`] cursors, or those of them that are newer than a version.
pub const fn get_unreads(newer_than: Option<u64>) -> GetUnreads {
    GetUnreads {
        newer_than,
        after: None,
        limit: None,
    }
}

/// Has everything personal of one's account written down.
pub fn start_export() -> StartExport {
    StartExport { nonce: nonce() }
}

/// Counts what is unread in the first servers.
pub const fn count_unreads() -> CountUnreads {
    CountUnreads {
        after: None,
        limit: None,
    }
}

/// Reads the newest messages that mention one.
pub const fn list_mentions() -> ListMentions {
    ListMentions {
        before: None,
        limit: None,
    }
}

/// Reads the first [`PAGE`] members of a server.
pub const fn list_users() -> ListUsers {
    ListUsers {
        after: None,
        limit: Some(PAGE),
    }
}

/// Reads the first [`PAGE`] accounts whose names begin so.
pub fn search_users(prefix: &str) -> SearchUsers {
    SearchUsers {
        prefix: prefix.to_owned(),
        after: None,
        limit: Some(PAGE),
    }
}

/// Shows a member.
pub const fn get_member(user_id: UserId) -> GetMember {
    GetMember { user_id }
}

/// Calls oneself something else.
pub fn set_nickname(nickname: &str) -> SetNickname {
    SetNickname {
        nonce: nonce(),
        nickname: nickname.to_owned(),
        user_id: None,
    }
}

/// Calls oneself by one's name again.
pub fn remove_nickname() -> RemoveNickname {
    RemoveNickname {
        nonce: nonce(),
        user_id: None,
    }
}

/// Gives a member these roles and no others.
pub fn set_roles(user_id: UserId, roles: Vec<RoleId>) -> SetMemberRoles {
    SetMemberRoles {
        nonce: nonce(),
        user_id,
        roles,
        reason: String::new(),
    }
}

/// Removes a member.
pub fn kick(user_id: UserId) -> KickMember {
    KickMember {
        nonce: nonce(),
        user_id,
        reason: String::new(),
    }
}

/// Bans an account for ever, and leaves what it said.
pub fn ban(user_id: UserId) -> BanUser {
    BanUser {
        nonce: nonce(),
        user_id,
        reason: String::new(),
        duration: None,
        delete_hours: 0,
    }
}

/// Lets a banned account join again.
pub fn unban(user_id: UserId) -> UnbanUser {
    UnbanUser {
        nonce: nonce(),
        user_id,
        reason: String::new(),
    }
}

/// Reads the first [`PAGE`] bans of a server.
pub const fn list_bans() -> ListBans {
    ListBans {
        after: None,
        limit: Some(PAGE),
    }
}

/// Silences a member for so many seconds; 0 lets him speak again.
pub fn time_out(user_id: UserId, duration: u32) -> TimeOutMember {
    TimeOutMember {
        nonce: nonce(),
        user_id,
        duration,
        reason: String::new(),
    }
}

/// Silences a member in a channel for so many seconds.
pub fn mute(channel_id: ChannelId, user_id: UserId, duration: u32) -> MuteMember {
    MuteMember {
        nonce: nonce(),
        channel_id,
        user_id,
        duration,
        reason: String::new(),
    }
}

/// Lets a member speak in a channel again.
pub fn unmute(channel_id: ChannelId, user_id: UserId) -> UnmuteMember {
    UnmuteMember {
        nonce: nonce(),
        channel_id,
        user_id,
        reason: String::new(),
    }
}

/// Sets a status that says nothing.
pub fn set_status() -> SetStatus {
    SetStatus {
        nonce: nonce(),
        status: StatusKind::Online,
        text: None,
        until: None,
    }
}

/// Asks who of these members is there.
pub const fn get_presences(user_ids: Vec<UserId>) -> GetPresences {
    GetPresences { user_ids }
}

/// The same, and hears of changes from then on.
pub const fn watch_presences(user_ids: Vec<UserId>) -> WatchPresences {
    WatchPresences { user_ids }
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
