//! The worker: keeps the rules, and is the only program that speaks SQL.
//!
//! # Layout
//!
//! - [`config`]: settings; [`run`]: the program;
//! - `lane`: the way of a command: own, consume, commit, publish;
//! - `context`, `guard`, `commands`: what a handler may touch, what is checked
//!   before it, and the handlers;
//! - `queries`: what any worker answers, and what it prepares for a lane;
//! - `store`: the only SQL, written by lanes and read by queries;
//! - `limiter`, `password`, `token`: what both use;
//! - `migrate`, `days`: the schema and the daily tables.

mod commands;
pub mod config;
mod context;
pub mod days;
pub mod error;
mod guard;
mod lane;
pub mod limiter;
mod metrics;
pub mod migrate;
pub mod password;
pub mod queries;
pub mod store;
pub mod token;
