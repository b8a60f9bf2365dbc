//! Which heads of topics a lane's beats tell.

use std::collections::BTreeMap;

use foldhash::{HashMap, HashMapExt};

/// How many beats lie between two tellings of the head of a topic that is quiet meanwhile:
/// its last event and what names it may be lost together, for as long as a link is bad. Some
/// two minutes; a link that is worse than that loses beats too, and these are numbered.
const WAITS: [u64; 10] = [1, 1, 1, 2, 2, 4, 8, 16, 32, 64];
/// Topics of a partition that are told of more often than the first four times. Some twenty
/// megabytes, if a lane owns all partitions.
const MAX_TOPICS: usize = 4_096;

/// The heads of a partition's topics that were written lately.
#[derive(Debug)]
pub(super) struct Heads {
    /// Counts beats.
    beat: u64,
    topics: HashMap<u64, Head>,
    /// Topics by the beat that tells them next. One may be named by a beat that does not:
    /// it was written since.
    due: BTreeMap<u64, Vec<u64>>,
}

#[derive(Debug)]
struct Head {
    seq: u64,
    /// How often it was told.
    tellings: usize,
    /// The beat that tells it next.
    due: u64,
}

impl Heads {
    pub(super) fn new() -> Self {
        Self {
            beat: 0,
            topics: HashMap::new(),
            due: BTreeMap::new(),
        }
    }

    /// A topic was written up to here.
    pub(super) fn record(&mut self, topic: u64, seq: u64) {
        let due = self.beat;
        let head = Head {
            seq,
            tellings: 0,
            due,
        };
        let before = self.topics.insert(topic, head);
        if before.is_none_or(|before| before.due != due) {
            self.due.entry(due).or_default().push(topic);
        }
    }

    /// What a beat tells.
    pub(super) fn take_due(&mut self) -> BTreeMap<u64, u64> {
        let mut told = BTreeMap::new();
        let is_full = self.topics.len() > MAX_TOPICS;
        for topic in self.due.remove(&self.beat).unwrap_or_default() {
            let Some(head) = self.topics.get_mut(&topic) else {
                continue;
            };
            if head.due != self.beat {
                continue;
            }
            told.insert(topic, head.seq);
            let wait = WAITS.get(head.tellings);
            match wait.filter(|wait| **wait == 1 || !is_full) {
                Some(wait) => {
                    head.tellings += 1;
                    head.due += wait;
                    self.due.entry(head.due).or_default().push(topic);
                }
                None => drop(self.topics.remove(&topic)),
            }
        }
        self.beat += 1;
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The beats of the next while that tell of a topic.
    fn beats(heads: &mut Heads, topic: u64) -> Vec<u64> {
        let beats = (0..200).map(|beat| (beat, heads.take_due()));
        let told = beats.filter(|(_, told)| told.contains_key(&topic));
        told.map(|(beat, _)| beat).collect()
    }

    #[test]
    fn the_head_of_a_quiet_topic_is_told_again_ever_more_rarely() {
        let mut heads = Heads::new();
        heads.record(7, 1);
        assert_eq!(
            beats(&mut heads, 7),
            [0, 1, 2, 3, 5, 7, 11, 19, 35, 67, 131]
        );
        assert!(heads.topics.is_empty() && heads.due.is_empty());
    }

    #[test]
    fn a_beat_tells_the_latest_head_once() {
        let mut heads = Heads::new();
        heads.record(7, 1);
        heads.record(7, 2);
        heads.record(8, 5);
        assert_eq!(heads.take_due(), [(7, 2), (8, 5)].into());
        heads.record(7, 3);
        assert_eq!(heads.take_due(), [(7, 3), (8, 5)].into());
        // From its last event on.
        assert_eq!(beats(&mut heads, 7), [0, 1, 2, 4, 6, 10, 18, 34, 66, 130]);
    }

    #[test]
    fn a_partition_with_many_topics_tells_of_each_four_times() {
        let mut heads = Heads::new();
        for topic in 0..=MAX_TOPICS {
            heads.record(u64::try_from(topic).unwrap(), 1);
        }
        assert_eq!(beats(&mut heads, 7), [0, 1, 2, 3]);
    }
}
