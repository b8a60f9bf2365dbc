//! Queries against a real Postgres: rows are put in by hand, then asked for.

mod admin;
mod bounds;
mod chat;
mod forwarded;
mod gateway_queries;
mod member;
mod reading;
mod search;
mod search_rights;
mod serving;
mod unread;
