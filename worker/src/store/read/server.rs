//! Servers, who belongs to them, and what their permissions depend on.

use std::collections::BTreeMap;

use shared::{
    domain::permissions::{Override, Permissions, Standing, Structure, TargetKind},
    ids::{ChannelId, RoleId, ServerId, UserId},
    protocol::server::{Role, Server},
};

use super::{Snapshot, count, id};
use crate::error::StoreError;

/// A server, and how a member stands in it.
pub(crate) type Membership = (Server, Standing);

/// A membership as it is stored.
#[derive(sqlx::FromRow)]
pub(super) struct MembershipRow {
    pub(super) server: i64,
    pub(super) name: String,
    pub(super) owner: i64,
    pub(super) roles: Vec<i64>,
    pub(super) since: i64,
    pub(super) changed: i64,
}

/// What decides who sees what of a server, with the last event that changed it.
pub(crate) type Versioned = (Server, u64);

/// The roles of servers, each list by id.
pub(crate) type Roles = BTreeMap<ServerId, Vec<Role>>;

/// The overrides of all channels of servers.
pub(crate) type Overrides = BTreeMap<ServerId, BTreeMap<ChannelId, Vec<Override>>>;

/// Channel by channel: the server, the channel, and one override or none.
pub(super) type OverrideRow = (i64, i64, Option<i16>, Option<i64>, Option<i64>, Option<i64>);

/// How the account stands in a server; none when it is no member.
pub(crate) async fn find_membership(
    snapshot: &mut Snapshot,
    server: ServerId,
    account: UserId,
) -> Result<Option<Membership>, StoreError> {
    let row: Option<MembershipRow> = sqlx::query_as(
        "SELECT s.id AS server, s.name, s.owner, m.roles, m.since, m.changed
         FROM members m JOIN servers s ON s.id = m.server
         WHERE m.server = $1 AND m.account = $2",
    )
    .bind(server.sql())
    .bind(account.sql())
    .fetch_optional(&mut *snapshot.transaction)
    .await?;
    row.map(|row| membership(account, row)).transpose()
}

/// How the account stands in each of its servers, by id.
pub(crate) async fn list_memberships(
    snapshot: &mut Snapshot,
    account: UserId,
) -> Result<Vec<Membership>, StoreError> {
    let rows: Vec<MembershipRow> = sqlx::query_as(
        "SELECT s.id AS server, s.name, s.owner, m.roles, m.since, m.changed
         FROM members m JOIN servers s ON s.id = m.server
         WHERE m.account = $1 ORDER BY s.id",
    )
    .bind(account.sql())
    .fetch_all(&mut *snapshot.transaction)
    .await?;
    rows.into_iter()
        .map(|row| membership(account, row))
        .collect()
}

/// How these accounts stand in a server; those who are no members are missing.
pub(crate) async fn list_standings(
    snapshot: &mut Snapshot,
    server: ServerId,
    accounts: &[UserId],
) -> Result<Vec<Standing>, StoreError> {
    let ids: Vec<i64> = accounts.iter().map(|account| account.sql()).collect();
    let rows: Vec<(i64, Vec<i64>, i64, i64)> = sqlx::query_as(
        "SELECT account, roles, since, changed FROM members
         WHERE server = $1 AND account = ANY($2)",
    )
    .bind(server.sql())
    .bind(ids)
    .fetch_all(&mut *snapshot.transaction)
    .await?;
    rows.into_iter()
        .map(|(account, roles, since, changed)| standing(id(account)?, &roles, since, changed))
        .collect()
}

/// These servers; those that do not exist are missing.
pub(crate) async fn list_servers(
    snapshot: &mut Snapshot,
    servers: &[ServerId],
) -> Result<Vec<Versioned>, StoreError> {
    let rows: Vec<(i64, String, i64, i64)> =
        sqlx::query_as("SELECT id, name, owner, rights_version FROM servers WHERE id = ANY($1)")
            .bind(server_ids(servers))
            .fetch_all(&mut *snapshot.transaction)
            .await?;
    rows.into_iter()
        .map(|(server, name, owner, version)| {
            let server = Server {
                server_id: id(server)?,
                name,
                owner_id: id(owner)?,
            };
            Ok((server, count(version)?))
        })
        .collect()
}

/// The roles of these servers.
pub(crate) async fn list_roles(
    snapshot: &mut Snapshot,
    servers: &[ServerId],
) -> Result<Roles, StoreError> {
    let rows: Vec<(i64, i64, String, i64)> = sqlx::query_as(
        "SELECT server, id, name, permissions FROM roles
         WHERE server = ANY($1) ORDER BY server, id",
    )
    .bind(server_ids(servers))
    .fetch_all(&mut *snapshot.transaction)
    .await?;
    let mut roles = Roles::new();
    for (server, role, name, permissions) in rows {
        roles.entry(id(server)?).or_default().push(Role {
            role_id: id(role)?,
            name,
            permissions: Permissions::from_sql(permissions),
        });
    }
    Ok(roles)
}

/// Every channel of these servers with its overrides.
pub(crate) async fn list_overrides(
    snapshot: &mut Snapshot,
    servers: &[ServerId],
) -> Result<Overrides, StoreError> {
    let rows: Vec<OverrideRow> = sqlx::query_as(
        "SELECT c.server, c.id, o.kind, o.target, o.allow, o.deny
         FROM channels c LEFT JOIN overrides o ON o.channel = c.id
         WHERE c.server = ANY($1) ORDER BY c.id, o.kind, o.target",
    )
    .bind(server_ids(servers))
    .fetch_all(&mut *snapshot.transaction)
    .await?;
    overrides(rows)
}

/// These channels with their overrides, whatever their servers.
pub(crate) async fn list_channel_overrides(
    snapshot: &mut Snapshot,
    channels: &[ChannelId],
) -> Result<Overrides, StoreError> {
    let ids: Vec<i64> = channels.iter().map(|channel| channel.sql()).collect();
    let rows: Vec<OverrideRow> = sqlx::query_as(
        "SELECT c.server, c.id, o.kind, o.target, o.allow, o.deny
         FROM channels c LEFT JOIN overrides o ON o.channel = c.id
         WHERE c.id = ANY($1)",
    )
    .bind(ids)
    .fetch_all(&mut *snapshot.transaction)
    .await?;
    overrides(rows)
}

/// One channel of a server with its overrides; empty when the server has no such channel.
pub(crate) async fn find_overrides(
    snapshot: &mut Snapshot,
    server: ServerId,
    channel: ChannelId,
) -> Result<Overrides, StoreError> {
    let rows: Vec<OverrideRow> = sqlx::query_as(
        "SELECT c.server, c.id, o.kind, o.target, o.allow, o.deny
         FROM channels c LEFT JOIN overrides o ON o.channel = c.id
         WHERE c.server = $1 AND c.id = $2",
    )
    .bind(server.sql())
    .bind(channel.sql())
    .fetch_all(&mut *snapshot.transaction)
    .await?;
    overrides(rows)
}

/// What permissions in `server` depend on.
pub(crate) fn structure(server: &Server, roles: &Roles, overrides: &Overrides) -> Structure {
    let roles = roles.get(&server.server_id).map(Vec::as_slice);
    Structure {
        server: server.server_id,
        owner: server.owner_id,
        roles: roles
            .unwrap_or_default()
            .iter()
            .map(|role| (role.role_id, role.permissions))
            .collect(),
        channels: overrides
            .get(&server.server_id)
            .cloned()
            .unwrap_or_default(),
    }
}

pub(super) fn membership(account: UserId, row: MembershipRow) -> Result<Membership, StoreError> {
    let server = Server {
        server_id: id(row.server)?,
        name: row.name,
        owner_id: id(row.owner)?,
    };
    let standing = standing(account, &row.roles, row.since, row.changed)?;
    Ok((server, standing))
}

fn standing(user: UserId, roles: &[i64], since: i64, changed: i64) -> Result<Standing, StoreError> {
    let mut roles: Vec<RoleId> = roles
        .iter()
        .map(|role| id(*role))
        .collect::<Result<_, _>>()?;
    // They are written sorted, but groups of members depend on it.
    roles.sort_unstable();
    Ok(Standing {
        user,
        roles,
        since: count(since)?,
        changed: count(changed)?,
    })
}

pub(super) fn overrides(rows: Vec<OverrideRow>) -> Result<Overrides, StoreError> {
    let mut all = Overrides::new();
    for (server, channel, kind, target, allow, deny) in rows {
        let channel = all
            .entry(id(server)?)
            .or_default()
            .entry(id(channel)?)
            .or_default();
        if let (Some(kind), Some(target), Some(allow), Some(deny)) = (kind, target, allow, deny) {
            channel.push(Override {
                kind: u8::try_from(kind)
                    .ok()
                    .and_then(TargetKind::from_number)
                    .ok_or(StoreError::Inconsistency("a kind of override"))?,
                target: count(target)?,
                allow: Permissions::from_sql(allow),
                deny: Permissions::from_sql(deny),
            });
        }
    }
    Ok(all)
}

fn server_ids(servers: &[ServerId]) -> Vec<i64> {
    servers.iter().map(|server| server.sql()).collect()
}
