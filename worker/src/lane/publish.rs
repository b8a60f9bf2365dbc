//! Tells the gateways what was committed, in order, beside the next batch.
//!
//! What does not arrive is not lost: gateways repair events from the event
//! log, and clients repeat their nonce.

use std::{sync::Arc, time::Duration};

use foldhash::{HashMap, HashMapExt};
use shared::{
    bus::{
        Bus, Topic,
        envelope::{Answer, Envelope, Published, pack},
        sealed,
    },
    keys::ClusterKeys,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::JoinHandle,
    time::sleep,
};
use tracing::warn;

use crate::{error::Error, metrics::LaneMetrics};

/// Batches that wait at most; then the lane waits, too.
const QUEUE: usize = 64;
/// Bytes that wait at most, besides a batch that has more by itself; then, too.
const QUEUE_BYTES: u32 = 32 << 20;

/// Bytes of the answers to one gateway that share a message, besides one that has more by
/// itself: a gateway's inbox takes no message above 64 MiB, and all that come while it is
/// full are lost.
const MESSAGE_BYTES: usize = 1 << 20;

/// How often a batch is published. When that was in vain, Redis is away: until it is back each
/// batch has one attempt, so that the lane does not wait for what repairs mend anyway.
const ATTEMPTS: u32 = 3;
/// The wait before the second attempt; before the third it is twice as long.
const RETRY: Duration = Duration::from_millis(100);

/// What one batch tells.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    /// In the order of their topics.
    pub(super) events: Vec<Envelope>,
    /// Each with the gateway that waits for it.
    pub(super) answers: Vec<(String, Answer)>,
}

impl Outgoing {
    fn bytes(&self) -> usize {
        let events = self.events.iter().map(|event| {
            let effect = event.effect.as_ref().map_or(0, |effect| effect.len());
            event.body.len() + effect
        });
        let answers = self.answers.iter().map(|(_, answer)| answer.payload.len());
        events.chain(answers).sum()
    }

    /// One message per topic, however many events, and for a gateway as few as its answers
    /// fit in.
    fn messages(self, epoch: u64, keys: &ClusterKeys) -> Vec<(Topic, bytes::Bytes)> {
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
        let events = topics.into_iter().map(|(topic, events)| {
            let places = events.iter().map(|event| event.seq.max(event.after));
            let published = Published {
                epoch,
                head: places.max().unwrap_or(0),
                events,
                registers: 0,
            };
            (Topic::Events(topic), pack(&published))
        });
        let answers = nodes.into_iter().flat_map(|(node, answers)| {
            let topic = Topic::Node(node);
            split_answers(answers).into_iter().filter_map(move |share| {
                match sealed::seal(&share, &topic, keys) {
                    Ok(sealed) => Some((topic.clone(), sealed)),
                    // Their clients hear `unknown`, and repeat.
                    Err(error) => {
                        warn!(%error, "answers were not sealed");
                        None
                    }
                }
            })
        });
        events.chain(answers).collect()
    }
}

/// Cuts answers into what shares a message.
fn split_answers(answers: Vec<Answer>) -> Vec<Vec<Answer>> {
    let mut shares: Vec<Vec<Answer>> = Vec::new();
    let mut bytes = 0;
    for answer in answers {
        bytes += answer.payload.len();
        match shares.last_mut() {
            Some(share) if bytes <= MESSAGE_BYTES => share.push(answer),
            _ => {
                bytes = answer.payload.len();
                shares.push(vec![answer]);
            }
        }
    }
    shares
}

/// Publishes; what may have arrived is published again, as receivers count. Says whether it
/// succeeded.
async fn publish_attempts(
    bus: &Bus,
    messages: Vec<(Topic, bytes::Bytes)>,
    attempts: u32,
    metrics: &LaneMetrics,
) -> bool {
    for attempt in 1..=attempts {
        match bus.publish(messages.clone()).await {
            Ok(()) => return true,
            Err(error) => {
                metrics.bus_errors_total.inc();
                warn!(%error, attempt, "batch was not published");
            }
        }
        if attempt < attempts {
            sleep(RETRY * attempt).await;
        }
    }
    false
}

/// Publishes in a task of its own.
#[derive(Debug)]
pub(super) struct Publisher {
    sender: mpsc::Sender<(Outgoing, OwnedSemaphorePermit)>,
    room: Arc<Semaphore>,
    task: JoinHandle<()>,
}

impl Publisher {
    #[expect(
        clippy::disallowed_methods,
        reason = "the lane waits for it in `finish`"
    )]
    pub(super) fn start(bus: Bus, keys: ClusterKeys, metrics: LaneMetrics, epoch: u64) -> Self {
        let (sender, mut receiver) = mpsc::channel::<(Outgoing, OwnedSemaphorePermit)>(QUEUE);
        let task = tokio::spawn(async move {
            let mut reachable = true;
            while let Some((outgoing, _room)) = receiver.recv().await {
                let messages = outgoing.messages(epoch, &keys);
                let attempts = if reachable { ATTEMPTS } else { 1 };
                reachable = publish_attempts(&bus, messages, attempts, &metrics).await;
            }
        });
        let room = Arc::new(Semaphore::new(QUEUE_BYTES as usize));
        Self { sender, room, task }
    }

    /// Hands a batch over; waits while too many wait already. Fails when the task has ended:
    /// a lane without one would commit on and tell nobody.
    pub(super) async fn send(&self, outgoing: Outgoing) -> Result<(), Error> {
        if outgoing.events.is_empty() && outgoing.answers.is_empty() {
            return Ok(());
        }
        let bytes = u32::try_from(outgoing.bytes()).unwrap_or(QUEUE_BYTES);
        let room = Arc::clone(&self.room).acquire_many_owned(bytes.min(QUEUE_BYTES));
        let ended = || Error::Internal("the publisher has ended".to_owned());
        let room = room.await.map_err(|_closed| ended())?;
        let sent = self.sender.send((outgoing, room)).await;
        sent.map_err(|_closed| ended())
    }

    /// Publishes what waits, and ends.
    pub(super) async fn finish(self) {
        drop(self.sender);
        if let Err(error) = self.task.await {
            warn!(%error, "publisher failed");
        }
    }
}

#[cfg(test)]
mod tests {
    use prometheus::Registry;
    use serde_bytes::ByteBuf;

    use super::*;

    #[tokio::test]
    async fn a_publisher_that_ended_is_found_out() {
        let keys = "the first secret of this cluster".parse().unwrap();
        let metrics = LaneMetrics::new(&Registry::new()).unwrap();
        let publisher = Publisher::start(Bus::memory(), keys, metrics, 1);
        let batch = || Outgoing {
            events: Vec::new(),
            answers: vec![(
                "gateway".to_owned(),
                Answer {
                    connection: 1,
                    ticket: 1,
                    payload: ByteBuf::from(vec![1]),
                },
            )],
        };
        publisher.send(batch()).await.unwrap();
        // As after a panic.
        publisher.task.abort();
        while !publisher.task.is_finished() {
            tokio::task::yield_now().await;
        }
        publisher.send(batch()).await.unwrap_err();
    }

    #[test]
    fn answers_to_one_gateway_are_messages_that_arrive() {
        let keys: ClusterKeys = "the first secret of this cluster".parse().unwrap();
        let sizes = [vec![100; 50], vec![2_000_000; 64], vec![300_000; 9]].concat();
        let answers = sizes.iter().zip(0_u64..).map(|(size, ticket)| {
            let payload = ByteBuf::from(vec![7; *size]);
            let answer = Answer {
                connection: 1,
                ticket,
                payload,
            };
            ("gateway".to_owned(), answer)
        });
        let outgoing = Outgoing {
            events: Vec::new(),
            answers: answers.collect(),
        };
        let mut tickets = Vec::new();
        let messages = outgoing.messages(1, &keys);
        // The small ones in one, each large one alone, and then by threes.
        assert_eq!(messages.len(), 1 + 64 + 3);
        for (topic, sealed) in messages {
            let answers: Vec<Answer> = sealed::open(&sealed, &topic, &keys).unwrap();
            assert!(answers.len() == 1 || sealed.len() < MESSAGE_BYTES + 10_000);
            tickets.extend(answers.into_iter().map(|answer| answer.ticket));
        }
        assert!(tickets.into_iter().eq(0..sizes.len() as u64));
    }
}
