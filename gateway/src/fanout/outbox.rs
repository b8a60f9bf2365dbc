//! What the shards are still to be told: one that is busy does not stop the others.

use std::collections::VecDeque;

use futures_util::future::select_all;
use tokio::sync::mpsc;

use crate::delivery::message::ToShard;

/// How many messages wait for a shard whose queue is full. A shard that is so far behind
/// stops the fan-out: then the bus drops what nobody takes, and it is repaired.
const WAITING: usize = 16_384;

/// The shards, and what waits for each.
#[derive(Debug)]
pub struct Outbox<M = ToShard> {
    shards: Vec<ShardQueue<M>>,
}

#[derive(Debug)]
struct ShardQueue<M> {
    inbox: mpsc::Sender<M>,
    waiting: VecDeque<M>,
}

impl<M: Send> Outbox<M> {
    /// Tells these shards.
    pub fn new(shards: Vec<mpsc::Sender<M>>) -> Self {
        let shards = shards.into_iter().map(|inbox| ShardQueue {
            inbox,
            waiting: VecDeque::new(),
        });
        Self {
            shards: shards.collect(),
        }
    }

    /// How many shards there are.
    pub fn len(&self) -> usize {
        self.shards.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.shards.is_empty()
    }

    /// Whether something waits for a shard.
    pub fn is_waiting(&self) -> bool {
        self.shards.iter().any(|shard| !shard.waiting.is_empty())
    }

    /// Adds messages, in order, behind those that wait; hands over what fits.
    pub async fn put_messages(&mut self, out: &mut [Vec<M>]) {
        for (shard, out) in self.shards.iter_mut().zip(out) {
            shard.waiting.extend(out.drain(..));
            shard.hand_over();
            while shard.waiting.len() > WAITING
                && let Some(message) = shard.waiting.pop_front()
            {
                if shard.inbox.send(message).await.is_err() {
                    shard.ended();
                }
            }
        }
    }

    /// Waits until a shard that something waits for has room, and hands it over.
    pub async fn wait_for_room(&mut self) {
        let waiting = self
            .shards
            .iter_mut()
            .filter(|shard| !shard.waiting.is_empty());
        let (inboxes, mut shards): (Vec<_>, Vec<_>) = waiting
            .map(|shard| (Box::pin(shard.inbox.clone().reserve_owned()), shard))
            .unzip();
        if shards.is_empty() {
            return std::future::pending().await;
        }
        let (place, index, _) = select_all(inboxes).await;
        let Some(shard) = shards.get_mut(index) else {
            return;
        };
        // The place that was waited for is used, or others would take it for ever.
        if let (Ok(place), Some(message)) = (place, shard.waiting.pop_front()) {
            place.send(message);
        }
        shard.hand_over();
    }
}

impl<M> ShardQueue<M> {
    fn hand_over(&mut self) {
        while let Some(message) = self.waiting.pop_front() {
            match self.inbox.try_send(message) {
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Full(message)) => {
                    return self.waiting.push_front(message);
                }
                Err(mpsc::error::TrySendError::Closed(_)) => self.ended(),
            }
        }
        if self.waiting.capacity() > WAITING / 16 {
            self.waiting = VecDeque::new();
        }
    }

    fn ended(&mut self) {
        tracing::error!("a shard has ended");
        self.waiting.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_shard_does_not_stop_the_others() {
        let (slow, mut slow_inbox) = mpsc::channel(1);
        let (quick, mut quick_inbox) = mpsc::channel(100);
        let mut outbox = Outbox::new(vec![slow, quick]);
        for number in 0..50 {
            outbox.put_messages(&mut [vec![number], vec![number]]).await;
        }
        assert!(outbox.is_waiting());
        for number in 0..50 {
            assert_eq!(quick_inbox.try_recv(), Ok(number));
        }
        for number in 0..50 {
            assert_eq!(slow_inbox.try_recv(), Ok(number), "in order");
            if number < 49 {
                outbox.wait_for_room().await;
            }
        }
        assert!(!outbox.is_waiting());
    }
}
