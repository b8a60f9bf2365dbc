//! What a lane remembers of what it owns.
//!
//! A lane is the only writer of it, so what it loaded stays true as long as it owns the
//! partition. A transaction changes this memory as it goes; nobody else reads it. When the
//! transaction does not commit, all of it is dropped and loaded again: no rule ever runs on
//! what never happened.

pub(crate) mod account;
pub(crate) mod moderation;
pub(crate) mod server;
pub(crate) mod slow_mode;

use shared::ids::Partition;

use self::{server::Servers, slow_mode::LastSends};

/// The memory of a lane, one field per kind of owner. Registers of accounts are read for each
/// transaction and not kept: see [`account`].
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) servers: Servers,
    pub(crate) last_sends: LastSends,
}

impl State {
    /// Forgets a partition that another lane may write from now on.
    pub(crate) fn forget(&mut self, partition: Partition) {
        self.servers.forget(partition);
        self.last_sends.forget(partition);
    }

    /// Keeps the bounds, between transactions. What is dropped is loaded again on use.
    pub(crate) fn shrink(&mut self) {
        self.servers.shrink();
        self.last_sends.shrink();
    }
}
