//! What decides who is told of a message, read for many accounts at once.

use std::collections::{BTreeMap, BTreeSet};

use shared::{
    domain::{limits::MAX_WATCHED_MEMBERS, notification::LevelSetting, permissions::Standing},
    ids::{AnyId, ChannelId, Id, MessageId, RoleId, ServerId, UserId},
    protocol::{
        message::Message,
        notification::{LevelState, NotificationState, Notifications, QuietHours},
        register::RegisterKind,
    },
};

use super::Snapshot;
use crate::{
    error::StoreError,
    store::{
        notification::{DueNotification, select_due},
        values::{Columns, FromColumns, columns},
    },
};

/// Accounts that are looked at for a page of those who may be told.
const PAGE: i64 = 1_000;

/// A page of accounts, and behind which one the next begins.
pub(crate) type AccountPage = (Vec<UserId>, Option<UserId>);

/// Who belongs to a server, as far as permissions go.
#[derive(Debug)]
pub(crate) struct ServerStanding {
    pub(crate) server: ServerId,
    pub(crate) standing: Standing,
}

columns! { ServerStanding { server, standing } }

impl FromColumns for Notifications {
    fn from_columns(columns: &mut impl Columns) -> Result<Self, StoreError> {
        let from: Option<u32> = FromColumns::from_columns(columns)?;
        let to: Option<u32> = FromColumns::from_columns(columns)?;
        let zone: Option<String> = FromColumns::from_columns(columns)?;
        let quiet = from.zip(to).zip(zone);
        Ok(Self {
            quiet: quiet.map(|((from, to), zone)| QuietHours { from, to, zone }),
            keywords: FromColumns::from_columns(columns)?,
            private: FromColumns::from_columns(columns)?,
            version: FromColumns::from_columns(columns)?,
        })
    }
}

/// How an account is told.
pub(crate) async fn find_settings(
    snapshot: &mut Snapshot,
    account: UserId,
) -> Result<Option<Notifications>, StoreError> {
    let found = list_settings(snapshot, &[account]).await?;
    Ok(found.into_values().next())
}

/// How these accounts are told; who never said it is missing.
pub(crate) async fn list_settings(
    snapshot: &mut Snapshot,
    accounts: &[UserId],
) -> Result<BTreeMap<UserId, Notifications>, StoreError> {
    let sql = "SELECT account, quiet_from, quiet_to, zone, keywords, private, version
               FROM notification_settings WHERE account = ANY($1)";
    let found: Vec<(UserId, Notifications)> = snapshot.list(sql, &[&accounts]).await?;
    Ok(found.into_iter().collect())
}

/// The settings of an account behind a scope, at most `limit` and on the first page that of all servers besides, that
/// were changed after a register version; and the last scope of the page, if more may follow.
pub(crate) async fn list_levels(
    snapshot: &mut Snapshot,
    account: UserId,
    (newer_than, after, limit): (u64, Option<AnyId>, u32),
) -> Result<(Vec<LevelState>, Option<AnyId>), StoreError> {
    let sql = "(SELECT key, value, version FROM registers
                WHERE account = $1 AND kind = $2 AND key = 0 AND $3 = 0 AND version > $4)
               UNION ALL
               (SELECT key, value, version FROM registers
                WHERE account = $1 AND kind = $2 AND key > $3 AND version > $4 ORDER BY key LIMIT $5)";
    let kind = RegisterKind::NotificationLevel as i16;
    let after = after.map_or(0, AnyId::get);
    let rows: Vec<(u64, u64, u64)> = snapshot
        .list(
            sql,
            &[&account, &kind, &after, &newer_than, &i64::from(limit)],
        )
        .await?;
    let state =
        |(key, value, version)| LevelState::new(Id::new(key), LevelSetting::unpack(value), version);
    let mut levels: Vec<LevelState> = rows.into_iter().map(state).collect();
    levels.sort_unstable_by_key(|level| level.scope_id);
    let mut scopes = levels.iter().filter_map(|level| level.scope_id);
    let full = scopes.clone().count() >= limit as usize;
    let next = scopes.next_back().filter(|_| full);
    Ok((levels, next))
}

/// What accounts keep in registers of a kind, pair by pair.
pub(crate) async fn find_registers(
    snapshot: &mut Snapshot,
    kind: RegisterKind,
    pairs: impl IntoIterator<Item = (UserId, u64)>,
) -> Result<BTreeMap<(UserId, u64), u64>, StoreError> {
    let (accounts, keys): (Vec<UserId>, Vec<u64>) = pairs.into_iter().unzip();
    let sql = "SELECT r.account, r.key, r.value
               FROM unnest($1::int8[], $2::int8[]) AS w (account, key)
               JOIN registers r ON r.account = w.account AND r.kind = $3 AND r.key = w.key";
    let kind = kind as i16;
    let rows: Vec<(UserId, u64, u64)> = snapshot.list(sql, &[&accounts, &keys, &kind]).await?;
    let kept = |(account, key, value)| ((account, key), value);
    Ok(rows.into_iter().map(kept).collect())
}

/// The categories that these channels stand in, or 0; channels that are gone are missing.
pub(crate) async fn find_parents(
    snapshot: &mut Snapshot,
    channels: &[ChannelId],
) -> Result<BTreeMap<ChannelId, u64>, StoreError> {
    let sql = "SELECT id, coalesce(parent, 0) FROM channels WHERE id = ANY($1)";
    let rows: Vec<(ChannelId, u64)> = snapshot.list(sql, &[&channels]).await?;
    Ok(rows.into_iter().collect())
}

/// Those of these accounts that have a device.
pub(crate) async fn with_device(
    snapshot: &mut Snapshot,
    accounts: &[UserId],
) -> Result<BTreeSet<UserId>, StoreError> {
    let sql = "SELECT a.id FROM unnest($1::int8[]) AS a (id)
               WHERE EXISTS (SELECT FROM push_devices d WHERE d.account = a.id)";
    let found: Vec<UserId> = snapshot.list(sql, &[&accounts]).await?;
    Ok(found.into_iter().collect())
}

/// How accounts stand in servers, pair by pair; who is no member is missing.
pub(crate) async fn list_standings(
    snapshot: &mut Snapshot,
    servers: &[ServerId],
    accounts: &[UserId],
) -> Result<Vec<ServerStanding>, StoreError> {
    let sql = "SELECT m.server, m.account, m.roles, m.since, m.changed
               FROM unnest($1::int8[], $2::int8[]) AS w (server, account)
               JOIN members m ON m.server = w.server AND m.account = w.account";
    snapshot.list(sql, &[&servers, &accounts]).await
}

/// The authors of messages, place by place; of those that are gone there is none.
pub(crate) async fn find_authors(
    snapshot: &mut Snapshot,
    channels: &[ChannelId],
    messages: &[MessageId],
) -> Result<BTreeMap<MessageId, UserId>, StoreError> {
    let sql = "SELECT m.id, m.author FROM unnest($1::int8[], $2::int8[]) AS w (channel, id)
               JOIN messages m ON m.channel = w.channel AND m.id = w.id";
    let rows: Vec<(MessageId, UserId)> = snapshot.list(sql, &[&channels, &messages]).await?;
    Ok(rows.into_iter().collect())
}

/// Those of these scopes that somebody watches.
pub(crate) async fn find_watched(
    snapshot: &mut Snapshot,
    scopes: &[u64],
) -> Result<BTreeSet<u64>, StoreError> {
    let sql = "SELECT s.id FROM unnest($1::int8[]) AS s (id)
               WHERE EXISTS (SELECT FROM watchers w WHERE w.scope = s.id)";
    let found: Vec<u64> = snapshot.list(sql, &[&scopes]).await?;
    Ok(found.into_iter().collect())
}

/// Those of these words that a keyword of somebody begins with.
pub(crate) async fn find_keywords(
    snapshot: &mut Snapshot,
    words: &[String],
) -> Result<BTreeSet<String>, StoreError> {
    let sql = "SELECT s.word FROM unnest($1::text[]) AS s (word)
               WHERE EXISTS (SELECT FROM keywords k WHERE k.word = s.word)";
    let found: Vec<String> = snapshot.list(sql, &[&words]).await?;
    Ok(found.into_iter().collect())
}

/// A page of the members of a server who have a device and, if roles are said, hold one of them.
pub(crate) async fn list_members(
    snapshot: &mut Snapshot,
    server: ServerId,
    roles: Option<&[RoleId]>,
    after: Option<UserId>,
) -> Result<AccountPage, StoreError> {
    let sql = "SELECT m.account, ($4 OR m.roles && $5::int8[])
                      AND EXISTS (SELECT FROM push_devices d WHERE d.account = m.account)
               FROM (SELECT account, roles FROM members WHERE server = $1 AND account > $2
                     ORDER BY account LIMIT $3) m ORDER BY m.account";
    let after = after.map_or(0, UserId::get);
    let (all, roles) = (roles.is_none(), roles.unwrap_or_default());
    let rows: Vec<(UserId, bool)> = snapshot
        .list(sql, &[&server, &after, &PAGE, &all, &roles])
        .await?;
    Ok(page_of(rows))
}

/// The holders of some roles, if they are few enough for one page; none where they are more.
pub(crate) async fn list_holders(
    snapshot: &mut Snapshot,
    server: ServerId,
    roles: &[RoleId],
) -> Result<Option<Vec<UserId>>, StoreError> {
    let sql = "SELECT account FROM member_roles WHERE server = $1 AND role = ANY($2) LIMIT $3";
    let most = PAGE + 1;
    let found: Vec<UserId> = snapshot.list(sql, &[&server, &roles, &most]).await?;
    Ok((found.len() <= usize::try_from(PAGE).unwrap_or_default()).then_some(found))
}

/// A page of the members of a server who watch a scope and have a device.
pub(crate) async fn list_watchers(
    snapshot: &mut Snapshot,
    (server, scope): (ServerId, u64),
    after: Option<UserId>,
) -> Result<AccountPage, StoreError> {
    let sql = "SELECT w.account, EXISTS (SELECT FROM members m WHERE m.server = $1 AND m.account = w.account)
                      AND EXISTS (SELECT FROM push_devices d WHERE d.account = w.account)
               FROM (SELECT account FROM watchers WHERE scope = $2 AND account > $3
                     ORDER BY account LIMIT $4) w ORDER BY w.account";
    let after = after.map_or(0, UserId::get);
    let rows: Vec<(UserId, bool)> = snapshot
        .list(sql, &[&server, &scope, &after, &PAGE])
        .await?;
    Ok(page_of(rows))
}

/// The members of a server who watch all servers and have a device; nobody of a large server.
pub(crate) async fn list_general_watchers(
    snapshot: &mut Snapshot,
    server: ServerId,
) -> Result<Vec<UserId>, StoreError> {
    let sql =
        "SELECT m.account FROM members m JOIN watchers w ON w.scope = 0 AND w.account = m.account
               WHERE m.server = $1
                   AND (SELECT member_count <= $2 FROM servers WHERE id = $1)
                   AND EXISTS (SELECT FROM push_devices d WHERE d.account = m.account)";
    snapshot.list(sql, &[&server, &MAX_WATCHED_MEMBERS]).await
}

/// A page of the members of a server with a keyword that begins with one of these words, and a device. A small server asks
/// its members, so that nobody makes it look through the owners of all servers.
pub(crate) async fn list_keyword_owners(
    snapshot: &mut Snapshot,
    server: ServerId,
    words: &[String],
    after: Option<UserId>,
) -> Result<AccountPage, StoreError> {
    let members = super::server::count_members(snapshot, server).await?;
    if members <= MAX_WATCHED_MEMBERS {
        let sql =
            "SELECT DISTINCT m.account FROM members m JOIN keywords k ON k.account = m.account
                   WHERE m.server = $1 AND k.word = ANY($2)
                       AND EXISTS (SELECT FROM push_devices d WHERE d.account = m.account)";
        return Ok((snapshot.list(sql, &[&server, &words]).await?, None));
    }
    // Of each word a page, and of all of them the first accounts: what is looked at does not grow with those that have the words.
    let sql = "SELECT k.account, EXISTS (SELECT FROM members m WHERE m.server = $1 AND m.account = k.account)
                      AND EXISTS (SELECT FROM push_devices d WHERE d.account = k.account)
               FROM (SELECT DISTINCT k.account FROM unnest($2::text[]) AS w (word)
                     CROSS JOIN LATERAL (
                         SELECT account FROM keywords WHERE word = w.word AND account > $3
                         ORDER BY account LIMIT $4) k
                     ORDER BY k.account LIMIT $4) k
               ORDER BY k.account";
    let after = after.map_or(0, UserId::get);
    let rows: Vec<(UserId, bool)> = snapshot
        .list(sql, &[&server, &words, &after, &PAGE])
        .await?;
    Ok(page_of(rows))
}

/// Messages as they are now, with their servers; those that are gone are missing.
pub(crate) async fn list_said(
    snapshot: &mut Snapshot,
    channels: &[ChannelId],
    messages: &[MessageId],
) -> Result<Vec<(ServerId, ChannelId, Message)>, StoreError> {
    let sql = "SELECT c.server, c.id, m.id, m.seq, m.author, m.content, m.reply_to, m.edited_at,
                      coalesce(m.mentions, '{}'), false
               FROM unnest($1::int8[], $2::int8[]) AS w (channel, id)
               JOIN messages m ON m.channel = w.channel AND m.id = w.id AND NOT m.deleted
               JOIN channels c ON c.id = w.channel";
    snapshot.list(sql, &[&channels, &messages]).await
}

/// What channels and their servers are called.
pub(crate) async fn find_titles(
    snapshot: &mut Snapshot,
    channels: &[ChannelId],
) -> Result<BTreeMap<ChannelId, (String, String)>, StoreError> {
    let sql = "SELECT c.id, c.name, s.name FROM channels c JOIN servers s ON s.id = c.server
               WHERE c.id = ANY($1)";
    let rows: Vec<(ChannelId, String, String)> = snapshot.list(sql, &[&channels]).await?;
    Ok(rows
        .into_iter()
        .map(|(id, channel, server)| (id, (channel, server)))
        .collect())
}

/// What accounts are called in servers, pair by pair; those that are deleted are missing.
pub(crate) async fn find_names(
    snapshot: &mut Snapshot,
    servers: &[ServerId],
    accounts: &[UserId],
) -> Result<BTreeMap<(ServerId, UserId), String>, StoreError> {
    let sql = "SELECT w.server, a.id, coalesce(m.nickname, a.name)
               FROM unnest($1::int8[], $2::int8[]) AS w (server, account)
               JOIN accounts a ON a.id = w.account AND NOT a.deleted
               LEFT JOIN members m ON m.server = w.server AND m.account = w.account";
    let rows: Vec<(ServerId, UserId, String)> = snapshot.list(sql, &[&servers, &accounts]).await?;
    Ok(rows
        .into_iter()
        .map(|(server, account, name)| ((server, account), name))
        .collect())
}

/// The notifications of these accounts of these messages, pair by pair, as if they were due; those that are forgotten are missing.
pub(crate) async fn list_notifications(
    snapshot: &mut Snapshot,
    accounts: &[UserId],
    messages: &[MessageId],
) -> Result<Vec<DueNotification>, StoreError> {
    let sql = select_due!(
        "FROM unnest($1::int8[], $2::int8[]) AS w (account, message)
         JOIN notifications n ON n.account = w.account AND n.message = w.message"
    );
    snapshot.list(sql, &[&accounts, &messages]).await
}

/// What became of telling an account of a message.
pub(crate) async fn find_state(
    snapshot: &mut Snapshot,
    account: UserId,
    message: MessageId,
) -> Result<Option<NotificationState>, StoreError> {
    let sql = "SELECT state FROM notifications WHERE account = $1 AND message = $2";
    snapshot.find(sql, &[&account, &message]).await
}

/// Those that fit of the accounts that were looked at, and where to go on if these were as many as a page holds.
fn page_of(rows: Vec<(UserId, bool)>) -> AccountPage {
    let full = i64::try_from(rows.len()).is_ok_and(|count| count >= PAGE);
    let next = rows.last().filter(|_| full).map(|(account, _)| *account);
    let fitting = rows.into_iter().filter(|(_, fits)| *fits);
    (fitting.map(|(account, _)| account).collect(), next)
}
