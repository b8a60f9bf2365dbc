//! Partitions: taking them, giving them back, and the note of what is about to
//! be executed.

use shared::{bus::StreamId, ids::Partition};

use super::{super::LOCK_CLASS, Connection, transaction::PartitionCounters};
use crate::{
    error::StoreError,
    store::values::{Columns, FromColumns, columns},
};

/// A partition that was taken, and how its last lane left it.
#[derive(Debug)]
pub(crate) struct TakenPartition {
    pub(crate) partition: Partition,
    pub(crate) counters: PartitionCounters,
    /// The process that held it; 0 when it was given back in order.
    pub(crate) holder: i64,
    /// The last entry of the batch that was noted and did not commit.
    pub(crate) noted: Option<StreamId>,
    /// How many lanes had ended when that was noted.
    pub(crate) attempts: i16,
}

columns! { StreamId { ms, seq } }
columns! { PartitionCounters { term, offset, last_id, position } }

impl FromColumns for TakenPartition {
    fn from_columns(columns: &mut impl Columns) -> Result<Self, StoreError> {
        let (partition, counters, holder) = FromColumns::from_columns(columns)?;
        let (ms, seq, attempts): (Option<u64>, Option<u64>, _) =
            FromColumns::from_columns(columns)?;
        Ok(Self {
            partition,
            counters,
            holder,
            noted: ms.zip(seq).map(|(ms, seq)| StreamId { ms, seq }),
            attempts,
        })
    }
}

/// What is noted before it is executed.
#[derive(Debug)]
pub(crate) struct RangeNote {
    pub(crate) partition: Partition,
    pub(crate) term: i64,
    /// The last entry of the batch; it begins above the offset.
    pub(crate) upto: StreamId,
    /// How many lanes ended on what lies there already.
    pub(crate) attempts: i16,
}

/// Takes the locks of partitions that no other lane has, for the process
/// `holder`. The locks are the session's: they end with the connection.
pub(crate) async fn take_partitions(
    connection: &Connection,
    partitions: &[Partition],
    holder: i64,
) -> Result<Vec<TakenPartition>, StoreError> {
    let sql = "SELECT id FROM unnest($1::int2[]) AS w (id) WHERE pg_try_advisory_lock($2, id)";
    let ids: Vec<i16> = connection.list(sql, &[&partitions, &LOCK_CLASS]).await?;
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let sql = "WITH before AS MATERIALIZED (
                   SELECT id, holder, suspect_ms, suspect_seq, strikes FROM partitions
                   WHERE id = ANY($1) ORDER BY id FOR UPDATE)
               UPDATE partitions p SET term = p.term + 1, holder = $2
               FROM before b WHERE p.id = b.id
               RETURNING p.id, p.term, p.offset_ms, p.offset_seq, p.last_id, p.position,
                         b.holder, b.suspect_ms, b.suspect_seq, b.strikes";
    let taken: Vec<TakenPartition> = connection.list(sql, &[&ids, &holder]).await?;
    if taken.len() != ids.len() {
        return Err(StoreError::Inconsistency("partition has no row"));
    }
    Ok(taken)
}

/// Gives partitions back in order: who takes them next suspects nothing.
pub(crate) async fn give_back_partitions(
    connection: &Connection,
    owned: &[(Partition, i64)],
) -> Result<(), StoreError> {
    let (ids, terms): (Vec<Partition>, Vec<i64>) = owned.iter().copied().unzip();
    let sql =
        "UPDATE partitions p SET holder = 0, suspect_ms = NULL, suspect_seq = NULL, strikes = 0
               FROM unnest($1::int2[], $2::int8[]) AS w (id, term)
               WHERE p.id = w.id AND p.term = w.term RETURNING p.id";
    connection.rows(sql, &[&ids, &terms]).await?;
    let sql = "SELECT pg_advisory_unlock($2, id) FROM unnest($1::int2[]) AS w (id)";
    connection.rows(sql, &[&ids, &LOCK_CLASS]).await?;
    Ok(())
}

/// Notes what is about to be executed, before it is: if it ends the process,
/// the next lane finds it here. Not waited for on the disk: it is to outlive
/// this process, not Postgres.
pub(crate) async fn note_ranges(
    connection: &Connection,
    notes: &[RangeNote],
) -> Result<(), StoreError> {
    let ids: Vec<Partition> = notes.iter().map(|n| n.partition).collect();
    let terms: Vec<i64> = notes.iter().map(|n| n.term).collect();
    let ms: Vec<u64> = notes.iter().map(|n| n.upto.ms).collect();
    let seqs: Vec<u64> = notes.iter().map(|n| n.upto.seq).collect();
    let attempts: Vec<i16> = notes.iter().map(|n| n.attempts).collect();
    let sql = "UPDATE partitions p
               SET suspect_ms = w.ms, suspect_seq = w.seq, strikes = w.strikes
               FROM unnest($1::int2[], $2::int8[], $3::int8[], $4::int8[], $5::int2[])
                        AS w (id, term, ms, seq, strikes),
                    (SELECT set_config('synchronous_commit', 'off', true)) AS fast
               WHERE p.id = w.id AND p.term = w.term RETURNING p.id";
    let noted = connection
        .rows(sql, &[&ids, &terms, &ms, &seqs, &attempts])
        .await?;
    if noted.len() == notes.len() {
        Ok(())
    } else {
        Err(StoreError::Fenced)
    }
}
