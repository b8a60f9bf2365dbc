//! The bytes on their way to one socket.

use std::{collections::VecDeque, io::IoSlice};

use bytes::Bytes;

/// As many frames as one system call takes. Linux accepts 1,024; 64 of them
/// fill the send buffer of a socket with chat messages already.
pub const SLICES: usize = 64;

/// Frames in order, bounded in bytes. When it is full, what is not stored goes
/// first; when that is not enough, the owner has to close the connection. An answer
/// that is larger than the bound stands beside it: one at a time.
#[derive(Debug, Default)]
pub struct Queue {
    /// In place: most frames find an empty queue, and need no allocation.
    first: Option<Queued>,
    /// What follows the first one.
    rest: VecDeque<Queued>,
    /// Of what the bound counts.
    bytes: usize,
    /// Of what it does not.
    beyond: usize,
    /// How much of the first frame the socket has taken.
    written: usize,
}

#[derive(Debug)]
struct Queued {
    bytes: Bytes,
    kind: Kind,
}

/// What a full queue does with a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Stored,
    /// Goes first; a newer one with the same key takes its place, unless that is 0.
    Ephemeral(u32),
    /// Is not counted.
    Beyond,
}

/// What became of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// It is in the queue.
    Queued,
    /// It is in the queue, in the place of this many ephemeral ones.
    Replaced(usize),
    /// It is ephemeral and was dropped.
    Dropped,
    /// It is not in the queue, and there is nothing more to drop.
    Full,
}

impl Queue {
    /// Appends a frame; at most `bound` bytes in all. What is not stored has a key, or 0.
    pub fn push(&mut self, bytes: Bytes, ephemeral: Option<u32>, bound: usize) -> Pushed {
        let mut pushed = Pushed::Queued;
        if self.bytes + bytes.len() > bound {
            if let Some(key) = ephemeral {
                return self.replace(bytes, key, bound);
            }
            let dropped = self.drop_ephemeral();
            if self.bytes + bytes.len() > bound {
                return Pushed::Full;
            }
            pushed = Pushed::Replaced(dropped);
        }
        self.append(bytes, ephemeral.map_or(Kind::Stored, Kind::Ephemeral));
        pushed
    }

    /// Puts a frame in the place of an older one with its key: of two that say the same,
    /// the newer one is worth the room.
    fn replace(&mut self, bytes: Bytes, key: u32, bound: usize) -> Pushed {
        let same = |frame: &&mut Queued| key != 0 && frame.kind == Kind::Ephemeral(key);
        let Some(older) = self.rest.iter_mut().find(same) else {
            return Pushed::Dropped;
        };
        let total = self.bytes - older.bytes.len() + bytes.len();
        if total > bound {
            return Pushed::Dropped;
        }
        self.bytes = total;
        older.bytes = bytes;
        Pushed::Replaced(1)
    }

    /// Appends a frame that the bound does not count: a close frame, or an answer that the
    /// owner lets in by another rule.
    pub fn push_beyond(&mut self, bytes: Bytes) {
        self.append(bytes, Kind::Beyond);
    }

    fn append(&mut self, bytes: Bytes, kind: Kind) {
        let frame = Queued { bytes, kind };
        *self.counter(&frame) += frame.bytes.len();
        if self.first.is_none() {
            self.first = Some(frame);
        } else {
            self.rest.push_back(frame);
        }
    }

    fn drop_ephemeral(&mut self) -> usize {
        let before = self.len();
        let is_ephemeral = |frame: &Queued| matches!(frame.kind, Kind::Ephemeral(_));
        self.rest.retain(|frame| !is_ephemeral(frame));
        // A frame that the socket has a part of must go out whole.
        if self.written == 0 && self.first.as_ref().is_some_and(is_ephemeral) {
            self.first = self.rest.pop_front();
        }
        self.count_bytes();
        before - self.len()
    }

    fn count_bytes(&mut self) {
        let sum = |beyond| {
            let frames = self.frames();
            frames
                .filter(|frame| (frame.kind == Kind::Beyond) == beyond)
                .map(|frame| frame.bytes.len())
                .sum()
        };
        (self.bytes, self.beyond) = (sum(false), sum(true));
    }

    fn counter(&mut self, frame: &Queued) -> &mut usize {
        if frame.kind == Kind::Beyond {
            &mut self.beyond
        } else {
            &mut self.bytes
        }
    }

    fn frames(&self) -> impl Iterator<Item = &Queued> {
        self.first.iter().chain(&self.rest)
    }

    /// How many frames wait.
    pub fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.rest.len()
    }

    /// Drops everything that the socket has not begun to take.
    pub fn clear(&mut self) {
        self.rest.clear();
        if self.written == 0 {
            self.first = None;
        }
        self.count_bytes();
    }

    /// What is left of the first frame, when there is no other one.
    pub fn single(&self) -> Option<&[u8]> {
        let first = self.first.as_ref().filter(|_| self.rest.is_empty())?;
        first.bytes.get(self.written..)
    }

    /// The first frames as slices; says how many.
    pub fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>; SLICES]) -> usize {
        let mut skip = self.written;
        let mut count = 0;
        for (slice, frame) in slices.iter_mut().zip(self.frames()) {
            *slice = IoSlice::new(frame.bytes.get(skip..).unwrap_or_default());
            skip = 0;
            count += 1;
        }
        count
    }

    /// The socket took this many bytes; says how many frames are done.
    pub fn advance(&mut self, taken: usize) -> usize {
        let mut left = self.written + taken;
        let mut done = 0;
        while let Some(first) = self.first.take_if(|first| left >= first.bytes.len()) {
            left -= first.bytes.len();
            *self.counter(&first) -= first.bytes.len();
            self.first = self.rest.pop_front();
            done += 1;
        }
        self.written = left;
        done
    }

    /// Whether everything was taken.
    pub const fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// How many bytes wait that the bound counts.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many bytes wait in all.
    pub const fn total(&self) -> usize {
        self.bytes + self.beyond
    }

    /// Whether something waits that the bound does not count.
    pub const fn has_beyond(&self) -> bool {
        self.beyond > 0
    }

    /// How many frames there is memory for.
    pub fn capacity(&self) -> usize {
        self.rest.capacity()
    }

    /// Gives the memory of an empty queue back.
    pub fn shrink(&mut self) {
        if self.rest.is_empty() && self.rest.capacity() > 0 {
            self.rest = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(length: usize) -> Bytes {
        vec![7; length].into()
    }

    #[test]
    fn ephemeral_frames_make_room_and_then_it_is_full() {
        let mut queue = Queue::default();
        assert_eq!(queue.push(frame(40), Some(0), 100), Pushed::Queued);
        assert_eq!(queue.push(frame(40), None, 100), Pushed::Queued);
        assert_eq!(queue.push(frame(40), Some(0), 100), Pushed::Dropped);
        assert_eq!(queue.push(frame(40), None, 100), Pushed::Replaced(1));
        assert_eq!(queue.push(frame(40), None, 100), Pushed::Full);
        assert_eq!(queue.bytes(), 80);
    }

    #[test]
    fn in_a_full_queue_a_newer_frame_takes_the_place_of_one_that_says_the_same() {
        let mut queue = Queue::default();
        for key in [None, Some(7), Some(8)] {
            assert_eq!(queue.push(frame(30), key, 100), Pushed::Queued);
        }
        assert_eq!(queue.push(frame(20), Some(9), 100), Pushed::Dropped);
        assert_eq!(queue.push(frame(20), Some(8), 100), Pushed::Replaced(1));
        assert_eq!(queue.push(frame(60), Some(7), 100), Pushed::Dropped);
        let mut slices = [IoSlice::new(&[]); SLICES];
        assert_eq!(queue.slices(&mut slices), 3);
        assert_eq!(slices.map(|slice| slice.len())[..3], [30, 30, 20]);
        assert_eq!(queue.bytes(), 80);
    }

    #[test]
    fn a_frame_that_was_begun_goes_out_whole() {
        let mut queue = Queue::default();
        queue.push(frame(40), Some(0), 100);
        queue.push(frame(40), Some(0), 100);
        queue.advance(1);
        assert_eq!(queue.push(frame(40), None, 100), Pushed::Replaced(1));
        queue.clear();
        queue.push_beyond(frame(200));
        let mut slices = [IoSlice::new(&[]); SLICES];
        assert_eq!(queue.slices(&mut slices), 2);
        assert_eq!((slices[0].len(), slices[1].len()), (39, 200));
        assert_eq!(queue.advance(239), 2);
        assert!(queue.is_empty());
        assert_eq!(queue.total(), 0);
    }

    #[test]
    fn what_is_beyond_the_bound_takes_nobodys_room() {
        let mut queue = Queue::default();
        queue.push_beyond(frame(500));
        assert_eq!(queue.push(frame(90), Some(0), 100), Pushed::Queued);
        assert_eq!(queue.push(frame(90), None, 100), Pushed::Replaced(1));
        assert_eq!((queue.bytes(), queue.total()), (90, 590));
        assert_eq!(queue.advance(500), 1);
        assert!(!queue.has_beyond());
        assert_eq!(queue.total(), 90);
    }

    proptest! {
        #[test]
        fn whatever_the_socket_takes_the_bytes_come_in_order(
            lengths in proptest::collection::vec(0_usize..20, 1..100),
            takes in proptest::collection::vec(0_usize..50, 1..200),
        ) {
            let mut queue = Queue::default();
            let mut expected: Vec<u8> = Vec::new();
            for (index, length) in lengths.iter().enumerate() {
                let bytes = vec![u8::try_from(index).unwrap(); *length];
                expected.extend(&bytes);
                queue.push(bytes.into(), None, usize::MAX);
            }
            let mut seen: Vec<u8> = Vec::new();
            for take in takes {
                let mut slices = [IoSlice::new(&[]); SLICES];
                let count = queue.slices(&mut slices);
                let ready: Vec<u8> = slices[..count].iter().flat_map(|s| s.to_vec()).collect();
                let take = take.min(ready.len());
                seen.extend(&ready[..take]);
                queue.advance(take);
                prop_assert_eq!(queue.bytes() - queue.written, expected.len() - seen.len());
            }
            prop_assert_eq!(&expected[..seen.len()], &seen[..]);
        }
    }
}
