//! Postgres seen by us: the only SQL.
//!
//! - [`read`]: what queries read, with sqlx, on a pool;
//! - [`write`]: what lanes write, with tokio-postgres, on their one connection.

pub(crate) mod write;
