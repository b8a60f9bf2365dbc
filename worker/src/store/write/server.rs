//! Servers, roles and members.

use std::collections::BTreeMap;

use shared::{
    domain::permissions::{Permissions, Standing, Structure, everyone_role},
    ids::{RoleId, ServerId, UserId},
    protocol::{
        server::{Role, Server},
        user::User,
    },
};
use tokio_postgres::types::Type;

use super::{
    Reads, Writes,
    channel::{load_channels, load_overrides},
    sql, unsigned,
};
use crate::{error::Error, state::server::ServerState};

/// Loads what rules depend on; none when there is no such server.
pub(crate) async fn load_server(
    reads: Reads<'_>,
    id: ServerId,
) -> Result<Option<ServerState>, Error> {
    let key = id.sql();
    let server = [(&key as _, Type::INT8)];
    let (servers, roles, channels, overrides) = futures_util::future::try_join4(
        reads.rows(
            "SELECT s.name, s.owner, t.head, s.rights_version, s.member_count
             FROM servers s JOIN topics t ON t.id = s.id WHERE s.id = $1",
            &server,
        ),
        reads.rows(
            "SELECT id, name, permissions FROM roles WHERE server = $1 ORDER BY id",
            &server,
        ),
        load_channels(reads, id),
        load_overrides(reads, id),
    )
    .await?;
    let Some(row) = servers.first() else {
        return Ok(None);
    };
    let roles: Vec<Role> = roles
        .iter()
        .map(|row| {
            Ok(Role {
                role_id: row.try_get::<_, i64>(0)?.try_into()?,
                name: row.try_get(1)?,
                permissions: Permissions::from_sql(row.try_get(2)?),
            })
        })
        .collect::<Result<_, Error>>()?;
    let mut structure = Structure {
        server: id,
        owner: row.try_get::<_, i64>(1)?.try_into()?,
        roles: roles
            .iter()
            .map(|role| (role.role_id, role.permissions))
            .collect(),
        channels: channels
            .iter()
            .map(|(channel, _)| (*channel, Vec::new()))
            .collect(),
    };
    for (channel, given) in overrides {
        structure.channels.entry(channel).or_default().push(given);
    }
    Ok(Some(ServerState {
        name: row.try_get(0)?,
        head: unsigned(row.try_get(2)?),
        rights_version: unsigned(row.try_get(3)?),
        member_count: row.try_get::<_, i32>(4)?.max(0).cast_unsigned(),
        structure,
        roles,
        channels: channels.into_iter().collect(),
        members: BTreeMap::new(),
    }))
}

/// Creates a server whose creator owns it and is its first member.
pub(crate) async fn insert_server(writes: &mut Writes<'_>, server: &Server) -> Result<(), Error> {
    let id = server.server_id.sql();
    let owner = server.owner_id.sql();
    writes
        .execute(
            "INSERT INTO servers (id, name, owner) VALUES ($1, $2, $3) RETURNING id",
            &[
                (&id, Type::INT8),
                (&server.name, Type::TEXT),
                (&owner, Type::INT8),
            ],
        )
        .await?;
    writes.execute(
        "INSERT INTO roles (server, id, name, permissions) VALUES ($1, $2, 'everyone', $3) RETURNING id",
        &[
            (&id, Type::INT8),
            (&everyone_role(server.server_id).sql(), Type::INT8),
            (&Permissions::EVERYONE.sql(), Type::INT8),
        ],
    )
    .await?;
    insert_member(writes, server.server_id, server.owner_id, 0).await
}

/// Whether the account is in as many servers as it may.
pub(crate) async fn has_servers(reads: Reads<'_>, user: UserId, most: u32) -> Result<bool, Error> {
    let rows = reads
        .rows(
            "SELECT server FROM members WHERE account = $1 LIMIT $2",
            &[(&user.sql(), Type::INT8), (&i64::from(most), Type::INT8)],
        )
        .await?;
    Ok(rows.len() as u64 >= u64::from(most))
}

/// `since` is the event that the membership begins with.
pub(crate) async fn insert_member(
    writes: &mut Writes<'_>,
    server: ServerId,
    user: UserId,
    since: u64,
) -> Result<(), Error> {
    writes
        .execute(
            "WITH counted AS (UPDATE servers SET member_count = member_count + 1 WHERE id = $1)
         INSERT INTO members (server, account, since) VALUES ($1, $2, $3) RETURNING server",
            &[
                (&server.sql(), Type::INT8),
                (&user.sql(), Type::INT8),
                (&sql(since), Type::INT8),
            ],
        )
        .await?;
    Ok(())
}

pub(crate) async fn delete_member(
    writes: &mut Writes<'_>,
    server: ServerId,
    user: UserId,
) -> Result<(), Error> {
    writes
        .execute(
            "WITH counted AS (UPDATE servers SET member_count = member_count - 1 WHERE id = $1)
         DELETE FROM members WHERE server = $1 AND account = $2 RETURNING server",
            &[(&server.sql(), Type::INT8), (&user.sql(), Type::INT8)],
        )
        .await?;
    Ok(())
}

/// Notes the event that changed what permissions depend on.
pub(crate) async fn set_rights_version(
    writes: &mut Writes<'_>,
    server: ServerId,
    version: u64,
) -> Result<(), Error> {
    writes
        .execute(
            "UPDATE servers SET rights_version = $2 WHERE id = $1 RETURNING id",
            &[(&server.sql(), Type::INT8), (&sql(version), Type::INT8)],
        )
        .await?;
    Ok(())
}

pub(crate) async fn find_member(
    reads: Reads<'_>,
    server: ServerId,
    user: UserId,
) -> Result<Option<Standing>, Error> {
    let rows = reads
        .rows(
            "SELECT roles, since, changed FROM members WHERE server = $1 AND account = $2",
            &[(&server.sql(), Type::INT8), (&user.sql(), Type::INT8)],
        )
        .await?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let roles: Vec<i64> = row.try_get(0)?;
    let roles: Vec<RoleId> = roles
        .into_iter()
        .map(TryInto::try_into)
        .collect::<Result<_, _>>()?;
    Ok(Some(Standing {
        user,
        roles,
        since: unsigned(row.try_get(1)?),
        changed: unsigned(row.try_get(2)?),
    }))
}

/// How many of these accounts are members.
pub(crate) async fn count_members(
    reads: Reads<'_>,
    server: ServerId,
    users: &[i64],
) -> Result<usize, Error> {
    let rows = reads
        .rows(
            "SELECT account FROM members WHERE server = $1 AND account = ANY($2)",
            &[(&server.sql(), Type::INT8), (&users, Type::INT8_ARRAY)],
        )
        .await?;
    Ok(rows.len())
}

/// What others see of an account, whichever lane owns it.
pub(crate) async fn find_user(reads: Reads<'_>, user: UserId) -> Result<Option<User>, Error> {
    let rows = reads
        .rows(
            "SELECT name, guest, admin FROM accounts WHERE id = $1",
            &[(&user.sql(), Type::INT8)],
        )
        .await?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    Ok(Some(User {
        user_id: user,
        name: row.try_get(0)?,
        guest: row.try_get(1)?,
        admin: row.try_get(2)?,
    }))
}
