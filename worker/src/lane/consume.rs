//! What there is to do: entries of the streams, and internal commands.

use std::time::Duration;

use shared::{
    bus::{
        StreamEntry, StreamId,
        envelope::{Caller, CallerKind, Entry, unpack},
    },
    domain::limits::MAX_BATCH,
    error::Refusal,
    ids::{Partition, SessionId},
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{BACK_OFF, Lane};
use crate::{error::Error, store::write::machine::Due};

/// Entries read at once, shared out among the streams: 16 batches.
const READ_COUNT: u64 = 4_096;
/// Internal commands read at once.
const DUE_COUNT: i64 = 64;

/// One thing to do.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) partition: Partition,
    pub(super) source: Source,
    /// None for a mark, which only moves the offset, and for what nobody can read.
    pub(super) entry: Option<Entry>,
    /// What the limiter said; a replay keeps it.
    pub(super) limited: Option<Result<(), Refusal>>,
    /// Decided before it was executed: refused unread, or known to be poison.
    pub(super) verdict: Option<Refusal>,
    /// Executed alone, after a takeover.
    pub(super) careful: bool,
}

/// Where a thing to do comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// The stream of its partition.
    Stream(StreamId),
    /// The table of internal commands.
    Internal(i64),
}

impl Lane<'_> {
    /// What came, at most until the next tick. Internal commands first.
    pub(super) async fn consume(&mut self, stop: &CancellationToken) -> Result<Vec<Work>, Error> {
        if self.owned.is_empty() {
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep_until(self.next_tick) => {}
            }
            return Ok(Vec::new());
        }
        if self.internal_due {
            let partitions: Vec<Partition> = self.owned.keys().copied().collect();
            let due = self.writer.due(&partitions, DUE_COUNT).await?;
            self.internal_due = due.len() == usize::try_from(DUE_COUNT).unwrap_or(usize::MAX);
            if !due.is_empty() {
                return Ok(due.into_iter().map(Work::from_due).collect());
            }
        }
        let after: Vec<(Partition, StreamId)> = self
            .owned
            .iter()
            .map(|(p, owned)| (*p, owned.read))
            .collect();
        let wait = self
            .next_tick
            .min(self.windows.next().unwrap_or(self.next_tick))
            .saturating_duration_since(Instant::now())
            .max(Duration::from_millis(1));
        // A batch from a single busy stream, a fair share of each of many.
        let count = (READ_COUNT / after.len() as u64).clamp(64, MAX_BATCH as u64);
        let read = tokio::select! {
            () = stop.cancelled() => return Ok(Vec::new()),
            read = self.reader.read(&after, count, wait) => read,
        };
        match read {
            Ok(entries) => Ok(self.take_in(entries)),
            Err(error) => {
                // The locks stay ours: what Redis lost, clients repeat.
                warn!(lane = self.config.name, %error, "streams cannot be read");
                self.parts.metrics.bus_errors.inc();
                tokio::time::sleep(BACK_OFF).await;
                Ok(Vec::new())
            }
        }
    }

    fn take_in(&mut self, entries: Vec<StreamEntry>) -> Vec<Work> {
        let mut works = Vec::with_capacity(entries.len());
        for StreamEntry {
            partition,
            id,
            bytes,
        } in entries
        {
            let Some(owned) = self.owned.get_mut(&partition) else {
                continue;
            };
            if id <= owned.read {
                continue;
            }
            owned.read = id;
            if bytes.is_empty() {
                // A mark, or a lane that left an internal command wakes us.
                self.internal_due = true;
                continue;
            }
            works.push(Work {
                partition,
                source: Source::Stream(id),
                entry: unpack(&bytes).ok(),
                limited: None,
                verdict: None,
                careful: owned.careful,
            });
        }
        // What was there at takeover was read now; from here on, batches.
        for work in &works {
            if let Some(owned) = self.owned.get_mut(&work.partition) {
                owned.careful = false;
            }
        }
        works
    }
}

impl Work {
    fn from_due(due: Due) -> Self {
        let entry = Entry {
            node: String::new(),
            connection: 0,
            ticket: 0,
            // An internal command acts for its author, in no session.
            caller: due
                .author
                .zip(SessionId::new(1))
                .map(|(user, session)| Caller {
                    user,
                    session,
                    kind: CallerKind::Person,
                }),
            opcode: due.opcode,
            scope: due.scope,
            body: due.body,
            deadline_ms: 0,
            address: 0,
            trace: None,
        };
        Self {
            partition: due.partition,
            source: Source::Internal(due.id),
            entry: Some(entry),
            limited: None,
            verdict: None,
            careful: false,
        }
    }
}
