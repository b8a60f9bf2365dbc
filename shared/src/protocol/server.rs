//! Servers: create, look at, leave.

use super::macros::family;
use crate::{
    domain::permissions::Permissions,
    ids::{RoleId, ServerId, UserId},
    protocol::{channel::Channel, user::Member},
    wire::bodies,
};

family! {
    commands {
        /// Leaves the scope's server.
        304 server_leave: LeaveServer -> (), [for member], limited by Write;
    }
    internals {
        /// Creates a server in the partition chosen for it.
        61728 server_found: FoundServer -> ServerInfo, [for workers], limited by Unlimited;
    }
    queries {
        /// Shows the scope's server as the member sees it.
        2336 server_info: GetServer -> ServerInfo, [for member], limited by Read;
        /// Lists the servers that the account is a member of.
        2337 servers_list: ListServers -> Servers, [for account], limited by Read;
    }
    openings {
        /// Creates a server with the channel "general"; its creator owns it.
        2338 server_create: CreateServer -> ServerInfo, [for account], limited by Write;
    }
    events {
        /// The account became a member of a server.
        304 server_joined: ServerJoined;
        /// The account is no longer a member of a server.
        305 server_left: ServerLeft;
        /// Somebody became a member. Nobody is told in a server of more than 1,000 members.
        306 member_joined: MemberJoined;
        /// Somebody is no longer a member. In a server of more than 1,000 members only he is told.
        307 member_left: MemberLeft;
    }
}

bodies! {
    /// Creates a server.
    CreateServer {
        /// The idempotency key.
        nonce: String,
        /// Up to 100 characters.
        name: String,
    }
    /// Creates a server in its lane.
    FoundServer {
        /// The idempotency key of the client.
        nonce: String,
        /// The checked name.
        name: String,
    }
    /// Asks for the scope's server.
    GetServer {}
    /// Asks for the account's servers.
    ListServers {}
    /// The servers of an account, by id.
    Servers {
        /// The servers.
        servers: Vec<Server>,
    }
    /// A server.
    Server {
        /// The server.
        server_id: ServerId,
        /// What it is called.
        name: String,
        /// Who owns it.
        owner_id: UserId,
    }
    /// A role.
    Role {
        /// The role; the role of everyone has the server's id.
        role_id: RoleId,
        /// What it is called.
        name: String,
        /// What it permits in the server.
        permissions: Permissions,
    }
    /// A server as a member sees it.
    ServerInfo {
        /// The server.
        server: Server,
        /// Its roles.
        roles: Vec<Role>,
        /// The channels that the member sees.
        channels: Vec<Channel>,
    }
    /// Leaves the server.
    LeaveServer {
        /// The idempotency key.
        nonce: String,
    }
    /// The account became a member.
    ServerJoined {
        /// The server.
        server: Server,
    }
    /// The account is no longer a member.
    ServerLeft {
        /// The server.
        server_id: ServerId,
    }
    /// Somebody became a member.
    MemberJoined {
        /// The member.
        member: Member,
    }
    /// Somebody is no longer a member.
    MemberLeft {
        /// Who left.
        user_id: UserId,
    }
}
