//! Members and their accounts.

use std::collections::HashMap;

use shared::{
    ids::{ServerId, UserId},
    protocol::user::{Member, User},
};

use super::Snapshot;
use crate::error::StoreError;

/// The members of a server with an id above `after`, by id.
pub(crate) async fn list_members(
    snapshot: &mut Snapshot,
    server: ServerId,
    after: Option<UserId>,
    limit: u32,
) -> Result<Vec<Member>, StoreError> {
    let sql = "SELECT account, roles FROM members
               WHERE server = $1 AND account > $2 ORDER BY account LIMIT $3";
    let rows: Vec<(UserId, _)> = snapshot
        .list(
            sql,
            &[&server, &after.map_or(0, UserId::get), &i64::from(limit)],
        )
        .await?;
    let ids: Vec<UserId> = rows.iter().map(|(account, _)| *account).collect();
    let mut users = find_users(snapshot, &ids).await?;
    // A deleted account is gone before its servers know.
    let member = |(account, roles)| {
        let user = users.remove(&account)?;
        Some(Member { user, roles })
    };
    Ok(rows.into_iter().filter_map(member).collect())
}

/// Accounts have other owners than members, so they are read on their own.
async fn find_users(
    snapshot: &mut Snapshot,
    ids: &[UserId],
) -> Result<HashMap<UserId, User>, StoreError> {
    let sql = "SELECT id, name, guest, admin FROM accounts WHERE id = ANY($1)";
    let users: Vec<User> = snapshot.list(sql, &[&ids]).await?;
    Ok(users.into_iter().map(|user| (user.user_id, user)).collect())
}
