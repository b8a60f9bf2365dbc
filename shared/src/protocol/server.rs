//! Servers: create, look at, leave.

use serde::{Deserialize, Serialize};
use shared_derive::Body;

use super::macros::family;
use crate::{
    domain::permissions::Permissions,
    ids::{RoleId, ServerId, UserId},
    protocol::{channel::Channel, user::Member},
};

family! {
    commands: LeaveServer, FoundServer;
    queries: GetServer, ListServers;
    forwarded: CreateServer;
    events: ServerJoined, ServerLeft, MemberJoined, MemberLeft;
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
}

/// A role.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct Role {
    /// The role; the role of everyone has the server's id.
    pub role_id: RoleId,
    /// What it is called.
    pub name: String,
    /// What it permits in the server.
    pub permissions: Permissions,
    /// Its rank: a higher one is above a lower one, that of everyone is 0.
    #[serde(default)]
    pub position: u32,
    /// Red, green and blue in 24 bits; the client's own colour when absent.
    #[serde(default)]
    pub colour: Option<u32>,
    /// Whether member lists show those who hold it on their own.
    #[serde(default)]
    pub hoist: bool,
    /// Whether everyone may mention it.
    #[serde(default)]
    pub mentionable: bool,
    /// Whether members may take it and leave it by themselves.
    #[serde(default)]
    pub self_assignable: bool,
    /// Under which heading lists of roles show it.
    #[serde(default)]
    pub category: Option<String>,
}

/// A server as a member sees it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct ServerInfo {
    /// The server.
    pub server: Server,
    /// Its roles.
    pub roles: Vec<Role>,
    /// The channels that the member sees.
    pub channels: Vec<Channel>,
}

/// Leaves the scope's server.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(304, server_leave, access = Member, limit = Write)]
pub struct LeaveServer {
    /// The idempotency key.
    pub nonce: String,
}

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
