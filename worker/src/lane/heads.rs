//! Which heads of topics a lane's beats tell.

use std::collections::BTreeMap;

/// How many beats tell the head of a topic that is quiet meanwhile: its last event and what
/// names it may be lost together.
const TELLINGS: u8 = 4;

/// The heads of topics that were written lately, each with how many more beats tell it.
#[derive(Debug, Default)]
pub(super) struct Heads(BTreeMap<u64, (u64, u8)>);

impl Heads {
    /// A topic was written up to here.
    pub(super) fn record(&mut self, topic: u64, head: u64) {
        self.0.insert(topic, (head, TELLINGS));
    }

    /// What a beat tells.
    pub(super) fn take_due(&mut self) -> BTreeMap<u64, u64> {
        let told = self.0.iter().map(|(topic, (head, _))| (*topic, *head));
        let told = told.collect();
        self.0.retain(|_, (_, left)| {
            *left -= 1;
            *left > 0
        });
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_of_a_quiet_topic_is_told_again_some_times() {
        let mut heads = Heads::default();
        heads.record(7, 1);
        heads.record(8, 5);
        assert_eq!(heads.take_due(), [(7, 1), (8, 5)].into());
        heads.record(8, 6);
        for _ in 0..3 {
            assert_eq!(heads.take_due(), [(7, 1), (8, 6)].into());
        }
        // The other one moved later.
        assert_eq!(heads.take_due(), [(8, 6)].into());
        assert_eq!(heads.take_due(), BTreeMap::new());
    }
}
