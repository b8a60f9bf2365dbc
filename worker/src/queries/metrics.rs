//! What operators see of queries.

use prometheus::{
    HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry, exponential_buckets,
};

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
        let metrics = Self {
            queries: counters("queries_total", "Queries taken, by name.", "query")?,
            seconds: HistogramVec::new(
                HistogramOpts::new(
                    name("query_seconds"),
                    "From taking a query to its finished answer.",
                )
                .buckets(exponential_buckets(0.000_5, 2.0, 14)?),
                &["query"],
            )?,
            waited: HistogramVec::new(
                HistogramOpts::new(
                    name("query_wait_seconds"),
                    "How long queries lay in their list before they were taken.",
                )
                .buckets(exponential_buckets(0.000_5, 2.0, 15)?),
                &["class"],
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
        };
        for collector in [
            Box::new(metrics.queries.clone()) as Box<dyn prometheus::core::Collector>,
            Box::new(metrics.seconds.clone()),
            Box::new(metrics.waited.clone()),
            Box::new(metrics.refusals.clone()),
            Box::new(metrics.panics.clone()),
            Box::new(metrics.late.clone()),
            Box::new(metrics.malformed.clone()),
            Box::new(metrics.unsent.clone()),
        ] {
            registry.register(collector)?;
        }
        Ok(metrics)
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

fn name(name: &str) -> String {
    format!("confab_worker_{name}")
}

fn counter(metric: &str, help: &str) -> prometheus::Result<IntCounter> {
    IntCounter::new(name(metric), help)
}

fn counters(metric: &str, help: &str, label: &str) -> prometheus::Result<IntCounterVec> {
    IntCounterVec::new(Opts::new(name(metric), help), &[label])
}
