//! Presence: the union of what the gateways say, for the queries of this worker.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use bytes::Bytes;
use shared::{
    bus::{Bus, BusError, Delivery, Subscriber, Topic},
    clock::Clock,
    keys::ClusterKeys,
    metrics,
    presence::{Told, Union},
};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// How often time is looked at, and this worker speaks to itself.
const TICK: Duration = Duration::from_secs(1);
/// For so long after it last heard itself, gateways that say nothing count as silent.
const HEARS: Duration = Duration::from_secs(3);
/// How long it waits after Redis gave no subscriber.
const BACK_OFF: Duration = Duration::from_secs(1);

metrics! {
    /// What the union of a worker counts.
    pub(crate) struct PresenceMetrics in "confab_presence";

    /// Accounts that look online, in the whole cluster.
    accounts: IntGauge;
    /// Messages about presence that were missed.
    holes_total: IntCounter;
    /// Times that gateways were asked for all that they have.
    questions_total: IntCounter;
    /// Gateways that were silent for so long that their accounts went.
    silent_total: IntCounter;
    /// Messages about presence that could not be read.
    garbled_total: IntCounter;
}

/// What the gateways say. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Presence(Arc<RwLock<Union>>);

impl Presence {
    /// Looks at the union.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&Union) -> T) -> T {
        look(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes it.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Union) -> T) -> T {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Hears the gateways.
pub(crate) struct Hearing {
    /// The name of this process on the bus.
    pub(crate) name: String,
    /// What it keeps.
    pub(crate) presence: Presence,
    /// Where it hears.
    pub(crate) bus: Bus,
    /// What opens what it hears.
    pub(crate) keys: ClusterKeys,
    /// The time of what is told.
    pub(crate) clock: Clock,
    /// What is counted.
    pub(crate) metrics: PresenceMetrics,
}

impl Hearing {
    /// Hears until `stop`.
    pub(crate) async fn run(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let hearing = async {
                match self.subscribe().await {
                    Ok(subscriber) => self.hear(subscriber).await,
                    Err(error) => tracing::warn!(%error, "presence cannot be heard"),
                }
                tokio::time::sleep(BACK_OFF).await;
            };
            stop.run_until_cancelled(hearing).await;
        }
    }

    /// What it says to itself is how it knows that it hears.
    fn probe(&self) -> Topic {
        Topic::Probe(format!("presence:{}", self.name))
    }

    async fn subscribe(&self) -> Result<Subscriber, BusError> {
        let subscriber = self.bus.subscriber().await?;
        let topics = vec![
            Topic::Presence,
            Topic::Asker(self.name.clone()),
            self.probe(),
        ];
        subscriber.control().subscribe(topics).await?;
        Ok(subscriber)
    }

    /// Hears until the bus is shut down.
    async fn hear(&self, mut subscriber: Subscriber) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut last, mut heard) = (Instant::now(), None);
        loop {
            tokio::select! {
                now = ticks.tick() => {
                    let hears = heard.is_some_and(|at| now.saturating_duration_since(at) < HEARS);
                    self.pass_time(now.saturating_duration_since(last), hears).await;
                    last = now;
                }
                delivery = subscriber.next() => match delivery {
                    None => return,
                    Some(Delivery::Lost) => {}
                    Some(Delivery::Message(topic @ (Topic::Presence | Topic::Asker(_)), bytes)) => {
                        self.take_told(&topic, &bytes);
                    }
                    Some(Delivery::Message(..)) => heard = Some(Instant::now()),
                }
            }
        }
    }

    fn take_told(&self, topic: &Topic, bytes: &Bytes) {
        match Told::open(bytes, topic, &self.keys, self.clock.now_ms()) {
            Ok(told) => self.presence.change(|union| union.hear(told)),
            Err(error) => {
                self.metrics.garbled_total.inc();
                tracing::warn!(%error, "a word about presence cannot be read");
            }
        }
    }

    async fn pass_time(&self, passed: Duration, hears: bool) {
        let (gone, holes, gateways, count) = self.presence.change(|union| {
            let gone = union.pass_time(passed, hears);
            // Nobody is told here what changes.
            drop(union.take_changes());
            let gateways = if hears {
                union.take_questions()
            } else {
                Vec::new()
            };
            (gone, union.take_holes(), gateways, union.len())
        });
        let metrics = &self.metrics;
        metrics.silent_total.inc_by(gone as u64);
        metrics.holes_total.inc_by(holes);
        metrics
            .accounts
            .set(i64::try_from(count).unwrap_or(i64::MAX));
        let mut messages = vec![(self.probe(), Bytes::new())];
        if !gateways.is_empty() {
            metrics.questions_total.inc();
            let question = Told::Ask {
                gateways,
                asker: self.name.clone(),
                at: self.clock.now_ms(),
            };
            match question.seal(&Topic::Presence, &self.keys) {
                Ok(question) => messages.push((Topic::Presence, question)),
                Err(error) => tracing::error!(%error, "a question cannot be sealed"),
            }
        }
        if let Err(error) = self.bus.publish(messages).await {
            tracing::debug!(%error, "a question about presence was not asked");
        }
    }
}
