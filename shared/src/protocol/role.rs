//! Roles: make, change, order and delete them, take those that are for everyone to take, and
//! explain what they permit.

use serde::{Deserialize, Serialize};
use shared_derive::Body;

use super::macros::family;
use crate::{
    domain::permissions::{Permissions, Step, TargetKind},
    ids::{ChannelId, RoleId, UserId},
};

family! {
    commands: CreateRole, UpdateRole, DeleteRole, ReorderRoles, SetRolePermissions,
        AddSelfRole, RemoveSelfRole, SetOverride, ClearOverride;
    queries: ListRoles, GetRolePermissions, ListSelfRoles, ExplainPermissions;
    events: RoleCreated, RoleUpdated, RoleDeleted, RolesReordered;
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
    /// Its rank: a higher one is above a lower one, that of everyone is 0. Dense: no two roles have the same.
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

/// Makes a role, the lowest but that of everyone; it has to be below the highest one of its maker, and permits nothing that he lacks.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(400, role_create, reply = RoleCreated, access = Server(MANAGE_ROLES), limit = Write)]
pub struct CreateRole {
    /// The idempotency key.
    pub nonce: String,
    /// Up to 100 characters.
    pub name: String,
    /// What it permits in the server.
    #[serde(default)]
    pub permissions: Permissions,
    /// Red, green and blue in 24 bits; 0 is the client's own colour.
    #[serde(default)]
    pub colour: Option<u32>,
    /// Whether member lists show those who hold it on their own.
    #[serde(default)]
    pub hoist: bool,
    /// Whether everyone may mention it.
    #[serde(default)]
    pub mentionable: bool,
    /// Whether members may take it and leave it by themselves: it then permits, in the server and by overrides, no more than everyone has in a new server.
    #[serde(default)]
    pub self_assignable: bool,
    /// Under which heading lists of roles show it, up to 100 characters; none when empty.
    #[serde(default)]
    pub category: Option<String>,
}

/// A role was made.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[event(400, role_created)]
pub struct RoleCreated {
    /// The role.
    pub role: Role,
    /// All roles from that of everyone upwards: the place of each is its position now.
    pub order: Vec<RoleId>,
}

/// Changes a role below one's own; absent fields stay as they are. Of the role of everyone only the permissions change.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(401, role_update, reply = RoleUpdated, access = Server(MANAGE_ROLES), limit = Write)]
pub struct UpdateRole {
    /// The idempotency key.
    pub nonce: String,
    /// The role.
    pub role_id: RoleId,
    /// Up to 100 characters.
    #[serde(default)]
    pub name: Option<String>,
    /// What it permits; nobody gives or takes what he does not hold.
    #[serde(default)]
    pub permissions: Option<Permissions>,
    /// Red, green and blue in 24 bits; 0 is the client's own colour.
    #[serde(default)]
    pub colour: Option<u32>,
    /// Whether member lists show those who hold it on their own.
    #[serde(default)]
    pub hoist: Option<bool>,
    /// Whether everyone may mention it.
    #[serde(default)]
    pub mentionable: Option<bool>,
    /// Whether members may take it and leave it by themselves: it then permits, in the server and by overrides, no more than everyone has in a new server.
    #[serde(default)]
    pub self_assignable: Option<bool>,
    /// Under which heading lists of roles show it, up to 100 characters; none when empty.
    #[serde(default)]
    pub category: Option<String>,
}

/// A role was changed. Who sees other channels for it gets `sight`, too.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[event(401, role_updated)]
pub struct RoleUpdated {
    /// The role as it is now.
    pub role: Role,
}

/// Deletes a role below one's own, and what overrides say of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(402, role_delete, access = Server(MANAGE_ROLES), limit = Write)]
pub struct DeleteRole {
    /// The idempotency key.
    pub nonce: String,
    /// The role.
    pub role_id: RoleId,
}

/// A role was deleted, and with it every override for it. Members may still name it: a role that does not exist counts for nothing.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[event(402, role_deleted)]
pub struct RoleDeleted {
    /// The role.
    pub role_id: RoleId,
    /// All roles that are left, from that of everyone upwards: the place of each is its position now.
    pub order: Vec<RoleId>,
}

/// Puts the roles into another order: only what is below the caller's own highest role moves.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(403, role_reorder, access = Server(MANAGE_ROLES), limit = Write)]
pub struct ReorderRoles {
    /// The idempotency key.
    pub nonce: String,
    /// All roles from that of everyone upwards; or one alone, which moves to `position`.
    pub roles: Vec<RoleId>,
    /// Where the one role is to stand, from 1.
    #[serde(default)]
    pub position: Option<u32>,
}

/// The roles stand in another order.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[event(403, roles_reordered)]
pub struct RolesReordered {
    /// All roles from that of everyone upwards: the place of each is its position now.
    pub order: Vec<RoleId>,
}

/// Sets what a role below one's own permits; nobody gives or takes what he does not hold.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(404, role_permissions_set, reply = RoleUpdated, access = Server(MANAGE_ROLES), limit = Write)]
pub struct SetRolePermissions {
    /// The idempotency key.
    pub nonce: String,
    /// The role.
    pub role_id: RoleId,
    /// What it permits in the server.
    pub permissions: Permissions,
}

/// Takes a role that is for everyone to take.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(405, self_role_add, reply = OwnRoles, access = Member, limit = Write)]
pub struct AddSelfRole {
    /// The idempotency key.
    pub nonce: String,
    /// The role.
    pub role_id: RoleId,
}

/// Leaves a role that is for everyone to take.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(406, self_role_remove, reply = OwnRoles, access = Member, limit = Write)]
pub struct RemoveSelfRole {
    /// The idempotency key.
    pub nonce: String,
    /// The role.
    pub role_id: RoleId,
}

/// Says what a role or a member may do otherwise in a channel, in place of what was said before; the others stay. `channel_updated` tells it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(407, override_set, access = Channel(MANAGE_ROLES), limit = Write)]
pub struct SetOverride {
    /// The idempotency key.
    pub nonce: String,
    /// The channel.
    pub channel_id: ChannelId,
    /// Whom `target` names.
    pub kind: TargetKind,
    /// The id of a role, or of a member, below one's own rank; the role of everyone has the server's id.
    #[serde(with = "crate::ids::any_id")]
    pub target: u64,
    /// Permissions given here; nobody gives or takes what he does not hold in the server.
    pub allow: Permissions,
    /// Permissions taken here.
    pub deny: Permissions,
}

/// Takes back what an override of a channel says of a role or a member. `channel_updated` tells it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[command(408, override_clear, access = Channel(MANAGE_ROLES), limit = Write)]
pub struct ClearOverride {
    /// The idempotency key.
    pub nonce: String,
    /// The channel.
    pub channel_id: ChannelId,
    /// Whom `target` names.
    pub kind: TargetKind,
    /// The id of a role, or of a member, below one's own rank.
    #[serde(with = "crate::ids::any_id")]
    pub target: u64,
}

/// The roles that the caller holds.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct OwnRoles {
    /// The roles, besides that of everyone.
    pub roles: Vec<RoleId>,
}

/// Lists the roles of the scope's server.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[query(2432, roles_list, reply = Roles, access = Member, limit = Read)]
pub struct ListRoles {}

/// Roles of a server, from that of everyone upwards: at most 250 besides it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct Roles {
    /// The roles.
    pub roles: Vec<Role>,
}

/// Shows what a role permits in the server.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[query(2433, role_permissions_get, reply = RolePermissions, access = Member, limit = Read)]
pub struct GetRolePermissions {
    /// The role.
    pub role_id: RoleId,
}

/// What a role permits in the server.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct RolePermissions {
    /// The role.
    pub role_id: RoleId,
    /// What it permits.
    pub permissions: Permissions,
}

/// Lists the roles that are for everyone to take, and which of them the caller holds.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[query(2434, self_roles_list, reply = SelfRoles, access = Member, limit = Read)]
pub struct ListSelfRoles {}

/// The roles that are for everyone to take.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct SelfRoles {
    /// The roles, from the lowest upwards.
    pub roles: Vec<Role>,
    /// Those of them that the caller holds.
    pub held: Vec<RoleId>,
}

/// Says which role, override or silence gave or took each permission of a member.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[query(2435, permission_explain, reply = PermissionsExplained, access = Member, limit = Read)]
pub struct ExplainPermissions {
    /// In this channel, which the caller sees; in the server as a whole when absent.
    #[serde(default)]
    pub channel_id: Option<ChannelId>,
    /// Of this member, his silences among it, which needs `MANAGE_ROLES`; of the caller when absent.
    #[serde(default)]
    pub user_id: Option<UserId>,
}

/// What a member may do, and why.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct PermissionsExplained {
    /// What he may do.
    pub permissions: Permissions,
    /// How it was decided, in order: the last step that names a permission decided about it, and what none names nobody gave.
    pub steps: Vec<Step>,
}
