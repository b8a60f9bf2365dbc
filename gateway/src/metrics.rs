//! Every metric of this binary.

use prometheus::{IntCounter, IntGauge};
use shared::metrics;
use tokio::time::Instant;

/// One of what a gauge counts, as long as it is there.
#[derive(Debug)]
pub struct Counted(IntGauge);

impl Counted {
    /// Counts one more.
    pub fn new(gauge: &IntGauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

metrics! {
    /// What a gateway counts. Clones count together.
    pub struct Metrics in "confab_gateway";

    /// Bytes that wait for slow connections and in unfinished requests.
    waiting_bytes: IntGauge;
    /// Open connections.
    connections: IntGauge;
    /// Connections with an open session.
    sessions: IntGauge;
    /// Sockets refused before HTTP was spoken on them, by cause.
    sockets_refused_total: IntCounterVec by "cause";
    /// WebSocket upgrades accepted.
    accepted_total: IntCounter;
    /// WebSocket upgrades refused, by cause.
    rejected_total: IntCounterVec by "cause";
    /// Frames read from clients.
    frames_in_total: IntCounter;
    /// Bytes read from clients.
    received_bytes_total: IntCounter;
    /// Frames queued for clients.
    frames_queued_total: IntCounter;
    /// Frames written to clients: the deliveries.
    frames_out_total: IntCounter;
    /// Bytes written to clients.
    sent_bytes_total: IntCounter;
    /// System calls that wrote to clients.
    writes_total: IntCounter;
    /// Ephemeral frames dropped because a queue was full.
    queue_dropped_total: IntCounter;
    /// Connections closed, by the name of the close code: `Client` when the client closed,
    /// `Eof` and `Reset` when the connection ended without a code.
    closed_total: IntCounterVec by "close_code";
    /// Connections asked to go to another gateway, as others have fewer.
    relieved_total: IntCounter;
    /// Connections that were asked to go to another gateway, and are still here.
    relieved_here: IntGauge;
    /// Refusals sent to clients, by reason.
    refusals_total: IntCounterVec by "reason";
    /// HTTP requests answered, by status; 101 is the upgrade to a WebSocket.
    http_requests_total: IntCounterVec by "status";
    /// How long HTTP requests took until their response began, in seconds.
    http_request_seconds: Histogram;
    /// How long sessions took from `identify` or `resume` to `ready`, in seconds.
    open_seconds: Histogram;
    /// Sessions that did not open because no worker said what they see.
    openings_failed_total: IntCounter;
    /// How long commands of sockets took until their answer came, in seconds.
    acknowledge_seconds: Histogram;
    /// How long events took from the bus to the queues of a shard, in seconds.
    fanout_seconds: Histogram;
    /// How long frames waited in the queue of a connection until a system call took them, in
    /// seconds; one write in 64 is measured.
    delivery_seconds: Histogram;
    /// Commands sent to lanes.
    commands_total: IntCounter;
    /// Commands whose answer did not come in time.
    unknown_total: IntCounter;
    /// Answers dropped because nobody waited for them any more.
    answers_late_total: IntCounter;
    /// Queries sent to workers.
    queries_total: IntCounter;
    /// Queries that wait for their answer.
    queries_in_flight: IntGauge;
    /// Queries that wait for their turn.
    queries_waiting: IntGauge;
    /// Topics that this gateway hears.
    topics: IntGauge;
    /// Topics whose events wait until it is known who sees what.
    topics_waiting: IntGauge;
    /// Events heard on the bus.
    events_in_total: IntCounter;
    /// Events heard more than once.
    events_doubled_total: IntCounter;
    /// Events heard that belong to another event log.
    events_foreign_total: IntCounter;
    /// Holes found in topics.
    holes_total: IntCounter;
    /// Repairs from the event log.
    repairs_total: IntCounter;
    /// Questions about heads, holes and structures that failed and were asked again.
    repairs_failed_total: IntCounter;
    /// Topics marked dirty: something may have been lost.
    dirty_total: IntCounter;
    /// Topics that could not be continued for a session that opens, or for all of a topic.
    gaps_total: IntCounter;
    /// Times that the bus lost an unknown number of messages.
    lost_total: IntCounter;
    /// Accounts that look online, in the whole cluster.
    presence_accounts: IntGauge;
    /// Changes of the presence of accounts with sessions here that were told.
    presence_changes_total: IntCounter;
    /// Messages of other gateways about presence that were missed.
    presence_holes_total: IntCounter;
    /// Times that other gateways were asked for all that they have.
    presence_questions_total: IntCounter;
    /// Times that all that this gateway has was told.
    presence_wholes_total: IntCounter;
    /// Gateways that were silent for so long that their accounts went.
    presence_silent_total: IntCounter;
    /// How long changes of presence took from the union to the queues of a shard, in seconds.
    presence_seconds: Histogram;
    /// Messages on the bus that could not be read.
    garbled_total: IntCounter;
    /// The age of the oldest beat among the partitions, in seconds; of one that was never heard, how
    /// long it has been listened for.
    beat_age_seconds: Gauge;
    /// Probes of the bus that did not come back.
    probes_missed_total: IntCounter;
    /// How long the last probe of the bus took, in seconds.
    probe_seconds: Gauge;
    /// Tasks that panicked. Each is a fault to be mended.
    panics_total: IntCounter;
}

/// What [`Metrics::closed_total`] calls the end of a connection without a close frame: the peer
/// said that it is at its end.
pub const EOF: &str = "Eof";
/// The same: the kernel said that there is no peer any more.
pub const RESET: &str = "Reset";

/// What a shard counts in a turn, added to the metrics at its end: a shared
/// counter for each delivery would cost more than the delivery.
#[derive(Debug)]
pub struct ShardMetrics {
    /// Frames queued.
    pub queued: u64,
    /// Frames written.
    pub delivered: u64,
    /// Bytes written.
    pub bytes: u64,
    /// System calls.
    pub writes: u64,
    /// Ephemeral frames dropped.
    pub dropped: u64,
    metrics: Metrics,
}

/// One write in so many is measured.
const SAMPLE: u64 = 64;

impl ShardMetrics {
    /// Nothing counted yet.
    pub const fn new(metrics: Metrics) -> Self {
        Self {
            queued: 0,
            delivered: 0,
            bytes: 0,
            writes: 0,
            dropped: 0,
            metrics,
        }
    }

    /// A write takes what waited since then.
    pub fn waited(&self, since: Instant) {
        // Looking at the clock would cost the others more than it says.
        if self.writes.is_multiple_of(SAMPLE) {
            let waited = since.elapsed().as_secs_f64();
            self.metrics.delivery_seconds.observe(waited);
        }
    }

    /// A connection was closed.
    pub fn closed(&self, name: &str) {
        self.metrics.closed_total.with_label_values(&[name]).inc();
    }

    /// Adds what was counted.
    pub fn publish(&mut self) {
        let take = |counter: &IntCounter, value: &mut u64| {
            if *value > 0 {
                counter.inc_by(std::mem::take(value));
            }
        };
        take(&self.metrics.frames_queued_total, &mut self.queued);
        take(&self.metrics.frames_out_total, &mut self.delivered);
        take(&self.metrics.sent_bytes_total, &mut self.bytes);
        take(&self.metrics.writes_total, &mut self.writes);
        take(&self.metrics.queue_dropped_total, &mut self.dropped);
    }

    /// The counters of the whole gateway.
    pub const fn all(&self) -> &Metrics {
        &self.metrics
    }
}
