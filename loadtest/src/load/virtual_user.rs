//! One member: its account, its places, and its connection while it has one.

use std::collections::BTreeMap;

use super::{clock, oracle::Place};
use crate::socket::Socket;

/// The requests of messages begin here.
pub(super) const FIRST_MESSAGE: u32 = 0x1000_0000;
/// The request of a page of history.
pub(super) const PAGE: u32 = 0x4000_0000;
/// The request of a typing signal: several under way share it, as nobody waits for them.
pub(super) const TYPING: u32 = 0x4000_0001;

/// A member of the load.
#[derive(Debug, Default)]
pub(super) struct VirtualUser {
    /// Its number in its thread.
    pub(super) at: usize,
    /// The account's token; empty on a server that knows no accounts.
    pub(super) token: String,
    /// The gateway that it is on, by number.
    pub(super) gateway: usize,
    /// The channels that it reads.
    pub(super) places: Vec<Place>,
    /// Where it posts: server and channel of its first place.
    pub(super) home: (u64, u64),
    /// How far it has come in each topic, for a resume.
    pub(super) topics: Vec<(u64, u64)>,
    /// Its connection.
    pub(super) link: Option<Link>,
    /// Attempts without success.
    pub(super) tries: u32,
    /// Since when it wants to be connected, or lost its session.
    pub(super) since: u64,
    /// Whether its session was open before, so that the next one resumes it.
    pub(super) resumes: bool,
    /// What it publishes.
    pub(super) publisher: Option<Box<Publisher>>,
    /// Bytes per second that it reads, if it is a slow one.
    pub(super) slow: Option<u32>,
    /// The last page of history that it asked for: when, and before which message.
    pub(super) page: Option<(u64, u64)>,
}

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// The other end is to take the connection.
    Dialing,
    /// The answer to the upgrade is awaited.
    Upgrading,
    /// The first frame is awaited.
    Greeting,
    /// The session is awaited.
    Identifying,
    /// The session is open.
    Open,
}

/// A connection.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) socket: Socket,
    pub(super) phase: Phase,
    /// When something was last heard, or the connection was begun.
    pub(super) heard_at: u64,
    /// When the last heartbeat was sent, or the connection was begun.
    pub(super) beat_at: u64,
    /// When the first heartbeat was sent that nothing was heard after.
    pub(super) unanswered: Option<u64>,
    /// When a step of connecting was last taken.
    pub(super) step_at: u64,
}

/// What a publisher waits for.
#[derive(Debug, Default)]
pub(super) struct Publisher {
    /// Its number in the run.
    pub(super) id: u32,
    /// Its messages so far.
    pub(super) number: u64,
    /// Those that are not answered, by request.
    pub(super) pending: BTreeMap<u32, Pending>,
}

/// A message under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pending {
    pub(super) number: u64,
    pub(super) intended: u64,
}

impl Publisher {
    /// Adds a message, and says its request.
    pub(super) fn add(&mut self, intended: u64) -> u32 {
        self.number += 1;
        let number = self.number;
        // Requests are used again after 800 million messages.
        let request = number % u64::from(PAGE - FIRST_MESSAGE);
        let request = FIRST_MESSAGE + u32::try_from(request).unwrap_or_default();
        self.pending.insert(request, Pending { number, intended });
        request
    }
}

impl VirtualUser {
    /// How far the connection has come.
    pub(super) fn phase(&self) -> Option<Phase> {
        self.link.as_ref().map(|link| link.phase)
    }

    /// Whether the session is open.
    pub(super) fn is_open(&self) -> bool {
        self.phase() == Some(Phase::Open)
    }

    pub(super) fn set_phase(&mut self, phase: Phase) {
        if let Some(link) = &mut self.link {
            link.phase = phase;
            link.step_at = clock::now();
        }
    }

    /// Remembers how far a topic has come.
    #[inline]
    pub(super) fn reached(&mut self, topic: u64, seq: u64) {
        match self.topics.iter_mut().find(|known| known.0 == topic) {
            Some(known) => known.1 = known.1.max(seq),
            None => self.topics.push((topic, seq)),
        }
    }
}
