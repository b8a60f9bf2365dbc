//! Postgres seen by us: the only place that knows SQL.

pub(crate) mod days;
pub mod read;
