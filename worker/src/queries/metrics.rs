//! What operators see of queries.

use shared::metrics;

metrics! {
    /// What queries count.
    pub(crate) struct QueryMetrics in "confab_worker";

    /// Queries taken, by name.
    queries_total: IntCounterVec by "query";
    /// From taking a query to its finished answer.
    query_seconds: HistogramVec by "query" from 0.000_5 by twos 14;
    /// How long queries lay in their list before they were taken.
    query_wait_seconds: HistogramVec by "class" from 0.000_5 by twos 15;
    /// Queries refused, by reason.
    query_refusals_total: IntCounterVec by "reason";
    /// Queries whose handler panicked.
    query_panics_total: IntCounter;
    /// Queries dropped unanswered because nobody waited any more.
    query_late_total: IntCounter;
    /// Queries that nobody could have packed.
    query_malformed_total: IntCounter;
    /// Answers that Redis did not take.
    query_unsent_total: IntCounter;
}
