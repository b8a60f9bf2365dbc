//! What operators see of queries.

use prometheus::{
    HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry, exponential_buckets,
};

use crate::metrics::register;

/// The handles.
#[derive(Clone)]
pub(crate) struct QueryMetrics {
    pub(super) queries: IntCounterVec,
    pub(super) seconds: HistogramVec,
    pub(super) waited: HistogramVec,
    pub(super) refusals: IntCounterVec,
    pub(super) panics: IntCounter,
    pub(super) late: IntCounter,
    pub(super) malformed: IntCounter,
    pub(super) unsent: IntCounter,
}

impl QueryMetrics {
    /// Registers them.
    pub(crate) fn new(registry: &Registry) -> prometheus::Result<Self> {
        let name = |name| format!("confab_worker_{name}");
        let counter = |metric, help| register(registry, IntCounter::new(name(metric), help));
        let counters = |metric, help, label| {
            let opts = Opts::new(name(metric), help);
            register(registry, IntCounterVec::new(opts, &[label]))
        };
        let histograms = |metric, help, label, buckets| {
            let buckets = exponential_buckets(0.000_5, 2.0, buckets)?;
            let opts = HistogramOpts::new(name(metric), help).buckets(buckets);
            register(registry, HistogramVec::new(opts, &[label]))
        };
        Ok(Self {
            queries: counters("queries_total", "Queries taken, by name.", "query")?,
            seconds: histograms(
                "query_seconds",
                "From taking a query to its finished answer.",
                "query",
                14,
            )?,
            waited: histograms(
                "query_wait_seconds",
                "How long queries lay in their list before they were taken.",
                "class",
                15,
            )?,
            refusals: counters(
                "query_refusals_total",
                "Queries refused, by reason.",
                "reason",
            )?,
            panics: counter("query_panics_total", "Queries whose handler panicked.")?,
            late: counter(
                "query_late_total",
                "Queries dropped unanswered because nobody waited any more.",
            )?,
            malformed: counter(
                "query_malformed_total",
                "Queries that nobody could have packed.",
            )?,
            unsent: counter("query_unsent_total", "Answers that Redis did not take.")?,
        })
    }

    /// Gives those with labels a first value: only then are they shown.
    pub(crate) fn touch(&self) {
        for counters in [&self.queries, &self.refusals] {
            counters.with_label_values(&[""]);
        }
        for histograms in [&self.seconds, &self.waited] {
            histograms.with_label_values(&[""]);
        }
    }
}
