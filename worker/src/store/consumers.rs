//! The places of the consumers of the event log. Who reads a partition for a
//! consumer has its advisory lock, and moves its place under his own term only.

use shared::ids::{ChannelId, MessageId, Partition, ServerId};
use sqlx::{ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};

use super::{
    LOCK_HOLDER_SETTINGS,
    enqueue::enqueue_job,
    redact, statement,
    values::{Parameter, columns},
};
use crate::error::StoreError;

/// Names the locks of consumers among ours: "conc" in ASCII.
const LOCK_CLASS: i32 = 0x636f_6e63;
/// The next events of some partitions that consumers read. Opcodes 18 and 23 are deleted
/// messages; the index `events_consumed` holds no others.
const READ: &str = "
    SELECT p.id, p.position, e.position, e.topic, e.body
    FROM unnest($1::int2[], $2::int8[]) AS w (id, position)
    JOIN partitions p ON p.id = w.id AND p.position > w.position
    LEFT JOIN LATERAL (
        SELECT position, topic, body FROM events
        WHERE partition = w.id AND position > w.position AND position <= p.position
            AND opcode IN (18, 23)
        ORDER BY position LIMIT $3) e ON true
    ORDER BY p.id, e.position";

/// Where a consumer is in a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) partition: Partition,
    pub(crate) term: i64,
    /// Everything up to here had its effect.
    pub(crate) position: i64,
}

/// An event that a consumer reads.
#[derive(Debug, Clone)]
pub(crate) struct LoggedEvent {
    pub(crate) partition: Partition,
    pub(crate) position: i64,
    pub(crate) topic: i64,
    pub(crate) body: Vec<u8>,
}

/// What a deletion names.
pub(crate) type Deleted = (ServerId, ChannelId, Vec<MessageId>);

columns! { Place { partition, term, position } }

/// The log as one consumer sees it, on a connection of its own.
pub(crate) struct Log {
    connection: PgConnection,
    name: &'static str,
}

impl Log {
    /// Connects; the locks end with the connection.
    pub(crate) async fn connect(
        options: &PgConnectOptions,
        name: &'static str,
    ) -> Result<Self, StoreError> {
        let options = options.clone().options(LOCK_HOLDER_SETTINGS);
        let mut connection = options
            .application_name("confab-consumers")
            .connect()
            .await?;
        let sql = "INSERT INTO consumers (name, partition) SELECT $1, id FROM partitions
                   ON CONFLICT DO NOTHING";
        statement::execute(&mut connection, sql, &[&name]).await?;
        Ok(Self { connection, name })
    }

    /// Takes those of the partitions that nobody else reads.
    pub(crate) async fn take_partitions(
        &mut self,
        partitions: &[Partition],
    ) -> Result<Vec<Place>, StoreError> {
        let sql = "WITH mine AS MATERIALIZED (
                       SELECT id FROM unnest($2::int2[]) AS w (id)
                       WHERE pg_try_advisory_lock($3, hashtext($1) # id))
                   UPDATE consumers c SET term = c.term + 1 FROM mine
                   WHERE c.name = $1 AND c.partition = mine.id
                   RETURNING c.partition, c.term, c.position";
        statement::list(
            &mut self.connection,
            sql,
            &[&self.name, &partitions, &LOCK_CLASS],
        )
        .await
    }

    /// Leaves partitions to others.
    pub(crate) async fn give_back_partitions(
        &mut self,
        partitions: &[Partition],
    ) -> Result<(), StoreError> {
        let sql =
            "SELECT pg_advisory_unlock($3, hashtext($1) # id) FROM unnest($2::int2[]) AS w (id)";
        statement::execute(
            &mut self.connection,
            sql,
            &[&self.name, &partitions, &LOCK_CLASS],
        )
        .await?;
        Ok(())
    }

    /// The head of each partition that moved, and the next events up to it, at most
    /// `limit` of each. One lane writes a partition, one batch after the other, so
    /// below its head nothing is still under way.
    pub(crate) async fn read_events(
        &mut self,
        places: &[Place],
        limit: i64,
    ) -> Result<(Vec<(Partition, i64)>, Vec<LoggedEvent>), StoreError> {
        let partitions: Vec<Partition> = places.iter().map(|place| place.partition).collect();
        let positions: Vec<i64> = places.iter().map(|place| place.position).collect();
        let parameters: [&dyn Parameter; 3] = [&partitions, &positions, &limit];
        let rows = statement::list(&mut self.connection, READ, &parameters).await?;
        let mut heads: Vec<(Partition, i64)> = Vec::new();
        let mut events = Vec::new();
        for (partition, head, position, topic, body) in rows {
            if heads.last().is_none_or(|(last, _)| *last != partition) {
                heads.push((partition, head));
            }
            if let (Some(position), Some(topic), Some(body)) = (position, topic, body) {
                events.push(LoggedEvent {
                    partition,
                    position,
                    topic,
                    body,
                });
            }
        }
        Ok((heads, events))
    }

    /// Takes the texts of deleted messages out of the log, leaves a job for each that
    /// failed, and moves the places: all of it, or nothing.
    pub(crate) async fn redact_deleted(
        &mut self,
        deleted: &[Deleted],
        failed: &[(&str, Vec<u8>)],
        places: &[Place],
    ) -> Result<(), StoreError> {
        let mut transaction = self.connection.begin().await?;
        for (server, channel, messages) in deleted {
            redact::redact_messages(&mut transaction, server.sql(), (*channel, messages)).await?;
        }
        for (kind, body) in failed {
            enqueue_job(&mut transaction, kind, body).await?;
        }
        let partitions: Vec<Partition> = places.iter().map(|place| place.partition).collect();
        let terms: Vec<i64> = places.iter().map(|place| place.term).collect();
        let positions: Vec<i64> = places.iter().map(|place| place.position).collect();
        let sql = "UPDATE consumers c SET position = w.position
                   FROM unnest($2::int2[], $3::int8[], $4::int8[]) AS w (id, term, position)
                   WHERE c.name = $1 AND c.partition = w.id AND c.term = w.term";
        let moved = statement::execute(
            &mut *transaction,
            sql,
            &[&self.name, &partitions, &terms, &positions],
        )
        .await?;
        if moved == places.len() as u64 {
            return Ok(transaction.commit().await?);
        }
        transaction.rollback().await?;
        Err(StoreError::Fenced)
    }

    /// Events that no consumer of this name has read, in all partitions.
    pub(crate) async fn count_lag(&mut self) -> Result<i64, StoreError> {
        let sql = "SELECT coalesce(sum(p.position - c.position), 0)::int8
                   FROM consumers c JOIN partitions p ON p.id = c.partition WHERE c.name = $1";
        statement::get(&mut self.connection, sql, &[&self.name]).await
    }

    /// Ends in order.
    pub(crate) async fn close(self) {
        if let Err(error) = self.connection.close().await {
            tracing::debug!(%error, "the connection of a consumer did not end well");
        }
    }
}

#[cfg(test)]
mod tests {
    use shared::protocol::{
        Event as _,
        message::{MessageDeleted, MessagesDeleted},
    };

    use super::*;
    use crate::store::explain::explain;

    #[tokio::test]
    async fn a_consumer_reads_by_the_index_of_what_is_consumed() {
        let options = crate::fixture::database().await;
        let mut log = Log::connect(&options, "test").await.unwrap();
        let prepare = format!(
            "SET plan_cache_mode = force_generic_plan; PREPARE read (int2[], int8[], int8) AS {READ}"
        );
        let execute = "EXECUTE read ('{0}', '{0}', 1)";
        let plan = explain(&mut log.connection, &prepare, execute).await;
        assert!(!plan.contains("Seq Scan on events"), "{plan}");
        let mut names: Vec<String> = sqlx::query_scalar(
            "SELECT i.relname::text FROM pg_inherits JOIN pg_class i ON i.oid = inhrelid
             WHERE inhparent = 'events_consumed'::regclass",
        )
        .fetch_all(&mut log.connection)
        .await
        .unwrap();
        names.retain(|name| !plan.contains(name.as_str()));
        assert_eq!(names, [""; 0], "{plan}");
        let consumed: String =
            sqlx::query_scalar("SELECT pg_get_indexdef('events_consumed'::regclass)")
                .fetch_one(&mut log.connection)
                .await
                .unwrap();
        let (one, many) = (MessageDeleted::OPCODE, MessagesDeleted::OPCODE);
        let only = format!("WHERE (opcode = ANY (ARRAY[{one}, {many}]))");
        assert!(consumed.ends_with(&only), "{consumed}");
    }
}
