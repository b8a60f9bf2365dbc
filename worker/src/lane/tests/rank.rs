//! Rank: what moderators of one server may do to the roles of each other.

use shared::{
    domain::permissions::Permissions,
    error::Reason,
    ids::RoleId,
    protocol::role::{
        CreateRole, DeleteRole, ReorderRoles, Role, RoleCreated, RoleUpdated, SetRolePermissions,
        UpdateRole,
    },
};

use super::stage::{Person, Room, Stage};

fn create(nonce: &str, permissions: Permissions) -> CreateRole {
    CreateRole {
        nonce: nonce.to_owned(),
        name: nonce.to_owned(),
        permissions,
        colour: None,
        hoist: false,
        mentionable: false,
        self_assignable: false,
        category: None,
    }
}

fn set(nonce: &str, role: &Role, permissions: Permissions) -> SetRolePermissions {
    SetRolePermissions {
        nonce: nonce.to_owned(),
        role_id: role.role_id,
        permissions,
    }
}

fn put(nonce: &str, roles: Vec<RoleId>, position: Option<u32>) -> ReorderRoles {
    ReorderRoles {
        nonce: nonce.to_owned(),
        roles,
        position,
    }
}

/// A server with an owner, the roles low, middle and high, and a member who holds the middle
/// one: it manages roles and messages.
async fn with_middle() -> (Stage, Person, Person, Room, [Role; 3]) {
    let (mut stage, alice, room) = Stage::with_room().await;
    let bob = stage.member("bob", &room).await;
    let mut roles = Vec::new();
    let held = Permissions::MANAGE_ROLES | Permissions::MANAGE_MESSAGES;
    for (name, permissions) in [
        ("high", Permissions::BAN_MEMBERS),
        ("middle", held),
        ("low", Permissions::BAN_MEMBERS),
    ] {
        let made: RoleCreated = stage
            .call(&alice, room.server, &create(name, permissions))
            .await;
        roles.insert(0, made.role);
    }
    let roles: [Role; 3] = roles.try_into().unwrap();
    stage.stop_lanes().await;
    stage
        .execute(&format!(
            "UPDATE members SET roles = '{{{}}}' WHERE account = {}",
            roles[1].role_id, bob.id
        ))
        .await;
    stage.start_lanes(1);
    (stage, alice, bob, room, roles)
}

#[tokio::test]
async fn who_holds_a_role_manages_those_below_it_alone() {
    let (mut stage, _, bob, room, [low, middle, high]) = with_middle().await;
    for (number, role) in [&middle, &high].into_iter().enumerate() {
        let rename = UpdateRole {
            nonce: format!("rename-{number}"),
            role_id: role.role_id,
            name: Some("mine".to_owned()),
            permissions: None,
            colour: None,
            hoist: None,
            mentionable: None,
            self_assignable: None,
            category: None,
        };
        let rename = stage.post(&bob, room.server, &rename);
        stage.refused(rename, Reason::Forbidden).await;
        let set = set(&format!("set-{number}"), role, Permissions::empty());
        let set = stage.post(&bob, room.server, &set);
        stage.refused(set, Reason::Forbidden).await;
        let delete = DeleteRole {
            nonce: format!("delete-{number}"),
            role_id: role.role_id,
        };
        let delete = stage.post(&bob, room.server, &delete);
        stage.refused(delete, Reason::Forbidden).await;
        // Neither up, nor down.
        let role = vec![role.role_id];
        let down = put(&format!("down-{number}"), role, Some(1));
        let down = stage.post(&bob, room.server, &down);
        stage.refused(down, Reason::Forbidden).await;
    }
    let up = put("up", vec![low.role_id], Some(2));
    let up = stage.post(&bob, room.server, &up);
    stage.refused(up, Reason::Forbidden).await;
    stage
        .counts(
            "audit_entries WHERE actor <> (SELECT owner FROM servers)",
            0,
        )
        .await;
    let delete = DeleteRole {
        nonce: "delete".to_owned(),
        role_id: low.role_id,
    };
    stage.call(&bob, room.server, &delete).await;
    let order = "SELECT name FROM roles ORDER BY position";
    stage.finds(order, ["everyone", "middle", "high"]).await;
    let recorded = format!("audit_entries WHERE action = 22 AND actor = {}", bob.id);
    stage.counts(&recorded, 1).await;
}

#[tokio::test]
async fn nobody_gives_or_takes_what_he_does_not_hold() {
    let (mut stage, _, bob, room, [low, ..]) = with_middle().await;
    let own = Permissions::MANAGE_MESSAGES | Permissions::EVERYONE;
    for (number, permissions) in [
        // What a role permits already may stay.
        (0, Permissions::BAN_MEMBERS | Permissions::KICK_MEMBERS),
        (1, Permissions::BAN_MEMBERS | Permissions::ADMINISTRATOR),
        (2, own),
    ] {
        let greedy = set(&format!("set-{number}"), &low, permissions);
        let greedy = stage.post(&bob, room.server, &greedy);
        stage.refused(greedy, Reason::Forbidden).await;
        let greedy = create(
            &format!("create-{number}"),
            permissions | Permissions::KICK_MEMBERS,
        );
        let greedy = stage.post(&bob, room.server, &greedy);
        stage.refused(greedy, Reason::Forbidden).await;
    }
    let modest = set("modest", &low, own | Permissions::BAN_MEMBERS);
    let set: RoleUpdated = stage.call(&bob, room.server, &modest).await;
    assert_eq!(set.role.permissions, own | Permissions::BAN_MEMBERS);
    // A new role stands at the bottom, below its maker.
    let made: RoleCreated = stage.call(&bob, room.server, &create("new", own)).await;
    assert_eq!(made.order.get(1), Some(&made.role.role_id));
    let order = "SELECT name FROM roles ORDER BY position";
    let due = ["everyone", "new", "low", "middle", "high"];
    stage.finds(order, due).await;
}
