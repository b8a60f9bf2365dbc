//! The places of the consumers of the event log. Who reads a partition for a
//! consumer has its advisory lock, and moves its place under his own term only.

use shared::ids::{ChannelId, MessageId, Partition, ServerId};
use sqlx::{
    ConnectOptions, Connection, PgConnection, Postgres, Transaction, postgres::PgConnectOptions,
};

use super::{
    LOCK_HOLDER_SETTINGS,
    enqueue::enqueue_job,
    notification::{self, NewNotification},
    redact, statement,
    values::{Parameter, columns},
};
use crate::error::StoreError;

/// Names the locks of consumers among ours: "conc" in ASCII.
const LOCK_CLASS: i32 = 0x636f_6e63;
/// Selects the next events of some partitions that a consumer reads, by the index that holds no others.
macro_rules! read_events {
    ($opcodes:literal, $limit:literal) => {
        concat!(
            "SELECT p.id, p.position, e.position, e.topic, e.body
             FROM unnest($1::int2[], $2::int8[]) AS w (id, position)
             JOIN partitions p ON p.id = w.id AND p.position > w.position
             LEFT JOIN LATERAL (
                 SELECT position, topic, body FROM events
                 WHERE partition = w.id AND position > w.position AND position <= p.position
                     AND opcode ",
            $opcodes,
            " ORDER BY position LIMIT ",
            $limit,
            ") e ON true
             ORDER BY p.id, e.position"
        )
    };
}

/// Which events a consumer reads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Selection {
    /// What the consumer is called, in its table and in metrics.
    pub(crate) name: &'static str,
    sql: &'static str,
}

/// Deleted messages: opcodes 18 and 23, of which the index is `events_consumed`.
pub(crate) const REDACTION_READS: Selection = Selection {
    name: "redaction",
    sql: read_events!("IN (18, 23)", "$3"),
};
/// New messages: opcode 16, of which the index is `events_messages`. Where nobody has a device, none is read: in the
/// same look at the database, so that who has one when a message is sent is not overlooked.
pub(crate) const NOTIFICATION_READS: Selection = Selection {
    name: "notification",
    sql: read_events!(
        "= 16",
        "CASE WHEN EXISTS (SELECT FROM push_devices) THEN $3 ELSE 0 END"
    ),
};

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
    selection: Selection,
}

/// One transaction of a consumer. It changes nothing unless it is finished.
pub(crate) struct LogTurn<'a> {
    transaction: Transaction<'a, Postgres>,
    name: &'static str,
}

impl Log {
    /// Connects; the locks end with the connection.
    pub(crate) async fn connect(
        options: &PgConnectOptions,
        selection: Selection,
    ) -> Result<Self, StoreError> {
        let options = options.clone().options(LOCK_HOLDER_SETTINGS);
        let mut connection = options
            .application_name("confab-consumers")
            .connect()
            .await?;
        let sql = "INSERT INTO consumers (name, partition) SELECT $1, id FROM partitions
                   ON CONFLICT DO NOTHING";
        statement::execute(&mut connection, sql, &[&selection.name]).await?;
        Ok(Self {
            connection,
            selection,
        })
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
            &[&self.selection.name, &partitions, &LOCK_CLASS],
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
            &[&self.selection.name, &partitions, &LOCK_CLASS],
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
        limit: usize,
    ) -> Result<(Vec<(Partition, i64)>, Vec<LoggedEvent>), StoreError> {
        let partitions: Vec<Partition> = places.iter().map(|place| place.partition).collect();
        let positions: Vec<i64> = places.iter().map(|place| place.position).collect();
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let parameters: [&dyn Parameter; 3] = [&partitions, &positions, &limit];
        let rows = statement::list(&mut self.connection, self.selection.sql, &parameters).await?;
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

    /// Begins a transaction.
    pub(crate) async fn begin(&mut self) -> Result<LogTurn<'_>, StoreError> {
        Ok(LogTurn {
            transaction: self.connection.begin().await?,
            name: self.selection.name,
        })
    }

    /// Events that no consumer of this name has read, in all partitions.
    pub(crate) async fn count_lag(&mut self) -> Result<i64, StoreError> {
        let sql = "SELECT coalesce(sum(p.position - c.position), 0)::int8
                   FROM consumers c JOIN partitions p ON p.id = c.partition WHERE c.name = $1";
        statement::get(&mut self.connection, sql, &[&self.selection.name]).await
    }

    /// Ends in order.
    pub(crate) async fn close(self) {
        if let Err(error) = self.connection.close().await {
            tracing::debug!(%error, "the connection of a consumer did not end well");
        }
    }
}

impl LogTurn<'_> {
    /// Takes the texts of deleted messages out of the log.
    pub(crate) async fn redact_messages(&mut self, deleted: &[Deleted]) -> Result<(), StoreError> {
        for (server, channel, messages) in deleted {
            let messages = (*channel, messages.as_slice());
            redact::redact_messages(&mut self.transaction, server.sql(), messages).await?;
        }
        Ok(())
    }

    /// Leaves a row for each account that is to be told.
    pub(crate) async fn insert_notifications(
        &mut self,
        rows: &[NewNotification],
    ) -> Result<(), StoreError> {
        notification::insert_notifications(&mut self.transaction, rows).await
    }

    /// Leaves jobs: the kind and the body of each.
    pub(crate) async fn enqueue_jobs(
        &mut self,
        jobs: &[(&'static str, Vec<u8>)],
    ) -> Result<(), StoreError> {
        for (kind, body) in jobs {
            enqueue_job(&mut self.transaction, kind, body).await?;
        }
        Ok(())
    }

    /// Moves the places, unless somebody else reads one of the partitions by now, and commits.
    pub(crate) async fn finish(mut self, places: &[Place]) -> Result<(), StoreError> {
        let partitions: Vec<Partition> = places.iter().map(|place| place.partition).collect();
        let terms: Vec<i64> = places.iter().map(|place| place.term).collect();
        let positions: Vec<i64> = places.iter().map(|place| place.position).collect();
        let sql = "UPDATE consumers c SET position = w.position
                   FROM unnest($2::int2[], $3::int8[], $4::int8[]) AS w (id, term, position)
                   WHERE c.name = $1 AND c.partition = w.id AND c.term = w.term";
        let parameters: [&dyn Parameter; 4] = [&self.name, &partitions, &terms, &positions];
        let moved = statement::execute(&mut *self.transaction, sql, &parameters).await?;
        if moved == places.len() as u64 {
            return Ok(self.transaction.commit().await?);
        }
        self.transaction.rollback().await?;
        Err(StoreError::Fenced)
    }
}

#[cfg(test)]
mod tests {
    use shared::protocol::{
        Event as _,
        message::{MessageCreated, MessageDeleted, MessagesDeleted},
    };

    use super::*;
    use crate::store::explain::explain;

    /// Of a selection: it reads by the index on these opcodes alone.
    async fn reads_by_index(selection: Selection, index: &str, opcodes: &str) {
        let options = crate::fixture::database().await;
        let mut log = Log::connect(&options, selection).await.unwrap();
        let prepare = format!(
            "SET plan_cache_mode = force_generic_plan; PREPARE read (int2[], int8[], int8) AS {}",
            selection.sql
        );
        let execute = "EXECUTE read ('{0}', '{0}', 1)";
        let plan = explain(&mut log.connection, &prepare, execute).await;
        assert!(!plan.contains("Seq Scan on events"), "{plan}");
        let mut names: Vec<String> = sqlx::query_scalar(
            "SELECT i.relname::text FROM pg_inherits JOIN pg_class i ON i.oid = inhrelid
             WHERE inhparent = $1::regclass",
        )
        .bind(index)
        .fetch_all(&mut log.connection)
        .await
        .unwrap();
        names.retain(|name| !plan.contains(name.as_str()));
        assert_eq!(names, [""; 0], "{plan}");
        let consumed: String = sqlx::query_scalar("SELECT pg_get_indexdef($1::regclass)")
            .bind(index)
            .fetch_one(&mut log.connection)
            .await
            .unwrap();
        assert!(consumed.ends_with(opcodes), "{consumed}");
    }

    #[tokio::test]
    async fn a_consumer_reads_by_the_index_of_what_is_consumed() {
        let (one, many) = (MessageDeleted::OPCODE, MessagesDeleted::OPCODE);
        let deleted = format!("WHERE (opcode = ANY (ARRAY[{one}, {many}]))");
        reads_by_index(REDACTION_READS, "events_consumed", &deleted).await;
        let created = format!("WHERE (opcode = {})", MessageCreated::OPCODE);
        reads_by_index(NOTIFICATION_READS, "events_messages", &created).await;
    }
}
