//! Every metric of the worker's lanes, and how metrics are registered.

use prometheus::{
    Error, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry,
    core::Collector, exponential_buckets,
};
use shared::{
    error::Reason,
    protocol::{self, Row, RowKind},
};

/// Metrics that all lanes of a worker share.
#[derive(Debug, Clone)]
pub(crate) struct LaneMetrics {
    pub(crate) commands: IntCounterVec,
    pub(crate) refusals: IntCounterVec,
    pub(crate) batch_commands: Histogram,
    pub(crate) commit_seconds: Histogram,
    pub(crate) events: IntCounter,
    pub(crate) repeats: IntCounter,
    pub(crate) expired: IntCounter,
    pub(crate) poison: IntCounter,
    pub(crate) internal_failures: IntCounter,
    pub(crate) takeovers: IntCounter,
    pub(crate) restarts: IntCounter,
    pub(crate) bus_errors: IntCounter,
    pub(crate) partitions: IntGauge,
    pub(crate) backlog: IntGauge,
}

impl LaneMetrics {
    /// Registers them.
    pub(crate) fn new(registry: &Registry) -> Result<Self, Error> {
        let counter = |name, help| register(registry, IntCounter::new(lane(name), help));
        let labelled = |name, help, label| {
            let opts = Opts::new(lane(name), help);
            register(registry, IntCounterVec::new(opts, &[label]))
        };
        let histogram = |name, help, buckets| {
            let opts = HistogramOpts::new(lane(name), help).buckets(buckets);
            register(registry, Histogram::with_opts(opts))
        };
        let gauge = |name, help| register(registry, IntGauge::new(lane(name), help));
        let metrics = Self {
            commands: labelled(
                "commands_total",
                "Commands that took effect, by name",
                "command",
            )?,
            refusals: labelled(
                "refusals_total",
                "Commands that were refused, by reason",
                "reason",
            )?,
            batch_commands: histogram(
                "batch_commands",
                "Commands per transaction",
                exponential_buckets(1.0, 2.0, 9)?,
            )?,
            commit_seconds: histogram(
                "commit_seconds",
                "Time from sending the writes of a batch to the answer of COMMIT",
                exponential_buckets(0.0005, 2.0, 14)?,
            )?,
            events: counter("events_total", "Events that were stored")?,
            repeats: counter(
                "repeats_total",
                "Commands answered with the first result of their nonce",
            )?,
            expired: counter(
                "expired_total",
                "Entries refused unexecuted because they were too old",
            )?,
            poison: counter(
                "poison_total",
                "Commands that failed in a way that a repeat would, too",
            )?,
            internal_failures: counter(
                "internal_failures_total",
                "Attempts at internal commands that failed; they are tried again",
            )?,
            takeovers: counter("takeovers_total", "Partitions taken")?,
            restarts: counter("restarts_total", "Lanes that started again after an error")?,
            bus_errors: counter(
                "bus_errors_total",
                "Reads and publishes that Redis did not do",
            )?,
            partitions: gauge("partitions", "Partitions that the lanes of this worker own")?,
            backlog: gauge(
                "backlog_entries",
                "Entries waiting in the streams that the lanes of this worker own",
            )?,
        };
        metrics.begin_at_zero();
        Ok(metrics)
    }

    /// A counter that is not there yet looks like one that was never scraped.
    fn begin_at_zero(&self) {
        let executed = |row: &&Row| !matches!(row.kind, RowKind::Query | RowKind::Opening);
        for row in protocol::rows().filter(executed) {
            self.commands.with_label_values(&[row.name]);
        }
        for (reason, _) in Reason::ALL {
            self.refusals.with_label_values(&[reason.name()]);
        }
    }
}

fn lane(name: &str) -> String {
    format!("confab_lane_{name}")
}

/// Registers a metric, if it could be made.
pub(crate) fn register<C: Collector + Clone + 'static>(
    registry: &Registry,
    made: Result<C, Error>,
) -> Result<C, Error> {
    let metric = made?;
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}
