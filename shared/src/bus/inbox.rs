//! The bounded queue between a link and the one who hears it.
//!
//! When it is full it drops everything until it was emptied, and then says
//! [`Delivery::Lost`]: a slow receiver repairs once instead of message by message.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use tokio::sync::Notify;

use super::{Delivery, Topic};

/// How many deliveries wait at most.
pub(super) const MAX_COUNT: usize = 65_536;
/// How many bytes wait at most: a gateway that is this far behind is lost anyway.
pub(super) const MAX_BYTES: usize = 64 * 1024 * 1024;
/// What a delivery costs besides its payload.
const OVERHEAD_BYTES: usize = 64;

#[derive(Default)]
pub(super) struct Inbox {
    state: Mutex<State>,
    arrived: Notify,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Delivery>,
    bytes: usize,
    /// Something was dropped: nothing enters before it was said.
    overflowed: bool,
    closed: bool,
}

impl Inbox {
    /// Adds messages, all under one lock.
    pub(super) fn push(&self, messages: impl IntoIterator<Item = (Topic, Bytes)>) {
        let mut state = self.lock();
        for (topic, bytes) in messages {
            state.push(topic, bytes);
        }
        drop(state);
        self.arrived.notify_one();
    }

    /// Says that messages may have been missed before this point.
    pub(super) fn lose(&self) {
        let mut state = self.lock();
        let said = state.overflowed || state.waiting.back() == Some(&Delivery::Lost);
        if !said {
            state.waiting.push_back(Delivery::Lost);
        }
        drop(state);
        self.arrived.notify_one();
    }

    /// Nothing will come any more; what waits can still be taken.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_one();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// The next delivery; `None` once closed and empty. For one receiver.
    pub(super) async fn next(&self) -> Option<Delivery> {
        let mut one = Vec::with_capacity(1);
        self.next_many(&mut one, 1).await;
        one.pop()
    }

    /// Waits for a delivery and takes up to `limit`, all under one lock; answers
    /// how many, and 0 once closed and empty. For one receiver.
    pub(super) async fn next_many(&self, into: &mut Vec<Delivery>, limit: usize) -> usize {
        let before = into.len();
        loop {
            let arrived = self.arrived.notified();
            {
                let mut state = self.lock();
                into.extend(std::iter::from_fn(|| state.pop()).take(limit));
                if into.len() > before || state.closed {
                    return into.len() - before;
                }
            }
            arrived.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn push(&mut self, topic: Topic, bytes: Bytes) {
        let size = bytes.len() + OVERHEAD_BYTES;
        let full = self.waiting.len() >= MAX_COUNT || self.bytes + size > MAX_BYTES;
        self.overflowed |= full && !self.closed;
        if !self.overflowed && !self.closed {
            self.bytes += size;
            self.waiting.push_back(Delivery::Message(topic, bytes));
        }
    }

    fn pop(&mut self) -> Option<Delivery> {
        match self.waiting.pop_front() {
            Some(delivery) => {
                if let Delivery::Message(_, bytes) = &delivery {
                    self.bytes -= bytes.len() + OVERHEAD_BYTES;
                }
                Some(delivery)
            }
            None if self.overflowed => {
                self.overflowed = false;
                Some(Delivery::Lost)
            }
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(size: usize) -> (Topic, Bytes) {
        (Topic::Beats, vec![0; size].into())
    }

    /// Empties the inbox: how many messages came before the first `Lost`.
    async fn until_lost(inbox: &Inbox) -> usize {
        let mut count = 0;
        while let Some(Delivery::Message(..)) = inbox.next().await {
            count += 1;
        }
        count
    }

    #[tokio::test]
    async fn too_many_messages_end_in_one_lost() {
        let inbox = Inbox::default();
        inbox.push((0..MAX_COUNT + 9).map(|_| message(1)));
        assert_eq!(until_lost(&inbox).await, MAX_COUNT);
        inbox.push([message(1)]);
        inbox.close();
        assert_eq!(
            inbox.next().await,
            Some(Delivery::Message(Topic::Beats, vec![0].into()))
        );
        assert_eq!(inbox.next().await, None);
    }

    #[tokio::test]
    async fn too_many_bytes_end_in_lost_even_when_small_ones_would_fit() {
        let inbox = Inbox::default();
        let half = MAX_BYTES / 2;
        inbox.push([message(half), message(half), message(1)]);
        assert_eq!(until_lost(&inbox).await, 1);
        inbox.push([message(half)]);
        inbox.lose();
        assert_eq!(until_lost(&inbox).await, 1);
    }

    #[tokio::test]
    async fn a_cut_is_said_in_its_place_and_once() {
        let inbox = Inbox::default();
        inbox.push([message(1)]);
        inbox.lose();
        inbox.lose();
        inbox.push([message(1), message(1)]);
        assert_eq!(until_lost(&inbox).await, 1);
        inbox.close();
        assert_eq!(until_lost(&inbox).await, 2);
    }
}
