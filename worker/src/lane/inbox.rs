//! What there is to do: entries of the streams, and internal commands.

use std::time::Duration;

use shared::{
    bus::{
        StreamEntry, StreamId,
        envelope::{Caller, CallerKind, Entry},
        sealed::Way,
    },
    error::Refusal,
    ids::{Partition, SessionId},
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{BACK_OFF, Lane, LaneParts};
use crate::{error::Error, store::write::internal::Due};

/// The shortest wait for a stream, when there is something else to do: Redis takes
/// 0 for ever.
const SHORTEST: Duration = Duration::from_millis(1);

/// One thing to do.
#[derive(Debug)]
pub(super) struct PendingEntry {
    pub(super) partition: Partition,
    pub(super) source: Source,
    /// None for a mark, which only moves the offset, and for what nobody can read.
    pub(super) entry: Option<Entry>,
    /// What the limiter said; a replay keeps it.
    pub(super) limited: Option<Result<(), Refusal>>,
    /// A repeat that its account was charged for; a replay is not another one.
    pub(super) counted: bool,
    /// Decided before it was executed: refused unread, or known to be poison.
    pub(super) verdict: Option<Refusal>,
}

/// Where a thing to do comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// The stream of its partition.
    Stream(StreamId),
    /// Another owner, which left an internal command.
    Internal {
        source: Partition,
        number: i64,
        attempts: i16,
    },
}

impl Lane<'_> {
    /// What came by the streams, at most until the next tick.
    pub(super) async fn read_inbox(
        &mut self,
        stop: &CancellationToken,
    ) -> Result<Vec<PendingEntry>, Error> {
        if self.owned.is_empty() {
            let tick = tokio::time::sleep_until(self.next_tick);
            stop.run_until_cancelled(tick).await;
            return Ok(Vec::new());
        }
        let after: Vec<(Partition, StreamId)> = self
            .owned
            .iter()
            .map(|(p, owned)| (*p, owned.read))
            .collect();
        let wait = if self.internal_due {
            SHORTEST
        } else {
            self.next_tick
                .min(self.windows.next().unwrap_or(self.next_tick))
                .saturating_duration_since(Instant::now())
        };
        let count = self.read_size.per_stream(after.len());
        let reading = self.reader.read(&after, count, wait.max(SHORTEST));
        let Some(read) = stop.run_until_cancelled(reading).await else {
            return Ok(Vec::new());
        };
        match read {
            Ok(entries) => {
                let bytes = entries.iter().map(|entry| entry.bytes.len()).sum();
                let full = is_full(&entries, count);
                self.read_size.adjust(entries.len(), bytes, full);
                Ok(self.decode_entries(entries))
            }
            Err(error) => {
                // The locks stay ours: what Redis lost, clients repeat.
                warn!(lane = self.config.name, %error, "streams cannot be read");
                self.parts.metrics.bus_errors_total.inc();
                tokio::time::sleep(BACK_OFF).await;
                Ok(Vec::new())
            }
        }
    }

    fn decode_entries(&mut self, entries: Vec<StreamEntry>) -> Vec<PendingEntry> {
        let mut pending = Vec::with_capacity(entries.len());
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
            let entry = self.parts.read_entry(partition, &bytes);
            pending.push(PendingEntry::new(partition, Source::Stream(id), entry));
        }
        pending
    }
}

/// Whether some stream gave as much as it might.
fn is_full(entries: &[StreamEntry], count: u64) -> bool {
    entries
        .chunk_by(|one, next| one.partition == next.partition)
        .any(|stream| stream.len() as u64 >= count)
}

impl LaneParts {
    /// An entry with its body in clear; none for what nobody of this cluster packed.
    fn read_entry(&self, partition: Partition, bytes: &[u8]) -> Option<Entry> {
        let read = Entry::read(bytes, Way::Lane(partition), &self.keys);
        read.inspect_err(|error| warn!(%partition, %error, "an entry is not taken"))
            .ok()
    }
}

impl PendingEntry {
    pub(super) const fn new(partition: Partition, source: Source, entry: Option<Entry>) -> Self {
        Self {
            partition,
            source,
            entry,
            limited: None,
            counted: false,
            verdict: None,
        }
    }

    pub(super) fn from_due(due: Due) -> Self {
        let source = Source::Internal {
            source: due.source,
            number: due.number,
            attempts: due.attempts,
        };
        // An internal command acts for its author, in no session.
        let caller = due.author.zip(SessionId::new(1));
        let entry = Entry {
            caller: caller.map(|(user, session)| Caller {
                user,
                session,
                kind: CallerKind::Person,
            }),
            opcode: due.opcode,
            scope: due.scope,
            body: due.body,
            ..Entry::default()
        };
        Self::new(due.target, source, Some(entry))
    }
}
