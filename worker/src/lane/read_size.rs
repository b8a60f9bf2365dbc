//! How many entries a lane takes at once, so that they are not too many bytes: Redis
//! counts entries only, and one may have a hundred bytes or 64 KiB.

use shared::domain::limits::MAX_BATCH;

use super::inbox::PendingEntry;

/// Bytes of one read, while entries stay as large as they were.
const READ_BYTES: usize = 64 << 20;
/// Entries of one read at most, from all streams: 16 batches.
const MOST: usize = 4_096;
/// Entries of one read when nothing is known of their size: as many bytes of the largest ones.
const LEAST: usize = 1_024;
/// Bytes of the entries that share a transaction; a single one may have more.
const BATCH_BYTES: usize = 2 << 20;

/// How many entries the next read may bring.
#[derive(Debug)]
pub(super) struct ReadSize(usize);

impl ReadSize {
    pub(super) const fn new() -> Self {
        Self(LEAST)
    }

    /// How many of each stream: a batch from a single busy one, a fair share of each of many.
    pub(super) fn per_stream(&self, streams: usize) -> u64 {
        let share = self.0 / streams.max(1);
        share.clamp(1, MAX_BATCH) as u64
    }

    /// Learns from the entries and bytes of a read: four times as many the next time, if some
    /// stream may have `more`; fewer at once, if they are large.
    pub(super) fn adjust(&mut self, entries: usize, bytes: usize, more: bool) {
        if entries == 0 {
            *self = Self::new();
            return;
        }
        let fitting = READ_BYTES / (bytes / entries).max(1);
        let wanted = if more { self.0 * 4 } else { self.0 };
        self.0 = wanted.min(fitting.clamp(LEAST, MOST));
    }
}

/// How many of what there is to do share the next transaction; one at least.
pub(super) fn transaction_size(pending: &[PendingEntry]) -> usize {
    let mut bytes = 0;
    let fitting = pending.iter().take(MAX_BATCH).take_while(|item| {
        bytes += item.entry.as_ref().map_or(0, |entry| entry.body.len());
        bytes <= BATCH_BYTES
    });
    fitting.count().max(1).min(pending.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LARGE: usize = 64 << 10;

    /// Reads from streams that always have more, of entries of one size.
    fn read(read_size: &mut ReadSize, streams: usize, size: usize) -> usize {
        let entries = usize::try_from(read_size.per_stream(streams)).unwrap() * streams;
        read_size.adjust(entries, entries * size, true);
        entries
    }

    #[test]
    fn small_entries_are_read_by_thousands_and_large_ones_by_bytes() {
        let mut read_size = ReadSize::new();
        assert!(read(&mut read_size, 64, LARGE) * LARGE <= READ_BYTES);
        assert!(read(&mut read_size, 64, LARGE) * LARGE <= READ_BYTES);
        for _ in 0..4 {
            read(&mut read_size, 64, 100);
        }
        assert_eq!(read(&mut read_size, 64, 100), MOST);
        // One read is too large when their size changes; the next one is not.
        read(&mut read_size, 64, LARGE);
        assert!(read(&mut read_size, 64, LARGE) * LARGE <= READ_BYTES);
        assert_eq!(read_size.per_stream(1), MAX_BATCH as u64);
    }

    #[test]
    fn after_silence_nothing_is_known() {
        let mut read_size = ReadSize::new();
        for _ in 0..6 {
            read(&mut read_size, 64, 100);
        }
        read_size.adjust(0, 0, false);
        assert_eq!(read_size.per_stream(64), (LEAST / 64) as u64);
    }
}
