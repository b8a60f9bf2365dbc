//! Every metric of the worker's lanes.

use shared::{
    error::Reason,
    metrics,
    protocol::{self, Row, RowKind},
};

metrics! {
    /// What all lanes of a worker count together.
    pub(crate) struct LaneMetrics in "confab_lane";

    /// Commands that took effect, by name
    commands_total: IntCounterVec by "command";
    /// Commands that were refused, by reason
    refusals_total: IntCounterVec by "reason";
    /// Commands per transaction
    batch_commands: Histogram from 1.0 by twos 9;
    /// Time from sending the writes of a batch to the answer of COMMIT
    commit_seconds: Histogram from 0.000_5 by twos 14;
    /// Events that were stored
    events_total: IntCounter;
    /// Registers that were written: rows, however many writes of clients each stands for
    registers_total: IntCounter;
    /// Accounts whose registers a transaction wrote, summed over transactions
    register_accounts_total: IntCounter;
    /// Commands answered with the first result of their nonce
    repeats_total: IntCounter;
    /// Entries refused unexecuted because they were too old
    expired_total: IntCounter;
    /// Commands that failed in a way that a repeat would, too
    poison_total: IntCounter;
    /// Attempts at internal commands that failed; they are tried again
    internal_failures_total: IntCounter;
    /// Partitions taken
    takeovers_total: IntCounter;
    /// Lanes that started again after an error
    restarts_total: IntCounter;
    /// Reads and publishes that Redis did not do
    bus_errors_total: IntCounter;
    /// Partitions that the lanes of this worker own
    partitions: IntGauge;
    /// Entries waiting in the streams that the lanes of this worker own
    backlog_entries: IntGauge;
}

impl LaneMetrics {
    /// A counter that is not there yet looks like one that was never scraped.
    pub(crate) fn begin_at_zero(&self) {
        let executed = |row: &&Row| !matches!(row.kind, RowKind::Query | RowKind::Forwarded);
        for row in protocol::rows().filter(executed) {
            self.commands_total.with_label_values(&[row.name]);
        }
        for (reason, _) in Reason::ALL {
            self.refusals_total.with_label_values(&[reason.name()]);
        }
    }
}
