//! Accounts, and who finds which.

use std::collections::HashMap;

use shared::{
    domain::limits::MAX_CANDIDATES,
    ids::{ServerId, UserId},
    protocol::user::{Profile, User},
};

use super::Snapshot;
use crate::error::StoreError;

/// These accounts; those that do not exist are missing.
pub(super) async fn find_users(
    snapshot: &mut Snapshot,
    ids: &[UserId],
) -> Result<HashMap<UserId, User>, StoreError> {
    let sql = "SELECT id, name, guest, admin, avatar, deleted FROM accounts WHERE id = ANY($1)";
    let users: Vec<User> = snapshot.list(sql, &[&ids]).await?;
    Ok(users.into_iter().map(|user| (user.user_id, user)).collect())
}

/// An account with what it says of itself.
pub(crate) async fn find_profile(
    snapshot: &mut Snapshot,
    account: UserId,
) -> Result<Option<Profile>, StoreError> {
    let sql = "SELECT id, name, guest, admin, avatar, deleted, bio, locale
               FROM accounts WHERE id = $1";
    snapshot.find(sql, &[&account]).await
}

/// Those of the accounts that share a server with `asker`, are himself, or were deleted, by id.
pub(crate) async fn list_known_users(
    snapshot: &mut Snapshot,
    asker: UserId,
    ids: &[UserId],
) -> Result<Vec<User>, StoreError> {
    let sql = "SELECT id, name, guest, admin, avatar, deleted FROM accounts a
               WHERE id = ANY($2) AND (id = $1 OR deleted OR EXISTS (
                   SELECT FROM members his JOIN members mine ON mine.server = his.server
                       JOIN servers s ON s.id = his.server
                   WHERE his.account = a.id AND mine.account = $1))
               ORDER BY id";
    snapshot.list(sql, &[&asker, &ids]).await
}

/// These accounts, all of them, by id.
pub(crate) async fn list_users(
    snapshot: &mut Snapshot,
    ids: &[UserId],
) -> Result<Vec<User>, StoreError> {
    let mut users: Vec<User> = find_users(snapshot, ids).await?.into_values().collect();
    users.sort_unstable_by_key(|user| user.user_id);
    Ok(users)
}

/// Which names are looked at.
#[derive(Debug, Clone)]
pub(crate) struct NameRange {
    /// The folded name that they begin with.
    pub(crate) prefix: String,
    /// The folded name that they come after.
    pub(crate) after: String,
    /// How many accounts are answered, at most.
    pub(crate) limit: u32,
}

impl NameRange {
    /// Above every name that begins so: no character sorts behind the last one.
    fn end(&self) -> String {
        format!("{}{}", self.prefix, char::MAX)
    }
}

/// The members of a small server whose names are in a range, by name: all members are looked at.
pub(crate) async fn search_small_server(
    snapshot: &mut Snapshot,
    server: ServerId,
    names: &NameRange,
) -> Result<Vec<User>, StoreError> {
    let sql = "SELECT a.id, a.name, a.guest, a.admin, a.avatar, a.deleted
               FROM members m JOIN accounts a ON a.id = m.account
               WHERE m.server = $1 AND NOT a.deleted
                   AND a.folded COLLATE \"C\" >= $2 AND a.folded COLLATE \"C\" < $3
                   AND a.folded COLLATE \"C\" > $4
               ORDER BY a.folded COLLATE \"C\" LIMIT $5";
    let (NameRange { prefix, after, .. }, end) = (names, names.end());
    let limit = i64::from(names.limit);
    snapshot
        .list(sql, &[&server, prefix, &end, after, &limit])
        .await
}

/// The accounts whose names are in a range and that are members of one of these servers, by
/// name, of the first [`MAX_CANDIDATES`] of such names; and whether there are more candidates.
pub(crate) async fn search_names(
    snapshot: &mut Snapshot,
    servers: &[ServerId],
    names: &NameRange,
) -> Result<(Vec<User>, bool), StoreError> {
    // Tombstones have no name that anybody looks for: theirs begin with a colon.
    let sql = "WITH candidates AS MATERIALIZED (
                   SELECT id, name, guest, admin, avatar, deleted, folded FROM accounts
                   WHERE folded COLLATE \"C\" >= $2 AND folded COLLATE \"C\" < $3
                       AND folded COLLATE \"C\" > $4
                   ORDER BY folded COLLATE \"C\" LIMIT $6)
               SELECT c.id, c.name, c.guest, c.admin, c.avatar, c.deleted
               FROM candidates c
               WHERE EXISTS (SELECT FROM members m
                             WHERE m.account = c.id AND m.server = ANY($1))
               ORDER BY c.folded COLLATE \"C\" LIMIT $5";
    let (NameRange { prefix, after, .. }, end) = (names, names.end());
    let (limit, most) = (i64::from(names.limit), i64::from(MAX_CANDIDATES));
    let found: Vec<User> = snapshot
        .list(sql, &[&servers, prefix, &end, after, &limit, &most])
        .await?;
    let sql = "SELECT count(*) FROM (
                   SELECT FROM accounts
                   WHERE folded COLLATE \"C\" >= $1 AND folded COLLATE \"C\" < $2
                       AND folded COLLATE \"C\" > $3 LIMIT $4) candidates";
    let candidates: i64 = snapshot.get(sql, &[prefix, &end, after, &most]).await?;
    Ok((found, candidates >= most))
}
