//! What lanes write: the SQL of their transactions, one file per family.
//!
//! Messages, events and nonces of a batch are gathered as arrays and leave in
//! one pipeline with the fence and COMMIT. Everything rarer is written at once,
//! inside the same transaction, with the messages flushed first.

pub(crate) mod account;
pub(crate) mod channel;
pub(crate) mod internal;
pub(crate) mod invite;
pub(crate) mod machine;
pub(crate) mod message;
pub(crate) mod partition;
pub(crate) mod register;
pub(crate) mod server;
pub(crate) mod session;

use futures_util::TryFutureExt;
use tokio_postgres::{
    Client, Row, Statement,
    types::{ToSql, Type},
};

use super::epoch;
use crate::error::{Error, StoreError};

/// The one connection of a lane, with its hot statements prepared.
#[derive(Debug)]
pub(crate) struct Writer {
    client: Client,
    hot: Hot,
}

/// The statements of every batch: prepared once per connection.
#[derive(Debug)]
struct Hot {
    find_nonces: Statement,
    insert_messages: Statement,
    insert_events: Statement,
    insert_nonces: Statement,
    update_channels: Statement,
    update_topics: Statement,
    find_registers: Statement,
    find_register_heads: Statement,
    put_registers: Statement,
    put_register_heads: Statement,
    fence: Statement,
}

impl Writer {
    /// Prepares a fresh connection.
    pub(crate) async fn new(client: Client) -> Result<Self, StoreError> {
        client.batch_execute(machine::SESSION).await?;
        let hot = Hot {
            find_nonces: client.prepare(machine::FIND_NONCES).await?,
            insert_messages: client.prepare(message::INSERT).await?,
            insert_events: client.prepare(machine::INSERT_EVENTS).await?,
            insert_nonces: client.prepare(machine::INSERT_NONCES).await?,
            update_channels: client.prepare(channel::MOVE).await?,
            update_topics: client.prepare(machine::UPDATE_TOPICS).await?,
            find_registers: client.prepare(register::FIND).await?,
            find_register_heads: client.prepare(register::FIND_HEADS).await?,
            put_registers: client.prepare(register::PUT).await?,
            put_register_heads: client.prepare(register::PUT_HEADS).await?,
            fence: client.prepare(machine::FENCE).await?,
        };
        Ok(Self { client, hot })
    }

    /// Names the event log that this connection writes.
    pub(crate) async fn epoch(&self) -> Result<String, Error> {
        let rows = self.rows(epoch::DEPLOYMENT, &[]).await?;
        let row = rows
            .first()
            .ok_or(StoreError::Inconsistency("no deployment"))?;
        let (known, deployment): (bool, String) = (row.try_get(0)?, row.try_get(1)?);
        let rows = self.rows(epoch::database(known), &[]).await?;
        let row = rows
            .first()
            .ok_or(StoreError::Inconsistency("no database"))?;
        Ok(epoch::join(row.try_get(0)?, &deployment))
    }

    /// The same, for who holds a partition: waits until nobody is about to change it, see
    /// [`epoch::rename`].
    pub(crate) async fn settled_epoch(&self) -> Result<String, Error> {
        self.rows("SELECT 1 FROM deployment FOR SHARE", &[]).await?;
        self.epoch().await
    }

    /// Asks with a rare statement: parsed, bound and executed in one round trip.
    async fn rows(
        &self,
        sql: &str,
        parameters: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<Vec<Row>, Error> {
        self.client
            .query_typed(sql, parameters)
            .map_err(Error::from)
            .await
    }

    /// Writes with a rare statement; answers how many rows it changed, which
    /// the statement itself counts with `RETURNING`.
    async fn write(
        &self,
        sql: &str,
        parameters: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<usize, Error> {
        Ok(self.rows(sql, parameters).await?.len())
    }
}
