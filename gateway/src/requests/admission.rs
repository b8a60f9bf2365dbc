//! Whether the lane of a partition can take more: refuses at once instead of
//! queueing for somebody who is away.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use shared::{
    bus::envelope::PartitionBeat,
    error::{Reason, Refusal},
    ids::{PARTITIONS, Partition},
};
use tokio::time::{Duration, Instant};

/// A lane that was not heard for so long is away: three beats.
pub const SILENCE: Duration = Duration::from_secs(3);
/// When to try again: the time between two beats.
const RETRY_MS: u64 = 1_000;

/// What the beats said last. Clones share it.
#[derive(Debug, Clone)]
pub struct Admission(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    start: Instant,
    bound: u64,
    lanes: Vec<Lane>,
}

#[derive(Debug, Default)]
struct Lane {
    /// Milliseconds after the start, plus one; 0 when it was never heard.
    heard: AtomicU64,
    backlog: AtomicU64,
}

impl Admission {
    /// Admits to lanes with a backlog of at most `bound` entries. Nobody is
    /// admitted before the first beat.
    pub fn new(bound: u64, now: Instant) -> Self {
        Self(Arc::new(Shared {
            start: now,
            bound,
            lanes: (0..PARTITIONS).map(|_| Lane::default()).collect(),
        }))
    }

    /// A beat was heard.
    pub fn note_beat(&self, beat: &PartitionBeat, now: Instant) {
        if let Some(lane) = self.find_lane(beat.partition) {
            lane.heard
                .store(self.millis_since_start(now) + 1, Ordering::Relaxed);
            lane.backlog.store(beat.backlog, Ordering::Relaxed);
        }
    }

    /// Refuses when the lane is away or behind.
    pub fn check_lane(&self, partition: Partition, now: Instant) -> Result<(), Refusal> {
        let age = self.lane_age(partition, now);
        let backlog = self
            .find_lane(partition)
            .map_or(u64::MAX, |lane| lane.backlog.load(Ordering::Relaxed));
        if age.is_some_and(|age| age < SILENCE) && backlog <= self.0.bound {
            Ok(())
        } else {
            Err(Refusal::retry(Reason::Busy, RETRY_MS))
        }
    }

    /// How long ago the lane was heard.
    pub fn lane_age(&self, partition: Partition, now: Instant) -> Option<Duration> {
        let heard = self.find_lane(partition)?.heard.load(Ordering::Relaxed);
        let age = self
            .millis_since_start(now)
            .saturating_sub(heard.checked_sub(1)?);
        Some(Duration::from_millis(age))
    }

    fn find_lane(&self, partition: Partition) -> Option<&Lane> {
        self.0.lanes.get(usize::from(partition.number()))
    }

    fn millis_since_start(&self, now: Instant) -> u64 {
        let passed = now.saturating_duration_since(self.0.start);
        u64::try_from(passed.as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lanes_that_beat_and_keep_up_are_given_more() {
        let start = Instant::now();
        let admission = Admission::new(100, start);
        let partition = Partition::new(5).unwrap();
        let mut beat = PartitionBeat {
            partition,
            term: 1,
            number: 1,
            backlog: 100,
        };
        let busy = Err(Refusal::retry(Reason::Busy, RETRY_MS));
        assert_eq!(admission.check_lane(partition, start), busy);
        admission.note_beat(&beat, start);
        assert_eq!(admission.check_lane(partition, start), Ok(()));
        assert_eq!(
            admission.check_lane(partition, start + Duration::from_millis(2_999)),
            Ok(())
        );
        assert_eq!(admission.check_lane(partition, start + SILENCE), busy);
        assert_eq!(
            admission.check_lane(Partition::new(6).unwrap(), start),
            busy
        );
        beat.backlog = 101;
        admission.note_beat(&beat, start);
        assert_eq!(admission.check_lane(partition, start), busy);
    }
}
