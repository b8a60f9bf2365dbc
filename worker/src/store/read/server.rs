//! Servers, who belongs to them, and what their permissions depend on.

use std::collections::{BTreeMap, BTreeSet};

use shared::{
    domain::permissions::{Override, Permissions, Standing, Structure, TargetKind},
    ids::{ChannelId, ServerId, UserId},
    protocol::{channel::ChannelKind, role::Role, server::Server},
};

use super::Snapshot;
use crate::error::StoreError;

/// A server, and how a member stands in it.
pub(crate) type Membership = (Server, Standing);

/// What decides who sees what of a server, with the last event that changed it.
pub(crate) type Versioned = (Server, u64);

/// The roles of servers, each list from that of everyone upwards.
pub(crate) type Roles = BTreeMap<ServerId, Vec<Role>>;

/// What decides about channels of servers.
pub(crate) type Overrides = BTreeMap<ServerId, ChannelRights>;

/// What decides about channels of a server.
#[derive(Debug, Clone, Default)]
pub(crate) struct ChannelRights {
    /// The overrides of each channel.
    pub(crate) channels: BTreeMap<ChannelId, Vec<Override>>,
    /// Those that announce.
    pub(crate) announcements: BTreeSet<ChannelId>,
}

/// Channel by channel: the server, the channel, its kind, and one override or none.
type OverrideRow = (
    ServerId,
    (ChannelId, ChannelKind),
    (Option<TargetKind>, Option<u64>),
    (Option<Permissions>, Option<Permissions>),
);

/// How the account stands in a server; none when it is no member.
pub(crate) async fn find_membership(
    snapshot: &mut Snapshot,
    server: ServerId,
    account: UserId,
) -> Result<Option<Membership>, StoreError> {
    let sql = "SELECT s.id, s.name, s.owner, s.icon, s.description, s.discoverable,
                      m.account, m.roles, m.since, m.changed
               FROM members m JOIN servers s ON s.id = m.server
               WHERE m.server = $1 AND m.account = $2";
    snapshot.find(sql, &[&server, &account]).await
}

/// How the account stands in each of its servers, by id.
pub(crate) async fn list_memberships(
    snapshot: &mut Snapshot,
    account: UserId,
) -> Result<Vec<Membership>, StoreError> {
    let sql = "SELECT s.id, s.name, s.owner, s.icon, s.description, s.discoverable,
                      m.account, m.roles, m.since, m.changed
               FROM members m JOIN servers s ON s.id = m.server
               WHERE m.account = $1 ORDER BY s.id";
    snapshot.list(sql, &[&account]).await
}

/// How these accounts stand in a server; those who are no members are missing.
pub(crate) async fn list_standings(
    snapshot: &mut Snapshot,
    server: ServerId,
    accounts: &[UserId],
) -> Result<Vec<Standing>, StoreError> {
    let sql = "SELECT account, roles, since, changed FROM members
               WHERE server = $1 AND account = ANY($2)";
    snapshot.list(sql, &[&server, &accounts]).await
}

/// These servers; those that do not exist are missing.
pub(crate) async fn list_servers(
    snapshot: &mut Snapshot,
    servers: &[ServerId],
) -> Result<Vec<Versioned>, StoreError> {
    let sql = "SELECT id, name, owner, icon, description, discoverable, rights_version
               FROM servers WHERE id = ANY($1)";
    snapshot.list(sql, &[&servers]).await
}

/// The servers that everyone may find, with an id above `after`, by id; and how many members
/// each has.
pub(crate) async fn list_discoverable(
    snapshot: &mut Snapshot,
    after: Option<ServerId>,
    limit: u32,
) -> Result<Vec<(Server, u32)>, StoreError> {
    let sql = "SELECT id, name, owner, icon, description, discoverable, member_count
               FROM servers WHERE discoverable AND id > $1 ORDER BY id LIMIT $2";
    let after = after.map_or(0, ServerId::get);
    snapshot.list(sql, &[&after, &i64::from(limit)]).await
}

/// How many members a server has.
pub(crate) async fn count_members(
    snapshot: &mut Snapshot,
    server: ServerId,
) -> Result<u32, StoreError> {
    let sql = "SELECT member_count FROM servers WHERE id = $1";
    Ok(snapshot.find(sql, &[&server]).await?.unwrap_or(0))
}

/// Those of these servers with more members than that.
pub(crate) async fn list_larger(
    snapshot: &mut Snapshot,
    servers: &[ServerId],
    members: u32,
) -> Result<Vec<ServerId>, StoreError> {
    let sql = "SELECT id FROM servers WHERE id = ANY($1) AND member_count > $2";
    snapshot.list(sql, &[&servers, &members]).await
}

/// The roles of these servers.
pub(crate) async fn list_roles(
    snapshot: &mut Snapshot,
    servers: &[ServerId],
) -> Result<Roles, StoreError> {
    let sql = "SELECT server, id, name, permissions, position, colour, hoist, mentionable,
                      self_assignable, category FROM roles
               WHERE server = ANY($1) ORDER BY server, position, id";
    let rows = snapshot.list(sql, &[&servers]).await?;
    let mut roles = Roles::new();
    for (server, role) in rows {
        roles.entry(server).or_default().push(role);
    }
    Ok(roles)
}

/// Every channel of these servers with its overrides.
pub(crate) async fn list_overrides(
    snapshot: &mut Snapshot,
    servers: &[ServerId],
) -> Result<Overrides, StoreError> {
    let sql = "SELECT c.server, c.id, c.kind, o.kind, o.target, o.allow, o.deny
               FROM channels c LEFT JOIN overrides o ON o.channel = c.id
               WHERE c.server = ANY($1) ORDER BY c.id, o.kind, o.target";
    Ok(overrides(snapshot.list(sql, &[&servers]).await?))
}

/// These channels, whatever their servers, with those of their overrides that decide about a
/// member of these servers: for everyone, for his roles and for himself. Others may be many more.
pub(crate) async fn list_own_overrides<'a>(
    snapshot: &mut Snapshot,
    channels: &[ChannelId],
    memberships: impl IntoIterator<Item = &'a Membership>,
) -> Result<Overrides, StoreError> {
    let mut targets = Vec::new();
    for (server, standing) in memberships {
        targets.extend([server.server_id.get(), standing.user.get()]);
        targets.extend(standing.roles.iter().map(|role| role.get()));
    }
    targets.sort_unstable();
    targets.dedup();
    let sql = "SELECT c.server, c.id, c.kind, o.kind, o.target, o.allow, o.deny
               FROM channels c LEFT JOIN overrides o ON o.channel = c.id
                   AND o.target IN (SELECT unnest($2::int8[]))
               WHERE c.id = ANY($1)";
    Ok(overrides(snapshot.list(sql, &[&channels, &targets]).await?))
}

/// One channel of a server with its overrides; empty when the server has no such channel.
pub(crate) async fn find_overrides(
    snapshot: &mut Snapshot,
    server: ServerId,
    channel: ChannelId,
) -> Result<Overrides, StoreError> {
    let sql = "SELECT c.server, c.id, c.kind, o.kind, o.target, o.allow, o.deny
               FROM channels c LEFT JOIN overrides o ON o.channel = c.id
               WHERE c.server = $1 AND c.id = $2";
    Ok(overrides(snapshot.list(sql, &[&server, &channel]).await?))
}

/// What permissions in `server` depend on.
pub(crate) fn structure(server: &Server, roles: &Roles, overrides: &Overrides) -> Structure {
    let roles = roles.get(&server.server_id).map(Vec::as_slice);
    let rights = overrides.get(&server.server_id).cloned();
    let rights = rights.unwrap_or_default();
    Structure {
        server: server.server_id,
        owner: server.owner_id,
        roles: roles
            .unwrap_or_default()
            .iter()
            .map(|role| (role.role_id, role.permissions))
            .collect(),
        channels: rights.channels,
        announcements: rights.announcements,
    }
}

fn overrides(rows: Vec<OverrideRow>) -> Overrides {
    let mut all = Overrides::new();
    for (server, (channel, is), (kind, target), (allow, deny)) in rows {
        let rights: &mut ChannelRights = all.entry(server).or_default();
        if is == ChannelKind::Announcement {
            rights.announcements.insert(channel);
        }
        let channel = rights.channels.entry(channel).or_default();
        if let (Some(kind), Some(target), Some(allow), Some(deny)) = (kind, target, allow, deny) {
            channel.push(Override {
                kind,
                target,
                allow,
                deny,
            });
        }
    }
    all
}
