//! Presence: who is there, and the status that an account shows.

use serde::{Deserialize, Serialize};
use shared_derive::{Body, Choice};

use super::{macros::family, member::MemberPlace, user::Member};
use crate::ids::{RoleId, UserId};

family! {
    commands: SetStatus;
    queries: GetStatus, GetPresences, WatchPresences, ListOnline;
    events: StatusUpdated, PresenceChanged;
}

/// What an account wants to be shown as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum StatusKind {
    /// As it is: online, or idle where all of its sessions are.
    #[default]
    Online,
    /// Idle, whatever its sessions do.
    Idle,
    /// Not to be disturbed.
    Dnd,
    /// Offline, whatever its sessions do.
    Invisible,
}

/// How an account looks to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum PresenceState {
    /// It has no session, or does not want to be seen.
    #[default]
    Offline,
    /// It has a session in use.
    Online,
    /// None of its sessions is in use.
    Idle,
    /// It is there and does not want to be disturbed.
    Dnd,
}

/// The status of an account, as the account itself sees it.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize, Body)]
pub struct Status {
    /// What it wants to be shown as.
    pub status: StatusKind,
    /// A text beside its name.
    pub text: String,
    /// When it goes back to online without a text, in milliseconds since 1970; none for never.
    pub until: Option<u64>,
    /// Rises with each change; 0 before the first one.
    pub version: u64,
}

/// Which change of the status it was. The text is not in it: replies are kept for a while, and a text
/// is gone with the next one.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct StatusSet {
    /// Rises with each change.
    pub version: u64,
}

/// Sets the status of the account, in place of what it was on any device.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(912, status_set, reply = StatusSet, access = Account, limit = Write)]
pub struct SetStatus {
    /// The idempotency key.
    pub nonce: String,
    /// What to be shown as.
    pub status: StatusKind,
    /// Up to 100 characters; none or empty for no text.
    #[serde(default)]
    pub text: Option<String>,
    /// When it goes back to online without a text, in milliseconds since 1970.
    #[serde(default)]
    pub until: Option<u64>,
}

/// Shows the account's own status.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[query(2944, status_get, reply = Status, access = Account, limit = Read)]
pub struct GetStatus {}

/// Shows who of these members of the scope's server is there.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[query(2945, presence_get, reply = Presences, access = Member, limit = Read)]
pub struct GetPresences {
    /// At most 200; those who are no members are left out.
    pub user_ids: Vec<UserId>,
}

/// Shows the same, and has this connection told of changes by `presence_changed` from then on: in place of whom it watched in this server before. Over HTTP nobody is told.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[query(2946, presence_watch, reply = Presences, access = Member, limit = Read)]
pub struct WatchPresences {
    /// At most 200; those who are no members are left out. None ends the watch.
    pub user_ids: Vec<UserId>,
}

/// How members are.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct Presences {
    /// Those of the members asked for, each once.
    pub members: Vec<MemberPresence>,
}

/// How a member is.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct MemberPresence {
    /// The account.
    pub user_id: UserId,
    /// How it looks.
    pub state: PresenceState,
    /// The text of its status; empty while it looks offline.
    pub text: String,
}

/// Lists the members of the scope's server that look online, as a member list shows them: those of each
/// hoisted role, from the highest rank down, then all others, each group by nickname or name.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[query(2947, users_online, reply = OnlinePage, access = Member, limit = Read)]
pub struct ListOnline {
    /// Go on where a page ended.
    #[serde(default)]
    pub place: Option<MemberPlace>,
    /// At most 200; 100 by default.
    #[serde(default)]
    pub limit: Option<u32>,
}

/// A page of the members that look online.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct OnlinePage {
    /// The members; fewer than asked for, or none, where many were passed over who are not there.
    pub members: Vec<OnlineMember>,
    /// Where the page ended; absent when there are no more.
    pub next: Option<MemberPlace>,
}

/// A member that looks online.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct OnlineMember {
    /// The member.
    pub member: Member,
    /// The hoisted role that it stands under; absent among all others.
    pub role_id: Option<RoleId>,
    /// How it looks.
    pub state: PresenceState,
    /// The text of its status.
    pub text: String,
}

/// The account set its status on some device. The text is not in it: it is read by `status_get`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[event(912, status_updated)]
pub struct StatusUpdated {
    /// What the account wants to be shown as.
    pub status: StatusKind,
    /// When it goes back to online, in milliseconds since 1970.
    pub until: Option<u64>,
    /// Which change it was.
    pub version: u64,
}

/// Accounts that this connection watches look otherwise now. Belongs to no topic (0) and has no `seq`; at most one in a second.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[event(913, presence_changed)]
pub struct PresenceChanged {
    /// Each account that changed, once.
    pub changes: Vec<PresenceChange>,
}

/// How an account looks now.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct PresenceChange {
    /// The account.
    pub user_id: UserId,
    /// How it looks.
    pub state: PresenceState,
}
