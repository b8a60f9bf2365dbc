//! Members, their roles, nicknames and silences, and who is banned.

use shared::{
    domain::silences::Silences,
    ids::{ChannelId, RoleId, ServerId, UserId},
    protocol::member::BanTerms,
};

use super::{Reads, Writes};
use crate::{error::StoreError, state::server::MemberState};

/// An account in a server.
pub(crate) type MemberKey = (ServerId, UserId);

/// A membership that is not stored yet.
#[derive(Debug)]
pub(crate) struct NewMember<'a> {
    /// The event that it begins with.
    pub(crate) since: u64,
    /// Milliseconds since 1970.
    pub(crate) joined_at: u64,
    /// The folded name: the place in the list.
    pub(crate) sort_name: &'a str,
}

/// What a member is called from now on.
#[derive(Debug)]
pub(crate) struct NewNickname<'a> {
    /// None for the name of the account.
    pub(crate) nickname: Option<&'a str>,
    /// The folded nickname or name: the place in the list.
    pub(crate) sort_name: &'a str,
    /// The event that tells it.
    pub(crate) event: u64,
}

pub(crate) async fn insert_member(
    writes: &mut Writes<'_>,
    (server, user): MemberKey,
    new: &NewMember<'_>,
) -> Result<usize, StoreError> {
    let sql = "WITH counted AS (UPDATE servers SET member_count = member_count + 1 WHERE id = $1)
               INSERT INTO members (server, account, since, joined_at, sort_name)
               VALUES ($1, $2, $3, $4, $5) RETURNING server";
    let NewMember {
        since,
        joined_at,
        sort_name,
    } = new;
    writes
        .execute(sql, &[&server, &user, since, joined_at, sort_name])
        .await
}

/// Answers the event that told the nickname, if he had one. That he was a member is noted for his
/// exports.
pub(crate) async fn delete_member(
    writes: &mut Writes<'_>,
    (server, user): MemberKey,
) -> Result<Option<u64>, StoreError> {
    let sql = "WITH counted AS (UPDATE servers SET member_count = member_count - 1 WHERE id = $1),
                    noted AS (INSERT INTO former_members (server, account)
                              SELECT $1, id FROM accounts WHERE id = $2 AND NOT deleted
                              ON CONFLICT DO NOTHING)
               DELETE FROM members WHERE server = $1 AND account = $2 RETURNING nickname_event";
    let told: Vec<Option<u64>> = writes.list(sql, &[&server, &user]).await?;
    Ok(told.into_iter().flatten().next())
}

/// What a lane remembers of those of these accounts that are members.
pub(crate) async fn find_members(
    reads: Reads<'_>,
    server: ServerId,
    users: &[UserId],
) -> Result<Vec<MemberState>, StoreError> {
    let sql = "SELECT account, roles, since, changed,
                   ARRAY(SELECT channel FROM silences s
                         WHERE s.server = m.server AND s.account = m.account ORDER BY channel),
                   ARRAY(SELECT until FROM silences s
                         WHERE s.server = m.server AND s.account = m.account ORDER BY channel)
               FROM members m WHERE server = $1 AND account = ANY($2)";
    reads.list(sql, &[&server, &users]).await
}

/// Until when an account is silenced, whether it is a member or not.
pub(crate) async fn find_silences(
    reads: Reads<'_>,
    (server, user): MemberKey,
) -> Result<Silences, StoreError> {
    let sql = "SELECT ARRAY(SELECT channel FROM silences
                            WHERE server = $1 AND account = $2 ORDER BY channel),
                      ARRAY(SELECT until FROM silences
                            WHERE server = $1 AND account = $2 ORDER BY channel)";
    Ok(reads
        .find(sql, &[&server, &user])
        .await?
        .unwrap_or_default())
}

/// Silences an account until then, in a channel or everywhere. A few silences of the server that
/// ended go: more than are set, so that none stay.
pub(crate) async fn set_silence(
    writes: &mut Writes<'_>,
    (server, user): MemberKey,
    channel: Option<ChannelId>,
    (until, now_ms): (u64, u64),
) -> Result<usize, StoreError> {
    let sql = "WITH ended AS (
                   DELETE FROM silences WHERE server = $1 AND (account, channel) IN (
                       SELECT account, channel FROM silences
                       WHERE server = $1 AND until <= $5 AND (account, channel) <> ($2, $3)
                       LIMIT 10))
               INSERT INTO silences (server, account, channel, until) VALUES ($1, $2, $3, $4)
               ON CONFLICT (server, account, channel) DO UPDATE SET until = excluded.until
               RETURNING account";
    let channel = channel.map_or(0, ChannelId::get);
    writes
        .execute(sql, &[&server, &user, &channel, &until, &now_ms])
        .await
}

pub(crate) async fn delete_silence(
    writes: &mut Writes<'_>,
    (server, user): MemberKey,
    channel: Option<ChannelId>,
) -> Result<usize, StoreError> {
    let sql = "DELETE FROM silences WHERE server = $1 AND account = $2 AND channel = $3
               RETURNING account";
    let channel = channel.map_or(0, ChannelId::get);
    writes.execute(sql, &[&server, &user, &channel]).await
}

/// The ban of an account, if it has not ended.
pub(crate) async fn find_ban(
    reads: Reads<'_>,
    (server, user): MemberKey,
    now_ms: u64,
) -> Result<Option<BanTerms>, StoreError> {
    let sql = "SELECT reason, banned_by, banned_at, until FROM bans
               WHERE server = $1 AND account = $2 AND (until IS NULL OR until > $3)";
    reads.find(sql, &[&server, &user, &now_ms]).await
}

/// Whether a server has as many bans as it may of accounts that were never its members.
pub(crate) async fn has_banned_strangers(
    reads: Reads<'_>,
    server: ServerId,
    most: i64,
) -> Result<bool, StoreError> {
    let sql = "SELECT count(*) FROM (
                   SELECT FROM bans WHERE server = $1 AND NOT known LIMIT $2) found";
    let found: Option<i64> = reads.find(sql, &[&server, &most]).await?;
    Ok(found.is_some_and(|count| count >= most))
}

/// Bans an account, or bans it otherwise; `known` are those who are members, and who were told of
/// as such in the log of the server. A few bans of the server that ended go.
pub(crate) async fn set_ban(
    writes: &mut Writes<'_>,
    (server, user): MemberKey,
    terms: &BanTerms,
    known: bool,
) -> Result<usize, StoreError> {
    let sql = "WITH ended AS (
                   DELETE FROM bans WHERE server = $1 AND account IN (
                       SELECT account FROM bans
                       WHERE server = $1 AND until <= $5 AND account <> $2 LIMIT 10))
               INSERT INTO bans (server, account, reason, banned_by, banned_at, until, known)
               VALUES ($1, $2, $3, $4, $5, $6, $7 OR EXISTS (
                   SELECT FROM told_names WHERE account = $2 AND topic = $1))
               ON CONFLICT (server, account) DO UPDATE SET
                   reason = excluded.reason, banned_by = excluded.banned_by,
                   banned_at = excluded.banned_at, until = excluded.until,
                   known = bans.known OR excluded.known
               RETURNING account";
    let BanTerms {
        reason,
        banned_by,
        banned_at,
        until,
    } = terms;
    writes
        .execute(
            sql,
            &[&server, &user, reason, banned_by, banned_at, until, &known],
        )
        .await
}

pub(crate) async fn delete_ban(
    writes: &mut Writes<'_>,
    (server, user): MemberKey,
) -> Result<usize, StoreError> {
    let sql = "DELETE FROM bans WHERE server = $1 AND account = $2 RETURNING account";
    writes.execute(sql, &[&server, &user]).await
}

/// Makes these all roles that a member holds; `seq` is the event that tells it.
pub(crate) async fn set_roles(
    writes: &mut Writes<'_>,
    (server, user): MemberKey,
    roles: &[RoleId],
    seq: u64,
) -> Result<usize, StoreError> {
    let sql = "WITH held AS (
                   UPDATE members SET roles = $3, changed = $4 WHERE server = $1 AND account = $2
                   RETURNING server, account, sort_name),
               taken AS (
                   DELETE FROM member_roles
                   WHERE server = $1 AND account = $2 AND NOT role = ANY($3)),
               given AS (
                   INSERT INTO member_roles (server, role, sort_name, account)
                   SELECT server, unnest($3), sort_name, account FROM held
                   ON CONFLICT DO NOTHING)
               SELECT account FROM held";
    writes.execute(sql, &[&server, &user, &roles, &seq]).await
}

/// What a member is called in place of his name, and the event that told it.
pub(crate) async fn find_nickname(
    reads: Reads<'_>,
    (server, user): MemberKey,
) -> Result<(Option<String>, Option<u64>), StoreError> {
    let sql = "SELECT nickname, nickname_event FROM members WHERE server = $1 AND account = $2";
    let found = reads.find(sql, &[&server, &user]).await?;
    Ok(found.unwrap_or_default())
}

pub(crate) async fn set_nickname(
    writes: &mut Writes<'_>,
    (server, user): MemberKey,
    new: &NewNickname<'_>,
) -> Result<usize, StoreError> {
    let sql = "WITH listed AS (
                   UPDATE member_roles SET sort_name = $4 WHERE server = $1 AND account = $2)
               UPDATE members SET nickname = $3, sort_name = $4, nickname_event = $5
               WHERE server = $1 AND account = $2 RETURNING account";
    // What says nothing has nothing to be taken out of the log.
    let event = new.nickname.map(|_nickname| new.event);
    let NewNickname {
        nickname,
        sort_name,
        ..
    } = new;
    writes
        .execute(sql, &[&server, &user, nickname, sort_name, &event])
        .await
}

/// Gives a member without a nickname the place in the list that the name of the account has now.
pub(crate) async fn sort_member(
    writes: &mut Writes<'_>,
    (server, user): MemberKey,
    folded: &str,
) -> Result<usize, StoreError> {
    let sql = "WITH moved AS (
                   UPDATE members SET sort_name = $3
                   WHERE server = $1 AND account = $2 AND nickname IS NULL AND sort_name <> $3
                   RETURNING account)
               UPDATE member_roles r SET sort_name = $3 FROM moved m
               WHERE r.server = $1 AND r.account = m.account RETURNING r.account";
    writes.execute(sql, &[&server, &user, &folded]).await
}
