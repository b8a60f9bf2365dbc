//! Every metric of the worker's lanes.

use prometheus::{
    Error, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry,
    exponential_buckets,
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
        let counter = |name: &str, help: &str| -> Result<IntCounter, Error> {
            let counter = IntCounter::new(format!("confab_lane_{name}"), help)?;
            registry.register(Box::new(counter.clone()))?;
            Ok(counter)
        };
        let labelled = |name: &str, help: &str, label: &str| -> Result<IntCounterVec, Error> {
            let counter =
                IntCounterVec::new(Opts::new(format!("confab_lane_{name}"), help), &[label])?;
            registry.register(Box::new(counter.clone()))?;
            Ok(counter)
        };
        let histogram = |name: &str, help: &str, buckets: Vec<f64>| -> Result<Histogram, Error> {
            let histogram = Histogram::with_opts(
                HistogramOpts::new(format!("confab_lane_{name}"), help).buckets(buckets),
            )?;
            registry.register(Box::new(histogram.clone()))?;
            Ok(histogram)
        };
        let gauge = |name: &str, help: &str| -> Result<IntGauge, Error> {
            let gauge = IntGauge::new(format!("confab_lane_{name}"), help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok(gauge)
        };
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
