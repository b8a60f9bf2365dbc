//! A lane: one task that owns partitions and one Postgres connection, and is
//! the only writer of what they hold.
//!
//! - [`own`] takes and gives back partitions, and fences;
//! - [`consume`] reads their streams and the internal commands that are due;
//! - [`batch`] executes what came in one transaction;
//! - [`register`] makes one write of several that come in quick succession;
//! - [`publish`] tells the gateways, after COMMIT;
//! - [`memory`] is what it remembers of its servers.

mod batch;
mod connect;
mod consume;
pub(crate) mod memory;
mod own;
mod publish;
mod register;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, time::Duration};

use foldhash::{HashMap, HashMapExt};
use shared::{
    bus::{Bus, Reader, StreamId, envelope::epoch_number},
    clock::Clock,
    config::Secret,
    ids::Partition,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use self::{memory::Memory, publish::Publisher, register::Windows};
use crate::{
    error::Error,
    limiter::Limiter,
    metrics::LaneMetrics,
    store::write::{Writer, machine::Counters},
};

/// How often a lane looks after itself: leases, beats, marks, internal commands.
const TICK: Duration = Duration::from_millis(500);
/// From so many things to do in one turn on, the next turn waits for company.
const BUSY: usize = 2;
/// How long a turn takes at least when the lane is busy. A commit, a publication
/// and their wake-ups cost the same for one row and for fifty, so small batches
/// in quick succession would use up the machine that they hurry on.
const TURN: Duration = Duration::from_millis(4);
/// How long to wait after the database or the bus failed.
const BACK_OFF: Duration = Duration::from_millis(200);

/// What a lane needs.
#[derive(Clone)]
pub(crate) struct LaneConfig {
    /// Unique among all lanes of the cluster.
    pub(crate) name: String,
    /// Direct, never through a pooler: the locks are the connection's.
    pub(crate) database_url: Secret<String>,
    /// An entry older than this is refused unexecuted, in milliseconds.
    pub(crate) deadline_ms: u64,
}

/// What a lane shares with the rest of the worker.
#[derive(Clone)]
pub(crate) struct LaneParts {
    pub(crate) bus: Bus,
    pub(crate) clock: Clock,
    pub(crate) limiter: Limiter,
    pub(crate) metrics: LaneMetrics,
    /// How many partitions each lane of this worker owns, and when it last looked after itself.
    pub(crate) status: LaneStatus,
}

pub(crate) use own::LaneStatus;

/// A partition that this lane owns.
#[derive(Debug)]
pub(super) struct Owned {
    /// What the partition's row holds; changed by a batch, kept by COMMIT.
    counters: Counters,
    /// Read up to here; above the offset while signals wait for a commit.
    read: StreamId,
    /// The next entries were there at takeover: they are executed one by one.
    careful: bool,
    /// The last beat's number.
    beat: u64,
    /// Topics written since the last beat, with their heads.
    moved: BTreeMap<u64, u64>,
}

/// The lane itself. Lives as long as its connection.
pub(super) struct Lane<'a> {
    config: &'a LaneConfig,
    parts: &'a LaneParts,
    writer: Writer,
    reader: Reader,
    publisher: Publisher,
    /// Names the event log that the connection writes.
    epoch: u64,
    memory: Memory,
    windows: Windows,
    owned: HashMap<Partition, Owned>,
    /// Terms that this process lost although it lived on.
    survived: &'a mut HashMap<Partition, i64>,
    /// Redis' clock minus ours, in milliseconds.
    redis_ahead_ms: i64,
    next_tick: Instant,
    ticks: u64,
    internal_due: bool,
    /// Entries that waited at the last beat.
    backlog: u64,
}

/// Runs a lane until it is stopped: connects, serves, and connects anew when
/// the connection is lost. With it go the locks and the memory.
pub(crate) async fn run(config: LaneConfig, parts: LaneParts, stop: CancellationToken) {
    let mut survived = HashMap::new();
    while !stop.is_cancelled() {
        match serve(&config, &parts, &mut survived, &stop).await {
            Ok(()) => break,
            Err(error) => {
                parts.status.remove(&config.name);
                parts.metrics.restarts.inc();
                warn!(lane = config.name, %error, "lane starts anew");
            }
        }
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(BACK_OFF) => {}
        }
    }
    parts.status.remove(&config.name);
}

async fn serve(
    config: &LaneConfig,
    parts: &LaneParts,
    survived: &mut HashMap<Partition, i64>,
    stop: &CancellationToken,
) -> Result<(), Error> {
    let writer = connect::open(&config.database_url).await?;
    let epoch = epoch_number(&writer.epoch().await?);
    let reader = parts.bus.reader().await?;
    info!(lane = config.name, "lane is connected");
    let mut lane = Lane {
        config,
        parts,
        writer,
        reader,
        publisher: Publisher::start(parts.bus.clone(), parts.metrics.clone(), epoch),
        epoch,
        memory: Memory::new(),
        windows: Windows::new(),
        owned: HashMap::new(),
        survived,
        redis_ahead_ms: 0,
        next_tick: Instant::now(),
        ticks: 0,
        internal_due: true,
        backlog: 0,
    };
    match lane.work(stop).await {
        Ok(()) => lane.leave().await,
        Err(error) => {
            let terms = lane
                .owned
                .iter()
                .map(|(partition, owned)| (*partition, owned.counters.term));
            lane.survived.extend(terms);
            Err(error)
        }
    }
}

impl Lane<'_> {
    async fn work(&mut self, stop: &CancellationToken) -> Result<(), Error> {
        while !stop.is_cancelled() {
            if Instant::now() >= self.next_tick {
                self.tick().await?;
            }
            let began = Instant::now();
            let works = self.consume(stop).await?;
            let works = self.windows.pass(works, Instant::now());
            let busy = works.len() >= BUSY;
            self.execute(works).await?;
            if busy {
                tokio::time::sleep_until(began + TURN).await;
            }
        }
        Ok(())
    }
}
