//! One member: its account, its places, and its connection while it has one.

use std::{collections::VecDeque, os::fd::OwnedFd};

use super::oracle::Place;

/// The request of a new account.
pub(super) const GUEST: u32 = 1;
/// The requests of codes begin here.
pub(super) const REDEEM: u32 = 2;
/// The requests of messages begin here.
pub(super) const FIRST_MESSAGE: u32 = 0x1000_0000;
/// The request of a page of history.
pub(super) const PAGE: u32 = 0x4000_0000;
/// The request of a typing signal: several under way share it, as nobody waits for them.
pub(super) const TYPING: u32 = 0x4000_0001;

/// A member of the load.
#[derive(Debug, Default)]
pub(super) struct VirtualUser {
    /// The account's token, once it has one.
    pub(super) token: String,
    /// The codes that it is still to redeem.
    pub(super) codes: Vec<u32>,
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
    /// The answer to the upgrade is awaited.
    Upgrading,
    /// The first frame is awaited.
    Greeting,
    /// The new account is awaited.
    Registering,
    /// The session is awaited.
    Identifying,
    /// The servers are awaited, so many.
    Joining(u32),
    /// The session is open.
    Open,
}

/// A connection.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) socket: OwnedFd,
    pub(super) phase: Phase,
    /// The beginning of a frame that is not complete.
    pub(super) partial: Vec<u8>,
    /// What could not be written yet.
    pub(super) out: Vec<u8>,
    /// Whether the loop waits for room to write.
    pub(super) blocked: bool,
    /// When something was last sent.
    pub(super) sent_at: u64,
    /// When something was last heard, or the connection was begun.
    pub(super) heard_at: u64,
}

/// What a publisher waits for.
#[derive(Debug, Default)]
pub(super) struct Publisher {
    /// Its number in the run.
    pub(super) id: u32,
    /// Its messages so far.
    pub(super) number: u64,
    /// The request of the first of `pending`.
    pub(super) first: u32,
    /// Messages that are not answered, and those behind them.
    pub(super) pending: VecDeque<Pending>,
    /// How many of them are not answered.
    pub(super) unanswered: u32,
}

/// A message under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pending {
    pub(super) number: u64,
    pub(super) intended: u64,
    pub(super) answered: bool,
}

impl Publisher {
    /// Takes the answer to a request; `None` when it was not waited for.
    pub(super) fn answered(&mut self, request: u32) -> Option<Pending> {
        let at = usize::try_from(request.checked_sub(self.first)?).ok()?;
        let pending = self.pending.get_mut(at).filter(|known| !known.answered)?;
        pending.answered = true;
        let pending = *pending;
        self.unanswered -= 1;
        while self.pending.front().is_some_and(|front| front.answered) {
            self.pending.pop_front();
            self.first += 1;
        }
        Some(pending)
    }

    /// Adds a message, and says its number and request.
    pub(super) fn add(&mut self, intended: u64) -> (u64, u32) {
        self.number += 1;
        let behind = u32::try_from(self.pending.len()).unwrap_or(u32::MAX);
        self.pending.push_back(Pending {
            number: self.number,
            intended,
            answered: false,
        });
        self.unanswered += 1;
        (self.number, self.first + behind)
    }

    /// The message of a request, for sending it again.
    pub(super) fn pending(&self, request: u32) -> Option<Pending> {
        let at = usize::try_from(request.checked_sub(self.first)?).ok()?;
        self.pending
            .get(at)
            .copied()
            .filter(|known| !known.answered)
    }

    /// The requests that are not answered.
    pub(super) fn unanswered(&self) -> Vec<u32> {
        (self.first..)
            .zip(&self.pending)
            .filter(|(_, pending)| !pending.answered)
            .map(|(request, _)| request)
            .collect()
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

    /// Remembers how far a topic has come.
    #[inline]
    pub(super) fn reached(&mut self, topic: u64, seq: u64) {
        match self.topics.iter_mut().find(|known| known.0 == topic) {
            Some(known) => known.1 = known.1.max(seq),
            None => self.topics.push((topic, seq)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_in_any_order_are_paired_once() {
        let mut publisher = Publisher {
            first: 1,
            ..Publisher::default()
        };
        assert_eq!(publisher.add(10), (1, 1));
        assert_eq!(publisher.add(20), (2, 2));
        assert_eq!(publisher.add(30), (3, 3));
        assert_eq!(publisher.answered(2).unwrap().intended, 20);
        assert!(publisher.answered(2).is_none());
        assert_eq!(publisher.unanswered(), [1, 3]);
        assert_eq!(publisher.answered(1).unwrap().number, 1);
        assert_eq!(publisher.first, 3);
        assert_eq!(publisher.add(40), (4, 4));
        assert!(publisher.answered(9).is_none());
        assert!(publisher.answered(0).is_none());
        assert_eq!(publisher.unanswered, 2);
        assert_eq!(publisher.pending(4).unwrap().intended, 40);
    }
}
