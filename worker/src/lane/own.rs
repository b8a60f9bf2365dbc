//! Ownership: which partitions this lane has, its beat, and what it does each tick.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use foldhash::HashMap;
use shared::{
    bus::{
        Bus, BusError, StreamId, Topic,
        envelope::{Beat, PartitionBeat, Published, pack},
    },
    ids::Partition,
};
use tokio::time::{Instant, timeout};
use tracing::{debug, info, warn};

use super::{Lane, Owned, TICK};
use crate::{
    error::Error,
    store::write::machine::{Batch, Counters},
};

/// A lane that did not renew its lease for this long gets no partitions.
const LEASE: Duration = Duration::from_secs(2);
/// Chores that Redis has not done by then wait for the next beat.
const CHORES: Duration = Duration::from_secs(2);
/// Ticks between beats: one a second.
const TICKS_PER_BEAT: u64 = 2;

/// How the lanes of this worker are, for readiness and metrics.
#[derive(Debug, Clone, Default)]
pub(crate) struct LaneStatus(Arc<Mutex<HashMap<String, Report>>>);

/// What a lane says of itself each tick.
#[derive(Debug, Clone, Copy)]
struct Report {
    partitions: usize,
    backlog: u64,
    at: Instant,
}

/// All lanes of a worker together.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Summary {
    /// Lanes that run.
    pub(crate) lanes: usize,
    /// Partitions that they own.
    pub(crate) partitions: usize,
    /// Entries that wait in the streams of these.
    pub(crate) backlog: u64,
    /// The age of the oldest report.
    pub(crate) oldest: Option<Duration>,
}

impl LaneStatus {
    fn set(&self, lane: &str, report: Report) {
        self.lock().insert(lane.to_owned(), report);
    }

    pub(super) fn remove(&self, lane: &str) {
        self.lock().remove(lane);
    }

    pub(crate) fn summary(&self) -> Summary {
        let reports = self.lock();
        Summary {
            lanes: reports.len(),
            partitions: reports.values().map(|report| report.partitions).sum(),
            backlog: reports.values().map(|report| report.backlog).sum(),
            oldest: reports.values().map(|report| report.at.elapsed()).max(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Report>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lane<'_> {
    /// Looks after everything that does not wait for entries.
    pub(super) async fn tick(&mut self) -> Result<(), Error> {
        self.next_tick = Instant::now() + TICK;
        self.ticks += 1;
        // Between two waits for Redis, too: while it is away each takes seconds,
        // and a session that is silent so long is ended as frozen.
        self.writer.ping().await?;
        let bus = &self.parts.bus;
        if let Ok(now) = bus.now_ms().await {
            self.redis_ahead_ms = now.cast_signed() - self.parts.clock.now_ms().cast_signed();
        }
        self.writer.ping().await?;
        match bus.lease("lanes", &self.config.name, LEASE).await {
            // Without Redis nobody knows who lives: everyone keeps what it has.
            Err(error) => warn!(lane = self.config.name, %error, "lease was not renewed"),
            Ok(lanes) => self.spread(&lanes).await?,
        }
        if self.ticks.is_multiple_of(TICKS_PER_BEAT) {
            self.settle().await?;
            self.beat().await;
            self.writer.ping().await?;
            self.internal_due = true;
        }
        let report = Report {
            partitions: self.owned.len(),
            backlog: self.backlog,
            at: Instant::now(),
        };
        self.parts.status.set(&self.config.name, report);
        Ok(())
    }

    /// Takes the partitions that fall to this lane and gives back the others.
    async fn spread(&mut self, lanes: &[String]) -> Result<(), Error> {
        let before = self.owned.len();
        for partition in Partition::all() {
            let mine = owner(partition, lanes).is_none_or(|owner| *owner == self.config.name);
            match (mine, self.owned.contains_key(&partition)) {
                (true, false) => self.take(partition).await?,
                (false, true) => self.give_back(partition).await?,
                _ => {}
            }
        }
        if self.owned.len() != before {
            let (partitions, lanes) = (self.owned.len(), lanes.len());
            info!(
                lane = self.config.name,
                partitions, lanes, "partitions were spread"
            );
        }
        Ok(())
    }

    async fn take(&mut self, partition: Partition) -> Result<(), Error> {
        let Some(counters) = self.writer.take(partition).await? else {
            return Ok(());
        };
        // This process lived through what ended the last term, so no entry of it
        // ends processes.
        let survived = self.survived.remove(&partition) == Some(counters.term - 1);
        debug!(lane = self.config.name, %partition, term = counters.term, offset = %counters.offset, "took partition");
        self.parts.metrics.takeovers.inc();
        // Ids never fall behind the offset, even when a new Redis has a slower clock.
        if counters.offset != StreamId::default()
            && let Err(error) = self.parts.bus.mark(partition, counters.offset.next()).await
        {
            warn!(%partition, %error, "stream was not marked");
        }
        let owned = Owned {
            counters,
            read: counters.offset,
            careful: !survived,
            beat: 0,
            moved: BTreeMap::new(),
        };
        self.owned.insert(partition, owned);
        self.internal_due = true;
        Ok(())
    }

    async fn give_back(&mut self, partition: Partition) -> Result<(), Error> {
        self.close_windows(partition).await?;
        self.writer.give_back(partition).await?;
        self.owned.remove(&partition);
        self.memory.forget(partition);
        debug!(lane = self.config.name, %partition, "gave partition back");
        Ok(())
    }

    /// Stores the offset of signals, which were executed without a transaction,
    /// so that their streams can be trimmed.
    async fn settle(&mut self) -> Result<(), Error> {
        let mut behind = BTreeMap::new();
        for (partition, owned) in &self.owned {
            if owned.read > owned.counters.offset {
                behind.insert(
                    *partition,
                    Counters {
                        offset: owned.read,
                        ..owned.counters
                    },
                );
            }
        }
        if behind.is_empty() {
            return Ok(());
        }
        self.writer.begin(&[]).await?;
        self.writer.commit(&Batch::default(), &behind, 0).await?;
        for (partition, counters) in behind {
            if let Some(owned) = self.owned.get_mut(&partition) {
                owned.counters = counters;
            }
        }
        Ok(())
    }

    /// Tells the gateways where every partition stands, trims what took effect,
    /// and marks streams that fell behind.
    async fn beat(&mut self) {
        let bus = &self.parts.bus;
        let mut chores = Vec::with_capacity(self.owned.len());
        for (partition, owned) in &self.owned {
            chores.push(Box::pin(chore(bus, *partition, owned.counters.offset)));
        }
        let done = timeout(CHORES, futures_util::future::join_all(chores)).await;
        let backlogs: HashMap<Partition, u64> = done
            .unwrap_or_default()
            .into_iter()
            .filter_map(Result::ok)
            .collect();
        let mut partitions = Vec::with_capacity(self.owned.len());
        let mut heads = Vec::new();
        for (partition, owned) in &mut self.owned {
            owned.beat += 1;
            heads.extend(std::mem::take(&mut owned.moved));
            partitions.push(PartitionBeat {
                partition: *partition,
                term: owned.counters.term.cast_unsigned(),
                number: owned.beat,
                // A mark is not work.
                backlog: backlogs
                    .get(partition)
                    .copied()
                    .unwrap_or_default()
                    .saturating_sub(1),
            });
        }
        if partitions.is_empty() {
            return;
        }
        self.backlog = partitions.iter().map(|beat| beat.backlog).sum();
        let epoch = self.epoch;
        // The head of each topic that moved goes to those who hear the topic: where
        // its last event was lost, nothing else would show it.
        let heads = heads.into_iter().map(|(topic, head)| {
            let published = Published {
                epoch,
                head,
                events: Vec::new(),
            };
            (Topic::Events(topic), pack(&published))
        });
        // A beat that is lost shows as a missing number, and gateways repair.
        let beat = (Topic::Beats, pack(&Beat { epoch, partitions }));
        let messages = heads.chain([beat]).collect();
        if let Err(error) = bus.publish(messages).await {
            warn!(lane = self.config.name, %error, "beat was not published");
        }
    }

    /// Leaves in order: the last batch has committed.
    pub(super) async fn leave(mut self) -> Result<(), Error> {
        let released = self.parts.bus.release("lanes", &self.config.name).await;
        if let Err(error) = released {
            warn!(lane = self.config.name, %error, "lease was not given back");
        }
        let partitions: Vec<Partition> = self.owned.keys().copied().collect();
        for partition in partitions {
            self.give_back(partition).await?;
        }
        self.publisher.finish().await;
        Ok(())
    }
}

/// Drops what took effect, marks the stream if it fell behind, and asks how much
/// waits.
async fn chore(
    bus: &Bus,
    partition: Partition,
    offset: StreamId,
) -> Result<(Partition, u64), BusError> {
    bus.trim(partition, offset.next()).await?;
    if offset != StreamId::default() {
        bus.mark(partition, offset.next()).await?;
    }
    Ok((partition, bus.backlog(partition).await?))
}

/// Which lane a partition falls to: the highest hash of both (rendezvous), so
/// that a lane that comes or goes moves no partition but its own.
fn owner(partition: Partition, lanes: &[String]) -> Option<&String> {
    lanes.iter().max_by_key(|lane| {
        let key = format!("{partition}/{lane}");
        key.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            let mixed = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            mixed ^ (mixed >> 29)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_that_goes_moves_only_its_own_partitions() {
        let lanes: Vec<String> = (0..4).map(|n| format!("worker-{n}/0")).collect();
        let fewer: Vec<String> = lanes.iter().skip(1).cloned().collect();
        for partition in Partition::all() {
            let before = owner(partition, &lanes);
            if before != lanes.first() {
                assert_eq!(owner(partition, &fewer), before);
            }
        }
    }

    #[test]
    fn every_lane_gets_some() {
        let lanes: Vec<String> = (0..4).map(|n| format!("worker-{n}/0")).collect();
        for lane in &lanes {
            assert!(
                Partition::all().any(|partition| owner(partition, &lanes) == Some(lane)),
                "{lane}"
            );
        }
    }
}
