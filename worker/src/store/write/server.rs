//! Servers, and all that a lane remembers of one.

use std::collections::BTreeMap;

use shared::{
    domain::permissions::{Permissions, Structure, everyone_role},
    ids::{ServerId, UserId},
    protocol::{channel::ChannelKind, role::Role, server::Server, user::User},
};

use super::{
    super::values::Parameter,
    Reads, Writes,
    channel::{load_channels, load_overrides},
    moderation::load_moderation,
};
use crate::{
    error::StoreError,
    state::{
        moderation::Moderation,
        server::{ServerProfile, ServerState},
    },
};

/// The server, the head of its topic, its rights version, and how many members it has.
type LoadedServer = (Server, u64, u64, i32);

/// Loads what rules depend on; none when there is no such server.
pub(crate) async fn load_server(
    reads: Reads<'_>,
    id: ServerId,
) -> Result<Option<ServerState>, StoreError> {
    let server: [&dyn Parameter; 1] = [&id];
    let (found, roles, channels, (overrides, (rules, lockdown))): (
        Option<LoadedServer>,
        Vec<Role>,
        _,
        _,
    ) = futures_util::future::try_join4(
        reads.find(
            "SELECT s.id, s.name, s.owner, s.icon, s.description, s.discoverable,
                    t.head, s.rights_version, s.member_count
             FROM servers s JOIN topics t ON t.id = s.id WHERE s.id = $1",
            &server,
        ),
        reads.list(
            "SELECT id, name, permissions, position, colour, hoist, mentionable,
                    self_assignable, category
             FROM roles WHERE server = $1 ORDER BY position, id",
            &server,
        ),
        load_channels(reads, id),
        futures_util::future::try_join(load_overrides(reads, id), load_moderation(reads, id)),
    )
    .await?;
    let Some((server, head, rights_version, member_count)) = found else {
        return Ok(None);
    };
    let mut structure = Structure {
        server: id,
        owner: server.owner_id,
        roles: roles
            .iter()
            .map(|role| (role.role_id, role.permissions))
            .collect(),
        channels: channels.keys().map(|id| (*id, Vec::new())).collect(),
        announcements: channels
            .iter()
            .filter(|(_, channel)| channel.kind == ChannelKind::Announcement)
            .map(|(id, _)| *id)
            .collect(),
    };
    for (channel, given) in overrides {
        structure.channels.entry(channel).or_default().push(given);
    }
    Ok(Some(ServerState {
        profile: ServerProfile::of(server),
        head,
        rights_version,
        member_count: member_count.max(0).cast_unsigned(),
        structure,
        roles,
        channels,
        moderation: Moderation::new(rules, lockdown),
        members: BTreeMap::new(),
    }))
}

/// Creates a server without members.
pub(crate) async fn insert_server(
    writes: &mut Writes<'_>,
    id: ServerId,
    name: &str,
    owner: UserId,
) -> Result<usize, StoreError> {
    let sql = "INSERT INTO servers (id, name, owner) VALUES ($1, $2, $3) RETURNING id";
    writes.execute(sql, &[&id, &name, &owner]).await?;
    let sql = "INSERT INTO roles (server, id, name, permissions)
               VALUES ($1, $2, 'everyone', $3) RETURNING id";
    writes
        .execute(sql, &[&id, &everyone_role(id), &Permissions::EVERYONE])
        .await
}

/// Changes what a server says of itself.
pub(crate) async fn update_server(
    writes: &mut Writes<'_>,
    id: ServerId,
    profile: &ServerProfile,
) -> Result<usize, StoreError> {
    let sql = "UPDATE servers SET name = $2, icon = $3, description = $4, discoverable = $5
               WHERE id = $1 RETURNING id";
    let ServerProfile {
        name,
        icon,
        description,
        discoverable,
    } = profile;
    writes
        .execute(sql, &[&id, name, icon, description, discoverable])
        .await
}

/// Makes another member the owner.
pub(crate) async fn set_owner(
    writes: &mut Writes<'_>,
    id: ServerId,
    owner: UserId,
) -> Result<usize, StoreError> {
    let sql = "UPDATE servers SET owner = $2 WHERE id = $1 RETURNING id";
    writes.execute(sql, &[&id, &owner]).await
}

/// Deletes a server; what belonged to it goes later, in steps.
pub(crate) async fn delete_server(
    writes: &mut Writes<'_>,
    id: ServerId,
) -> Result<usize, StoreError> {
    let sql = "DELETE FROM servers WHERE id = $1 RETURNING id";
    writes.execute(sql, &[&id]).await
}

/// Whether the account is in as many servers as it may.
pub(crate) async fn has_servers(
    reads: Reads<'_>,
    user: UserId,
    most: u32,
) -> Result<bool, StoreError> {
    // A membership of a server that is gone counts for nothing, though it is purged later.
    let sql = "SELECT m.server FROM members m JOIN servers s ON s.id = m.server
               WHERE m.account = $1 LIMIT $2";
    let count = reads.count(sql, &[&user, &i64::from(most)]).await?;
    Ok(count as u64 >= u64::from(most))
}

/// The servers of the account with at most `most` members.
pub(crate) async fn list_servers_of(
    reads: Reads<'_>,
    user: UserId,
    most: u32,
) -> Result<Vec<ServerId>, StoreError> {
    let sql = "SELECT s.id FROM members m JOIN servers s ON s.id = m.server
               WHERE m.account = $1 AND s.member_count <= $2";
    reads.list(sql, &[&user, &most]).await
}

/// Whether the account owns a server: of those that it is in, as an owner is a member.
pub(crate) async fn owns_servers(reads: Reads<'_>, user: UserId) -> Result<bool, StoreError> {
    let sql = "SELECT s.id FROM members m JOIN servers s ON s.id = m.server
               WHERE m.account = $1 AND s.owner = $1 LIMIT 1";
    Ok(reads.count(sql, &[&user]).await? > 0)
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

/// What others see of an account, whichever lane owns it.
pub(crate) async fn find_user(reads: Reads<'_>, user: UserId) -> Result<Option<User>, StoreError> {
    let sql = "SELECT id, name, guest, admin, avatar, deleted FROM accounts WHERE id = $1";
    reads.find(sql, &[&user]).await
}
