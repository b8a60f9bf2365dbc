//! What a client saw, in order. Bounded: when it is full the oldest entries
//! make room, and readers that ask for them learn how many are gone.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use shared::protocol::{
    self, Event,
    control::{Cursor, Gap, Reconnect, Registers, Sight, TopicSeq},
};
use tokio::sync::watch;

/// Entries kept: minutes of the busiest test, a few hundred megabytes at worst.
const CAPACITY: usize = 200_000;

/// One thing that a client saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// An event.
    Event {
        /// The id of the server or the account.
        topic: u64,
        /// Its place in the topic; 0 when it is not stored.
        seq: u64,
        /// Which event.
        opcode: u16,
        /// Its MessagePack body.
        body: Bytes,
    },
    /// The topic could not be continued.
    Gap(Gap),
    /// The account's registers were changed.
    Registers(Registers),
    /// The session opened.
    Opened {
        /// On this gateway.
        gateway: String,
        /// Whether it went on where an earlier one ended.
        resumed: bool,
        /// Where the stream of each topic begins.
        topics: Vec<TopicSeq>,
    },
    /// What the session sees of a server is another from this event on; it is a cursor, too.
    Sight(Sight),
    /// The gateway carried the client past what it may not see.
    Cursor(Cursor),
    /// The gateway asked to connect elsewhere.
    Asked(Reconnect),
    /// The connection ended.
    Lost {
        /// With this close code, if with any.
        code: Option<u16>,
    },
}

impl Seen {
    /// The event, if it is an `E`.
    pub fn event<E: Event>(&self) -> Option<E> {
        match self {
            Self::Event { opcode, body, .. } if *opcode == E::OPCODE => {
                protocol::decode_told(body).ok()
            }
            _ => None,
        }
    }
}

/// What a client saw.
#[derive(Debug)]
pub struct Log {
    entries: Mutex<Entries>,
    changed: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Entries {
    dropped: u64,
    kept: VecDeque<Seen>,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            entries: Mutex::default(),
            changed: watch::Sender::new(0),
        }
    }
}

impl Log {
    /// Adds an entry.
    pub fn push(&self, seen: Seen) {
        let end = {
            let mut entries = self.entries();
            if entries.kept.len() == CAPACITY {
                entries.kept.pop_front();
                entries.dropped += 1;
            }
            entries.kept.push_back(seen);
            entries.end()
        };
        self.changed.send_replace(end);
    }

    /// Where the next entry will be.
    pub fn end(&self) -> u64 {
        self.entries().end()
    }

    /// The entries from `position` on that are still kept.
    pub fn since(&self, position: u64) -> Vec<Seen> {
        let entries = self.entries();
        let skip = position.saturating_sub(entries.dropped);
        entries
            .kept
            .iter()
            .skip(usize::try_from(skip).unwrap_or(usize::MAX))
            .cloned()
            .collect()
    }

    /// Waits for an entry from `position` on that `pick` takes. `None` when
    /// none came within `patience`.
    pub async fn wait<T>(
        &self,
        position: u64,
        patience: Duration,
        mut pick: impl FnMut(&Seen) -> Option<T>,
    ) -> Option<T> {
        let mut changed = self.changed.subscribe();
        let mut position = position;
        let search = async {
            loop {
                changed.borrow_and_update();
                let fresh = self.since(position);
                if let Some(found) = fresh.iter().find_map(&mut pick) {
                    return Some(found);
                }
                position += fresh.len() as u64;
                changed.changed().await.ok()?;
            }
        };
        tokio::time::timeout(patience, search).await.ok().flatten()
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        // A panic while pushing leaves the queue whole.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    fn end(&self) -> u64 {
        self.dropped + self.kept.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gap(seq: u64) -> Seen {
        Seen::Gap(Gap { topic: 1, seq })
    }

    #[tokio::test]
    async fn waits_for_what_comes_later() {
        let log = Log::default();
        log.push(gap(1));
        let position = log.end();
        let later = async {
            tokio::task::yield_now().await;
            log.push(gap(2));
        };
        let wait = log.wait(position, Duration::from_secs(5), |seen| {
            matches!(seen, Seen::Gap(Gap { seq: 2, .. })).then_some(())
        });
        let (found, ()) = tokio::join!(wait, later);
        assert_eq!(found, Some(()));
        assert_eq!(log.since(0), [gap(1), gap(2)]);
        assert_eq!(log.since(1), [gap(2)]);
    }

    #[tokio::test]
    async fn gives_up_when_nothing_comes() {
        let log = Log::default();
        let found: Option<()> = log.wait(0, Duration::from_millis(5), |_| None).await;
        assert_eq!(found, None);
    }

    #[test]
    fn a_full_log_drops_its_oldest_entries() {
        let log = Log::default();
        for seq in 0..=CAPACITY as u64 {
            log.push(gap(seq));
        }
        assert_eq!(log.end(), CAPACITY as u64 + 1);
        assert_eq!(log.since(0).first(), Some(&gap(1)));
    }
}
