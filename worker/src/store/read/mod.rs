//! What queries read. Every answer comes from one statement, or one snapshot: a
//! REPEATABLE READ transaction, in which rights and what they permit to see cannot disagree.

pub(crate) mod account;
pub(crate) mod admin;
pub(crate) mod channel;
pub(crate) mod event;
pub(crate) mod export;
pub(crate) mod invite;
pub(crate) mod member;
pub(crate) mod mention;
pub(crate) mod message;
pub(crate) mod moderation;
pub(crate) mod notification;
pub(crate) mod opening;
pub(crate) mod presence;
pub(crate) mod push;
pub(crate) mod reaction;
pub(crate) mod search;
pub(crate) mod server;
pub(crate) mod session;
pub(crate) mod unread;
pub(crate) mod user;

pub(crate) use account::SignInRow;
pub(crate) use event::EventRow;
pub(crate) use invite::InviteRow;
pub(crate) use message::Page;
pub(crate) use opening::Opening;
pub(crate) use server::{Membership, Overrides, structure};

use std::time::Duration;

use sqlx::{
    Connection, PgPool, Postgres, Transaction,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use self::opening::LogName;
use super::{
    statement,
    values::{FromColumns, Parameter},
};
use crate::error::StoreError;

/// How long a query waits for a connection: with the database away, callers
/// hear so at once instead of queueing.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
/// A connection that was used within this time is used again without a look at it.
const TRUSTED: Duration = Duration::from_secs(1);
/// Bounds of Postgres itself: no answer takes longer, and a worker that froze
/// within a snapshot does not hold back vacuum. A plan that was made when its table
/// was small is kept while the table grows, until statistics are taken again: without
/// `enable_seqscan` such a plan reads all of it (40 ms instead of 0.1 at 400,000 rows).
/// Where there is no index its cost then looks enormous, which would be compiled.
const SETTINGS: [(&str, &str); 5] = [
    ("enable_seqscan", "off"),
    ("jit", "off"),
    ("statement_timeout", "4s"),
    ("lock_timeout", "2s"),
    ("idle_in_transaction_session_timeout", "10s"),
];

/// Postgres as queries see it. Clones share the pool.
#[derive(Clone)]
pub(crate) struct Store {
    pool: PgPool,
    log: LogName,
}

impl Store {
    /// A pool of at most `connections`, which connects when it is first needed.
    pub(crate) fn new(options: PgConnectOptions, connections: u32) -> Self {
        let options = options.options(SETTINGS).application_name("confab-queries");
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            // A ping before each query would be a way to the database and back.
            .test_before_acquire(false)
            .before_acquire(|connection, meta| {
                Box::pin(async move {
                    if meta.idle_for > TRUSTED {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_lazy_with(options);
        let log = LogName::default();
        Self { pool, log }
    }

    /// Begins a snapshot.
    pub(crate) async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let transaction = self
            .pool
            .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            .await?;
        Ok(Snapshot {
            transaction,
            log: self.log.clone(),
        })
    }

    /// Whether Postgres answers.
    pub(crate) async fn ping(&self) -> Result<(), StoreError> {
        statement::execute(&self.pool, "SELECT 1", &[]).await?;
        Ok(())
    }

    /// Closes all connections.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}

/// One consistent look at the database. Dropped, it ends by itself.
pub(crate) struct Snapshot {
    transaction: Transaction<'static, Postgres>,
    log: LogName,
}

impl Snapshot {
    async fn list<T: FromColumns>(
        &mut self,
        sql: &'static str,
        parameters: &[&dyn Parameter],
    ) -> Result<Vec<T>, StoreError> {
        statement::list(&mut *self.transaction, sql, parameters).await
    }

    async fn find<T: FromColumns>(
        &mut self,
        sql: &'static str,
        parameters: &[&dyn Parameter],
    ) -> Result<Option<T>, StoreError> {
        statement::find(&mut *self.transaction, sql, parameters).await
    }

    async fn get<T: FromColumns>(
        &mut self,
        sql: &'static str,
        parameters: &[&dyn Parameter],
    ) -> Result<T, StoreError> {
        statement::get(&mut *self.transaction, sql, parameters).await
    }

    /// Gives the connection back.
    pub(crate) async fn end(self) {
        // Nothing was written, so nothing can be lost with it.
        if let Err(error) = self.transaction.rollback().await {
            tracing::debug!(%error, "a snapshot ended with its connection");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::explain::explain;

    #[tokio::test]
    async fn a_plan_made_on_a_small_table_reads_by_index() {
        let options = crate::fixture::database().await;
        let store = Store::new(options, 1);
        let plan = explain(
            &mut store.pool.acquire().await.unwrap(),
            "INSERT INTO messages (channel, seq, id, author, content)
             SELECT n % 3, n, n, 1, 'x' FROM generate_series(1, 30) n;
             ANALYZE messages",
            "SELECT id FROM messages WHERE channel = 1 AND seq < 9 ORDER BY seq DESC LIMIT 50",
        )
        .await;
        assert!(!plan.contains("Seq Scan"), "{plan}");
    }
}
