//! When members last sent to channels that are slow.

use std::collections::BTreeMap;

use foldhash::HashMap;
use shared::ids::{ChannelId, Partition, UserId};

/// Members remembered per lane, at most: 40 bytes each.
const MAX_SENDS: usize = 65_536;

/// When members last sent to channels that are slow, in milliseconds since 1970. Channels
/// that are not are not here.
#[derive(Debug, Default)]
pub(crate) struct LastSends {
    sends: HashMap<(ChannelId, UserId), u64>,
    /// Since when this memory holds all that was sent in a partition.
    complete_since: BTreeMap<Partition, u64>,
}

/// What is known of the last message of a member in a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LastSend {
    /// It was sent then.
    At(u64),
    /// It was sent before the time that was asked about, or there is none.
    Before,
    /// Another lane may have taken it: Postgres knows.
    Unknown,
}

impl LastSends {
    /// What is known of the member's messages since `from`; `now` begins the memory of a
    /// partition that nobody sent to slowly before.
    pub(crate) fn find(
        &mut self,
        (channel, user): (ChannelId, UserId),
        from: u64,
        now: u64,
    ) -> LastSend {
        if let Some(at) = self.sends.get(&(channel, user)) {
            return LastSend::At(*at);
        }
        let partition = channel.partition();
        let complete_since = *self.complete_since.entry(partition).or_insert(now);
        if complete_since <= from {
            LastSend::Before
        } else {
            LastSend::Unknown
        }
    }

    /// Remembers when a member sent.
    pub(crate) fn record(&mut self, place: (ChannelId, UserId), at: u64) {
        self.sends.insert(place, at);
    }

    pub(super) fn forget(&mut self, partition: Partition) {
        self.sends
            .retain(|(channel, _), _| channel.partition() != partition);
        self.complete_since.remove(&partition);
    }

    pub(super) fn shrink(&mut self) {
        if self.sends.len() > MAX_SENDS {
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use shared::ids::Id;

    use super::*;

    fn place(partition: u64, user: u64) -> (ChannelId, UserId) {
        // The partition is in the bits above the counter.
        (
            Id::new((1 << 12) | (partition << 6)).unwrap(),
            Id::new(user).unwrap(),
        )
    }

    #[test]
    fn what_was_not_remembered_from_the_beginning_is_unknown() {
        let mut sends = LastSends::default();
        // From 1,000 on all is known.
        assert_eq!(sends.find(place(1, 1), 500, 1_000), LastSend::Unknown);
        assert_eq!(sends.find(place(1, 1), 999, 1_200), LastSend::Unknown);
        assert_eq!(sends.find(place(1, 1), 1_000, 1_500), LastSend::Before);
        sends.record(place(1, 1), 1_600);
        assert_eq!(sends.find(place(1, 1), 1_700, 1_800), LastSend::At(1_600));
        // Another lane has it meanwhile.
        sends.forget(place(1, 1).0.partition());
        assert_eq!(sends.find(place(1, 1), 1_700, 2_000), LastSend::Unknown);
    }

    #[test]
    fn the_memory_stays_bounded() {
        let mut sends = LastSends::default();
        for user in 1..=MAX_SENDS as u64 + 1 {
            sends.record(place(1, user), 7);
        }
        sends.shrink();
        assert_eq!(sends.find(place(1, 1), 5, 9), LastSend::Unknown);
    }
}
