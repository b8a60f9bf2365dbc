//! The machine of a lane: partitions, nonces, events, COMMIT.

use std::collections::BTreeMap;

use shared::{
    bus::StreamId,
    ids::{Partition, UserId},
};
use tokio_postgres::{
    error::SqlState,
    types::{ToSql, Type},
};

use super::{
    Writer,
    internal::Pair,
    message::{NewMessages, Revision},
    register::Registers,
};
use crate::error::{Error, StoreError};

/// Settings of the lane's session. A frozen worker is ended by Postgres itself:
/// the lane pings each half second, so silence of 5 s means that it is frozen.
///
/// Plans do not depend on statistics: each statement is planned once, perhaps
/// while its tables are empty, and lives as long as the connection. Without
/// these settings it may scan a table for ever that has grown since.
pub(super) const SESSION: &str = "
    SET plan_cache_mode = force_generic_plan;
    SET enable_seqscan = off;
    SET enable_bitmapscan = off;
    SET enable_hashjoin = off;
    SET enable_mergejoin = off;
    SET jit = off;
    SET synchronous_commit = on;
    SET statement_timeout = '10s';
    SET lock_timeout = '3s';
    SET idle_in_transaction_session_timeout = '5s';
    SET idle_session_timeout = '5s';
    SET client_min_messages = warning";

pub(super) const FIND_NONCES: &str = "
    SELECT w.place, n.body_hash, n.result
    FROM unnest($1::int4[], $2::int8[], $3::int8[], $4::text[]) AS w (place, scope, author, nonce)
    JOIN nonces n ON n.scope = w.scope AND n.author = w.author AND n.nonce = w.nonce COLLATE \"C\"";

pub(super) const INSERT_EVENTS: &str = "
    INSERT INTO events (topic, seq, day, partition, position, opcode, channel, audience, effect, body)
    SELECT topic, seq, DATE '1970-01-01' + $10::int4, partition, position, opcode, channel, audience, effect, body
    FROM unnest($1::int8[], $2::int8[], $3::int2[], $4::int8[], $5::int4[], $6::int8[], $7::bytea[], $8::bytea[],
                $9::bytea[])
        AS e (topic, seq, partition, position, opcode, channel, audience, effect, body)";

pub(super) const INSERT_NONCES: &str = "
    INSERT INTO nonces (scope, author, nonce, day, body_hash, result)
    SELECT scope, author, nonce, DATE '1970-01-01' + $6::int4, body_hash, result
    FROM unnest($1::int8[], $2::int8[], $3::text[], $4::bytea[], $5::bytea[])
        AS n (scope, author, nonce, body_hash, result)";

pub(super) const UPDATE_TOPICS: &str = "
    INSERT INTO topics (id, head) SELECT * FROM unnest($1::int8[], $2::int8[])
    ON CONFLICT (id) DO UPDATE SET head = excluded.head";

/// The fence, last before COMMIT. It divides by zero, which aborts the
/// transaction, unless every partition of the batch still has this lane's term:
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
pub(crate) struct Counters {
    /// Rises with each takeover.
    pub(crate) term: i64,
    /// The last entry that took effect.
    pub(crate) offset: StreamId,
    /// The last id made.
    pub(crate) last_id: u64,
    /// The last position in the event log.
    pub(crate) position: i64,
}

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
}

/// The key of a nonce.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct NonceKey {
    pub(crate) scope: u64,
    pub(crate) author: Option<UserId>,
    pub(crate) nonce: String,
}

impl NonceKey {
    fn author_sql(&self) -> i64 {
        self.author.map_or(0, UserId::sql)
    }
}

/// The first result of a nonce.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) body_hash: Vec<u8>,
    /// The encoded reply body.
    pub(crate) result: Vec<u8>,
}

/// Everything that a batch writes at its end.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) messages: NewMessages,
    /// What happens to messages afterwards, in order.
    pub(crate) revisions: Vec<Revision>,
    pub(crate) events: Vec<NewEvent>,
    pub(crate) nonces: Vec<(NonceKey, Known)>,
    /// Channel → last seq and last message.
    pub(crate) channels: BTreeMap<u64, (u64, Option<u64>)>,
    /// Topic → head.
    pub(crate) heads: BTreeMap<u64, u64>,
    /// Registers of accounts.
    pub(crate) registers: Registers,
    /// The last internal command of each pair that takes effect.
    pub(crate) applied: BTreeMap<Pair, i64>,
}

impl Writer {
    /// Opens a transaction.
    pub(crate) async fn begin(&self) -> Result<(), StoreError> {
        Ok(self.client.batch_execute("BEGIN").await?)
    }

    /// Looks nonces up; answers with the place of each known one in `keys`. No
    /// transaction is needed: this lane alone writes them.
    pub(crate) async fn find_nonces(
        &self,
        keys: &[NonceKey],
    ) -> Result<Vec<(usize, Known)>, Error> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let places: Vec<i32> = (0_i32..).take(keys.len()).collect();
        let scopes: Vec<i64> = keys.iter().map(|key| sql(key.scope)).collect();
        let authors: Vec<i64> = keys.iter().map(NonceKey::author_sql).collect();
        let nonces: Vec<&str> = keys.iter().map(|key| key.nonce.as_str()).collect();
        let parameters: [&(dyn ToSql + Sync); 4] = [&places, &scopes, &authors, &nonces];
        let rows = self
            .client
            .query(&self.hot.find_nonces, &parameters)
            .await?;
        rows.iter()
            .map(|row| {
                let place: i32 = row.try_get(0)?;
                let known = Known {
                    body_hash: row.try_get(1)?,
                    result: row.try_get(2)?,
                };
                Ok((usize::try_from(place).unwrap_or(usize::MAX), known))
            })
            .collect()
    }

    /// Gives the batch up.
    pub(crate) async fn rollback(&self) -> Result<(), StoreError> {
        Ok(self.client.batch_execute("ROLLBACK").await?)
    }

    /// Writes what was gathered, the fence and COMMIT, in one pipeline, and BEGIN
    /// before them unless the transaction has `begun`. `Ok` means stored; an error
    /// of the connection means that nobody knows.
    pub(crate) async fn commit(
        &self,
        batch: &Batch,
        counters: &BTreeMap<Partition, Counters>,
        day: i32,
        begun: bool,
    ) -> Result<(), Error> {
        // One pipeline: the requests leave in this order, and an error of one
        // aborts the transaction, so that the later ones change nothing.
        let begin = async {
            if begun {
                return Ok(());
            }
            Ok(self.begin().await?)
        };
        let messages = self.insert_messages(&batch.messages);
        let revisions = self.revise_messages(&batch.revisions);
        let events = self.insert_events(&batch.events, day);
        let nonces = self.insert_nonces(&batch.nonces, day);
        let channels = self.update_channels(&batch.channels);
        let topics = self.update_topics(&batch.heads);
        let registers = self.save_registers(&batch.registers);
        let applied = self.apply_internal(&batch.applied);
        let fence = self.fence(counters);
        let commit = async { Ok(self.client.batch_execute("COMMIT").await?) };
        let (first, then, last) = futures_util::future::join3(
            futures_util::future::join4(begin, messages, revisions, events),
            futures_util::future::join4(nonces, channels, topics, registers),
            futures_util::future::join3(applied, fence, commit),
        )
        .await;
        // The first error in the order of sending is the cause; those after it
        // only say that the transaction is aborted. COMMIT itself says Ok even then.
        let ((r1, r2, r3, r4), (r5, r6, r7, r8), (r9, r10, r11)) = (first, then, last);
        [r1, r2, r3, r4, r5, r6, r7, r8, r9, r10, r11]
            .into_iter()
            .collect()
    }

    async fn insert_events(&self, events: &[NewEvent], day: i32) -> Result<(), Error> {
        if events.is_empty() {
            return Ok(());
        }
        let topics: Vec<i64> = events.iter().map(|event| sql(event.topic)).collect();
        let seqs: Vec<i64> = events.iter().map(|event| sql(event.seq)).collect();
        let partitions: Vec<i16> = events
            .iter()
            .map(|event| partition_sql(event.partition))
            .collect();
        let positions: Vec<i64> = events.iter().map(|event| event.position).collect();
        let opcodes: Vec<i32> = events.iter().map(|event| event.opcode.into()).collect();
        let channels: Vec<Option<i64>> =
            events.iter().map(|event| event.channel.map(sql)).collect();
        let audiences: Vec<Option<&[u8]>> = events
            .iter()
            .map(|event| event.audience.as_deref())
            .collect();
        let effects: Vec<Option<&[u8]>> =
            events.iter().map(|event| event.effect.as_deref()).collect();
        let bodies: Vec<&[u8]> = events.iter().map(|event| event.body.as_slice()).collect();
        self.client
            .execute(
                &self.hot.insert_events,
                &[
                    &topics,
                    &seqs,
                    &partitions,
                    &positions,
                    &opcodes,
                    &channels,
                    &audiences,
                    &effects,
                    &bodies,
                    &day,
                ],
            )
            .await?;
        Ok(())
    }

    async fn insert_nonces(&self, nonces: &[(NonceKey, Known)], day: i32) -> Result<(), Error> {
        if nonces.is_empty() {
            return Ok(());
        }
        let scopes: Vec<i64> = nonces.iter().map(|(key, _)| sql(key.scope)).collect();
        let authors: Vec<i64> = nonces.iter().map(|(key, _)| key.author_sql()).collect();
        let names: Vec<&str> = nonces.iter().map(|(key, _)| key.nonce.as_str()).collect();
        let hashes: Vec<&[u8]> = nonces
            .iter()
            .map(|(_, known)| known.body_hash.as_slice())
            .collect();
        let results: Vec<&[u8]> = nonces
            .iter()
            .map(|(_, known)| known.result.as_slice())
            .collect();
        self.client
            .execute(
                &self.hot.insert_nonces,
                &[&scopes, &authors, &names, &hashes, &results, &day],
            )
            .await?;
        Ok(())
    }

    async fn update_channels(
        &self,
        channels: &BTreeMap<u64, (u64, Option<u64>)>,
    ) -> Result<(), Error> {
        if channels.is_empty() {
            return Ok(());
        }
        let ids: Vec<i64> = channels.keys().map(|id| sql(*id)).collect();
        let seqs: Vec<i64> = channels.values().map(|(seq, _)| sql(*seq)).collect();
        let last: Vec<Option<i64>> = channels.values().map(|(_, last)| last.map(sql)).collect();
        self.client
            .execute(&self.hot.update_channels, &[&ids, &seqs, &last])
            .await?;
        Ok(())
    }

    async fn update_topics(&self, heads: &BTreeMap<u64, u64>) -> Result<(), Error> {
        if heads.is_empty() {
            return Ok(());
        }
        let ids: Vec<i64> = heads.keys().map(|id| sql(*id)).collect();
        let seqs: Vec<i64> = heads.values().map(|head| sql(*head)).collect();
        self.client
            .execute(&self.hot.update_topics, &[&ids, &seqs])
            .await?;
        Ok(())
    }

    async fn fence(&self, counters: &BTreeMap<Partition, Counters>) -> Result<(), Error> {
        let ids: Vec<i16> = counters
            .keys()
            .map(|partition| partition_sql(*partition))
            .collect();
        let terms: Vec<i64> = counters.values().map(|c| c.term).collect();
        let ms: Vec<i64> = counters.values().map(|c| sql(c.offset.ms)).collect();
        let seqs: Vec<i64> = counters.values().map(|c| sql(c.offset.seq)).collect();
        let last_ids: Vec<i64> = counters.values().map(|c| sql(c.last_id)).collect();
        let positions: Vec<i64> = counters.values().map(|c| c.position).collect();
        let moved = self
            .client
            .query_one(
                &self.hot.fence,
                &[&ids, &terms, &ms, &seqs, &last_ids, &positions],
            )
            .await;
        match moved {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some(&SqlState::DIVISION_BY_ZERO) => {
                Err(StoreError::Fenced.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Locks the topics that several lanes write and answers with their heads.
    /// Always in the order of their ids, so that two lanes never wait for each other.
    pub(crate) async fn lock_topics(&self, topics: &[u64]) -> Result<BTreeMap<u64, u64>, Error> {
        let ids: Vec<i64> = topics.iter().map(|id| sql(*id)).collect();
        let rows = self
            .rows(
                "SELECT id, head FROM topics WHERE id = ANY($1) ORDER BY id FOR UPDATE",
                &[(&ids, Type::INT8_ARRAY)],
            )
            .await?;
        rows.iter()
            .map(|row| Ok((unsigned(row.try_get(0)?), unsigned(row.try_get(1)?))))
            .collect()
    }

    /// Leaves work that no lane waits for.
    pub(crate) async fn leave_job(&self, kind: &str, body: &[u8]) -> Result<(), Error> {
        self.write(
            "INSERT INTO jobs (kind, body) VALUES ($1, $2) RETURNING id",
            &[(&kind, Type::TEXT), (&body, Type::BYTEA)],
        )
        .await?;
        Ok(())
    }

    /// Creates the topic of a new server or account.
    pub(crate) async fn create_topic(&self, id: u64) -> Result<(), Error> {
        self.write(
            "INSERT INTO topics (id) VALUES ($1) RETURNING id",
            &[(&sql(id), Type::INT8)],
        )
        .await?;
        Ok(())
    }

    /// Keeps the session from being taken for frozen.
    pub(crate) async fn ping(&self) -> Result<(), StoreError> {
        Ok(self.client.batch_execute("").await?)
    }
}

/// As Postgres keeps it: every number of ours has at most 63 bits.
pub(crate) const fn sql(number: u64) -> i64 {
    number.cast_signed()
}

/// From what Postgres kept.
pub(crate) const fn unsigned(number: i64) -> u64 {
    number.cast_unsigned()
}

pub(super) fn partition_sql(partition: Partition) -> i16 {
    partition.number().cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A lane prepares its statements once, often on an empty database.
    #[tokio::test]
    async fn a_plan_made_on_empty_tables_reads_by_index() {
        let options = crate::queries::tests::empty().await;
        let pool = crate::support::postgres::pool(options).await;
        let mut connection = pool.acquire().await.unwrap();
        let prepared =
            format!("{SESSION}; PREPARE find (int4[], int8[], int8[], text[]) AS {FIND_NONCES}");
        sqlx::raw_sql(sqlx::AssertSqlSafe(prepared))
            .execute(&mut *connection)
            .await
            .unwrap();
        let explain = "EXPLAIN EXECUTE find ('{0}', '{1}', '{1}', '{a}')";
        let plan: Vec<String> = sqlx::query_scalar(explain)
            .fetch_all(&mut *connection)
            .await
            .unwrap();
        let plan = plan.join("\n");
        assert!(plan.contains("Index Scan"), "{plan}");
        assert!(!plan.contains("Seq Scan on nonces"), "{plan}");
        // The whole key, or one scan would read all that an author ever said.
        let conditions = plan.lines().filter(|line| line.contains("Index Cond"));
        for condition in conditions {
            assert!(condition.contains("nonce ="), "{plan}");
        }
    }
}
