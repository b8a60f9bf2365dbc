//! The event log, and the heads of its topics.

use std::collections::BTreeMap;

use shared::ids::{Partition, UserId};

use super::{
    Connection, Writes, partition_sql,
    rows::{BatchedRow, Column, column},
    sql,
};
use crate::error::StoreError;

/// An event that is not stored yet.
#[derive(Debug)]
pub(crate) struct NewEvent {
    pub(crate) topic: u64,
    pub(crate) seq: u64,
    pub(crate) partition: Partition,
    pub(crate) position: i64,
    pub(crate) opcode: u16,
    pub(crate) channel: Option<u64>,
    pub(crate) audience: Option<Vec<u8>>,
    pub(crate) effect: Option<Vec<u8>>,
    pub(crate) body: Vec<u8>,
    /// The trace parent of its command, where that is traced.
    pub(crate) trace: Option<String>,
}

impl BatchedRow for NewEvent {
    const STATEMENT: &'static str = "
        INSERT INTO events (topic, seq, day, partition, position, opcode, channel, audience, effect, body, trace)
        SELECT topic, seq, DATE '1970-01-01' + $11::int4, partition, position, opcode, channel, audience, effect, body, trace
        FROM unnest($1::int8[], $2::int8[], $3::int2[], $4::int8[], $5::int4[], $6::int8[], $7::bytea[], $8::bytea[],
                    $9::bytea[], $10::text[])
            AS e (topic, seq, partition, position, opcode, channel, audience, effect, body, trace)";

    fn columns(rows: &[Self], day: i32) -> Vec<Column<'_>> {
        vec![
            column(rows, |event| sql(event.topic)),
            column(rows, |event| sql(event.seq)),
            column(rows, |event| partition_sql(event.partition)),
            column(rows, |event| event.position),
            column(rows, |event| i32::from(event.opcode)),
            column(rows, |event| event.channel.map(sql)),
            column(rows, |event| event.audience.as_deref()),
            column(rows, |event| event.effect.as_deref()),
            column(rows, |event| event.body.as_slice()),
            column(rows, |event| event.trace.as_deref()),
            Box::new(day),
        ]
    }
}

/// An event of a server that says what an account is called.
#[derive(Debug)]
pub(crate) struct ToldName {
    pub(crate) account: UserId,
    pub(crate) topic: u64,
    pub(crate) seq: u64,
}

impl BatchedRow for ToldName {
    const STATEMENT: &'static str = "
        INSERT INTO told_names (account, topic, seq, day)
        SELECT account, topic, seq, DATE '1970-01-01' + $4::int4
        FROM unnest($1::int8[], $2::int8[], $3::int8[]) AS t (account, topic, seq)";

    fn columns(rows: &[Self], day: i32) -> Vec<Column<'_>> {
        vec![
            column(rows, |told| told.account.sql()),
            column(rows, |told| sql(told.topic)),
            column(rows, |told| sql(told.seq)),
            Box::new(day),
        ]
    }
}

/// A topic, and its head after the transaction.
pub(super) type TopicHead = (u64, u64);

impl BatchedRow for TopicHead {
    const STATEMENT: &'static str = "
        INSERT INTO topics (id, head) SELECT * FROM unnest($1::int8[], $2::int8[])
        ON CONFLICT (id) DO UPDATE SET head = excluded.head";

    fn columns(rows: &[Self], _day: i32) -> Vec<Column<'_>> {
        vec![
            column(rows, |(topic, _)| sql(*topic)),
            column(rows, |(_, head)| sql(*head)),
        ]
    }
}

/// Locks the topics that several lanes write and answers with their heads.
/// Always in the order of their ids, so that two lanes never wait for each other.
pub(crate) async fn lock_topics(
    connection: &Connection,
    topics: &[u64],
) -> Result<BTreeMap<u64, u64>, StoreError> {
    let sql = "SELECT id, head FROM topics WHERE id = ANY($1) ORDER BY id FOR UPDATE";
    let rows: Vec<(u64, u64)> = connection.list(sql, &[&topics]).await?;
    Ok(rows.into_iter().collect())
}

/// Creates the topic of a new server or account.
pub(crate) async fn create_topic(writes: &mut Writes<'_>, id: u64) -> Result<usize, StoreError> {
    let sql = "INSERT INTO topics (id) VALUES ($1) RETURNING id";
    writes.execute(sql, &[&id]).await
}
