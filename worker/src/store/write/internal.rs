//! Internal commands: enqueued by the lane of the source in its transaction, applied
//! by the lane of the target in its own, once and in order.

use std::{collections::BTreeMap, time::Duration};

use shared::ids::{Partition, UserId};
use tokio_postgres::types::Type;

use super::{Connection, Writes, partition_sql, sql, unsigned};
use crate::error::{Error, StoreError};

/// Where an internal command comes from and goes to. Those of a pair are
/// applied in order.
pub(crate) type Pair = (Partition, Partition);

/// An internal command that is due.
#[derive(Debug)]
pub(crate) struct Due {
    pub(crate) target: Partition,
    pub(crate) source: Partition,
    /// Rises within the source.
    pub(crate) number: i64,
    pub(crate) opcode: u16,
    pub(crate) scope: u64,
    pub(crate) author: Option<UserId>,
    pub(crate) body: Vec<u8>,
    /// How often it failed.
    pub(crate) attempts: i16,
}

/// An internal command that is not stored yet.
#[derive(Debug)]
pub(crate) struct NewInternal<'a> {
    pub(crate) target: Partition,
    pub(crate) source: Partition,
    pub(crate) number: u64,
    pub(crate) opcode: u16,
    pub(crate) scope: u64,
    pub(crate) author: Option<UserId>,
    pub(crate) body: &'a [u8],
}

/// When the next command of a pair is tried again.
#[derive(Debug)]
pub(crate) struct Postponed<'a> {
    pub(crate) pair: Pair,
    pub(crate) attempts: i16,
    pub(crate) wait: Duration,
    pub(crate) parked: bool,
    pub(crate) problem: &'a str,
}

/// The next internal commands of each pair that may go on: at most `per_pair`
/// of each and `limit` in all. A look at each pair that waits, however many
/// commands wait behind a parked one.
pub(crate) async fn list_due(
    connection: &Connection,
    targets: &[Partition],
    per_pair: i64,
    limit: i64,
) -> Result<Vec<Due>, Error> {
    let ids: Vec<i16> = targets.iter().map(|p| partition_sql(*p)).collect();
    let rows = connection
        .rows(
            "WITH RECURSIVE pairs AS (
                 (SELECT target, source FROM internal_outbox ORDER BY target, source LIMIT 1)
                 UNION ALL
                 SELECT n.target, n.source FROM pairs p CROSS JOIN LATERAL (
                     SELECT o.target, o.source FROM internal_outbox o
                     WHERE (o.target, o.source) > (p.target, p.source)
                     ORDER BY o.target, o.source LIMIT 1) n)
             SELECT c.target, c.source, c.number, c.opcode, c.scope, c.author, c.body,
                    coalesce(i.attempts, 0::int2)
             FROM pairs p
             LEFT JOIN internal_inbox i ON i.target = p.target AND i.source = p.source
             CROSS JOIN LATERAL (
                 SELECT * FROM internal_outbox o
                 WHERE o.target = p.target AND o.source = p.source
                     AND o.number > coalesce(i.applied, 0)
                 ORDER BY o.number LIMIT $2) c
             WHERE p.target = ANY($1) AND NOT coalesce(i.parked, false)
                 AND coalesce(i.not_before, '-infinity') <= now()
             ORDER BY c.number LIMIT $3",
            &[
                (&ids, Type::INT2_ARRAY),
                (&per_pair, Type::INT8),
                (&limit, Type::INT8),
            ],
        )
        .await?;
    let partition = |number: i16| {
        let known = u16::try_from(number).ok().and_then(Partition::new);
        known.ok_or(StoreError::Inconsistency("no such partition"))
    };
    rows.iter()
        .map(|row| {
            let opcode: i32 = row.try_get(3)?;
            Ok(Due {
                target: partition(row.try_get(0)?)?,
                source: partition(row.try_get(1)?)?,
                number: row.try_get(2)?,
                opcode: u16::try_from(opcode).unwrap_or(u16::MAX),
                scope: unsigned(row.try_get(4)?),
                author: row
                    .try_get::<_, Option<i64>>(5)?
                    .and_then(|id| UserId::try_from(id).ok()),
                body: row.try_get(6)?,
                attempts: row.try_get(7)?,
            })
        })
        .collect()
}

/// Enqueues an internal command, in the transaction of its cause.
pub(crate) async fn enqueue(writes: &mut Writes<'_>, new: &NewInternal<'_>) -> Result<(), Error> {
    writes
        .execute(
            "INSERT INTO internal_outbox (target, source, number, opcode, scope, author, body)
         VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING number",
            &[
                (&partition_sql(new.target), Type::INT2),
                (&partition_sql(new.source), Type::INT2),
                (&sql(new.number), Type::INT8),
                (&i32::from(new.opcode), Type::INT4),
                (&sql(new.scope), Type::INT8),
                (&new.author.map(UserId::sql), Type::INT8),
                (&new.body, Type::BYTEA),
            ],
        )
        .await?;
    Ok(())
}

/// Moves the places of the pairs whose commands are in this transaction, and
/// drops what took effect.
pub(super) async fn apply(
    connection: &Connection,
    applied: &BTreeMap<Pair, i64>,
) -> Result<(), Error> {
    if applied.is_empty() {
        return Ok(());
    }
    let targets: Vec<i16> = applied.keys().map(|pair| partition_sql(pair.0)).collect();
    let sources: Vec<i16> = applied.keys().map(|pair| partition_sql(pair.1)).collect();
    let numbers: Vec<i64> = applied.values().copied().collect();
    let moved = connection.rows(
            "WITH moved AS (
                 INSERT INTO internal_inbox AS i (target, source, applied)
                 SELECT * FROM unnest($1::int2[], $2::int2[], $3::int8[])
                 ON CONFLICT (target, source) DO UPDATE
                 SET applied = excluded.applied, attempts = 0, not_before = '-infinity', problem = NULL
                 WHERE i.applied < excluded.applied
                 RETURNING target, source, applied),
             gone AS (
                 DELETE FROM internal_outbox o USING moved m
                 WHERE o.target = m.target AND o.source = m.source AND o.number <= m.applied)
             SELECT target FROM moved",
            &[
                (&targets, Type::INT2_ARRAY),
                (&sources, Type::INT2_ARRAY),
                (&numbers, Type::INT8_ARRAY),
            ],
        )
        .await?;
    // Each must have been the next: else another lane executed them.
    if moved.len() == applied.len() {
        Ok(())
    } else {
        Err(StoreError::Fenced.into())
    }
}

/// Lets a pair wait.
pub(crate) async fn postpone(
    connection: &Connection,
    postponed: &Postponed<'_>,
) -> Result<(), Error> {
    let (target, source) = postponed.pair;
    connection
        .rows(
            "INSERT INTO internal_inbox (target, source, attempts, not_before, parked, problem)
         VALUES ($1, $2, $3, now() + $4 * interval '1 second', $5, $6)
         ON CONFLICT (target, source) DO UPDATE
         SET attempts = excluded.attempts, not_before = excluded.not_before,
             parked = excluded.parked, problem = excluded.problem
         RETURNING target",
            &[
                (&partition_sql(target), Type::INT2),
                (&partition_sql(source), Type::INT2),
                (&postponed.attempts, Type::INT2),
                (&postponed.wait.as_secs_f64(), Type::FLOAT8),
                (&postponed.parked, Type::BOOL),
                (&postponed.problem, Type::TEXT),
            ],
        )
        .await?;
    Ok(())
}
