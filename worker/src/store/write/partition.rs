//! Partitions: taking them, giving them back, and the note of what is about to
//! be executed.

use shared::{bus::StreamId, ids::Partition};
use tokio_postgres::types::Type;

use super::{
    super::LOCK_CLASS, Connection, partition_sql, sql, transaction::PartitionCounters, unsigned,
};
use crate::error::{Error, StoreError};

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
) -> Result<Vec<TakenPartition>, Error> {
    let ids = numbers(partitions);
    let locked = connection
        .rows(
            "SELECT id FROM unnest($1::int2[]) AS w (id) WHERE pg_try_advisory_lock($2, id)",
            &[(&ids, Type::INT2_ARRAY), (&LOCK_CLASS, Type::INT4)],
        )
        .await?;
    let mut ids: Vec<i16> = Vec::with_capacity(locked.len());
    for row in &locked {
        ids.push(row.try_get(0)?);
    }
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = connection
        .rows(
            "WITH before AS MATERIALIZED (
                 SELECT id, holder, suspect_ms, suspect_seq, strikes FROM partitions
                 WHERE id = ANY($1) ORDER BY id FOR UPDATE)
             UPDATE partitions p SET term = p.term + 1, holder = $2
             FROM before b WHERE p.id = b.id
             RETURNING p.id, p.term, p.offset_ms, p.offset_seq, p.last_id, p.position,
                       b.holder, b.suspect_ms, b.suspect_seq, b.strikes",
            &[(&ids, Type::INT2_ARRAY), (&holder, Type::INT8)],
        )
        .await?;
    if rows.len() != ids.len() {
        return Err(StoreError::Inconsistency("partition has no row").into());
    }
    rows.iter()
        .map(|row| {
            let number: i16 = row.try_get(0)?;
            let partition = u16::try_from(number).ok().and_then(Partition::new);
            let suspect: (Option<i64>, Option<i64>) = (row.try_get(7)?, row.try_get(8)?);
            Ok(TakenPartition {
                partition: partition.ok_or(StoreError::Inconsistency("no such partition"))?,
                counters: PartitionCounters {
                    term: row.try_get(1)?,
                    offset: StreamId {
                        ms: unsigned(row.try_get(2)?),
                        seq: unsigned(row.try_get(3)?),
                    },
                    last_id: unsigned(row.try_get(4)?),
                    position: row.try_get(5)?,
                },
                holder: row.try_get(6)?,
                noted: suspect.0.zip(suspect.1).map(|(ms, seq)| StreamId {
                    ms: unsigned(ms),
                    seq: unsigned(seq),
                }),
                attempts: row.try_get(9)?,
            })
        })
        .collect()
}

/// Gives partitions back in order: who takes them next suspects nothing.
pub(crate) async fn give_back_partitions(
    connection: &Connection,
    owned: &[(Partition, i64)],
) -> Result<(), Error> {
    let ids: Vec<i16> = owned.iter().map(|(p, _)| partition_sql(*p)).collect();
    let terms: Vec<i64> = owned.iter().map(|(_, term)| *term).collect();
    connection
        .rows(
            "UPDATE partitions p SET holder = 0, suspect_ms = NULL, suspect_seq = NULL, strikes = 0
         FROM unnest($1::int2[], $2::int8[]) AS w (id, term)
         WHERE p.id = w.id AND p.term = w.term RETURNING p.id",
            &[(&ids, Type::INT2_ARRAY), (&terms, Type::INT8_ARRAY)],
        )
        .await?;
    connection
        .rows(
            "SELECT pg_advisory_unlock($2, id) FROM unnest($1::int2[]) AS w (id)",
            &[(&ids, Type::INT2_ARRAY), (&LOCK_CLASS, Type::INT4)],
        )
        .await?;
    Ok(())
}

/// Notes what is about to be executed, before it is: if it ends the process,
/// the next lane finds it here. Not waited for on the disk: it is to outlive
/// this process, not Postgres.
pub(crate) async fn note_ranges(connection: &Connection, notes: &[RangeNote]) -> Result<(), Error> {
    let ids: Vec<i16> = notes.iter().map(|n| partition_sql(n.partition)).collect();
    let terms: Vec<i64> = notes.iter().map(|n| n.term).collect();
    let ms: Vec<i64> = notes.iter().map(|n| sql(n.upto.ms)).collect();
    let seqs: Vec<i64> = notes.iter().map(|n| sql(n.upto.seq)).collect();
    let attempts: Vec<i16> = notes.iter().map(|n| n.attempts).collect();
    let noted = connection
        .rows(
            "UPDATE partitions p
             SET suspect_ms = w.ms, suspect_seq = w.seq, strikes = w.strikes
             FROM unnest($1::int2[], $2::int8[], $3::int8[], $4::int8[], $5::int2[])
                      AS w (id, term, ms, seq, strikes),
                  (SELECT set_config('synchronous_commit', 'off', true)) AS fast
             WHERE p.id = w.id AND p.term = w.term RETURNING p.id",
            &[
                (&ids, Type::INT2_ARRAY),
                (&terms, Type::INT8_ARRAY),
                (&ms, Type::INT8_ARRAY),
                (&seqs, Type::INT8_ARRAY),
                (&attempts, Type::INT2_ARRAY),
            ],
        )
        .await?;
    if noted.len() == notes.len() {
        Ok(())
    } else {
        Err(StoreError::Fenced.into())
    }
}

fn numbers(partitions: &[Partition]) -> Vec<i16> {
    partitions.iter().map(|p| partition_sql(*p)).collect()
}
