//! Postgres seen by us: the only SQL.
//!
//! - `read`: what queries read, with sqlx, on a pool;
//! - `days`: the daily tables, on a connection of their own;
//! - `migrate`: the schema; `epoch`: the name of the event log;
//! - `write`: what lanes write, with tokio-postgres, on their one connection.

pub(crate) mod days;
pub(crate) mod epoch;
pub(crate) mod error;
pub(crate) mod migrate;
pub(crate) mod read;
pub(crate) mod write;

pub(crate) use sqlx::postgres::PgConnectOptions;
