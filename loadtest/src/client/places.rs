//! Where a client stands in each topic, and the rule that its stream is dense.

use std::collections::BTreeMap;

use shared::protocol::control::TopicSeq;

/// Faults that are kept; the first ones tell the story.
const MAX_VIOLATIONS: usize = 100;

/// The last event seen of each topic.
#[derive(Debug, Default)]
pub struct Places {
    heads: BTreeMap<u64, u64>,
    violations: Vec<String>,
}

impl Places {
    /// A session opened: its stream begins at `topics`. A topic that the client
    /// named in its resume goes on from the named place, unless a `gap` frame
    /// says otherwise; so its place is kept, and a silent skip shows as a hole.
    pub fn ready(&mut self, topics: &[TopicSeq], resumed: bool) {
        let known = std::mem::take(&mut self.heads);
        self.heads = topics
            .iter()
            .map(|place| {
                let named = known.get(&place.topic).filter(|_| resumed);
                (place.topic, named.copied().unwrap_or(place.seq))
            })
            .collect();
    }

    /// An event arrived. `false` when it was seen before, which is a fault too.
    pub fn event(&mut self, topic: u64, seq: u64) -> bool {
        if seq == 0 {
            return true; // Not stored, so not counted.
        }
        let Some(head) = self.heads.get_mut(&topic) else {
            // A topic that was joined during the session begins with its first frame.
            self.heads.insert(topic, seq);
            return true;
        };
        let expected = *head + 1;
        let fresh = seq > *head;
        if fresh {
            *head = seq;
        }
        if seq != expected {
            let kind = if fresh { "a hole" } else { "a repeat" };
            self.violation(format!(
                "topic {topic}: {kind}: event {seq} where {expected} was due"
            ));
        }
        fresh
    }

    /// The gateway carries the client past events that it may not see.
    pub fn cursor(&mut self, topics: &[TopicSeq]) {
        for place in topics {
            let head = self.heads.entry(place.topic).or_default();
            *head = place.seq.max(*head);
        }
    }

    /// The topic goes on from `seq`, and what was missed must be fetched.
    pub fn gap(&mut self, topic: u64, seq: u64) {
        self.heads.insert(topic, seq);
    }

    /// The account no longer hears this topic.
    pub fn forget(&mut self, topic: u64) {
        self.heads.remove(&topic);
    }

    /// The places, for a resume.
    pub fn all(&self) -> Vec<TopicSeq> {
        self.heads
            .iter()
            .map(|(topic, seq)| TopicSeq {
                topic: *topic,
                seq: *seq,
            })
            .collect()
    }

    /// The place in one topic.
    pub fn get(&self, topic: u64) -> Option<u64> {
        self.heads.get(&topic).copied()
    }

    /// Notes that the gateway broke a rule.
    pub fn violation(&mut self, text: String) {
        if self.violations.len() < MAX_VIOLATIONS {
            self.violations.push(text);
        }
    }

    /// The rules that the gateway broke.
    pub fn violations(&self) -> &[String] {
        &self.violations
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(topic: u64, seq: u64) -> TopicSeq {
        TopicSeq { topic, seq }
    }

    #[test]
    fn a_dense_stream_is_no_fault() {
        let mut places = Places::default();
        places.ready(&[at(1, 5)], false);
        assert!(places.event(1, 6));
        assert!(places.event(1, 7));
        places.cursor(&[at(1, 9)]);
        assert!(places.event(1, 10));
        assert!(places.event(1, 0));
        places.gap(1, 50);
        assert!(places.event(1, 51));
        assert_eq!(places.violations(), &[] as &[String]);
        assert_eq!(places.get(1), Some(51));
    }

    #[test]
    fn a_hole_and_a_repeat_are_faults() {
        let mut places = Places::default();
        places.ready(&[at(1, 5)], false);
        assert!(places.event(1, 7));
        assert!(!places.event(1, 7));
        assert_eq!(places.violations().len(), 2, "{:?}", places.violations());
    }

    #[test]
    fn a_resume_that_skips_silently_is_a_fault() {
        let mut places = Places::default();
        places.ready(&[at(1, 5)], false);
        places.ready(&[at(1, 8), at(2, 3)], true);
        assert_eq!(places.all(), [at(1, 5), at(2, 3)]);
        assert!(places.event(1, 9));
        assert_eq!(places.violations().len(), 1);
    }

    #[test]
    fn a_topic_that_was_left_is_forgotten() {
        let mut places = Places::default();
        places.ready(&[at(1, 5), at(2, 1)], false);
        places.ready(&[at(2, 1)], true);
        assert_eq!(places.get(1), None);
        places.forget(2);
        assert_eq!(places.all(), []);
    }
}
