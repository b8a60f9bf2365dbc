//! A lane: one task that owns partitions and one Postgres connection, and is
//! the only writer of what they hold.
//!
//! - [`ownership`] takes and gives back partitions, and fences;
//! - [`suspect`] finds out which entry ends lanes, and [`process`] who lives;
//! - [`inbox`] reads their streams, as much at once as [`read_size`] says, [`internal`] the internal commands that are due;
//! - [`execute`] executes what came in one transaction, after [`steps`] sorted it out; [`run`]
//!   each command of it;
//! - [`register_windows`] makes one write of several that come in quick succession;
//! - [`publish`] tells the gateways, after COMMIT;
//! - [`connect`] opens its connection to Postgres, [`heads`] tells where topics end, and
//!   [`verdict`] says what becomes of an entry;
//! - [`repeats`] remembers who repeats what was done.

pub(crate) mod connect;
mod execute;
mod heads;
mod inbox;
mod internal;
mod ownership;
pub(crate) mod process;
mod publish;
mod read_size;
mod register_windows;
mod repeats;
mod run;
mod steps;
mod suspect;
#[cfg(test)]
mod tests;
mod verdict;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use foldhash::{HashMap, HashMapExt};
use shared::{
    bus::{Bus, Reader, StreamId, envelope::epoch_number},
    clock::Clock,
    config::Secret,
    ids::Partition,
    keys::ClusterKeys,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use self::{
    process::Process, publish::Publisher, read_size::ReadSize, register_windows::RegisterWindows,
    repeats::Repeats, suspect::Watch,
};
use crate::{
    error::Error,
    limiter::Limiter,
    metrics::LaneMetrics,
    push::PushPolicy,
    state::State,
    store::write::{Connection, transaction::PartitionCounters},
    telling::Telling,
    transaction::Caps,
};

/// How often a lane looks after itself: leases, beats, marks, internal commands.
const TICK: Duration = Duration::from_millis(500);
/// A turn with at least this many entries makes the next one wait for more.
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
    /// Counts what accounts tell in many places.
    pub(crate) telling: Telling,
    /// Opens what travelled sealed, and makes tokens.
    pub(crate) keys: ClusterKeys,
    pub(crate) caps: Caps,
    /// Who may be told by web push; none where that is off.
    pub(crate) push: Option<Arc<PushPolicy>>,
    pub(crate) metrics: LaneMetrics,
    /// How many partitions each lane of this worker owns, and when it last looked after itself.
    pub(crate) status: LaneStatus,
    /// The process that the lanes belong to.
    pub(crate) process: Process,
}

#[cfg(test)]
pub(crate) use ownership::owner;
pub(crate) use ownership::{LaneStatus, misplaced};

/// A partition that this lane owns.
#[derive(Debug)]
pub(super) struct OwnedPartition {
    /// What the partition's row holds; changed by a batch, kept by COMMIT.
    counters: PartitionCounters,
    /// Read up to here.
    read: StreamId,
    /// Executed up to here; above the offset while signals and refusals wait for a
    /// commit.
    done: StreamId,
    /// What the end of the last lane says about the entries.
    watch: Watch,
    /// The last lane did not leave in order, and internal commands were not looked
    /// at since.
    wary: bool,
    /// The last beat's number.
    beat: u64,
    /// What waited in its stream then.
    backlog: u64,
    /// The heads that beats tell.
    heads: heads::Heads,
    /// Accounts whose registers were changed since then, with their versions.
    registers: BTreeMap<u64, u64>,
}

/// The lane itself. Lives as long as its connection.
pub(super) struct Lane<'a> {
    config: &'a LaneConfig,
    parts: &'a LaneParts,
    connection: Arc<Connection>,
    reader: Reader,
    publisher: Publisher,
    /// Names the event log that the connection writes.
    epoch: u64,
    state: State,
    windows: RegisterWindows,
    repeats: Repeats,
    read_size: ReadSize,
    owned: HashMap<Partition, OwnedPartition>,
    /// Redis' clock minus ours, in milliseconds.
    redis_ahead_ms: i64,
    next_tick: Instant,
    ticks: u64,
    internal_due: bool,
    /// Entries that waited at the last beat.
    backlog: u64,
}

/// Runs a lane until it is stopped: connects, serves, and connects again when
/// the connection is lost. With it go the locks and the memory.
pub(crate) async fn run(config: LaneConfig, parts: LaneParts, stop: CancellationToken) {
    while !stop.is_cancelled() {
        match Box::pin(run_connected(&config, &parts, &stop)).await {
            Ok(()) => break,
            Err(error) => {
                parts.status.remove(&config.name);
                parts.metrics.restarts_total.inc();
                warn!(lane = config.name, %error, "lane starts again");
            }
        }
        stop.run_until_cancelled(tokio::time::sleep(BACK_OFF)).await;
    }
    parts.status.remove(&config.name);
}

async fn run_connected(
    config: &LaneConfig,
    parts: &LaneParts,
    stop: &CancellationToken,
) -> Result<(), Error> {
    let connection = Arc::new(connect::open_connection(&config.database_url).await?);
    let epoch = epoch_number(&connection.epoch().await?);
    let reader = parts.bus.reader().await?;
    info!(lane = config.name, "lane is connected");
    let mut lane = Lane {
        config,
        parts,
        connection,
        reader,
        publisher: Publisher::start(
            parts.bus.clone(),
            parts.keys.clone(),
            parts.metrics.clone(),
            epoch,
        ),
        epoch,
        state: State::default(),
        windows: RegisterWindows::new(),
        repeats: Repeats::new(),
        read_size: ReadSize::new(),
        owned: HashMap::new(),
        redis_ahead_ms: 0,
        next_tick: Instant::now(),
        ticks: 0,
        internal_due: true,
        backlog: 0,
    };
    lane.run_turns(stop).await?;
    lane.shut_down().await
}

impl Lane<'_> {
    async fn run_turns(&mut self, stop: &CancellationToken) -> Result<(), Error> {
        while !stop.is_cancelled() {
            if Instant::now() >= self.next_tick {
                self.tick().await?;
            }
            let began = Instant::now();
            self.execute_internal().await?;
            let pending = self.read_inbox(stop).await?;
            let pending = self.windows.admit(pending, Instant::now());
            let busy = pending.len() >= BUSY;
            self.execute(pending).await?;
            if busy {
                tokio::time::sleep_until(began + TURN).await;
            }
        }
        Ok(())
    }
}
