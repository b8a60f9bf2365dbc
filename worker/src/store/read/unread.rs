//! Cursors of an account, each with its channel.

use shared::{
    ids::{ServerId, UserId},
    protocol::{
        register::RegisterKind,
        unread::{ReadCursor, Unread},
    },
};

use super::{Snapshot, count, id, sql};
use crate::error::StoreError;

/// The register version of an account.
pub(crate) async fn register_version(
    snapshot: &mut Snapshot,
    account: UserId,
) -> Result<u64, StoreError> {
    let version: Option<i64> =
        sqlx::query_scalar("SELECT version FROM register_heads WHERE account = $1")
            .bind(account.sql())
            .fetch_optional(&mut *snapshot.transaction)
            .await?;
    count(version.unwrap_or_default())
}

/// The register versions of those of these topics that are accounts.
pub(crate) async fn find_register_versions(
    snapshot: &mut Snapshot,
    topics: &[u64],
) -> Result<Vec<(u64, u64)>, StoreError> {
    let ids: Vec<i64> = topics.iter().copied().map(sql).collect();
    let rows: Vec<(i64, i64)> =
        sqlx::query_as("SELECT account, version FROM register_heads WHERE account = ANY($1)")
            .bind(ids)
            .fetch_all(&mut *snapshot.transaction)
            .await?;
    rows.into_iter()
        .map(|(account, version)| Ok((count(account)?, count(version)?)))
        .collect()
}

/// The cursors moved after a version whose channel exists in a server of the
/// account, whether the account sees it or not. An account has a bounded
/// number of registers, so they are not paged.
pub(crate) async fn list_unreads(
    snapshot: &mut Snapshot,
    account: UserId,
    newer_than: u64,
) -> Result<Vec<Unread>, StoreError> {
    let rows: Vec<(i64, i64, i64, i64, i64)> = sqlx::query_as(
        "SELECT c.server, c.id, r.value, r.version, c.last_seq
         FROM registers r
         JOIN channels c ON c.id = r.key
         JOIN members m ON m.server = c.server AND m.account = r.account
         WHERE r.account = $1 AND r.kind = $2 AND r.version > $3
         ORDER BY c.id",
    )
    .bind(account.sql())
    .bind(RegisterKind::ReadCursor as i16)
    .bind(sql(newer_than))
    .fetch_all(&mut *snapshot.transaction)
    .await?;
    rows.into_iter()
        .map(|(server, channel, seq, version, last_seq)| {
            let server_id: ServerId = id(server)?;
            let cursor = ReadCursor {
                channel_id: id(channel)?,
                seq: count(seq)?,
                version: count(version)?,
            };
            let last_seq = count(last_seq)?;
            Ok(Unread {
                server_id,
                unread: last_seq.saturating_sub(cursor.seq),
                cursor,
                last_seq,
            })
        })
        .collect()
}
