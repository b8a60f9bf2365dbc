//! Out to the sockets: one task for each core owns the queues and the writing halves of its
//! connections, so that no delivery takes a lock.
//!
//! - [`shards`], [`message`]: how it is told what to do; [`shard`]: the task that does it;
//! - [`topics`]: which of its connections get an event; [`watches`]: which hear of whose presence;
//! - [`sockets`], [`queue`], [`large_answers`], [`write_order`]: what waits for each, and who is
//!   written to next;
//! - [`event`]: one event on its way to many.

pub mod event;
pub mod large_answers;
pub mod message;
pub mod queue;
pub mod shard;
pub mod shards;
pub mod sockets;
#[cfg(test)]
mod tests;
pub mod topics;
pub mod watches;
pub mod write_order;
