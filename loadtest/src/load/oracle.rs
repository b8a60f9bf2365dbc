//! Decides about every delivery: in its place, missing, double, late or not what was sent.
//!
//! A channel's messages are numbered without holes, so one counter per reader
//! and channel is enough: no lists grow with the run.

use std::collections::BTreeMap;

/// Ranges of missing messages that a reader remembers, to tell a late message
/// from a double one. Past that a late one counts as double: wrong either way.
const MAX_HOLES: usize = 64;
/// Messages of a channel that readers compare their copies of.
const COMPARED: u64 = 256;

/// How far one reader has come in one channel.
#[derive(Debug, Clone)]
pub struct Place {
    /// Which ledger of its [`Ledgers`] it belongs to.
    pub ledger: usize,
    base: u64,
    last: u64,
    /// Missing ranges below `last`, first and last included; none for nearly everyone.
    #[expect(
        clippy::box_collection,
        reason = "8 bytes instead of 24, a million times"
    )]
    holes: Option<Box<Vec<(u64, u64)>>>,
}

/// What became of one delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It was the next one.
    InOrder,
    /// Others are missing before it.
    Ahead,
    /// It was missing until now.
    Late,
    /// It was here before.
    Double,
}

impl Place {
    /// A reader whose first message is the one after `base`.
    pub const fn new(ledger: usize, base: u64) -> Self {
        Self {
            ledger,
            base,
            last: base,
            holes: None,
        }
    }

    /// Takes one delivery.
    #[inline]
    pub fn see(&mut self, seq: u64) -> Verdict {
        if seq == self.last + 1 {
            self.last = seq;
            return Verdict::InOrder;
        }
        self.see_other(seq)
    }

    #[cold]
    fn see_other(&mut self, seq: u64) -> Verdict {
        if seq > self.last {
            let holes = self.holes.get_or_insert_default();
            if holes.len() < MAX_HOLES {
                holes.push((self.last + 1, seq - 1));
            } else if let Some(newest) = holes.last_mut() {
                // Merged: what lies between counts as missing, too, and is
                // never reported as fewer than there are.
                newest.1 = seq - 1;
            }
            self.last = seq;
            return Verdict::Ahead;
        }
        let holes = self.holes.as_deref_mut();
        let Some(holes) = holes else {
            return Verdict::Double;
        };
        let Some(at) = holes
            .iter()
            .position(|(first, last)| (*first..=*last).contains(&seq))
        else {
            return Verdict::Double;
        };
        let (first, last) = holes.swap_remove(at);
        if first < seq {
            holes.push((first, seq - 1));
        }
        if seq < last {
            holes.push((seq + 1, last));
        }
        Verdict::Late
    }

    /// How many messages had to come when the channel's last one is `head`.
    pub const fn expected(&self, head: u64) -> u64 {
        head.saturating_sub(self.base)
    }

    /// How many of them did not come.
    pub fn missing(&self, head: u64) -> u64 {
        let holes = self.holes.iter().flat_map(|holes| holes.iter());
        let holes: u64 = holes.map(|(first, last)| last - first + 1).sum();
        holes + head.saturating_sub(self.last)
    }
}

/// What is known of one channel: shared by all its readers of one thread.
#[derive(Debug)]
pub struct Ledger {
    /// The channel.
    pub channel: u64,
    /// The last message that a reader saw or a publisher was acknowledged.
    pub head: u64,
    /// What the first reader saw under the last numbers.
    seen: Vec<(u64, u32, u64)>,
}

impl Ledger {
    /// Whether this copy of a message is that of the other readers. The first
    /// copy decides; one that is long past is not compared.
    #[inline]
    pub fn same(&mut self, seq: u64, publisher: u32, number: u64) -> bool {
        self.head = self.head.max(seq);
        if self.seen.is_empty() {
            let length = usize::try_from(COMPARED).unwrap_or_default();
            self.seen.resize(length, (0, 0, 0));
        }
        let at = usize::try_from(seq % COMPARED).unwrap_or_default();
        let Some(slot) = self.seen.get_mut(at) else {
            return true;
        };
        if slot.0 < seq {
            *slot = (seq, publisher, number);
        }
        slot.0 != seq || *slot == (seq, publisher, number)
    }
}

/// The ledgers of a thread.
#[derive(Debug, Default)]
pub struct Ledgers {
    all: Vec<Ledger>,
    by_channel: BTreeMap<u64, usize>,
    /// The last look-up: in one big room it is always the same.
    last: (u64, usize),
}

impl Ledgers {
    /// The ledger of a channel, made where there is none.
    pub fn get_or_create(&mut self, channel: u64) -> usize {
        let next = self.all.len();
        let at = *self.by_channel.entry(channel).or_insert(next);
        if at == next {
            self.all.push(Ledger {
                channel,
                head: 0,
                seen: Vec::new(),
            });
        }
        at
    }

    /// The number of the ledger of a channel that somebody reads.
    #[inline]
    pub fn find(&mut self, channel: u64) -> Option<usize> {
        if self.last.0 != channel {
            self.last = (channel, *self.by_channel.get(&channel)?);
        }
        Some(self.last.1)
    }

    /// The ledger with this number.
    #[inline]
    pub fn get_mut(&mut self, at: usize) -> Option<&mut Ledger> {
        self.all.get_mut(at)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Ledger> {
        self.all.iter()
    }

    /// Learns how far channels have come, from what other threads saw.
    pub fn learn(&mut self, heads: &BTreeMap<u64, u64>) {
        for ledger in &mut self.all {
            if let Some(head) = heads.get(&ledger.channel) {
                ledger.head = ledger.head.max(*head);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_kind_of_fault_is_named() {
        let mut place = Place::new(0, 10);
        assert_eq!(place.see(11), Verdict::InOrder);
        assert_eq!(place.see(14), Verdict::Ahead);
        assert_eq!(place.see(11), Verdict::Double);
        assert_eq!(place.see(12), Verdict::Late);
        assert_eq!(place.see(12), Verdict::Double);
        assert_eq!(place.see(15), Verdict::InOrder);
        assert_eq!(place.expected(16), 6);
        assert_eq!(place.missing(16), 2, "13 and 16");
    }

    #[test]
    fn a_swapped_content_is_noticed_by_the_second_reader() {
        let mut ledgers = Ledgers::default();
        let at = ledgers.get_or_create(77);
        assert_eq!(ledgers.find(77), Some(at));
        assert_eq!(ledgers.find(78), None);
        let ledger = ledgers.get_mut(at).unwrap();
        assert!(ledger.same(1, 5, 1));
        assert!(ledger.same(1, 5, 1));
        assert!(!ledger.same(1, 6, 1));
        assert!(ledger.same(1 + COMPARED, 6, 1));
        assert!(ledger.same(1, 6, 9), "long past");
        assert_eq!(ledger.head, 1 + COMPARED);
    }

    #[test]
    fn heads_are_learned_only_upwards() {
        let mut ledgers = Ledgers::default();
        let at = ledgers.get_or_create(7);
        ledgers.learn(&BTreeMap::from([(7, 9), (8, 3)]));
        ledgers.learn(&BTreeMap::from([(7, 5)]));
        assert_eq!(ledgers.get_mut(at).unwrap().head, 9);
        assert_eq!(ledgers.iter().count(), 1);
    }

    proptest! {
        /// Against the simplest oracle: a list of everything.
        #[test]
        fn counters_say_what_a_list_would_say(
            seqs in proptest::collection::vec(1..40_u64, 0..60),
        ) {
            let mut place = Place::new(0, 0);
            let mut seen = std::collections::BTreeSet::new();
            for seq in &seqs {
                let newest = seen.last().copied().unwrap_or_default();
                let wanted = if seen.contains(seq) {
                    Verdict::Double
                } else if *seq == newest + 1 {
                    Verdict::InOrder
                } else if *seq > newest {
                    Verdict::Ahead
                } else {
                    Verdict::Late
                };
                prop_assert_eq!(place.see(*seq), wanted);
                seen.insert(*seq);
            }
            prop_assert_eq!(place.expected(40), 40);
            prop_assert_eq!(place.missing(40), 40 - seen.len() as u64);
        }
    }
}
