//! Members and their accounts.

use std::collections::HashMap;

use shared::{
    ids::{ServerId, UserId},
    protocol::user::{Member, User},
};

use super::{
    Snapshot,
    account::{UserRow, user},
    id,
};
use crate::error::StoreError;

/// The members of a server with an id above `after`, by id.
pub(crate) async fn list_members(
    snapshot: &mut Snapshot,
    server: ServerId,
    after: Option<UserId>,
    limit: u32,
) -> Result<Vec<Member>, StoreError> {
    let rows: Vec<(i64, Vec<i64>)> = sqlx::query_as(
        "SELECT account, roles FROM members
         WHERE server = $1 AND account > $2 ORDER BY account LIMIT $3",
    )
    .bind(server.sql())
    .bind(after.map_or(0, UserId::sql))
    .bind(i64::from(limit))
    .fetch_all(&mut *snapshot.transaction)
    .await?;
    let ids = rows.iter().map(|(account, _)| *account).collect();
    let mut users = find_users(snapshot, ids).await?;
    let mut members = Vec::with_capacity(rows.len());
    for (account, roles) in rows {
        // A deleted account is gone before its servers know.
        if let Some(user) = users.remove(&account) {
            let roles = roles.into_iter().map(id).collect::<Result<_, _>>()?;
            members.push(Member { user, roles });
        }
    }
    Ok(members)
}

/// Accounts have other owners than members, so they are read on their own.
async fn find_users(
    snapshot: &mut Snapshot,
    ids: Vec<i64>,
) -> Result<HashMap<i64, User>, StoreError> {
    let rows: Vec<UserRow> =
        sqlx::query_as("SELECT id, name, guest, admin FROM accounts WHERE id = ANY($1)")
            .bind(ids)
            .fetch_all(&mut *snapshot.transaction)
            .await?;
    rows.into_iter()
        .map(|row| Ok((row.0, user(row)?)))
        .collect()
}
