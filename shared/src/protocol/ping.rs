//! Ping: the whole way to a worker and back.

use super::macros::family;
use crate::wire::bodies;

family! {
    queries {
        /// Answers with the time of the worker.
        2976 ping: Ping -> Pong, [for anyone], limited by Read;
    }
}

bodies! {
    /// Asks for an answer.
    Ping {}
    /// The answer.
    Pong {
        /// The worker's time, in milliseconds since 1970.
        now: u64,
    }
}
