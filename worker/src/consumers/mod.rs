//! What follows from events and is nobody's turn: consumers read the log of each
//! partition by position, and move their place in the transaction of what they do.

mod redaction;

use std::{collections::BTreeMap, time::Duration};

use shared::{bus::Bus, ids::Partition, metrics};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

pub(crate) use self::redaction::{Redaction, deleted_by};
use crate::{
    error::StoreError,
    lane::{misplaced, process::Process},
    store::{
        PgConnectOptions,
        consumers::{Log, LoggedEvent, Place, Selection},
    },
};

/// Events of one partition in one transaction, at most.
const PAGE: i64 = 100;
/// How soon to look again when nothing moved.
const IDLE: Duration = Duration::from_millis(500);
/// How long to wait after Postgres failed.
const BACK_OFF: Duration = Duration::from_secs(1);
/// How often partitions are spread again over the workers that live, and the lag is counted.
const SPREAD: Duration = Duration::from_secs(2);

metrics! {
    /// What consumers say of themselves.
    pub(crate) struct ConsumerMetrics in "confab_consumer";

    /// Events of the whole deployment that a consumer has not read yet
    lag_events: IntGaugeVec by "consumer";
    /// Events that a consumer left to a job because they failed
    failures_total: IntCounter;
}

/// What one consumer does.
pub(crate) trait Effect: Send + Sync {
    /// Which events it reads, and what it is called, in its table and in metrics.
    const SELECTION: Selection;

    /// Events of all partitions that are read at once, about, spread evenly over those that moved: what follows from them is
    /// one transaction.
    const AT_ONCE: i64;

    /// Does what follows from these events and moves the places: all of it, or nothing.
    fn apply(
        &self,
        log: &mut Log,
        events: &[LoggedEvent],
        places: &[Place],
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// What an event is left to that fails alone: the kind and the body of a job. None where nothing is to be done.
    fn job(&self, event: &LoggedEvent) -> Option<(&'static str, Vec<u8>)>;
}

/// What a consumer needs.
#[derive(Clone)]
pub(crate) struct Consumer<E> {
    pub(crate) effect: E,
    pub(crate) options: PgConnectOptions,
    pub(crate) bus: Bus,
    pub(crate) process: Process,
    pub(crate) metrics: ConsumerMetrics,
}

impl<E> Consumer<E> {
    /// One that does something else.
    pub(crate) fn with<F>(self, effect: F) -> Consumer<F> {
        Consumer {
            effect,
            options: self.options,
            bus: self.bus,
            process: self.process,
            metrics: self.metrics,
        }
    }
}

impl<E: Effect> Consumer<E> {
    /// Reads until it is stopped; connects again when the connection, and the locks
    /// with it, are lost.
    pub(crate) async fn run(self, stop: CancellationToken) {
        self.metrics
            .lag_events
            .with_label_values(&[E::SELECTION.name])
            .set(0);
        while !stop.is_cancelled() {
            if let Err(error) = self.read_log(&stop).await {
                warn!(consumer = E::SELECTION.name, %error, "consumer starts again");
            }
            stop.run_until_cancelled(tokio::time::sleep(BACK_OFF)).await;
        }
    }

    async fn read_log(&self, stop: &CancellationToken) -> Result<(), StoreError> {
        let mut log = Log::connect(&self.options, E::SELECTION).await?;
        let mut places: BTreeMap<Partition, Place> = BTreeMap::new();
        let mut spread: Option<Instant> = None;
        while !stop.is_cancelled() {
            if spread.is_none_or(|at| at.elapsed() >= SPREAD) {
                spread = Some(Instant::now());
                self.balance_partitions(&mut log, &mut places).await?;
                self.metrics
                    .lag_events
                    .with_label_values(&[E::SELECTION.name])
                    .set(log.count_lag().await?);
            }
            if !self.read_page(&mut log, &mut places).await? {
                stop.run_until_cancelled(tokio::time::sleep(IDLE)).await;
            }
        }
        log.close().await;
        Ok(())
    }

    /// Takes the partitions that fall to this worker, and leaves the others.
    async fn balance_partitions(
        &self,
        log: &mut Log,
        places: &mut BTreeMap<Partition, Place>,
    ) -> Result<(), StoreError> {
        // Without Redis nobody knows who lives: everyone keeps what it has.
        let Some(living) = self.process.living_workers(&self.bus).await else {
            return Ok(());
        };
        let names: Vec<String> = living.iter().map(i64::to_string).collect();
        let me = self.process.number().to_string();
        let is_held = |partition| places.contains_key(&partition);
        let (missing, strange) = misplaced(&names, &me, is_held);
        if !strange.is_empty() {
            log.give_back_partitions(&strange).await?;
            places.retain(|partition, _| !strange.contains(partition));
        }
        if !missing.is_empty() {
            for place in log.take_partitions(&missing).await? {
                places.insert(place.partition, place);
            }
        }
        Ok(())
    }

    /// Reads what moved. `true` when there may be more.
    async fn read_page(
        &self,
        log: &mut Log,
        places: &mut BTreeMap<Partition, Place>,
    ) -> Result<bool, StoreError> {
        let now: Vec<Place> = places.values().copied().collect();
        let page = log.read_events(&now, (E::AT_ONCE, PAGE)).await?;
        let moved = page.moved.iter().filter_map(|(partition, position)| {
            let place = places.get(partition)?;
            Some(Place {
                position: *position,
                ..*place
            })
        });
        let moved: Vec<Place> = moved.collect();
        if moved.is_empty() {
            return Ok(false);
        }
        match self.effect.apply(log, &page.events, &moved).await {
            Ok(()) => {}
            Err(error) if error.is_outage() => return Err(error),
            Err(error) => {
                debug!(%error, "a page of the log failed: each event goes alone");
                self.apply_singly(log, &page.events, &moved).await?;
            }
        }
        for place in moved {
            places.insert(place.partition, place);
        }
        Ok(page.may_have_more)
    }

    /// Each event in a transaction of its own; what fails again is left to a job.
    async fn apply_singly(
        &self,
        log: &mut Log,
        events: &[LoggedEvent],
        places: &[Place],
    ) -> Result<(), StoreError> {
        let mut failed = Vec::new();
        for event in events {
            match self
                .effect
                .apply(log, std::slice::from_ref(event), &[])
                .await
            {
                Ok(()) => {}
                Err(error) if error.is_outage() => return Err(error),
                Err(error) => {
                    let consumer = E::SELECTION.name;
                    warn!(consumer, partition = %event.partition, position = event.position, %error, "event is left to a job");
                    failed.extend(self.effect.job(event));
                }
            }
        }
        self.metrics.failures_total.inc_by(failed.len() as u64);
        let mut turn = log.begin().await?;
        turn.enqueue_jobs(&failed).await?;
        turn.finish(places).await
    }
}
