//! Ping: the whole way to a worker and back.

use serde::{Deserialize, Serialize};
use shared_derive::Body;

use super::macros::family;

family! {
    queries: Ping;
}

/// Answers with the time of the worker.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
#[query(2976, ping, reply = Pong, access = Anyone, limit = Read)]
pub struct Ping {}

/// The answer.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Body)]
pub struct Pong {
    /// The worker's time, in milliseconds since 1970.
    pub now: u64,
}
