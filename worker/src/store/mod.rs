//! Postgres seen by us: the only place that knows SQL.
//!
//! - [`read`]: what queries read, with sqlx, on a pool;
//! - [`write`]: what lanes write, with tokio-postgres, on their one connection;
//! - [`days`], [`epoch`]: the daily tables, and the name of the event log.

pub(crate) mod days;
pub(crate) mod epoch;
pub mod read;
pub(crate) mod write;
