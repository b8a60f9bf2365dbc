//! Queries against a real Postgres: rows are put in by hand, then asked for.

mod chat;
mod gateway_queries;
mod openings;
mod reading;
mod serving;
