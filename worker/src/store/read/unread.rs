//! Cursors of an account, each with its channel.

use shared::{
    ids::{ServerId, UserId},
    protocol::{
        register::RegisterKind,
        unread::{ReadCursor, Unread},
    },
};

use super::Snapshot;
use crate::{error::StoreError, store::values::columns};

columns! { ReadCursor { channel_id, seq, version } }

/// The register version of an account.
pub(crate) async fn register_version(
    snapshot: &mut Snapshot,
    account: UserId,
) -> Result<u64, StoreError> {
    let sql = "SELECT version FROM register_heads WHERE account = $1";
    let found = snapshot.find(sql, &[&account]).await?;
    Ok(found.unwrap_or(0))
}

/// The register versions of those of these topics that are accounts.
pub(crate) async fn find_register_versions(
    snapshot: &mut Snapshot,
    topics: &[u64],
) -> Result<Vec<(u64, u64)>, StoreError> {
    let sql = "SELECT account, version FROM register_heads WHERE account = ANY($1)";
    snapshot.list(sql, &[&topics]).await
}

/// The cursors moved after a version whose channel exists in a server of the
/// account, whether the account sees it or not. An account has a bounded
/// number of registers, so they are not paged.
pub(crate) async fn list_unreads(
    snapshot: &mut Snapshot,
    account: UserId,
    newer_than: u64,
) -> Result<Vec<Unread>, StoreError> {
    let sql = "SELECT c.server, c.id, r.value, r.version, c.last_seq
               FROM registers r
               JOIN channels c ON c.id = r.key
               JOIN members m ON m.server = c.server AND m.account = r.account
               WHERE r.account = $1 AND r.kind = $2 AND r.version > $3
               ORDER BY c.id";
    let rows: Vec<(ServerId, ReadCursor, u64)> = snapshot
        .list(
            sql,
            &[&account, &(RegisterKind::ReadCursor as i16), &newer_than],
        )
        .await?;
    let unread = |(server_id, cursor, last_seq): (_, ReadCursor, u64)| Unread {
        server_id,
        unread: last_seq.saturating_sub(cursor.seq),
        cursor,
        last_seq,
    };
    Ok(rows.into_iter().map(unread).collect())
}
