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
        envelope::{Beat, PartitionBeat, Published, epoch_number, pack},
    },
    ids::Partition,
};
use tokio::time::{Instant, timeout};
use tracing::{debug, info, warn};

use super::{Lane, OwnedPartition, TICK, heads::Heads, suspect::Watch};
use crate::{
    error::Error,
    store::write::{
        self,
        partition::TakenPartition,
        transaction::{PartitionCounters, PendingRows},
    },
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
        if let Some(lanes) = self.keep_alive().await? {
            self.balance_partitions(&lanes).await?;
        }
        Ok(())
    }

    /// The part of a tick that may come between two transactions of one turn: it
    /// takes nothing and gives nothing back. Answers with the lanes that live.
    pub(super) async fn keep_alive(&mut self) -> Result<Option<Vec<String>>, Error> {
        self.next_tick = Instant::now() + TICK;
        self.ticks += 1;
        // Between two waits for Redis, too: while it is away each takes seconds,
        // and a session that is silent so long is ended as frozen.
        self.connection.ping().await?;
        let bus = &self.parts.bus;
        if let Ok(now) = bus.now_ms().await {
            self.redis_ahead_ms = now.cast_signed() - self.parts.clock.now_ms().cast_signed();
        }
        self.connection.ping().await?;
        let lanes = match bus.renew_lease("lanes", &self.config.name, LEASE).await {
            Ok(lanes) => Some(lanes),
            Err(error) => {
                // Without Redis nobody knows who lives: everyone keeps what it has.
                warn!(lane = self.config.name, %error, "lease was not renewed");
                None
            }
        };
        self.connection.ping().await?;
        if self.ticks.is_multiple_of(TICKS_PER_BEAT) {
            self.store_offsets().await?;
            self.publish_beat().await?;
            self.connection.ping().await?;
            self.internal_due = true;
        }
        let report = Report {
            partitions: self.owned.len(),
            backlog: self.backlog,
            at: Instant::now(),
        };
        self.parts.status.set(&self.config.name, report);
        Ok(lanes)
    }

    /// Takes the partitions that fall to this lane and gives back the others.
    async fn balance_partitions(&mut self, lanes: &[String]) -> Result<(), Error> {
        let (missing, strange) = misplaced(lanes, &self.config.name, |partition| {
            self.owned.contains_key(&partition)
        });
        let before = self.owned.len();
        self.give_back_partitions(&strange).await?;
        self.take_partitions(&missing).await?;
        if self.owned.len() != before {
            let (partitions, lanes) = (self.owned.len(), lanes.len());
            info!(
                lane = self.config.name,
                partitions, lanes, "partitions were spread"
            );
        }
        Ok(())
    }

    async fn take_partitions(&mut self, partitions: &[Partition]) -> Result<(), Error> {
        if partitions.is_empty() {
            return Ok(());
        }
        let me = self.parts.process.number();
        let taken = write::partition::take_partitions(&self.connection, partitions, me).await?;
        if !taken.is_empty() {
            self.check_epoch().await?;
        }
        let strange = taken
            .iter()
            .any(|taken| taken.holder != 0 && taken.holder != me);
        let living = if strange {
            self.parts.process.living_workers(&self.parts.bus).await
        } else {
            None
        };
        for taken in &taken {
            let TakenPartition {
                partition,
                counters,
                holder,
                ..
            } = taken;
            // Who lived through what ended the last term accuses no entry, and neither
            // does anybody while Redis cannot say who lives.
            let died = *holder != 0
                && *holder != me
                && living
                    .as_ref()
                    .is_some_and(|living| !living.contains(holder));
            debug!(lane = self.config.name, %partition, term = counters.term, offset = %counters.offset, died, "took partition");
            self.parts.metrics.takeovers_total.inc();
            let owned = OwnedPartition {
                counters: *counters,
                read: counters.offset,
                done: counters.offset,
                watch: Watch::of(taken, died),
                wary: *holder != 0,
                beat: 0,
                backlog: 0,
                heads: Heads::new(),
                registers: BTreeMap::new(),
            };
            self.owned.insert(*partition, owned);
        }
        // Ids never fall behind the offset, even when a new Redis has a slower clock.
        let bus = &self.parts.bus;
        let marks = taken
            .iter()
            .filter(|taken| taken.counters.offset != StreamId::default())
            .map(|taken| bus.mark_stream(taken.partition, taken.counters.offset));
        for marked in futures_util::future::join_all(marks).await {
            if let Err(error) = marked {
                warn!(lane = self.config.name, %error, "stream was not marked");
            }
        }
        self.internal_due = true;
        Ok(())
    }

    /// The log may get another name until a lane holds a partition, and what is told under
    /// the old one means nothing.
    async fn check_epoch(&mut self) -> Result<(), Error> {
        if epoch_number(&self.connection.settled_epoch().await?) == self.epoch {
            return Ok(());
        }
        let text = "the log got another name while the lane began".to_owned();
        Err(Error::Internal(text))
    }

    async fn give_back_partitions(&mut self, partitions: &[Partition]) -> Result<(), Error> {
        let held: Vec<(Partition, i64)> = partitions
            .iter()
            .filter_map(|partition| {
                let owned = self.owned.get(partition)?;
                Some((*partition, owned.counters.term))
            })
            .collect();
        if held.is_empty() {
            return Ok(());
        }
        for (partition, _) in &held {
            self.close_windows(*partition).await?;
        }
        self.store_offsets().await?;
        write::partition::give_back_partitions(&self.connection, &held).await?;
        for (partition, _) in held {
            self.owned.remove(&partition);
            self.state.forget(partition);
            debug!(lane = self.config.name, %partition, "gave partition back");
        }
        Ok(())
    }

    /// Stores the offset of what was executed without a transaction: signals,
    /// repeats and refusals.
    async fn store_offsets(&mut self) -> Result<(), Error> {
        let mut behind = BTreeMap::new();
        for (partition, owned) in &self.owned {
            if owned.done > owned.counters.offset {
                behind.insert(
                    *partition,
                    PartitionCounters {
                        offset: owned.done,
                        ..owned.counters
                    },
                );
            }
        }
        if behind.is_empty() {
            return Ok(());
        }
        let nothing = PendingRows::default();
        write::transaction::commit(&self.connection, &nothing, &behind, 0, false).await?;
        for (partition, counters) in behind {
            if let Some(owned) = self.owned.get_mut(&partition) {
                owned.counters = counters;
            }
        }
        Ok(())
    }

    /// Tells the gateways where every partition stands, trims what took effect,
    /// and marks streams that fell behind.
    async fn publish_beat(&mut self) -> Result<(), Error> {
        let bus = &self.parts.bus;
        let mut chores = Vec::with_capacity(self.owned.len());
        for (partition, owned) in &self.owned {
            chores.push(Box::pin(tend_stream(
                bus,
                *partition,
                owned.counters.offset,
            )));
        }
        let done = timeout(CHORES, futures_util::future::join_all(chores)).await;
        self.connection.ping().await?;
        let backlogs: HashMap<Partition, u64> = done
            .unwrap_or_default()
            .into_iter()
            .filter_map(Result::ok)
            .collect();
        let mut partitions = Vec::with_capacity(self.owned.len());
        let mut heads = Vec::new();
        for (partition, owned) in &mut self.owned {
            owned.beat += 1;
            // While Redis cannot say, the bound on it must not open.
            owned.backlog = backlogs.get(partition).copied().unwrap_or(owned.backlog);
            let mut moved: BTreeMap<u64, (u64, u64)> = owned
                .heads
                .take_due()
                .into_iter()
                .map(|(topic, head)| (topic, (head, 0)))
                .collect();
            for (account, version) in std::mem::take(&mut owned.registers) {
                moved.entry(account).or_default().1 = version;
            }
            heads.extend(moved);
            partitions.push(PartitionBeat {
                partition: *partition,
                term: owned.counters.term.cast_unsigned(),
                number: owned.beat,
                backlog: owned.backlog,
            });
        }
        if partitions.is_empty() {
            return Ok(());
        }
        self.backlog = partitions.iter().map(|beat| beat.backlog).sum();
        let epoch = self.epoch;
        // The head of each topic that moved goes to those who hear the topic: where
        // its last event was lost, nothing else would show it.
        let heads = heads.into_iter().map(|(topic, (head, registers))| {
            let published = Published {
                epoch,
                head,
                events: Vec::new(),
                registers,
            };
            (Topic::Events(topic), pack(&published))
        });
        // A beat that is lost shows as a missing number, and gateways repair.
        let beat = (Topic::Beats, pack(&Beat { epoch, partitions }));
        let messages = heads.chain([beat]).collect();
        if let Err(error) = bus.publish(messages).await {
            warn!(lane = self.config.name, %error, "beat was not published");
        }
        Ok(())
    }

    /// Leaves in order: the last batch has committed.
    pub(super) async fn shut_down(mut self) -> Result<(), Error> {
        let released = self
            .parts
            .bus
            .release_lease("lanes", &self.config.name)
            .await;
        if let Err(error) = released {
            warn!(lane = self.config.name, %error, "lease was not given back");
        }
        let partitions: Vec<Partition> = self.owned.keys().copied().collect();
        self.give_back_partitions(&partitions).await?;
        self.publisher.finish().await;
        Ok(())
    }
}

/// Marks the stream if it fell behind, drops what took effect, and asks how much
/// waits. A mark stands at the offset itself, so nobody ever reads it.
async fn tend_stream(
    bus: &Bus,
    partition: Partition,
    offset: StreamId,
) -> Result<(Partition, u64), BusError> {
    if offset != StreamId::default() {
        bus.mark_stream(partition, offset).await?;
    }
    bus.trim_stream(partition, offset.next()).await?;
    Ok((partition, bus.backlog(partition).await?))
}

/// The partitions that fall to `me` and are not held, and those that are held and fall to another.
pub(crate) fn misplaced(
    lanes: &[String],
    me: &str,
    is_held: impl Fn(Partition) -> bool,
) -> (Vec<Partition>, Vec<Partition>) {
    let is_mine = |partition: &Partition| owner(*partition, lanes).is_none_or(|lane| lane == me);
    let (mine, others): (Vec<_>, Vec<_>) = Partition::all().partition(is_mine);
    let missing = mine.into_iter().filter(|partition| !is_held(*partition));
    let strange = others.into_iter().filter(|partition| is_held(*partition));
    (missing.collect(), strange.collect())
}

/// Which lane a partition falls to: the highest hash of both (rendezvous), so
/// that a lane that comes or goes moves no partition but its own.
pub(crate) fn owner(partition: Partition, lanes: &[String]) -> Option<&String> {
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
