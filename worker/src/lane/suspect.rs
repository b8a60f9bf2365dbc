//! Which entry ends lanes. Nobody asks before one has ended with its process:
//! an orderly handover, a lost connection or a Postgres that was killed accuse
//! no entry.
//!
//! Then the next lane notes the range of each batch before it executes it. If
//! that ends it, the third lane executes the entries of that range one by one,
//! each noted; and what ends it then is refused unread by the fourth.

use shared::{bus::StreamId, domain::limits::MAX_BATCH, error::Reason};
use tracing::{error, warn};

use super::{
    Lane,
    inbox::{PendingEntry, Source},
};
use crate::{
    error::Error,
    store::write::{
        self,
        partition::{RangeNote, TakenPartition},
    },
};

/// What a lane thinks of the entries of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Watch {
    /// Nothing happened: they are executed in batches.
    Trust,
    /// A process ended: the range of each batch is noted, until as many entries have
    /// passed as that process can have had under way.
    Note { left: usize },
    /// One more ended with its range noted: up to here each goes alone, noted.
    Isolate { upto: StreamId },
    /// One more ended with this entry alone: it is not executed again.
    Refuse { entry: StreamId },
}

impl Watch {
    /// What to think of a partition that was just taken; `died` when the process
    /// that had it is gone.
    pub(super) fn of(taken: &TakenPartition, died: bool) -> Self {
        let ended = taken.attempts + i16::from(died);
        match (ended, taken.noted) {
            (..=0, _) => Self::Trust,
            (2, Some(upto)) => Self::Isolate { upto },
            (3.., Some(entry)) => Self::Refuse { entry },
            _ => Self::all(),
        }
    }

    const fn all() -> Self {
        Self::Note { left: MAX_BATCH }
    }

    /// Whether this entry is executed alone.
    fn isolates(self, id: StreamId) -> bool {
        match self {
            Self::Trust | Self::Note { .. } => false,
            Self::Isolate { upto: end } | Self::Refuse { entry: end } => id <= end,
        }
    }

    /// How many lanes ended on what is noted now; none when nothing is.
    const fn attempts(self) -> Option<i16> {
        match self {
            Self::Trust => None,
            Self::Note { .. } => Some(1),
            Self::Isolate { .. } | Self::Refuse { .. } => Some(2),
        }
    }

    /// The entry was executed, and this process lives.
    fn mark_done(&mut self, id: StreamId) {
        match *self {
            Self::Note { left: 0..=1 } => *self = Self::Trust,
            Self::Note { left } => *self = Self::Note { left: left - 1 },
            Self::Isolate { upto: end } | Self::Refuse { entry: end } if id >= end => {
                *self = Self::all();
            }
            Self::Trust | Self::Isolate { .. } | Self::Refuse { .. } => {}
        }
    }
}

impl Lane<'_> {
    /// Whether an entry must not share its transaction.
    pub(super) fn is_isolated(&self, item: &PendingEntry) -> bool {
        match (item.source, self.owned.get(&item.partition)) {
            (Source::Stream(id), Some(owned)) => owned.watch.isolates(id),
            _ => false,
        }
    }

    /// Executes an entry of a range that ended lanes.
    pub(super) async fn execute_isolated(&mut self, mut item: PendingEntry) -> Result<(), Error> {
        if let (Source::Stream(id), Some(owned)) = (item.source, self.owned.get(&item.partition))
            && owned.watch == (Watch::Refuse { entry: id })
        {
            error!(partition = %item.partition, entry = %id, "entry ended too many lanes");
            self.parts.metrics.poison_total.inc();
            item.verdict = Some(Reason::Internal.into());
        }
        self.note_ranges(std::slice::from_ref(&item)).await?;
        self.execute_singly(vec![item]).await
    }

    /// Notes the ranges of a batch in the partitions whose last lane died.
    pub(super) async fn note_ranges(&mut self, pending: &[PendingEntry]) -> Result<(), Error> {
        if self.owned.values().all(|owned| owned.watch == Watch::Trust) {
            return Ok(());
        }
        let mut notes: Vec<RangeNote> = Vec::new();
        for item in pending {
            let Source::Stream(upto) = item.source else {
                continue;
            };
            let Some(owned) = self.owned.get(&item.partition) else {
                continue;
            };
            let Some(attempts) = owned.watch.attempts() else {
                continue;
            };
            match notes.iter_mut().find(|n| n.partition == item.partition) {
                Some(note) => note.upto = note.upto.max(upto),
                None => notes.push(RangeNote {
                    partition: item.partition,
                    term: owned.counters.term,
                    upto,
                    attempts,
                }),
            }
        }
        if notes.is_empty() {
            return Ok(());
        }
        warn!(
            lane = self.config.name,
            partitions = notes.len(),
            "a lane died here: what comes next is noted"
        );
        Ok(write::partition::note_ranges(&self.connection, &notes).await?)
    }

    /// These entries took effect or were refused, and nobody died.
    pub(super) fn mark_done(&mut self, pending: &[PendingEntry]) {
        for item in pending {
            if let (Source::Stream(id), Some(owned)) =
                (item.source, self.owned.get_mut(&item.partition))
            {
                owned.done = owned.done.max(id);
                owned.watch.mark_done(id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const END: StreamId = StreamId { ms: 5, seq: 3 };

    fn taken(attempts: i16) -> TakenPartition {
        TakenPartition {
            partition: shared::ids::Partition::of(0),
            counters: write::transaction::PartitionCounters {
                term: 2,
                offset: StreamId::default(),
                last_id: 0,
                position: 0,
            },
            holder: 7,
            noted: (attempts > 0).then_some(END),
            attempts,
        }
    }

    #[test]
    fn only_deaths_raise_suspicion() {
        let all = Watch::Note { left: MAX_BATCH };
        for (attempts, survived, died) in [
            (0, Watch::Trust, all),
            (1, all, Watch::Isolate { upto: END }),
            (
                2,
                Watch::Isolate { upto: END },
                Watch::Refuse { entry: END },
            ),
        ] {
            assert_eq!(Watch::of(&taken(attempts), false), survived);
            assert_eq!(Watch::of(&taken(attempts), true), died);
        }
    }

    #[test]
    fn what_lies_behind_the_range_shares_its_batch_again() {
        let mut watch = Watch::Isolate { upto: END };
        assert!(watch.isolates(END));
        assert!(!watch.isolates(END.next()));
        watch.mark_done(StreamId { ms: 5, seq: 2 });
        assert_eq!(watch, Watch::Isolate { upto: END });
        watch.mark_done(END);
        for n in 0..MAX_BATCH {
            assert_ne!(watch, Watch::Trust, "{n}");
            watch.mark_done(END);
        }
        assert_eq!(watch, Watch::Trust);
    }
}
