//! What banned accounts said, while it is being deleted: whose, and from when to when. As long as
//! there are such rows of a server, its lane has a slice of the work before it.

use shared::ids::{ChannelId, MessageId, ServerId, UserId};

use super::{Reads, Writes};
use crate::error::StoreError;

/// Accounts of one round through the messages of a server; others wait for the next one.
const ACCOUNTS: i64 = 1_000;

/// Remembers that these messages of an account are to go, in these channels or in all, besides those
/// that were to go before.
/// Answers whether anything of the server is being deleted already.
pub(crate) async fn insert_deletion(
    writes: &mut Writes<'_>,
    (server, author): (ServerId, UserId),
    (began, until): (MessageId, MessageId),
    channels: Option<&[ChannelId]>,
) -> Result<bool, StoreError> {
    let sql = "WITH before AS (SELECT FROM deletions WHERE server = $1 LIMIT 1)
               INSERT INTO deletions AS d (server, author, began, until, channels)
               VALUES ($1, $2, $3, $4, $5)
               ON CONFLICT (server, author) DO UPDATE
               SET began = least(d.began, excluded.began), until = greatest(d.until, excluded.until),
                   channels = CASE WHEN d.channels IS NOT NULL AND excluded.channels IS NOT NULL
                       THEN ARRAY(SELECT DISTINCT unnest(d.channels || excluded.channels)) END,
                   in_round = false
               RETURNING EXISTS (SELECT FROM before)";
    let found: Vec<bool> = writes
        .list(sql, &[&server, &author, &began, &until, &channels])
        .await?;
    Ok(found.into_iter().any(|under_way| under_way))
}

/// Takes those that wait into a round; answers from where to where it goes, and none where nobody
/// waits.
pub(crate) async fn begin_round(
    writes: &mut Writes<'_>,
    server: ServerId,
) -> Result<Option<(MessageId, MessageId)>, StoreError> {
    let sql = "UPDATE deletions SET in_round = true WHERE server = $1 AND author IN (
                   SELECT author FROM deletions WHERE server = $1 LIMIT $2)
               RETURNING began, until";
    let ranges: Vec<(MessageId, MessageId)> = writes.list(sql, &[&server, &ACCOUNTS]).await?;
    let began = ranges.iter().map(|range| range.0).min();
    Ok(began.zip(ranges.iter().map(|range| range.1).max()))
}

/// Forgets those of a round that is over. Who was banned again meanwhile waits for the next one.
pub(crate) async fn end_round(
    writes: &mut Writes<'_>,
    server: ServerId,
) -> Result<usize, StoreError> {
    let sql = "DELETE FROM deletions WHERE server = $1 AND in_round RETURNING author";
    writes.execute(sql, &[&server]).await
}

/// Forgets all of a server that has no channels.
pub(crate) async fn delete_deletions(
    writes: &mut Writes<'_>,
    server: ServerId,
) -> Result<usize, StoreError> {
    let sql = "DELETE FROM deletions WHERE server = $1 RETURNING author";
    writes.execute(sql, &[&server]).await
}

/// Messages of a channel behind one id and up to another, by id, each with whether it is to go.
/// Those that are gone count, too: a page looks at no more than its limit.
pub(crate) async fn list_banned(
    reads: Reads<'_>,
    server: ServerId,
    (channel, (after, until)): (ChannelId, (MessageId, MessageId)),
    limit: u32,
) -> Result<Vec<(MessageId, bool)>, StoreError> {
    let sql = "SELECT m.id, NOT m.deleted AND EXISTS (
                   SELECT FROM deletions d
                   WHERE d.server = $5 AND d.author = m.author
                       AND m.id > d.began AND m.id <= d.until
                       AND (d.channels IS NULL OR $1 = ANY(d.channels)))
               FROM (SELECT id, author, deleted FROM messages
                     WHERE channel = $1 AND id > $2 AND id <= $3 ORDER BY id LIMIT $4) m
               ORDER BY m.id";
    let limit = i64::from(limit);
    reads
        .list(sql, &[&channel, &after, &until, &limit, &server])
        .await
}
