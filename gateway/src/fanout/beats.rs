//! The numbered beats of the partitions: a missing one says that events may
//! be missing too.

use shared::{
    bus::envelope::PartitionBeat,
    ids::{PARTITIONS, Partition},
};
use tokio::time::Instant;

use crate::requests::admission::SILENCE;

/// The last beat of each partition.
#[derive(Debug)]
pub struct Beats {
    /// When it was first listened for them.
    since: Instant,
    last: Vec<Option<Last>>,
}

#[derive(Debug, Clone, Copy)]
struct Last {
    term: u64,
    number: u64,
    heard: Instant,
    /// Its silence was noticed already.
    silent: bool,
}

impl Beats {
    /// Nothing was heard yet.
    pub fn new(since: Instant) -> Self {
        Self {
            since,
            last: vec![None; usize::from(PARTITIONS)],
        }
    }

    /// A beat was heard; `true` when it does not follow the one before.
    pub fn note_beat(&mut self, beat: &PartitionBeat, now: Instant) -> bool {
        let Some(last) = self.last.get_mut(usize::from(beat.partition.number())) else {
            return false;
        };
        let follows = last.is_none_or(|last| {
            last.term == beat.term && beat.number == last.number.saturating_add(1) && !last.silent
        });
        *last = Some(Last {
            term: beat.term,
            number: beat.number,
            heard: now,
            silent: false,
        });
        !follows
    }

    /// The partitions that fell silent since this was asked last.
    pub fn fell_silent(&mut self, now: Instant) -> Vec<Partition> {
        Partition::all()
            .zip(&mut self.last)
            .filter_map(|(partition, last)| {
                let last = last.as_mut()?;
                let fell = !last.silent && now >= last.heard + SILENCE;
                last.silent |= fell;
                fell.then_some(partition)
            })
            .collect()
    }

    /// How long ago the partition that is silent for the longest was heard, in seconds; or, where one
    /// was never heard, for how long it has been listened for.
    pub fn oldest_seconds(&self, now: Instant) -> f64 {
        self.last
            .iter()
            .map(|last| last.map_or(self.since, |last| last.heard))
            .map(|heard| now.saturating_duration_since(heard).as_secs_f64())
            .fold(0.0, f64::max)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Duration;

    use super::*;

    fn beat(term: u64, number: u64) -> PartitionBeat {
        PartitionBeat {
            partition: Partition::new(3).unwrap(),
            term,
            number,
            backlog: 0,
        }
    }

    #[test]
    fn a_missing_beat_and_a_new_term_are_noticed() {
        let now = Instant::now();
        let mut beats = Beats::new(now);
        let noticed: Vec<bool> = [(1, 7), (1, 8), (1, 10), (1, 11), (1, 11), (2, 12), (2, 13)]
            .map(|(term, number)| beats.note_beat(&beat(term, number), now))
            .to_vec();
        assert_eq!(noticed, [false, false, true, false, true, true, false]);
    }

    #[test]
    fn silence_is_noticed_once() {
        let now = Instant::now();
        let mut beats = Beats::new(now);
        beats.note_beat(&beat(1, 1), now);
        assert!(
            beats
                .fell_silent(now + Duration::from_millis(2_999))
                .is_empty()
        );
        let later = now + SILENCE;
        assert_eq!(beats.fell_silent(later), [Partition::new(3).unwrap()]);
        assert!(beats.fell_silent(later).is_empty());
        assert!(beats.note_beat(&beat(1, 2), later), "after silence");
    }
}
