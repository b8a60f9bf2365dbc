//! Cursors of an account, each with its channel.

use shared::{
    ids::{ChannelId, Id, ServerId, UserId},
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

/// Which cursors of an account.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CursorPage {
    /// Only those that were moved after this register version.
    pub(crate) newer_than: u64,
    /// Only those of channels behind this one.
    pub(crate) after: Option<ChannelId>,
    /// At most this many, by channel.
    pub(crate) limit: u32,
}

/// Cursors whose channel exists in a server of the account, whether the account sees it or
/// not; and the last channel of the page, if more may follow.
pub(crate) async fn list_unreads(
    snapshot: &mut Snapshot,
    account: UserId,
    page: CursorPage,
) -> Result<(Vec<Unread>, Option<ChannelId>), StoreError> {
    // The page is cut before the joins: however many channels are gone, it costs its limit.
    let sql = "SELECT r.key, c.server, r.key, r.value, r.version, c.last_seq
               FROM (SELECT account, key, value, version FROM registers
                     WHERE account = $1 AND kind = $2 AND key > $3 AND version > $4
                     ORDER BY key LIMIT $5) r
               LEFT JOIN (channels c JOIN members m ON m.server = c.server AND m.account = $1)
                   ON c.id = r.key
               ORDER BY r.key";
    let after = page.after.map_or(0, Id::get);
    let limit = i64::from(page.limit);
    let kind = RegisterKind::ReadCursor as i16;
    let rows: Vec<UnreadRow> = snapshot
        .list(sql, &[&account, &kind, &after, &page.newer_than, &limit])
        .await?;
    let full = rows.len() >= page.limit as usize;
    let next = rows.last().filter(|_| full).map(|(channel, ..)| *channel);
    let unreads = rows.into_iter().filter_map(unread).collect();
    Ok((unreads, next))
}

/// The channel, its server where the account is a member, the cursor, and the last message.
type UnreadRow = (ChannelId, Option<ServerId>, ReadCursor, Option<u64>);

fn unread((_, server_id, cursor, last_seq): UnreadRow) -> Option<Unread> {
    let (server_id, last_seq) = (server_id?, last_seq?);
    Some(Unread {
        server_id,
        unread: last_seq.saturating_sub(cursor.seq),
        cursor,
        last_seq,
    })
}
