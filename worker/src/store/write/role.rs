//! Roles.

use shared::{
    ids::{RoleId, ServerId},
    protocol::role::Role,
};

use super::Writes;
use crate::error::StoreError;

pub(crate) async fn insert_role(
    writes: &mut Writes<'_>,
    server: ServerId,
    role: &Role,
) -> Result<usize, StoreError> {
    let sql = "INSERT INTO roles (server, id, name, permissions, position, colour, hoist,
                   mentionable, self_assignable, category)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id";
    writes
        .execute(
            sql,
            &[
                &server,
                &role.role_id,
                &role.name,
                &role.permissions,
                &role.position,
                &role.colour,
                &role.hoist,
                &role.mentionable,
                &role.self_assignable,
                &role.category,
            ],
        )
        .await
}

/// Writes all of a role but its position.
pub(crate) async fn update_role(
    writes: &mut Writes<'_>,
    server: ServerId,
    role: &Role,
) -> Result<usize, StoreError> {
    let sql = "UPDATE roles SET name = $3, permissions = $4, colour = $5, hoist = $6,
                   mentionable = $7, self_assignable = $8, category = $9
               WHERE server = $1 AND id = $2 RETURNING id";
    writes
        .execute(
            sql,
            &[
                &server,
                &role.role_id,
                &role.name,
                &role.permissions,
                &role.colour,
                &role.hoist,
                &role.mentionable,
                &role.self_assignable,
                &role.category,
            ],
        )
        .await
}

/// Deletes a role; members who hold it keep its id, which counts for nothing.
pub(crate) async fn delete_role(
    writes: &mut Writes<'_>,
    server: ServerId,
    id: RoleId,
) -> Result<usize, StoreError> {
    let sql = "DELETE FROM roles WHERE server = $1 AND id = $2 RETURNING id";
    writes.execute(sql, &[&server, &id]).await
}

/// Gives each role its place in `order` as its position.
pub(crate) async fn number_roles(
    writes: &mut Writes<'_>,
    server: ServerId,
    order: &[RoleId],
) -> Result<usize, StoreError> {
    let sql = "UPDATE roles r SET position = o.place::int4 - 1
               FROM unnest($2::int8[]) WITH ORDINALITY AS o (id, place)
               WHERE r.server = $1 AND r.id = o.id AND r.position <> o.place - 1 RETURNING r.id";
    writes.execute(sql, &[&server, &order]).await
}
