//! What lanes write: the SQL of their transactions, one file per family.
//!
//! A statement is a function of its family's file. Handlers give it [`Reads`], or
//! [`Writes`], which counts what was changed. Messages, events and nonces are gathered as
//! rows and leave in one pipeline with the fence and COMMIT; everything rarer is written at
//! once, inside the same transaction, with the messages flushed first.

pub(crate) mod account;
pub(crate) mod audit;
pub(crate) mod channel;
pub(crate) mod deletion;
pub(crate) mod event;
pub(crate) mod export;
pub(crate) mod internal;
pub(crate) mod invite;
pub(crate) mod job;
pub(crate) mod member;
pub(crate) mod message;
pub(crate) mod moderation;
pub(crate) mod nonce;
pub(crate) mod notification;
pub(crate) mod partition;
pub(crate) mod pin;
pub(crate) mod presence;
pub(crate) mod push;
pub(crate) mod reaction;
pub(crate) mod register;
pub(crate) mod role;
mod rows;
pub(crate) mod search;
pub(crate) mod server;
pub(crate) mod session;
pub(crate) mod transaction;

use futures_util::TryStreamExt as _;
use shared::ids::Partition;
use tokio_postgres::{Client, Row, Statement};

use self::{
    channel::ChannelCounters,
    event::{NewEvent, ToldName, TopicHead},
    message::{MentioningMessageRow, NewMessageRow},
    nonce::NewNonce,
    register::{RegisterHeadRow, RegisterRow},
    rows::Prepared,
    search::SearchNote,
};
use super::{
    epoch,
    values::{Bound, FromColumns, Parameter, read_rows},
};
use crate::error::StoreError;

/// Settings of the lane's session. A frozen worker is ended by Postgres itself:
/// the lane pings each half second, so silence of 5 s means that it is frozen.
///
/// Plans do not depend on statistics: each statement is planned once, perhaps
/// while its tables are empty, and lives as long as the connection. Without
/// these settings it may scan a table for ever that has grown since.
const SESSION: &str = "
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

/// The one connection of a lane, with its hot statements prepared.
pub(crate) struct Connection {
    client: Client,
    statements: Statements,
}

/// The statements of every transaction: prepared once per connection.
struct Statements {
    find_nonces: Statement,
    find_registers: Statement,
    find_register_heads: Statement,
    messages: Prepared<NewMessageRow>,
    mentioning: Prepared<MentioningMessageRow>,
    events: Prepared<NewEvent>,
    told_names: Prepared<ToldName>,
    nonces: Prepared<NewNonce>,
    channels: Prepared<ChannelCounters>,
    topics: Prepared<TopicHead>,
    registers: Prepared<RegisterRow>,
    register_heads: Prepared<RegisterHeadRow>,
    search_notes: Prepared<SearchNote>,
    fence: Statement,
}

/// The parameters of a rare statement.
type Parameters<'a> = &'a [&'a dyn Parameter];

/// The connection of a lane, for statements that change nothing.
#[derive(Clone, Copy)]
pub(crate) struct Reads<'a>(&'a Connection);

/// The connection of a lane within its transaction. Each statement says with `RETURNING`
/// how many rows it changed, and they are counted here: a command that is refused after it
/// changed one takes its transaction with it.
pub(crate) struct Writes<'a> {
    connection: &'a Connection,
    changes: &'a mut usize,
}

impl Connection {
    /// Prepares a fresh connection.
    pub(crate) async fn new(client: Client) -> Result<Self, StoreError> {
        client.batch_execute(SESSION).await?;
        let statements = Statements {
            find_nonces: client.prepare(nonce::FIND).await?,
            find_registers: client.prepare(register::FIND).await?,
            find_register_heads: client.prepare(register::FIND_HEADS).await?,
            messages: Prepared::new(&client).await?,
            mentioning: Prepared::new(&client).await?,
            events: Prepared::new(&client).await?,
            told_names: Prepared::new(&client).await?,
            nonces: Prepared::new(&client).await?,
            channels: Prepared::new(&client).await?,
            topics: Prepared::new(&client).await?,
            registers: Prepared::new(&client).await?,
            register_heads: Prepared::new(&client).await?,
            search_notes: Prepared::new(&client).await?,
            fence: client.prepare(transaction::FENCE).await?,
        };
        Ok(Self { client, statements })
    }

    /// For statements that change nothing.
    pub(crate) const fn reads(&self) -> Reads<'_> {
        Reads(self)
    }

    /// For all others; what they change is added to `changes`.
    pub(crate) const fn writes<'a>(&'a self, changes: &'a mut usize) -> Writes<'a> {
        Writes {
            connection: self,
            changes,
        }
    }

    /// Names the event log that this connection writes.
    pub(crate) async fn epoch(&self) -> Result<String, StoreError> {
        let none = StoreError::Inconsistency("no deployment");
        let row = self.list(epoch::DEPLOYMENT, &[]).await?.pop();
        let (known, deployment, _started): (_, String, i64) = row.ok_or(none)?;
        let none = StoreError::Inconsistency("no database");
        let database: Option<String> = self.list(epoch::database(known), &[]).await?.pop();
        let database = database.ok_or(none)?;
        Ok(epoch::join(&database, &deployment))
    }

    /// The same, for a lane that holds a partition: waits until nobody is about to change it,
    /// see [`epoch::replace`].
    pub(crate) async fn settled_epoch(&self) -> Result<String, StoreError> {
        self.rows("SELECT 1 FROM deployment FOR SHARE", &[]).await?;
        self.epoch().await
    }

    /// Keeps the session from being taken for frozen.
    pub(crate) async fn ping(&self) -> Result<(), StoreError> {
        Ok(self.client.batch_execute("").await?)
    }

    /// Executes a rare statement: parsed, bound and executed in one round trip.
    async fn rows(&self, sql: &str, parameters: Parameters<'_>) -> Result<Vec<Row>, StoreError> {
        let typed = parameters
            .iter()
            .map(|parameter| (Bound(*parameter), parameter.of_type()));
        let rows = self.client.query_typed_raw(sql, typed).await?;
        Ok(rows.try_collect().await?)
    }

    /// The same; answers what it found.
    async fn list<R: FromColumns>(
        &self,
        sql: &str,
        parameters: Parameters<'_>,
    ) -> Result<Vec<R>, StoreError> {
        read_rows(&self.rows(sql, parameters).await?)
    }
}

impl Reads<'_> {
    /// All rows that a statement finds.
    async fn list<R: FromColumns>(
        self,
        sql: &str,
        parameters: Parameters<'_>,
    ) -> Result<Vec<R>, StoreError> {
        debug_assert!(sql.starts_with("SELECT"), "it may change something: {sql}");
        self.0.list(sql, parameters).await
    }

    /// The first of them, if any.
    async fn find<R: FromColumns>(
        self,
        sql: &str,
        parameters: Parameters<'_>,
    ) -> Result<Option<R>, StoreError> {
        Ok(self.list(sql, parameters).await?.into_iter().next())
    }

    /// How many there are, of which one column is read.
    async fn count(self, sql: &str, parameters: Parameters<'_>) -> Result<usize, StoreError> {
        let rows: Vec<i64> = self.list(sql, parameters).await?;
        Ok(rows.len())
    }
}

impl Writes<'_> {
    /// Executes a statement that returns a row for each row that it changed.
    async fn rows(
        &mut self,
        sql: &str,
        parameters: Parameters<'_>,
    ) -> Result<Vec<Row>, StoreError> {
        debug_assert!(
            sql.contains("RETURNING"),
            "what it changes is not counted: {sql}"
        );
        let rows = self.connection.rows(sql, parameters).await?;
        *self.changes += rows.len();
        Ok(rows)
    }

    /// The same; answers what it returned.
    async fn list<R: FromColumns>(
        &mut self,
        sql: &str,
        parameters: Parameters<'_>,
    ) -> Result<Vec<R>, StoreError> {
        read_rows(&self.rows(sql, parameters).await?)
    }

    /// The same; answers how many rows it changed.
    async fn execute(
        &mut self,
        sql: &str,
        parameters: Parameters<'_>,
    ) -> Result<usize, StoreError> {
        Ok(self.rows(sql, parameters).await?.len())
    }
}

/// As Postgres keeps it: every number of ours has at most 63 bits.
const fn sql(number: u64) -> i64 {
    number.cast_signed()
}

fn partition_sql(partition: Partition) -> i16 {
    partition.number().cast_signed()
}
