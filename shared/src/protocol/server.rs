//! Servers: create, look at, change, hand over, discover, leave.

use serde::{Deserialize, Serialize};
use shared_derive::{Body, Choice};

use super::macros::family;
use crate::{
    ids::{ServerId, UserId},
    protocol::{channel::Channel, moderation::Lockdown, role::Role, user::Member},
};

family! {
    commands: LeaveServer, UpdateServer, TransferServer, DeleteServer, FoundServer, JoinDiscovered, ForsakeServer;
    queries: GetServer, ListServers, ListOverviews, DiscoverServers;
    forwarded: CreateServer, JoinServer;
    events: ServerJoined, ServerLeft, MemberJoined, MemberLeft, ServerUpdated, ServerDeleted;
}

/// Creates a server with the channel "general"; its creator owns it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[forwarded(2338, server_create, reply = ServerInfo, access = Account, limit = Write)]
pub struct CreateServer {
    /// The idempotency key.
    pub nonce: String,
    /// Up to 100 characters.
    pub name: String,
}

/// Creates a server in the partition chosen for it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[internal(61728, server_found, reply = ServerInfo)]
pub struct FoundServer {
    /// The idempotency key of the client.
    pub nonce: String,
    /// The checked name.
    pub name: String,
}

/// Shows the scope's server as the member sees it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[query(2336, server_info, reply = ServerInfo, access = Member, limit = Read)]
pub struct GetServer {}

/// Lists the servers that the account is a member of.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[query(2337, servers_list, reply = Servers, access = Account, limit = Read)]
pub struct ListServers {}

/// The servers of an account, by id.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct Servers {
    /// The servers.
    pub servers: Vec<Server>,
}

/// A server.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct Server {
    /// The server.
    pub server_id: ServerId,
    /// What it is called.
    pub name: String,
    /// Who owns it.
    pub owner_id: UserId,
    /// Where its picture is: an HTTPS address, or nothing.
    #[serde(default)]
    pub icon: String,
    /// What it is about, in up to 300 characters.
    #[serde(default)]
    pub description: String,
    /// Whether everyone on the deployment finds it and may join it.
    #[serde(default)]
    pub discoverable: bool,
}

/// A server as a member sees it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct ServerInfo {
    /// The server.
    pub server: Server,
    /// Its roles, from that of everyone upwards.
    pub roles: Vec<Role>,
    /// The channels that the member sees.
    pub channels: Vec<Channel>,
    /// How it is locked down; absent where it is not.
    #[serde(default)]
    pub lockdown: Option<Lockdown>,
}

/// Changes the scope's server; what is absent stays.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(305, server_update, access = Server(MANAGE_SERVER), limit = Write)]
pub struct UpdateServer {
    /// The idempotency key.
    pub nonce: String,
    /// Up to 100 characters.
    #[serde(default)]
    pub name: Option<String>,
    /// An HTTPS address of up to 200 characters, or nothing.
    #[serde(default)]
    pub icon: Option<String>,
    /// Up to 300 characters.
    #[serde(default)]
    pub description: Option<String>,
    /// Whether everyone on the deployment finds it and may join it.
    #[serde(default)]
    pub discoverable: Option<bool>,
}

/// Makes another member the owner of the scope's server. Only its owner may.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(306, server_transfer, access = Member, limit = Write)]
pub struct TransferServer {
    /// The idempotency key.
    pub nonce: String,
    /// Who is to own it.
    pub user_id: UserId,
}

/// Deletes the scope's server with everything in it, for everyone. Only its owner may.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(307, server_delete, access = Member, limit = Write)]
pub struct DeleteServer {
    /// The idempotency key.
    pub nonce: String,
    /// What the server is called: who deletes it is to know which one.
    pub name: String,
}

/// Shows servers of the account as it needs them after `ready`, up to 20 at once. Where they have
/// many channels and overrides the answer ends sooner, and is asked for again from its `next` on.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[query(2339, servers_overview, reply = Overviews, access = Account, limit = Read)]
pub struct ListOverviews {
    /// The servers, at most 20.
    pub server_ids: Vec<ServerId>,
    /// Begin with this one of them, the `next` of the answer before.
    #[serde(default)]
    pub from: Option<ServerId>,
}

/// The servers that the account is a member of, by id; others are missing.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct Overviews {
    /// The servers.
    pub servers: Vec<Overview>,
    /// Where to go on; absent when this was all.
    #[serde(default)]
    pub next: Option<ServerId>,
}

/// All that a client needs to show a server, of one moment.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct Overview {
    /// The server, its roles and the channels that the member sees.
    pub info: ServerInfo,
    /// The account's own membership.
    pub member: Member,
    /// The last event of the server's topic that all this holds.
    pub head: u64,
    /// The last event that changed what permissions depend on.
    pub rights_version: u64,
}

/// Lists the servers that everyone may find, by id.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[query(2340, servers_discover, reply = DiscoveredServers, access = Account, limit = Read)]
pub struct DiscoverServers {
    /// Begin after this server.
    #[serde(default)]
    pub after: Option<ServerId>,
    /// At most 200.
    #[serde(default)]
    pub limit: Option<u32>,
}

/// A page of servers that everyone may find.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct DiscoveredServers {
    /// The servers.
    pub servers: Vec<DiscoveredServer>,
}

/// A server that everyone may find.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct DiscoveredServer {
    /// The server.
    pub server: Server,
    /// How many members it has.
    pub member_count: u32,
}

/// Becomes a member of a server that everyone may find.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[forwarded(2341, server_join, reply = ServerInfo, access = Account, limit = Write)]
pub struct JoinServer {
    /// The idempotency key.
    pub nonce: String,
    /// The server.
    pub server_id: ServerId,
}

/// Becomes a member in the lane of the server.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[internal(61729, server_enter, reply = ServerInfo)]
pub struct JoinDiscovered {
    /// The idempotency key of the client.
    pub nonce: String,
}

/// Leaves the scope's server.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(304, server_leave, access = Member, limit = Write)]
pub struct LeaveServer {
    /// The idempotency key.
    pub nonce: String,
}

/// Leaves the scope's server because the account was deleted: the one that sent it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[internal(61730, server_forsake, nonce = ignored)]
pub struct ForsakeServer {}

/// The account became a member of a server.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[event(304, server_joined)]
pub struct ServerJoined {
    /// The server.
    pub server: Server,
}

/// The account is no longer a member of a server.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[event(305, server_left)]
pub struct ServerLeft {
    /// The server.
    pub server_id: ServerId,
    /// Why.
    #[serde(default)]
    pub cause: LeaveCause,
}

/// Why a membership ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Choice)]
pub enum LeaveCause {
    /// The account left.
    #[default]
    Left = 0,
    /// A moderator removed it; it may come back.
    Kicked = 1,
    /// A moderator banned it.
    Banned = 2,
}

/// Somebody became a member. Nobody is told in a server of more than 1,000 members.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[event(306, member_joined)]
pub struct MemberJoined {
    /// The member.
    pub member: Member,
}

/// Somebody is no longer a member. In a server of more than 1,000 members only he is told.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[event(307, member_left)]
pub struct MemberLeft {
    /// Who left.
    pub user_id: UserId,
}

/// The server was changed, or has another owner.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[event(308, server_updated)]
pub struct ServerUpdated {
    /// The server as it is now.
    pub server: Server,
}

/// The server is gone, with everything in it. It is the last event of its topic.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[event(309, server_deleted)]
pub struct ServerDeleted {
    /// The server.
    pub server_id: ServerId,
}
