//! Requests of roles.

use shared::{
    domain::permissions::Permissions,
    ids::RoleId,
    protocol::role::{
        AddSelfRole, CreateRole, DeleteRole, RemoveSelfRole, ReorderRoles, UpdateRole,
    },
};

use crate::random::nonce;

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
