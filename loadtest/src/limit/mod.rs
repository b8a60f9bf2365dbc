//! What this machine could do at most: programs that do only the unavoidable,
//! to compare the servers with in the same run.
//!
//! - [`fanout`] writes bytes to sockets, with no rule, no session and no Redis;
//! - [`storage`] writes the rows of messages to Postgres, `rows` makes them up, and `disk_use` is what they take.

mod disk_use;
pub mod fanout;
mod rows;
pub mod storage;
