//! Who waits for a query: the gateways themselves come before their clients, and
//! those who are in before those who are not.

use bytes::Bytes;
use std::time::Duration;

/// A class of queries. Each has a list, a bound and a share of the workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// What a gateway needs to keep its streams whole: heads, repairs, structures.
    Node,
    /// Sessions that are being opened.
    Session,
    /// What accounts ask.
    Account,
    /// What is asked without a session: signing in, looking at an invite.
    Stranger,
}

/// From which end of a list to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// What waited longest: nobody is passed over.
    Oldest,
    /// What came last: while there is more to do than can be done, answering those who
    /// have waited long means that everyone has, and that nobody is answered in time.
    Newest,
}

/// A query that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// From which list.
    pub class: Class,
    /// The packed entry.
    pub bytes: Bytes,
    /// How long it lay there, by the clock of Redis alone.
    pub waited: Duration,
}

impl Class {
    /// All of them, the most urgent first.
    pub const ALL: [Self; 4] = [Self::Node, Self::Session, Self::Account, Self::Stranger];

    /// The name in keys and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Node => "node",
            Self::Session => "opening",
            Self::Account => "account",
            Self::Stranger => "stranger",
        }
    }

    /// How many may wait at the workers; more are refused before they are in the list.
    /// Strangers wait for password hashes, so few of them fit into anybody's patience.
    pub const fn bound(self) -> u64 {
        match self {
            Self::Node | Self::Session | Self::Account => 4_096,
            Self::Stranger => 512,
        }
    }

    /// Its place in [`Self::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }
}
