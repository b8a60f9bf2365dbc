//! Tells the gateways what was committed, in order, beside the next batch.
//!
//! What does not arrive is not lost: gateways repair events from the event
//! log, and clients repeat their nonce.

use foldhash::{HashMap, HashMapExt};
use shared::bus::{
    Bus, Topic,
    envelope::{Answer, Envelope, pack},
};
use tokio::{sync::mpsc, task::JoinHandle};
use tracing::warn;

use crate::metrics::LaneMetrics;

/// Batches that wait at most; then the lane waits, too.
const QUEUE: usize = 64;

/// What one batch tells.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    /// In the order of their topics.
    pub(super) events: Vec<Envelope>,
    /// Each with the gateway that waits for it.
    pub(super) answers: Vec<(String, Answer)>,
}

impl Outgoing {
    /// One message per topic and gateway, however many events and answers.
    fn messages(self) -> Vec<(Topic, bytes::Bytes)> {
        let mut places: HashMap<u64, usize> = HashMap::new();
        let mut topics: Vec<(u64, Vec<Envelope>)> = Vec::new();
        for event in self.events {
            let place = *places.entry(event.topic).or_insert_with(|| {
                topics.push((event.topic, Vec::new()));
                topics.len() - 1
            });
            if let Some((_, events)) = topics.get_mut(place) {
                events.push(event);
            }
        }
        let mut nodes: HashMap<String, Vec<Answer>> = HashMap::new();
        for (node, answer) in self.answers {
            nodes.entry(node).or_default().push(answer);
        }
        let events = topics
            .into_iter()
            .map(|(topic, events)| (Topic::Events(topic), pack(&events)));
        let answers = nodes
            .into_iter()
            .map(|(node, answers)| (Topic::Node(node), pack(&answers)));
        events.chain(answers).collect()
    }
}

/// Publishes in a task of its own.
#[derive(Debug)]
pub(super) struct Publisher {
    sender: mpsc::Sender<Outgoing>,
    task: JoinHandle<()>,
}

impl Publisher {
    #[expect(
        clippy::disallowed_methods,
        reason = "the lane waits for it in `finish`"
    )]
    pub(super) fn start(bus: Bus, metrics: LaneMetrics) -> Self {
        let (sender, mut receiver) = mpsc::channel::<Outgoing>(QUEUE);
        let task = tokio::spawn(async move {
            while let Some(outgoing) = receiver.recv().await {
                let messages = outgoing.messages();
                if let Err(error) = bus.publish(messages).await {
                    metrics.bus_errors.inc();
                    warn!(%error, "batch was not published");
                }
            }
        });
        Self { sender, task }
    }

    /// Hands a batch over; waits while too many wait already.
    pub(super) async fn send(&self, outgoing: Outgoing) {
        if outgoing.events.is_empty() && outgoing.answers.is_empty() {
            return;
        }
        if self.sender.send(outgoing).await.is_err() {
            warn!("publisher has ended");
        }
    }

    /// Publishes what waits, and ends.
    pub(super) async fn finish(self) {
        drop(self.sender);
        if let Err(error) = self.task.await {
            warn!(%error, "publisher failed");
        }
    }
}
