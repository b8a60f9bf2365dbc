//! Hearing topics: one connection, one task that owns it and what it should hear.
//!
//! fred acknowledges a subscription before Redis has it, and its receiver loses
//! what it cannot hold. So nothing is believed before a ping came back on the same
//! connection, and every doubt ends in [`crate::bus::Delivery::Lost`].

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use bytes::Bytes;
use fred::{
    clients::SubscriberClient,
    interfaces::{EventInterface, PubsubInterface},
    types::Message,
};
use tokio::{
    sync::{
        Notify,
        broadcast::{self, error::RecvError, error::TryRecvError},
        mpsc, oneshot,
    },
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    BusError, ControlKind, Subscriber, SubscriberControl, Topic,
    link::{Address, Backoff, Live, barrier, forget_reset, wait_until_silent},
    reply::{self, failed},
};
use crate::bus::inbox::Inbox;

/// Topics per SUBSCRIBE: a few kilobytes, so that Redis is never held up for long, and that
/// each gets through a slow link in the time of a ping.
const BATCH: usize = 512;
/// What fred's receiver holds while our task is not running. It only has to
/// outlast the scheduler; the [`Inbox`] is the real queue. fred makes a channel of
/// this size for each kind of news, so it is most of what an idle subscriber
/// weighs. When it overflows that is noticed, and repaired like any other loss.
const RECEIVER: usize = 8_192;
/// Messages taken at once from fred's receiver.
const MAX_READ: usize = 256;
/// Requests that wait for the task. When full, [`RedisControl`] waits.
const REQUESTS: usize = 1024;
/// How long a subscription may take, reconnecting included.
const SUBSCRIBE_TIMEOUT: Duration = Duration::from_secs(5);

/// Starts a subscriber and waits without end for its first connection.
pub(super) async fn start(
    address: Arc<Address>,
    tasks: &TaskTracker,
    stop: CancellationToken,
) -> Subscriber {
    let guard = stop.clone().drop_guard();
    let inbox = Arc::new(Inbox::default());
    let (requests, receiver) = mpsc::channel(REQUESTS);
    let (reset, opened) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let task = SubscriberTask {
        address,
        inbox: Arc::clone(&inbox),
        requests: receiver,
        topics: BTreeSet::new(),
        waiting: Vec::new(),
        reset: Arc::clone(&reset),
        opened: Arc::clone(&opened),
    };
    let hearing = Box::pin(task.run());
    tasks.spawn(async move { stop.run_until_cancelled(hearing).await });
    opened.notified().await;
    Subscriber {
        inbox,
        control: SubscriberControl(ControlKind::Redis(RedisControl { requests, reset })),
        _stop: Some(guard),
    }
}

#[derive(Clone)]
pub(in crate::bus) struct RedisControl {
    requests: mpsc::Sender<Request>,
    reset: Arc<Notify>,
}

struct Request {
    change: Change,
    done: oneshot::Sender<()>,
}

enum Change {
    Hear(Vec<Topic>),
    Forget(Vec<Topic>),
}

impl RedisControl {
    /// What could not be done in time is done when there is a connection again,
    /// unless even the queue of requests was full: after an error, ask again.
    pub(in crate::bus) async fn subscribe(&self, topics: Vec<Topic>) -> Result<(), BusError> {
        self.change(Change::Hear(topics)).await
    }

    pub(in crate::bus) async fn unsubscribe(&self, topics: Vec<Topic>) -> Result<(), BusError> {
        self.change(Change::Forget(topics)).await
    }

    #[expect(
        clippy::unused_async,
        reason = "the interface lets it wait; telling the task is enough"
    )]
    pub(in crate::bus) async fn reset(&self) {
        self.reset.notify_one();
    }

    async fn change(&self, change: Change) -> Result<(), BusError> {
        let stopped = || BusError::Unreachable("the subscriber was stopped".to_owned());
        let changed = async {
            let (done, finished) = oneshot::channel();
            let request = Request { change, done };
            self.requests.send(request).await.map_err(|_| stopped())?;
            finished.await.map_err(|_| stopped())
        };
        timeout(SUBSCRIBE_TIMEOUT, changed)
            .await
            .unwrap_or_else(|_| Err(BusError::Unreachable("no subscription in time".to_owned())))
    }
}

/// The task that owns the connection.
struct SubscriberTask {
    address: Arc<Address>,
    inbox: Arc<Inbox>,
    requests: mpsc::Receiver<Request>,
    /// What should be heard, whether there is a connection or not.
    topics: BTreeSet<Topic>,
    /// Who waits until Redis has the topics.
    waiting: Vec<oneshot::Sender<()>>,
    reset: Arc<Notify>,
    opened: Arc<Notify>,
}

impl Drop for SubscriberTask {
    fn drop(&mut self) {
        self.inbox.close();
    }
}

impl SubscriberTask {
    async fn run(mut self) {
        let mut backoff = Backoff::new("subscriber");
        let mut first = true;
        loop {
            let reason = match self.open().await {
                Ok(connection) => {
                    backoff.opened();
                    self.connected(connection, &mut first).await
                }
                Err(reason) => reason,
            };
            backoff.wait(&reason).await;
        }
    }

    async fn open(&self) -> Result<Connection, BusError> {
        let mut builder = self.address.builder();
        builder.with_performance_config(|performance| {
            performance.broadcast_channel_capacity = RECEIVER;
        });
        let client = builder
            .build_subscriber_client()
            .map_err(|error| failed(&error))?;
        // Before it is connected, so that not even the first message is missed.
        let messages = client.message_rx();
        let live = Live::open(client).await?;
        Ok((live, messages))
    }

    /// Serves one connection until it ends.
    async fn connected(&mut self, (mut live, messages): Connection, first: &mut bool) -> BusError {
        let (inbox, reset) = (Arc::clone(&self.inbox), Arc::clone(&self.reset));
        forget_reset(&reset);
        let client = live.client.clone();
        tokio::select! {
            reason = live.ended() => reason,
            reason = wait_until_silent(&client) => reason,
            () = reset.notified() => BusError::Unreachable("it was reset".to_owned()),
            reason = pump_messages(messages, &inbox) => reason,
            reason = self.serve(&client, first) => reason,
        }
    }

    /// Brings the connection to what should be heard, then makes changes as asked.
    async fn serve(&mut self, client: &SubscriberClient, first: &mut bool) -> BusError {
        let everything: Vec<Topic> = self.topics.iter().cloned().collect();
        if let Err(reason) = apply_subscriptions(client, &everything, &[]).await {
            return reason;
        }
        self.finish();
        if *first {
            *first = false;
            self.opened.notify_one();
        } else {
            // Only now: a fan-out that repairs after it must find the subscriptions in place.
            self.inbox.lose();
        }
        loop {
            let mut requests = Vec::new();
            if self.requests.recv_many(&mut requests, MAX_READ).await == 0 {
                // Nobody is left who could ask; go on hearing.
                return std::future::pending().await;
            }
            if let Err(reason) = self.change(client, requests).await {
                return reason;
            }
        }
    }

    /// Makes changes in the order in which they were asked for; one barrier for all.
    /// Those whose connection ends meanwhile are finished by the next one.
    async fn change(
        &mut self,
        client: &SubscriberClient,
        requests: Vec<Request>,
    ) -> Result<(), BusError> {
        let mut touched = BTreeSet::new();
        for Request { change, done } in requests {
            self.waiting.push(done);
            match change {
                Change::Hear(topics) => {
                    touched.extend(topics.iter().cloned());
                    self.topics.extend(topics);
                }
                Change::Forget(topics) => {
                    for topic in topics {
                        self.topics.remove(&topic);
                        touched.insert(topic);
                    }
                }
            }
        }
        // Only the last word on each topic counts.
        let (hear, forget): (Vec<_>, Vec<_>) = touched
            .into_iter()
            .partition(|topic| self.topics.contains(topic));
        apply_subscriptions(client, &hear, &forget).await?;
        self.finish();
        Ok(())
    }

    fn finish(&mut self) {
        for done in self.waiting.drain(..) {
            // A caller that gave up waiting needs no answer.
            let _gave_up = done.send(());
        }
    }
}

type Connection = (Live<SubscriberClient>, broadcast::Receiver<Message>);

/// Subscribes and unsubscribes; returns when Redis has done it. Each batch is waited for, so
/// that however many topics there are, only a link without any progress counts as silent:
/// the pings that watch it wait behind one batch and not behind all.
async fn apply_subscriptions(
    client: &SubscriberClient,
    hear: &[Topic],
    forget: &[Topic],
) -> Result<(), BusError> {
    for batch in forget.chunks(BATCH) {
        client
            .unsubscribe(names(batch))
            .await
            .map_err(|error| failed(&error))?;
        barrier(client).await?;
    }
    for batch in hear.chunks(BATCH) {
        client
            .subscribe(names(batch))
            .await
            .map_err(|error| failed(&error))?;
        barrier(client).await?;
    }
    Ok(())
}

fn names(topics: &[Topic]) -> Vec<String> {
    topics.iter().map(Topic::to_string).collect()
}

/// Moves messages from fred to the inbox, as fast as it can and never waiting for
/// who hears them.
async fn pump_messages(mut messages: broadcast::Receiver<Message>, inbox: &Inbox) -> BusError {
    let mut batch = Vec::with_capacity(MAX_READ);
    loop {
        match messages.recv().await {
            Ok(message) => batch.extend(read_message(message)),
            Err(RecvError::Lagged(missed)) => report_lag(inbox, missed),
            Err(RecvError::Closed) => {
                return BusError::Unreachable("the receiver was closed".to_owned());
            }
        }
        let mut missed = 0;
        while batch.len() < MAX_READ {
            match messages.try_recv() {
                Ok(message) => batch.extend(read_message(message)),
                Err(TryRecvError::Lagged(count)) => {
                    missed = count;
                    break;
                }
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        inbox.push(batch.drain(..));
        if missed > 0 {
            report_lag(inbox, missed);
        }
    }
}

fn report_lag(inbox: &Inbox, missed: u64) {
    tracing::warn!(
        missed,
        "messages from redis came faster than they were read"
    );
    inbox.lose();
}

/// A message of ours.
fn read_message(message: Message) -> Option<(Topic, Bytes)> {
    let topic = Topic::parse(&message.channel)?;
    Some((topic, reply::bytes(message.value)?))
}
