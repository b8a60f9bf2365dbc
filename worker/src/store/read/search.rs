//! What a search reads: the channels that it may look into, the blocks of them that may hold
//! what is looked for, and the messages of these.
//!
//! Ids rise with time, so a stretch of time is a stretch of ids, the same for all channels.

use shared::{
    ids::{AnyId, ChannelId, MessageId, ServerId, UserId},
    protocol::message::Message,
};

use super::Snapshot;
use crate::{error::StoreError, signature::PROBES, store::values::columns};

/// Blocks that one look at a stretch finds, at most, and one more for each channel: those that
/// begin in it and end later. Pins and mentions that it finds, at most.
const MAX_BLOCKS: usize = 512;

/// A channel with messages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SearchedChannel {
    pub(crate) channel: ChannelId,
    pub(crate) server: ServerId,
    /// The id of its last message.
    pub(crate) last: u64,
    /// The id of the last message of its last block with a signature; 0 without one.
    pub(crate) indexed: u64,
}

columns! { SearchedChannel { channel, server, last, indexed } }

/// Messages of a channel, from one id up to before another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) channel: ChannelId,
    pub(crate) low: u64,
    pub(crate) high: u64,
}

/// The channels of servers that have messages; of `only` these, if any is named.
pub(crate) async fn list_channels(
    snapshot: &mut Snapshot,
    servers: &[ServerId],
    only: &[ChannelId],
) -> Result<Vec<SearchedChannel>, StoreError> {
    let sql = "SELECT c.id, c.server, c.last_message_id,
                      coalesce((SELECT last_id FROM search_blocks WHERE channel = c.id
                                ORDER BY last_id DESC LIMIT 1), 0)
               FROM channels c
               WHERE c.server = ANY($1) AND c.last_message_id IS NOT NULL
                   AND ($2 OR c.id = ANY($3))";
    snapshot
        .list(sql, &[&servers, &only.is_empty(), &only])
        .await
}

/// The blocks that have messages in `low..high` and may hold what is looked for; the lowest id
/// down to which all of them were found.
pub(crate) async fn list_blocks(
    snapshot: &mut Snapshot,
    channels: &[ChannelId],
    (low, high): (u64, u64),
    probes: [i32; PROBES],
) -> Result<(Vec<Stretch>, u64), StoreError> {
    let limit = MAX_BLOCKS + channels.len();
    let limit_sql = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows: Vec<(ChannelId, u64, u64)> = snapshot
        .list(
            BLOCKS,
            &[&channels, &low, &high, &probes.as_slice(), &limit_sql],
        )
        .await?;
    let full = rows.len() >= limit;
    let lowest = rows.last().filter(|_| full).map_or(low, |(.., last)| *last);
    let stretches = rows.into_iter().map(|(channel, first, last)| Stretch {
        channel,
        low: first.max(lowest),
        high: high.min(last + 1),
    });
    Ok((stretches.collect(), lowest))
}

/// Blocks that end within the stretch, and of each channel the one that ends behind it. The bits
/// are looked at one after the other, in the order of the probes: three of four blocks are done
/// after the first.
const BLOCKS: &str = "
    SELECT b.channel, b.first_id, b.last_id
    FROM unnest($1::int8[]) AS c (id) CROSS JOIN LATERAL (
        (SELECT channel, first_id, last_id, signature FROM search_blocks
         WHERE channel = c.id AND last_id >= $2 AND last_id < $3)
        UNION ALL
        (SELECT channel, first_id, last_id, signature FROM search_blocks
         WHERE channel = c.id AND last_id >= $3 ORDER BY last_id LIMIT 1)) b
    WHERE b.first_id < $3
        AND get_bit(b.signature, ($4::int4[])[1]) = 1 AND get_bit(b.signature, ($4::int4[])[2]) = 1
        AND get_bit(b.signature, ($4::int4[])[3]) = 1 AND get_bit(b.signature, ($4::int4[])[4]) = 1
        AND get_bit(b.signature, ($4::int4[])[5]) = 1 AND get_bit(b.signature, ($4::int4[])[6]) = 1
        AND get_bit(b.signature, ($4::int4[])[7]) = 1 AND get_bit(b.signature, ($4::int4[])[8]) = 1
        AND get_bit(b.signature, ($4::int4[])[9]) = 1 AND get_bit(b.signature, ($4::int4[])[10]) = 1
        AND get_bit(b.signature, ($4::int4[])[11]) = 1 AND get_bit(b.signature, ($4::int4[])[12]) = 1
    ORDER BY b.last_id DESC LIMIT $5";

/// The messages of `low..high` that changed since the signatures of their blocks were made, each
/// a stretch; the lowest id down to which all were found.
pub(crate) async fn list_noted(
    snapshot: &mut Snapshot,
    channels: &[ChannelId],
    (low, high): (u64, u64),
) -> Result<(Vec<Stretch>, u64), StoreError> {
    let limit = i64::try_from(MAX_BLOCKS).unwrap_or(i64::MAX);
    let rows = snapshot
        .list(NOTED, &[&channels, &low, &high, &limit])
        .await?;
    Ok(single_messages(rows, low))
}

const NOTED: &str = "
    SELECT DISTINCT channel, message FROM search_pending
    WHERE channel = ANY($1) AND message >= $2 AND message < $3
    ORDER BY message DESC LIMIT $4";

/// The pinned messages of `low..high`, each a stretch; the lowest id down to which all were found.
pub(crate) async fn list_pins(
    snapshot: &mut Snapshot,
    channels: &[ChannelId],
    (low, high): (u64, u64),
) -> Result<(Vec<Stretch>, u64), StoreError> {
    let sql = "SELECT channel, message FROM pins
               WHERE channel = ANY($1) AND message >= $2 AND message < $3
               ORDER BY message DESC LIMIT $4";
    let limit = i64::try_from(MAX_BLOCKS).unwrap_or(i64::MAX);
    let rows = snapshot
        .list(sql, &[&channels, &low, &high, &limit])
        .await?;
    Ok(single_messages(rows, low))
}

/// The messages of `low..high` in these channels that mention one of these, in the same form. No
/// message of another channel may end the list: its place would say that it is there.
pub(crate) async fn list_mentions(
    snapshot: &mut Snapshot,
    targets: &[AnyId],
    channels: &[ChannelId],
    (low, high): (u64, u64),
) -> Result<(Vec<Stretch>, u64), StoreError> {
    let sql = "SELECT m.channel, m.message
               FROM unnest($1::int8[]) AS t (id)
               CROSS JOIN LATERAL (
                   SELECT channel, message FROM mentions
                   WHERE target = t.id AND message >= $2 AND message < $3
                       AND channel IN (SELECT unnest($5::int8[]))
                   ORDER BY message DESC LIMIT $4) m
               GROUP BY m.channel, m.message ORDER BY m.message DESC LIMIT $4";
    let limit = i64::try_from(MAX_BLOCKS).unwrap_or(i64::MAX);
    let rows = snapshot
        .list(sql, &[&targets, &low, &high, &limit, &channels])
        .await?;
    Ok(single_messages(rows, low))
}

fn single_messages(rows: Vec<(ChannelId, u64)>, low: u64) -> (Vec<Stretch>, u64) {
    let full = rows.len() >= MAX_BLOCKS;
    let lowest = rows.last().filter(|_| full).map_or(low, |(_, last)| *last);
    let stretches = rows.into_iter().map(|(channel, message)| Stretch {
        channel,
        low: message,
        high: message + 1,
    });
    (stretches.collect(), lowest)
}

/// Those of these messages that are pinned.
pub(crate) async fn find_pinned(
    snapshot: &mut Snapshot,
    messages: &[(ChannelId, MessageId)],
) -> Result<Vec<MessageId>, StoreError> {
    let (channels, ids): (Vec<ChannelId>, Vec<MessageId>) = messages.iter().copied().unzip();
    let sql = "SELECT p.message FROM unnest($1::int8[], $2::int8[]) AS w (channel, message)
               JOIN pins p ON p.channel = w.channel AND p.message = w.message";
    snapshot.list(sql, &[&channels, &ids]).await
}

/// The newest messages of these stretches, newest first, at most `limit`; only of these authors, if
/// any is named. Whether they are pinned, and how people reacted, is not asked here.
pub(crate) async fn list_found(
    snapshot: &mut Snapshot,
    stretches: &[Stretch],
    authors: &[UserId],
    limit: usize,
) -> Result<Vec<(ChannelId, Message)>, StoreError> {
    let channels: Vec<ChannelId> = stretches.iter().map(|stretch| stretch.channel).collect();
    let lows: Vec<u64> = stretches.iter().map(|stretch| stretch.low).collect();
    let highs: Vec<u64> = stretches.iter().map(|stretch| stretch.high).collect();
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    snapshot
        .list(
            FOUND,
            &[
                &channels,
                &lows,
                &highs,
                &authors.is_empty(),
                &authors,
                &limit,
            ],
        )
        .await
}

const FOUND: &str = "
    SELECT m.channel, m.id, m.seq, m.author, m.content, m.reply_to, m.edited_at,
        coalesce(m.mentions, '{}'), false
    FROM unnest($1::int8[], $2::int8[], $3::int8[]) AS s (channel, low, high)
    CROSS JOIN LATERAL (
        SELECT * FROM messages
        WHERE channel = s.channel AND id >= s.low AND id < s.high AND NOT deleted
            AND ($4 OR author = ANY($5))
        ORDER BY id DESC LIMIT $6) m
    ORDER BY m.id DESC LIMIT $6";

#[cfg(test)]
mod tests {
    use sqlx::ConnectOptions as _;

    use super::*;
    use crate::{store::explain::explain, store::read::SETTINGS};

    #[tokio::test]
    async fn a_search_reads_stretches_by_index() {
        let options = crate::fixture::database().await.options(SETTINGS);
        let mut connection = options.connect().await.unwrap();
        let generic = "SET plan_cache_mode = force_generic_plan; PREPARE";
        let blocks = format!("{generic} blocks (int8[], int8, int8, int4[], int8) AS {BLOCKS}");
        let plan = explain(
            &mut connection,
            &blocks,
            "EXECUTE blocks ('{1}', 1, 2, '{1}', 9)",
        )
        .await;
        assert!(!plan.contains("Seq Scan"), "{plan}");
        assert_eq!(plan.matches("search_blocks_pkey").count(), 2, "{plan}");
        let noted = format!("{generic} noted (int8[], int8, int8, int8) AS {NOTED}");
        let plan = explain(&mut connection, &noted, "EXECUTE noted ('{1}', 1, 2, 9)").await;
        assert!(plan.contains("search_pending_message"), "{plan}");
        let found =
            format!("{generic} found (int8[], int8[], int8[], bool, int8[], int8) AS {FOUND}");
        let plan = explain(
            &mut connection,
            &found,
            "EXECUTE found ('{1}', '{1}', '{2}', true, '{}', 9)",
        )
        .await;
        assert!(!plan.contains("Seq Scan"), "{plan}");
        assert!(plan.contains("messages_id"), "{plan}");
    }
}
