//! Reactions: a row for each, and how many there are of each emoji.

use shared::ids::{ChannelId, MessageId, UserId};

use super::{Reads, Writes};
use crate::error::StoreError;

/// Somebody's reaction to a message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReactionRow<'a> {
    pub(crate) channel: ChannelId,
    pub(crate) message: MessageId,
    pub(crate) emoji: &'a str,
    pub(crate) user: UserId,
}

/// The different emoji of a message.
pub(crate) async fn list_emoji(
    reads: Reads<'_>,
    channel: ChannelId,
    message: MessageId,
) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT emoji FROM reaction_counts WHERE channel = $1 AND message = $2";
    reads.list(sql, &[&channel, &message]).await
}

/// Adds a reaction; answers how many there are of its emoji then, or none if it was there
/// already. `place` is the seq of the event that tells it.
pub(crate) async fn insert_reaction(
    writes: &mut Writes<'_>,
    row: ReactionRow<'_>,
    place: u64,
) -> Result<Option<u32>, StoreError> {
    let sql = "WITH added AS (INSERT INTO reactions (channel, message, emoji, account)
                              VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING account)
               INSERT INTO reaction_counts AS c (channel, message, emoji, count, place)
               SELECT $1, $2, $3, 1, $5 FROM added
               ON CONFLICT (channel, message, emoji) DO UPDATE SET count = c.count + 1
               RETURNING count";
    let (channel, message) = (row.channel, row.message);
    let counts: Vec<u32> = writes
        .list(sql, &[&channel, &message, &row.emoji, &row.user, &place])
        .await?;
    Ok(counts.first().copied())
}

/// Takes a reaction away; answers how many there are of its emoji then, or none if it was
/// not there.
pub(crate) async fn delete_reaction(
    writes: &mut Writes<'_>,
    row: ReactionRow<'_>,
) -> Result<Option<u32>, StoreError> {
    let sql = "WITH gone AS (DELETE FROM reactions
                             WHERE channel = $1 AND message = $2 AND emoji = $3 AND account = $4
                             RETURNING account)
               UPDATE reaction_counts SET count = count - 1
               WHERE channel = $1 AND message = $2 AND emoji = $3 AND EXISTS (SELECT FROM gone)
               RETURNING count";
    let (channel, message) = (row.channel, row.message);
    let counts: Vec<u32> = writes
        .list(sql, &[&channel, &message, &row.emoji, &row.user])
        .await?;
    let left = counts.first().copied();
    if left == Some(0) {
        let sql = "DELETE FROM reaction_counts WHERE channel = $1 AND message = $2 AND emoji = $3
                   RETURNING channel";
        writes
            .execute(sql, &[&channel, &message, &row.emoji])
            .await?;
    }
    Ok(left)
}
