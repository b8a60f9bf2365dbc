//! Brings the subscriptions at the bus to what is wanted, in the background.

use std::{collections::HashMap, sync::Arc, time::Duration};

use foldhash::fast::RandomState;
use parking_lot::Mutex;
use shared::bus::{SubscriberControl, Topic};
use tokio::sync::{Notify, mpsc};

/// As many topics as one command names: a single one with 100,000 topics keeps
/// Redis from everything else for 57 ms, batches of 512 for 8 ms.
const BATCH: usize = 512;
/// How long to wait after the bus failed.
const RETRY: Duration = Duration::from_millis(250);

/// What is wanted, by topic: the last word counts, so this is bounded by the
/// number of topics. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct WantedTopics(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    wants: Mutex<HashMap<u64, bool, RandomState>>,
    wake: Notify,
}

impl WantedTopics {
    /// Wants a topic, or wants it no longer.
    pub fn set_wanted(&self, topic: u64, wanted: bool) {
        self.0.wants.lock().insert(topic, wanted);
        self.0.wake.notify_one();
    }

    fn take_batch(&self) -> (Vec<u64>, Vec<u64>) {
        let mut wants = self.0.wants.lock();
        let batch: Vec<(u64, bool)> = wants
            .iter()
            .take(BATCH)
            .map(|(topic, wanted)| (*topic, *wanted))
            .collect();
        for (topic, _) in &batch {
            wants.remove(topic);
        }
        drop(wants);
        let (add, remove): (Vec<_>, Vec<_>) = batch.into_iter().partition(|(_, wanted)| *wanted);
        let topics = |list: Vec<(u64, bool)>| list.into_iter().map(|(topic, _)| topic).collect();
        (topics(add), topics(remove))
    }

    /// Puts back what failed, unless something newer was said meanwhile.
    fn put_back(&self, topics: &[u64], wanted: bool) {
        let mut wants = self.0.wants.lock();
        for topic in topics {
            wants.entry(*topic).or_insert(wanted);
        }
    }
}

/// Subscribes and unsubscribes until nobody listens any more.
pub async fn run(
    wants: WantedTopics,
    control: SubscriberControl,
    subscribed: mpsc::Sender<super::message::Fetched>,
) {
    while !subscribed.is_closed() {
        let (add, remove) = wants.take_batch();
        if add.is_empty() && remove.is_empty() {
            tokio::select! {
                () = wants.0.wake.notified() => {}
                () = subscribed.closed() => return,
            }
            continue;
        }
        let names = |topics: &[u64]| topics.iter().map(|topic| Topic::Events(*topic)).collect();
        let mut failed = false;
        if !remove.is_empty()
            && let Err(error) = control.unsubscribe(names(&remove)).await
        {
            tracing::debug!(%error, "unsubscribing failed");
            wants.put_back(&remove, false);
            failed = true;
        }
        if !add.is_empty() {
            match control.subscribe(names(&add)).await {
                Ok(()) => {
                    if subscribed
                        .send(super::message::Fetched::Subscribed(add))
                        .await
                        .is_err()
                    {
                        return;
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "subscribing failed");
                    wants.put_back(&add, true);
                    failed = true;
                }
            }
        }
        if failed {
            tokio::time::sleep(RETRY).await;
        }
    }
}
