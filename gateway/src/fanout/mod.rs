//! The fan-out: one task that hears the bus and tells the shards.
//!
//! - [`task`]: what it hears and whom it asks;
//! - [`topic_router`], [`topic`]: what is given out, and in which order;
//! - [`views`], [`rights`]: who sees it, folded from the log;
//! - [`effect`]: what events do besides being passed on;
//! - [`attach`]: which sessions belong to it;
//! - [`repair`], [`beats`]: what the bus lost;
//! - [`subscriptions`]: what the bus is asked for;
//! - [`message`], [`outbox`]: how it talks to shards and sessions.

pub mod attach;
pub mod beats;
pub mod effect;
pub mod message;
pub mod outbox;
pub mod repair;
pub mod rights;
pub mod subscriptions;
pub mod task;
#[cfg(test)]
mod tests;
pub mod topic;
pub mod topic_router;
pub mod views;
