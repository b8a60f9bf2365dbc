//! Statuses of accounts.

use std::collections::HashMap;

use shared::{
    ids::{ServerId, UserId},
    protocol::presence::{Status, StatusKind},
};

use super::Snapshot;
use crate::{error::StoreError, store::values::columns};

/// A status as it was set.
#[derive(Debug)]
pub(crate) struct StatusRow {
    status: StatusKind,
    text: String,
    until: Option<u64>,
    version: u64,
    shown: Option<String>,
}

columns! { StatusRow { status, text, until, version, shown } }

impl StatusRow {
    /// How it is now: one that has ended is none.
    pub(crate) fn status_at(self, now_ms: u64) -> Status {
        let Self {
            status,
            text,
            until,
            version,
            shown: _,
        } = self;
        if has_ended(until, now_ms) {
            return Status {
                version,
                ..Status::default()
            };
        }
        Status {
            status,
            text,
            until,
            version,
        }
    }

    /// The text that is seen beside the name, while the account is seen. Who hides keeps the one
    /// before: it goes when he does, as the text of somebody who leaves.
    pub(crate) fn shown_at(self, now_ms: u64) -> String {
        if has_ended(self.until, now_ms) {
            String::new()
        } else if self.status == StatusKind::Invisible {
            self.shown.unwrap_or_default()
        } else {
            self.text
        }
    }
}

fn has_ended(until: Option<u64>, now_ms: u64) -> bool {
    until.is_some_and(|until| until <= now_ms)
}

/// The status that an account has set.
pub(crate) async fn find_status(
    snapshot: &mut Snapshot,
    user: UserId,
) -> Result<Option<StatusRow>, StoreError> {
    let sql = "SELECT status, text, until, version, shown FROM statuses WHERE account = $1";
    snapshot.find(sql, &[&user]).await
}

/// Those of these accounts that are members of a server, by id, with the statuses they have set.
pub(crate) async fn list_members(
    snapshot: &mut Snapshot,
    server: ServerId,
    users: &[UserId],
) -> Result<Vec<(UserId, Option<StatusRow>)>, StoreError> {
    let sql =
        "SELECT account FROM members WHERE server = $1 AND account = ANY($2) ORDER BY account";
    let members: Vec<UserId> = snapshot.list(sql, &[&server, &users]).await?;
    // Accounts have other owners than members, so they are read on their own.
    let mut set = list_statuses(snapshot, &members).await?;
    let status = |user| (user, set.remove(&user));
    Ok(members.into_iter().map(status).collect())
}

/// The statuses that these accounts have set.
pub(crate) async fn list_statuses(
    snapshot: &mut Snapshot,
    users: &[UserId],
) -> Result<HashMap<UserId, StatusRow>, StoreError> {
    let sql = "SELECT account, status, text, until, version, shown FROM statuses
               WHERE account = ANY($1)";
    let set: Vec<(UserId, StatusRow)> = snapshot.list(sql, &[&users]).await?;
    Ok(set.into_iter().collect())
}
