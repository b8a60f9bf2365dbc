//! Postgres seen by us: the only SQL.
//!
//! - [`read`]: what queries read, with sqlx, on a pool;
//! - `days`: the daily tables, on a connection of their own;
//! - `write`: what lanes write, with tokio-postgres, on their one connection.

pub(crate) mod days;
pub mod read;
pub(crate) mod write;
