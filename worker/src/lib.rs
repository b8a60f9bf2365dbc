//! The worker: keeps the rules, and is the only program that speaks SQL.
//!
//! # Layout
//!
//! - [`config`]: settings; [`run`]: the program; `newer_gateways`, `restored`: what it waits for, and what it does not
//!   start with;
//! - `lane`: the way of a command: own, consume, commit, publish;
//! - `transaction`, `access`, `commands`: what a handler may touch, what is checked
//!   before it, and the handlers; `state`: what a lane remembers; `automod`: what rules of
//!   moderation say of a text;
//! - `queries`: what any worker answers, and what it prepares for a lane;
//! - `store`: the only SQL, written by lanes and read by queries;
//! - `limiter`, `telling`, `password`, `token`: what both use; `error`: what stops them; `metrics`: what
//!   they count;
//! - `consumers`: what follows from events; `jobs`: work in slices; both beside the lanes;
//!   `search_index`: what searches pass over, by the `signature` of each block of messages;
//!   `retry`: how often what fails is tried again;
//! - `admin`: what operators do without a client;
//! - `retention`: the daily tables, by the calendar of `day`;
//! - `sabotage`: what the feature of that name breaks, for tests of the tests.

mod access;
mod admin;
mod automod;
mod commands;
pub mod config;
mod consumers;
mod day;
mod error;
#[cfg(test)]
mod fixture;
mod jobs;
mod lane;
mod limiter;
mod metrics;
mod newer_gateways;
mod notification;
mod outbound;
mod password;
mod presence;
mod push;
mod queries;
mod restored;
mod retention;
mod retry;
mod run;
#[cfg(feature = "sabotage")]
pub mod sabotage;
mod search_index;
mod signature;
mod state;
mod store;
mod telling;
mod token;
mod transaction;

pub use admin::run as admin;
pub use push::{bench::print_costs as print_push_costs, print_keys as print_push_keys};
pub use run::{metrics, migrate, new_epoch, run};

#[cfg(test)]
#[path = "../tests/support/mod.rs"]
mod support;
