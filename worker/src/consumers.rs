//! What follows from events and is nobody's turn: consumers read the log of each
//! partition by position, and move their place in the transaction of what they do.
//!
//! The first one takes the texts of deleted messages out of the log. What fails is
//! left to a job, so that one event stops no other.

use std::{collections::BTreeMap, time::Duration};

use prometheus::{Error as MetricsError, IntCounter, IntGaugeVec, Opts, Registry};
use serde_bytes::ByteBuf;
use shared::{
    bus::{Bus, envelope::pack},
    ids::{Partition, ServerId},
    protocol::{self, message::MessageDeleted},
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::{
    error::StoreError,
    lane::{owner, process::Process},
    store::{
        PgConnectOptions,
        consumers::{Deleted, Log, Place, Read},
        jobs::REDACTION,
    },
};

/// The name of the consumer, in its table and in metrics.
const NAME: &str = "redaction";
/// Events of one partition in one transaction, at most.
const PAGE: i64 = 100;
/// How soon to look again when nothing moved.
const IDLE: Duration = Duration::from_millis(500);
/// How long to wait after Postgres failed.
const BACK_OFF: Duration = Duration::from_secs(1);
/// How often partitions are spread again over the workers that live, and the lag is counted.
const SPREAD: Duration = Duration::from_secs(2);

/// What consumers say of themselves.
#[derive(Debug, Clone)]
pub(crate) struct ConsumerMetrics {
    lag: IntGaugeVec,
    failures: IntCounter,
}

impl ConsumerMetrics {
    /// Registers them.
    pub(crate) fn new(registry: &Registry) -> Result<Self, MetricsError> {
        let opts = Opts::new(
            "confab_consumer_lag_events",
            "Events of the whole deployment that a consumer has not read yet",
        );
        let lag = IntGaugeVec::new(opts, &["consumer"])?;
        registry.register(Box::new(lag.clone()))?;
        lag.with_label_values(&[NAME]).set(0);
        let failures = IntCounter::new(
            "confab_consumer_failures_total",
            "Events that a consumer left to a job because they failed",
        )?;
        registry.register(Box::new(failures.clone()))?;
        Ok(Self { lag, failures })
    }
}

/// What a consumer needs.
#[derive(Clone)]
pub(crate) struct Consumer {
    pub(crate) options: PgConnectOptions,
    pub(crate) bus: Bus,
    pub(crate) process: Process,
    pub(crate) metrics: ConsumerMetrics,
}

impl Consumer {
    /// Reads until it is stopped; connects again when the connection, and the locks
    /// with it, are lost.
    pub(crate) async fn run(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if let Err(error) = self.serve(&stop).await {
                warn!(consumer = NAME, %error, "consumer starts again");
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(BACK_OFF) => {}
            }
        }
    }

    async fn serve(&self, stop: &CancellationToken) -> Result<(), StoreError> {
        let mut log = Log::connect(&self.options, NAME).await?;
        let mut places: BTreeMap<i16, Place> = BTreeMap::new();
        let mut spread: Option<Instant> = None;
        while !stop.is_cancelled() {
            if spread.is_none_or(|at| at.elapsed() >= SPREAD) {
                spread = Some(Instant::now());
                self.spread(&mut log, &mut places).await?;
                self.metrics
                    .lag
                    .with_label_values(&[NAME])
                    .set(log.lag().await?);
            }
            if self.turn(&mut log, &mut places).await? {
                continue;
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(IDLE) => {}
            }
        }
        log.close().await;
        Ok(())
    }

    /// Takes the partitions that fall to this worker, and leaves the others.
    async fn spread(
        &self,
        log: &mut Log,
        places: &mut BTreeMap<i16, Place>,
    ) -> Result<(), StoreError> {
        // Without Redis nobody knows who lives: everyone keeps what it has.
        let Some(living) = self.process.living(&self.bus).await else {
            return Ok(());
        };
        let names: Vec<String> = living.iter().map(i64::to_string).collect();
        let me = self.process.number().to_string();
        let (mut missing, mut strange) = (Vec::new(), Vec::new());
        for partition in Partition::all() {
            let number = partition.number().cast_signed();
            let mine = owner(partition, &names).is_none_or(|owner| *owner == me);
            match (mine, places.contains_key(&number)) {
                (true, false) => missing.push(number),
                (false, true) => strange.push(number),
                _ => {}
            }
        }
        if !strange.is_empty() {
            log.give_back(&strange).await?;
            places.retain(|number, _| !strange.contains(number));
        }
        if !missing.is_empty() {
            for place in log.take(&missing).await? {
                places.insert(place.partition, place);
            }
        }
        Ok(())
    }

    /// Reads what moved. `true` when there may be more.
    async fn turn(
        &self,
        log: &mut Log,
        places: &mut BTreeMap<i16, Place>,
    ) -> Result<bool, StoreError> {
        let now: Vec<Place> = places.values().copied().collect();
        let (heads, events) = log.read(&now, PAGE).await?;
        let mut more = false;
        let mut moved = Vec::with_capacity(heads.len());
        for (partition, head) in heads {
            let Some(place) = places.get(&partition) else {
                continue;
            };
            let read = events.iter().filter(|event| event.partition == partition);
            let full = read.clone().count() >= usize::try_from(PAGE).unwrap_or(usize::MAX);
            let last = read.map(|event| event.position).next_back();
            let position = if full { last.unwrap_or(head) } else { head };
            more |= full;
            moved.push(Place { position, ..*place });
        }
        if moved.is_empty() {
            return Ok(false);
        }
        match self.consume(log, &events, &moved).await {
            Ok(()) => {}
            Err(error) if error.is_outage() => return Err(error),
            Err(error) => {
                debug!(%error, "a page of the log failed: each event goes alone");
                self.singly(log, &events, &moved).await?;
            }
        }
        for place in moved {
            places.insert(place.partition, place);
        }
        Ok(more)
    }

    /// All events of a turn in one transaction.
    async fn consume(
        &self,
        log: &mut Log,
        events: &[Read],
        places: &[Place],
    ) -> Result<(), StoreError> {
        let (mut deleted, mut failed) = (Vec::new(), Vec::new());
        for event in events {
            match deleted_by(event.topic, &event.body) {
                Some(message) => deleted.push(message),
                None => failed.push(left(event)),
            }
        }
        self.metrics.failures.inc_by(failed.len() as u64);
        log.redact(&deleted, &failed, places).await
    }

    /// Each event in a transaction of its own; what fails again is left to a job.
    async fn singly(
        &self,
        log: &mut Log,
        events: &[Read],
        places: &[Place],
    ) -> Result<(), StoreError> {
        let mut failed = Vec::new();
        for event in events {
            let Some(message) = deleted_by(event.topic, &event.body) else {
                failed.push(left(event));
                continue;
            };
            match log.redact(&[message], &[], &[]).await {
                Ok(()) => {}
                Err(error) if error.is_outage() => return Err(error),
                Err(error) => {
                    warn!(consumer = NAME, partition = event.partition, position = event.position, %error, "event is left to a job");
                    failed.push(left(event));
                }
            }
        }
        self.metrics.failures.inc_by(failed.len() as u64);
        log.redact(&[], &failed, places).await
    }
}

/// What a deletion names; none when this program cannot read it.
pub(crate) fn deleted_by(topic: i64, body: &[u8]) -> Option<Deleted> {
    let server = ServerId::try_from(topic).ok()?;
    let told: MessageDeleted = protocol::decode(body).ok()?;
    Some((server, told.channel_id, told.message_id))
}

/// The job that an event is left to. It holds the event as it is: what this program
/// cannot read, a newer one may.
fn left(event: &Read) -> (&'static str, Vec<u8>) {
    let body = ByteBuf::from(event.body.clone());
    (REDACTION, pack(&(event.topic, body)).to_vec())
}

#[cfg(test)]
mod tests {
    use shared::protocol::Event as _;

    use super::*;

    #[test]
    fn the_opcode_in_the_statement_is_that_of_a_deletion() {
        assert_eq!(MessageDeleted::OPCODE, 18);
    }
}
