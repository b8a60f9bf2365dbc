//! Answers that are larger than what may wait for their connection.
//!
//! A client asked for them, so they are no reason to close it. One at a time stands beside
//! the bound, and the socket has to take it in slices of a quarter of the bound, each within
//! the time of a stall; the others wait for the end of that one.

use std::collections::VecDeque;

use bytes::Bytes;
use tokio::time::{Duration, Instant};

/// The answers of one connection that do not fit into its queue.
#[derive(Debug)]
pub struct LargeAnswers {
    waiting: VecDeque<Bytes>,
    bytes: usize,
    /// When the current slice was begun.
    since: Instant,
    /// What the socket has taken of it.
    taken: usize,
}

impl LargeAnswers {
    /// No answers yet.
    pub const fn new(now: Instant) -> Self {
        Self {
            waiting: VecDeque::new(),
            bytes: 0,
            since: now,
            taken: 0,
        }
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// How many bytes wait.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Keeps an answer for later; `false` when as much waits as may. A single one may be as
    /// large as it is.
    pub fn keep(&mut self, frame: Bytes, bound: usize) -> bool {
        if !self.waiting.is_empty() && self.bytes + frame.len() > bound {
            return false;
        }
        self.bytes += frame.len();
        self.waiting.push_back(frame);
        true
    }

    /// The next one; its first slice begins now.
    pub fn next(&mut self, now: Instant) -> Option<Bytes> {
        let frame = self.waiting.pop_front()?;
        self.bytes -= frame.len();
        self.begin(now);
        Some(frame)
    }

    /// A slice begins.
    pub const fn begin(&mut self, now: Instant) {
        self.since = now;
        self.taken = 0;
    }

    /// The socket took so many bytes.
    pub const fn took(&mut self, taken: usize, slice: usize, now: Instant) {
        self.taken += taken;
        if self.taken >= slice {
            self.begin(now);
        }
    }

    /// Whether the socket takes longer for a slice than it may.
    pub fn is_late(&self, stall: Duration, now: Instant) -> bool {
        now >= self.since + stall
    }
}
