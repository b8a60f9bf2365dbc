//! The worker: rules, lanes, queries and all the SQL.

pub mod days;
pub mod error;
pub mod limiter;
pub mod migrate;
pub mod password;
pub mod queries;
pub mod store;
pub mod token;
