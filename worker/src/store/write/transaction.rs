//! The end of a transaction: all gathered rows, the fence and COMMIT in one pipeline.

use std::collections::BTreeMap;

use futures_util::future::BoxFuture;
use shared::{
    bus::StreamId,
    ids::{ChannelId, MessageId, Partition},
};
use tokio_postgres::error::SqlState;

use super::{
    Connection,
    channel::ChannelCounters,
    event::{NewEvent, ToldName, TopicHead},
    internal::{self, Pair},
    message::{self, MentioningMessageRow, NewMessageRow, Revision},
    nonce::NewNonce,
    partition_sql,
    search::SearchNote,
    sql,
};
use crate::{error::StoreError, state::account::Registers};

/// The fence, last before COMMIT. It divides by zero, which aborts the
/// transaction, unless every partition of it still has this lane's term:
/// so COMMIT may be sent in the same pipeline.
pub(super) const FENCE: &str = "
    WITH moved AS (
        UPDATE partitions p
        SET offset_ms = u.offset_ms, offset_seq = u.offset_seq, last_id = u.last_id, position = u.position,
            suspect_ms = NULL, suspect_seq = NULL, strikes = 0
        FROM unnest($1::int2[], $2::int8[], $3::int8[], $4::int8[], $5::int8[], $6::int8[])
            AS u (id, term, offset_ms, offset_seq, last_id, position)
        WHERE p.id = u.id AND p.term = u.term
        RETURNING p.id)
    SELECT 1 / (count(*) = cardinality($1))::int FROM moved";

/// What the partition's row holds while a lane owns it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PartitionCounters {
    /// Rises with each takeover.
    pub(crate) term: i64,
    /// The last entry that took effect.
    pub(crate) offset: StreamId,
    /// The last id made.
    pub(crate) last_id: u64,
    /// The last position in the event log.
    pub(crate) position: i64,
}

/// Everything that a transaction writes at its end.
#[derive(Debug, Default)]
pub(crate) struct PendingRows {
    pub(crate) messages: Vec<NewMessageRow>,
    pub(crate) mentioning: Vec<MentioningMessageRow>,
    /// What happens to messages afterwards, in order.
    pub(crate) revisions: Vec<Revision>,
    pub(crate) events: Vec<NewEvent>,
    /// Those of them that say what somebody is called.
    pub(crate) told_names: Vec<ToldName>,
    pub(crate) nonces: Vec<NewNonce>,
    /// The last message of each channel, and its seq.
    pub(crate) channels: BTreeMap<ChannelId, (u64, MessageId)>,
    /// Topic → head.
    pub(crate) heads: BTreeMap<u64, u64>,
    /// Registers of accounts.
    pub(crate) registers: Registers,
    /// What the index of messages is to look at.
    pub(crate) search_notes: Vec<SearchNote>,
    /// The last internal command of each pair that takes effect.
    pub(crate) applied: BTreeMap<Pair, i64>,
}

/// Opens a transaction.
pub(crate) async fn begin(connection: &Connection) -> Result<(), StoreError> {
    Ok(connection.client.batch_execute("BEGIN").await?)
}

/// Gives the transaction up.
pub(crate) async fn rollback(connection: &Connection) -> Result<(), StoreError> {
    Ok(connection.client.batch_execute("ROLLBACK").await?)
}

/// Writes the gathered messages and their changes now, so that what follows can
/// read them.
pub(crate) async fn flush_messages(
    connection: &Connection,
    rows: &mut PendingRows,
) -> Result<(), StoreError> {
    let (client, statements) = (&connection.client, &connection.statements);
    statements.messages.write(client, &rows.messages, 0).await?;
    rows.messages.clear();
    let inserts = &statements.mentioning;
    inserts.write(client, &rows.mentioning, 0).await?;
    rows.mentioning.clear();
    message::revise_messages(connection, &rows.revisions).await?;
    rows.revisions.clear();
    Ok(())
}

/// Writes what was gathered, the fence and COMMIT, in one pipeline, and BEGIN
/// before them unless the transaction has `begun`. `Ok` means stored; an error
/// of the connection means that nobody knows.
pub(crate) async fn commit(
    connection: &Connection,
    rows: &PendingRows,
    counters: &BTreeMap<Partition, PartitionCounters>,
    day: i32,
    begun: bool,
) -> Result<(), StoreError> {
    let (client, statements) = (&connection.client, &connection.statements);
    let channels = rows.channels.iter();
    let channels: Vec<ChannelCounters> = channels.map(|(id, last)| (*id, *last)).collect();
    let heads: Vec<TopicHead> = rows.heads.iter().map(|(id, head)| (*id, *head)).collect();
    let registers: Vec<_> = rows.registers.changed().collect();
    #[cfg(feature = "sabotage")]
    let registers: Vec<_> = registers
        .into_iter()
        .filter(|_| !crate::sabotage::loses_cursor())
        .collect();
    let register_heads: Vec<_> = rows.registers.changed_heads().collect();
    // One pipeline: the requests leave in this order, and an error of one
    // aborts the transaction, so that the later ones change nothing.
    let pipeline: Vec<BoxFuture<'_, Result<(), StoreError>>> = vec![
        Box::pin(async {
            if begun {
                return Ok(());
            }
            begin(connection).await
        }),
        Box::pin(statements.messages.write(client, &rows.messages, day)),
        Box::pin(statements.mentioning.write(client, &rows.mentioning, day)),
        Box::pin(message::revise_messages(connection, &rows.revisions)),
        Box::pin(statements.events.write(client, &rows.events, day)),
        Box::pin(statements.told_names.write(client, &rows.told_names, day)),
        Box::pin(statements.nonces.write(client, &rows.nonces, day)),
        Box::pin(statements.channels.write(client, &channels, day)),
        Box::pin(statements.topics.write(client, &heads, day)),
        Box::pin(statements.registers.write(client, &registers, day)),
        Box::pin(
            statements
                .register_heads
                .write(client, &register_heads, day),
        ),
        Box::pin(
            statements
                .search_notes
                .write(client, &rows.search_notes, day),
        ),
        Box::pin(internal::apply_internal(connection, &rows.applied)),
        Box::pin(fence(connection, counters)),
        Box::pin(async { Ok(client.batch_execute("COMMIT").await?) }),
    ];
    // The first error in the order of sending is the cause; those after it
    // only say that the transaction is aborted. COMMIT itself says Ok even then.
    let results = futures_util::future::join_all(pipeline).await;
    results.into_iter().collect()
}

async fn fence(
    connection: &Connection,
    counters: &BTreeMap<Partition, PartitionCounters>,
) -> Result<(), StoreError> {
    let ids: Vec<i16> = counters
        .keys()
        .map(|partition| partition_sql(*partition))
        .collect();
    let terms: Vec<i64> = counters.values().map(|c| c.term).collect();
    let ms: Vec<i64> = counters.values().map(|c| sql(c.offset.ms)).collect();
    let seqs: Vec<i64> = counters.values().map(|c| sql(c.offset.seq)).collect();
    let last_ids: Vec<i64> = counters.values().map(|c| sql(c.last_id)).collect();
    let positions: Vec<i64> = counters.values().map(|c| c.position).collect();
    let moved = connection
        .client
        .query_one(
            &connection.statements.fence,
            &[&ids, &terms, &ms, &seqs, &last_ids, &positions],
        )
        .await;
    match moved {
        Ok(_) => Ok(()),
        Err(error) if error.code() == Some(&SqlState::DIVISION_BY_ZERO) => Err(StoreError::Fenced),
        Err(error) => Err(error.into()),
    }
}
