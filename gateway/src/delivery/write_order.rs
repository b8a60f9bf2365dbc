//! The order in which a shard writes: who waits for a reply first, then the others, each in
//! the order in which something was queued for them.

use std::collections::VecDeque;

/// Of the writes of a turn, one in so many is for those who get no reply, however many do.
const OTHERS: u32 = 4;

/// Slots whose connection has something to write. Each is listed once in each line at most;
/// the owner skips those that were written meanwhile.
#[derive(Debug, Default)]
pub struct WriteOrder {
    replies: VecDeque<u32>,
    others: VecDeque<u32>,
    count: u32,
}

/// In which lines a connection stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Listed {
    reply: bool,
    other: bool,
}

impl WriteOrder {
    /// Something was queued for a slot.
    pub fn add(&mut self, slot: u32, listed: &mut Listed, reply: bool) {
        let (line, stands) = if reply {
            (&mut self.replies, &mut listed.reply)
        } else {
            (&mut self.others, &mut listed.other)
        };
        if !std::mem::replace(stands, true) {
            line.push_back(slot);
        }
    }

    /// Whose turn it is, and whether it stood in the line of replies.
    pub fn pop(&mut self) -> Option<(u32, bool)> {
        self.count = self.count.wrapping_add(1);
        let reply = |slot| (slot, true);
        let other = |slot| (slot, false);
        if self.count.is_multiple_of(OTHERS) {
            let first = self.others.pop_front().map(other);
            return first.or_else(|| self.replies.pop_front().map(reply));
        }
        let first = self.replies.pop_front().map(reply);
        first.or_else(|| self.others.pop_front().map(other))
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.replies.is_empty() && self.others.is_empty()
    }
}

impl Listed {
    /// Its turn has come.
    pub const fn taken(&mut self, reply: bool) {
        if reply {
            self.reply = false;
        } else {
            self.other = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_come_first_and_the_others_are_not_forgotten() {
        let mut turns = WriteOrder::default();
        let mut listed = [Listed::default(); 12];
        for slot in 0..6 {
            turns.add(slot, &mut listed[slot as usize], false);
        }
        for slot in [9, 10, 3, 11, 7, 9] {
            turns.add(slot, &mut listed[slot as usize], true);
        }
        let order: Vec<u32> = std::iter::from_fn(|| turns.pop().map(|(slot, _)| slot)).collect();
        assert_eq!(order, [9, 10, 3, 0, 11, 7, 1, 2, 3, 4, 5]);
        assert!(turns.is_empty());
    }
}
