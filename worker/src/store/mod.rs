//! Postgres seen by us: the only SQL.
//!
//! - `read`: what queries read, with sqlx, on a pool;
//! - `notification`: who is told of a message, beside the lanes;
//! - `push`: what is sent to devices, beside the lanes;
//! - `jobs` and `consumers`: work beside the lanes, `enqueue`, which leaves a job for later, and
//!   `redact`, which they share; `event_text`: whose the text of an event is; `export`: what is
//!   written down of an account;
//! - `search_index`: the signatures of blocks of messages, beside the lanes, too;
//! - `retention`: the daily tables, on a connection of their own;
//! - `options`: whom a connection may end at; `migrate`: the schema; `epoch`: the name of the event log;
//! - `admin`: what operators look at; `verify`: counts again what must agree, for them;
//! - `write`: what lanes write, with tokio-postgres, on their one connection;
//! - `invite`: which codes open accounts, for both of them;
//! - `values`: how ids, counts and the rest are kept, for both drivers; `statement`: the
//!   statements of all but lanes.

pub(crate) mod admin;
pub(crate) mod consumers;
mod enqueue;
pub(crate) mod epoch;
pub(crate) mod error;
pub(crate) mod event_text;
#[cfg(test)]
mod explain;
pub(crate) mod export;
mod invite;
pub(crate) mod jobs;
pub(crate) mod migrate;
pub(crate) mod notification;
pub(crate) mod options;
pub(crate) mod push;
pub(crate) mod read;
pub(crate) mod redact;
pub(crate) mod retention;
pub(crate) mod search_index;
mod statement;
mod values;
pub(crate) mod verify;
pub(crate) mod write;

/// Names the advisory locks of partitions among those of other programs: "conf" in ASCII.
const LOCK_CLASS: i32 = 0x636f_6e66;
/// What a connection that holds a lock beside the lanes may do at most: a frozen worker gives its
/// locks up.
///
/// A plan lives as long as the connection, and is perhaps made while the log is empty:
/// without the last setting it may read all of a table that has grown since.
const LOCK_HOLDER_SETTINGS: [(&str, &str); 5] = [
    ("statement_timeout", "10s"),
    ("lock_timeout", "2s"),
    ("idle_in_transaction_session_timeout", "5s"),
    ("idle_session_timeout", "10s"),
    ("enable_seqscan", "off"),
];

pub(crate) use sqlx::postgres::PgConnectOptions;
