//! Internal commands: enqueued by the lane of the source in its transaction, applied
//! by the lane of the target in its own, once and in order.

use std::{collections::BTreeMap, time::Duration};

use shared::ids::{Partition, UserId};

use super::{Connection, Writes};
use crate::{
    error::StoreError,
    store::values::{Columns, FromColumns},
};

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

impl FromColumns for Due {
    fn from_columns(columns: &mut impl Columns) -> Result<Self, StoreError> {
        let (target, source, number) = FromColumns::from_columns(columns)?;
        let (opcode, scope, author): (i32, _, Option<i64>) = FromColumns::from_columns(columns)?;
        let (body, attempts) = FromColumns::from_columns(columns)?;
        Ok(Self {
            target,
            source,
            number,
            opcode: u16::try_from(opcode).unwrap_or(u16::MAX),
            scope,
            author: author.and_then(|id| UserId::try_from(id).ok()),
            body,
            attempts,
        })
    }
}

/// An internal command that is not stored yet, for one owner or several.
#[derive(Debug)]
pub(crate) struct NewInternal<'a> {
    pub(crate) source: Partition,
    pub(crate) opcode: u16,
    pub(crate) author: Option<UserId>,
    pub(crate) body: &'a [u8],
    pub(crate) targets: &'a [InternalTarget],
}

/// Whose an internal command is: the partition, the scope, and the number of the source, which
/// rises.
pub(crate) type InternalTarget = (Partition, u64, u64);

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
) -> Result<Vec<Due>, StoreError> {
    let sql = "WITH RECURSIVE pairs AS (
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
               ORDER BY c.number LIMIT $3";
    connection.list(sql, &[&targets, &per_pair, &limit]).await
}

/// Enqueues an internal command in the transaction of its cause: in one statement for all.
pub(crate) async fn enqueue_internal(
    writes: &mut Writes<'_>,
    new: &NewInternal<'_>,
) -> Result<usize, StoreError> {
    let of = new.targets.iter();
    let targets: Vec<Partition> = of.clone().map(|(target, ..)| *target).collect();
    let scopes: Vec<u64> = of.clone().map(|(_, scope, _)| *scope).collect();
    let numbers: Vec<u64> = of.map(|(.., number)| *number).collect();
    let sql = "INSERT INTO internal_outbox (target, source, number, opcode, scope, author, body)
               SELECT target, $1, number, $2, scope, $3, $4
               FROM unnest($5::int2[], $6::int8[], $7::int8[]) AS w (target, scope, number)
               RETURNING number";
    let NewInternal {
        source,
        opcode,
        author,
        body,
        ..
    } = new;
    writes
        .execute(
            sql,
            &[source, opcode, author, body, &targets, &scopes, &numbers],
        )
        .await
}

/// Moves the places of the pairs whose commands are in this transaction, and
/// drops what took effect.
pub(super) async fn apply_internal(
    connection: &Connection,
    applied: &BTreeMap<Pair, i64>,
) -> Result<(), StoreError> {
    if applied.is_empty() {
        return Ok(());
    }
    let (targets, sources): (Vec<Partition>, Vec<Partition>) = applied.keys().copied().unzip();
    let numbers: Vec<i64> = applied.values().copied().collect();
    let sql = "WITH moved AS (
                   INSERT INTO internal_inbox AS i (target, source, applied)
                   SELECT * FROM unnest($1::int2[], $2::int2[], $3::int8[])
                   ON CONFLICT (target, source) DO UPDATE
                   SET applied = excluded.applied, attempts = 0, not_before = '-infinity', problem = NULL
                   WHERE i.applied < excluded.applied
                   RETURNING target, source, applied),
               gone AS (
                   DELETE FROM internal_outbox o USING moved m
                   WHERE o.target = m.target AND o.source = m.source AND o.number <= m.applied)
               SELECT target FROM moved";
    let moved = connection
        .rows(sql, &[&targets, &sources, &numbers])
        .await?;
    // Each must have been the next: else another lane executed them.
    if moved.len() == applied.len() {
        Ok(())
    } else {
        Err(StoreError::Fenced)
    }
}

/// Lets a pair wait.
pub(crate) async fn postpone_pair(
    connection: &Connection,
    postponed: &Postponed<'_>,
) -> Result<(), StoreError> {
    let (target, source) = postponed.pair;
    let sql = "INSERT INTO internal_inbox (target, source, attempts, not_before, parked, problem)
               VALUES ($1, $2, $3, now() + $4 * interval '1 second', $5, $6)
               ON CONFLICT (target, source) DO UPDATE
               SET attempts = excluded.attempts, not_before = excluded.not_before,
                   parked = excluded.parked, problem = excluded.problem
               RETURNING target";
    connection
        .rows(
            sql,
            &[
                &target,
                &source,
                &postponed.attempts,
                &postponed.wait.as_secs_f64(),
                &postponed.parked,
                &postponed.problem,
            ],
        )
        .await?;
    Ok(())
}
