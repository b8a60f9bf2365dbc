//! Servers, roles and members.

use std::collections::BTreeMap;

use shared::{
    domain::permissions::{Permissions, Standing, Structure, everyone_role},
    ids::{ServerId, UserId},
    protocol::{
        server::{Role, Server},
        user::User,
    },
};

use super::{
    super::values::Parameter,
    Reads, Writes,
    channel::{load_channels, load_overrides},
};
use crate::{error::StoreError, state::server::ServerState};

/// Loads what rules depend on; none when there is no such server.
pub(crate) async fn load_server(
    reads: Reads<'_>,
    id: ServerId,
) -> Result<Option<ServerState>, StoreError> {
    let server: [&dyn Parameter; 1] = [&id];
    let (found, roles, channels, overrides): (_, Vec<Role>, _, _) =
        futures_util::future::try_join4(
            reads.find(
                "SELECT s.name, s.owner, t.head, s.rights_version, s.member_count
             FROM servers s JOIN topics t ON t.id = s.id WHERE s.id = $1",
                &server,
            ),
            reads.list(
                "SELECT id, name, permissions, position, colour, hoist, mentionable,
                    self_assignable, category
             FROM roles WHERE server = $1 ORDER BY id",
                &server,
            ),
            load_channels(reads, id),
            load_overrides(reads, id),
        )
        .await?;
    let Some((name, owner, head, rights_version, member_count)) = found else {
        return Ok(None);
    };
    let mut structure = Structure {
        server: id,
        owner,
        roles: roles
            .iter()
            .map(|role| (role.role_id, role.permissions))
            .collect(),
        channels: channels.keys().map(|id| (*id, Vec::new())).collect(),
    };
    for (channel, given) in overrides {
        structure.channels.entry(channel).or_default().push(given);
    }
    let member_count: i32 = member_count;
    Ok(Some(ServerState {
        name,
        head,
        rights_version,
        member_count: member_count.max(0).cast_unsigned(),
        structure,
        roles,
        channels,
        members: BTreeMap::new(),
    }))
}

/// Creates a server whose creator owns it and is its first member.
pub(crate) async fn insert_server(
    writes: &mut Writes<'_>,
    server: &Server,
) -> Result<usize, StoreError> {
    let (id, owner) = (server.server_id, server.owner_id);
    let sql = "INSERT INTO servers (id, name, owner) VALUES ($1, $2, $3) RETURNING id";
    writes.execute(sql, &[&id, &server.name, &owner]).await?;
    let sql = "INSERT INTO roles (server, id, name, permissions)
               VALUES ($1, $2, 'everyone', $3) RETURNING id";
    writes
        .execute(sql, &[&id, &everyone_role(id), &Permissions::EVERYONE])
        .await?;
    insert_member(writes, id, owner, 0).await
}

/// Whether the account is in as many servers as it may.
pub(crate) async fn has_servers(
    reads: Reads<'_>,
    user: UserId,
    most: u32,
) -> Result<bool, StoreError> {
    let sql = "SELECT server FROM members WHERE account = $1 LIMIT $2";
    let count = reads.count(sql, &[&user, &i64::from(most)]).await?;
    Ok(count as u64 >= u64::from(most))
}

/// `since` is the event that the membership begins with.
pub(crate) async fn insert_member(
    writes: &mut Writes<'_>,
    server: ServerId,
    user: UserId,
    since: u64,
) -> Result<usize, StoreError> {
    let sql = "WITH counted AS (UPDATE servers SET member_count = member_count + 1 WHERE id = $1)
               INSERT INTO members (server, account, since) VALUES ($1, $2, $3) RETURNING server";
    writes.execute(sql, &[&server, &user, &since]).await
}

pub(crate) async fn delete_member(
    writes: &mut Writes<'_>,
    server: ServerId,
    user: UserId,
) -> Result<usize, StoreError> {
    let sql = "WITH counted AS (UPDATE servers SET member_count = member_count - 1 WHERE id = $1)
               DELETE FROM members WHERE server = $1 AND account = $2 RETURNING server";
    writes.execute(sql, &[&server, &user]).await
}

/// Notes the event that changed what permissions depend on.
pub(crate) async fn set_rights_version(
    writes: &mut Writes<'_>,
    server: ServerId,
    version: u64,
) -> Result<usize, StoreError> {
    let sql = "UPDATE servers SET rights_version = $2 WHERE id = $1 RETURNING id";
    writes.execute(sql, &[&server, &version]).await
}

pub(crate) async fn find_member(
    reads: Reads<'_>,
    server: ServerId,
    user: UserId,
) -> Result<Option<Standing>, StoreError> {
    let sql = "SELECT account, roles, since, changed FROM members
               WHERE server = $1 AND account = $2";
    reads.find(sql, &[&server, &user]).await
}

/// How many of these accounts are members.
pub(crate) async fn count_members(
    reads: Reads<'_>,
    server: ServerId,
    users: &[UserId],
) -> Result<usize, StoreError> {
    let sql = "SELECT account FROM members WHERE server = $1 AND account = ANY($2)";
    reads.count(sql, &[&server, &users]).await
}

/// What others see of an account, whichever lane owns it.
pub(crate) async fn find_user(reads: Reads<'_>, user: UserId) -> Result<Option<User>, StoreError> {
    let sql = "SELECT id, name, guest, admin FROM accounts WHERE id = $1";
    reads.find(sql, &[&user]).await
}
