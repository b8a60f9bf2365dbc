//! The places of the consumers of the event log. Who reads a partition for a
//! consumer has its advisory lock, and moves its place under his own term only.

use shared::ids::Partition;
use sqlx::{
    ConnectOptions, Connection, PgConnection, Postgres, Transaction, postgres::PgConnectOptions,
};

use super::{
    LOCK_HOLDER_SETTINGS,
    enqueue::enqueue_job,
    notification::{self, NewNotification},
    redact::{self, Deleted},
    statement,
    values::{Parameter, columns},
};
use crate::error::StoreError;

/// Names the locks of consumers among ours: "conc" in ASCII.
const LOCK_CLASS: i32 = 0x636f_6e63;
/// Selects the next events of some partitions that a consumer reads, by the index that holds no others.
macro_rules! read_events {
    ($opcodes:literal, $limit:literal) => {
        concat!(
            "SELECT p.id, p.head, p.page, e.position, e.topic, e.body, e.trace
             FROM (SELECT p.id, p.position AS head, w.position AS place,
                          least($4, greatest(1, $3 / count(*) OVER ())) AS page
                   FROM unnest($1::int2[], $2::int8[]) AS w (id, position)
                   JOIN partitions p ON p.id = w.id AND p.position > w.position) p
             LEFT JOIN LATERAL (
                 SELECT position, topic, body, trace FROM events
                 WHERE partition = p.id AND position > p.place AND position <= p.head
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
    sql: read_events!("IN (18, 23)", "p.page"),
};
/// New messages: opcode 16, of which the index is `events_messages`. Where nobody has a device, none is read: in the
/// same look at the database, so that who has one when a message is sent is not overlooked.
pub(crate) const NOTIFICATION_READS: Selection = Selection {
    name: "notification",
    sql: read_events!(
        "= 16",
        "CASE WHEN EXISTS (SELECT FROM push_devices) THEN p.page ELSE 0 END"
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
    /// The trace parent of its command, where that is traced.
    pub(crate) trace: Option<String>,
}

/// Some events of the log, in the order of their partitions.
#[derive(Debug, Default)]
pub(crate) struct LogPage {
    pub(crate) events: Vec<LoggedEvent>,
    /// The partitions that moved, and up to where they were read.
    pub(crate) moved: Vec<(Partition, i64)>,
    /// Not up to the head of each.
    pub(crate) may_have_more: bool,
}

/// A row of a look at the log: an event, or none, of a partition that moved.
struct PageRow {
    partition: Partition,
    head: i64,
    /// Events of it that are read at most.
    page: i64,
    position: Option<i64>,
    topic: Option<i64>,
    body: Option<Vec<u8>>,
    trace: Option<String>,
}

columns! { Place { partition, term, position } }
columns! { PageRow { partition, head, page, position, topic, body, trace } }

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

    /// The next events of each partition that moved, and where it is with them: about `at_once` in all, and at most
    /// `page` of each; says whether there may be more. One lane writes a partition, one batch after the other, so below
    /// its head nothing is still under way.
    pub(crate) async fn read_events(
        &mut self,
        places: &[Place],
        (at_once, page): (i64, i64),
    ) -> Result<LogPage, StoreError> {
        let partitions: Vec<Partition> = places.iter().map(|place| place.partition).collect();
        let positions: Vec<i64> = places.iter().map(|place| place.position).collect();
        let parameters: [&dyn Parameter; 4] = [&partitions, &positions, &at_once, &page];
        let sql = self.selection.sql;
        let rows: Vec<PageRow> = statement::list(&mut self.connection, sql, &parameters).await?;
        let mut read = LogPage::default();
        let mut left = 0;
        for row in rows {
            let partition = row.partition;
            if read.moved.last().is_none_or(|(last, _)| *last != partition) {
                read.moved.push((partition, row.head));
                left = row.page;
            }
            let (Some(position), Some(topic), Some(body)) = (row.position, row.topic, row.body)
            else {
                continue;
            };
            read.events.push(LoggedEvent {
                partition,
                position,
                topic,
                body,
                trace: row.trace,
            });
            left -= 1;
            if left == 0
                && let Some((_, to)) = read.moved.last_mut()
            {
                *to = position;
                read.may_have_more = true;
            }
        }
        Ok(read)
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
        redact::redact_messages(&mut self.transaction, deleted).await
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
            "SET plan_cache_mode = force_generic_plan; PREPARE read (int2[], int8[], int8, int8) AS {}",
            selection.sql
        );
        let execute = "EXECUTE read ('{0}', '{0}', 1, 1)";
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
    async fn a_page_is_spread_over_the_partitions_that_moved() {
        let (options, pool) = crate::fixture::database_and_pool().await;
        sqlx::raw_sql(
            "INSERT INTO events (topic, seq, day, partition, position, opcode, body)
             SELECT 1 + p, n, '2026-03-01', p, n, 18, '' FROM generate_series(0, 1) p, generate_series(1, 5) n;
             UPDATE partitions SET position = 5 WHERE id < 2",
        )
        .execute(&pool)
        .await
        .unwrap();
        let mut log = Log::connect(&options, REDACTION_READS).await.unwrap();
        let place = |(number, position)| Place {
            partition: Partition::new(number).unwrap(),
            term: 0,
            position,
        };
        let mut read = async |places: [(u16, i64); 3], most| {
            let page = log.read_events(&places.map(place), most).await.unwrap();
            let moved = page.moved.iter();
            let moved: Vec<_> = moved.map(|(of, to)| (of.number(), *to)).collect();
            (moved, page.events.len(), page.may_have_more)
        };
        let all = [(0, 0), (1, 0), (2, 0)];
        assert_eq!(
            read(all, (100, 100)).await,
            (vec![(0, 5), (1, 5)], 10, false)
        );
        assert_eq!(read(all, (7, 100)).await, (vec![(0, 3), (1, 3)], 6, true));
        assert_eq!(read(all, (1, 100)).await, (vec![(0, 1), (1, 1)], 2, true));
        let rest = [(0, 5), (1, 1), (2, 0)];
        assert_eq!(read(rest, (7, 100)).await, (vec![(1, 5)], 4, false));
        assert_eq!(read(rest, (7, 3)).await, (vec![(1, 4)], 3, true));
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
