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
    /// The channel.
    pub channel: u64,
    /// Which ledger of its [`Ledgers`] it belongs to.
    ledger: usize,
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
    const fn new(channel: u64, ledger: usize, base: u64) -> Self {
        Self {
            channel,
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
struct Ledger {
    channel: u64,
    /// The last message that a reader saw or a publisher was acknowledged.
    head: u64,
    /// What the first reader saw under the last numbers.
    seen: Vec<(u64, (u32, u64))>,
}

/// The ledgers of a thread.
#[derive(Debug, Default)]
pub struct Ledgers {
    all: Vec<Ledger>,
    by_channel: BTreeMap<u64, usize>,
}

impl Ledgers {
    /// The place of a reader of a channel whose last message is `head`.
    pub fn open(&mut self, channel: u64, head: u64) -> Place {
        let next = self.all.len();
        let at = *self.by_channel.entry(channel).or_insert(next);
        if at == next {
            let seen = Vec::new();
            self.all.push(Ledger {
                channel,
                head,
                seen,
            });
        }
        let place = Place::new(channel, at, head);
        self.raise(&place, head);
        place
    }

    /// A channel has come so far.
    pub fn raise(&mut self, place: &Place, head: u64) {
        if let Some(ledger) = self.all.get_mut(place.ledger) {
            ledger.head = ledger.head.max(head);
        }
    }

    /// How far a channel has come.
    pub fn head(&self, place: &Place) -> u64 {
        self.all.get(place.ledger).map_or(0, |ledger| ledger.head)
    }

    /// How far each channel has come that has messages.
    pub fn heads(&self) -> BTreeMap<u64, u64> {
        let spoken_in = self.all.iter().filter(|ledger| ledger.head > 0);
        spoken_in
            .map(|ledger| (ledger.channel, ledger.head))
            .collect()
    }

    /// Learns how far channels have come, from what other threads saw.
    pub fn learn(&mut self, heads: &BTreeMap<u64, u64>) {
        for ledger in &mut self.all {
            if let Some(head) = heads.get(&ledger.channel) {
                ledger.head = ledger.head.max(*head);
            }
        }
    }

    /// Whether this copy of a message is that of the other readers: the same publisher's, with
    /// the same number. The first copy decides; one that is long past is not compared.
    #[inline]
    pub fn is_same(&mut self, place: &Place, seq: u64, message: (u32, u64)) -> bool {
        let Some(ledger) = self.all.get_mut(place.ledger) else {
            return true;
        };
        ledger.head = ledger.head.max(seq);
        if ledger.seen.is_empty() {
            let length = usize::try_from(COMPARED).unwrap_or_default();
            ledger.seen.resize(length, (0, (0, 0)));
        }
        let at = usize::try_from(seq % COMPARED).unwrap_or_default();
        let Some(slot) = ledger.seen.get_mut(at) else {
            return true;
        };
        if slot.0 < seq {
            *slot = (seq, message);
        }
        slot.0 != seq || slot.1 == message
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_kind_of_fault_is_named() {
        let mut place = Place::new(7, 0, 10);
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
        let place = ledgers.open(77, 0);
        assert!(ledgers.is_same(&place, 1, (5, 1)));
        assert!(ledgers.is_same(&place, 1, (5, 1)));
        assert!(!ledgers.is_same(&place, 1, (6, 1)));
        assert!(ledgers.is_same(&place, 1 + COMPARED, (6, 1)));
        assert!(ledgers.is_same(&place, 1, (6, 9)), "long past");
        assert_eq!(ledgers.head(&place), 1 + COMPARED);
    }

    #[test]
    fn heads_are_learned_only_upwards() {
        let mut ledgers = Ledgers::default();
        let place = ledgers.open(7, 0);
        ledgers.learn(&BTreeMap::from([(7, 9), (8, 3)]));
        ledgers.learn(&BTreeMap::from([(7, 5)]));
        assert_eq!(ledgers.head(&place), 9);
        assert_eq!(ledgers.heads(), BTreeMap::from([(7, 9)]));
    }

    proptest! {
        /// Against the simplest oracle: a list of everything.
        #[test]
        fn counters_say_what_a_list_would_say(
            seqs in proptest::collection::vec(1..40_u64, 0..60),
        ) {
            let mut place = Place::new(7, 0, 0);
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
