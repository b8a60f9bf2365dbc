//! Where everybody else reaches the shards.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use shared::error::Refusal;
use tokio::sync::mpsc;

use super::message::{Close, ToShard};
use crate::{connection::Connection, metrics::Metrics};

/// The shards of a gateway. Clones share them.
#[derive(Clone)]
pub struct Shards(Arc<Shared>);

struct Shared {
    senders: Vec<mpsc::Sender<ToShard>>,
    /// Which one tells one more than the others, the next time.
    first: AtomicUsize,
    metrics: Metrics,
}

impl Shards {
    /// These shards; refusals that go to their connections are counted.
    pub fn new(senders: Vec<mpsc::Sender<ToShard>>, metrics: Metrics) -> Self {
        Self(Arc::new(Shared {
            senders,
            first: AtomicUsize::new(0),
            metrics,
        }))
    }

    /// How many shards there are.
    pub fn count(&self) -> usize {
        self.0.senders.len()
    }

    /// Tells a shard something; nobody listens any more when the gateway ends.
    pub async fn tell(&self, shard: usize, message: ToShard) {
        if let Some(shard) = self.0.senders.get(shard)
            && shard.send(message).await.is_err()
        {
            tracing::debug!("a shard has ended");
        }
    }

    /// Queues frames for a connection.
    pub async fn send_frames(&self, connection: &Connection, frames: Vec<Bytes>) {
        let message = ToShard::Send(connection.id, frames);
        self.tell(connection.shard, message).await;
    }

    /// Says no to a request of a connection.
    pub async fn refuse_request(&self, connection: &Connection, request: u32, refusal: &Refusal) {
        let refusals = &self.0.metrics.refusals_total;
        refusals.with_label_values(&[refusal.reason.name()]).inc();
        let frame = connection.dialect.refusal(request, refusal);
        self.send_frames(connection, vec![frame]).await;
    }

    /// Ends a connection.
    pub async fn close_connection(&self, connection: &Connection, close: Close) {
        let message = ToShard::Close(connection.id, close);
        self.tell(connection.shard, message).await;
        // The shard says so too, but a reader that already returns must know.
        connection.mark_closing();
    }

    /// Sends everyone away over the window.
    pub async fn drain_all(&self, window: Duration) {
        for shard in 0..self.count() {
            self.tell(shard, ToShard::Drain(window)).await;
        }
    }

    /// How many were asked to go to a gateway that has fewer, and are still here.
    pub fn count_asked(&self) -> usize {
        usize::try_from(self.0.metrics.relieved_here.get()).unwrap_or(0)
    }

    /// Asks so many to go to a gateway that has fewer, evenly over that time.
    pub async fn relieve(&self, count: u32, over: Duration) {
        let (shards, count) = (self.count().max(1), usize::try_from(count).unwrap_or(0));
        let first = self.0.first.fetch_add(count % shards, Ordering::Relaxed);
        for place in 0..shards {
            let share = count / shards + usize::from(place < count % shards);
            let shard = (first + place) % shards;
            if share > 0 {
                self.tell(shard, ToShard::Relieve(share, over)).await;
            }
        }
    }
}

/// Which of so many shards writes to a connection.
pub fn shard_of(connection_id: u64, shards: usize) -> usize {
    usize::try_from(connection_id % shards.max(1) as u64).unwrap_or(0)
}
