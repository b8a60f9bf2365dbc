//! What all sessions of a gateway share.

use shared::{
    bus::envelope::{NodeAnswer, NodeQuery},
    clock::Clock,
    close::CloseCode,
    error::Refusal,
    frame::opcode,
    protocol::control::Gap,
};
use tokio::{
    sync::mpsc,
    time::{Duration, sleep},
};
use tokio_util::task::TaskTracker;

use super::{SessionConfig, event_log::EventLog};
use crate::{
    connection::Connection,
    delivery::{message::Close, shards::Shards},
    fanout::message::ToFanout,
    limits::memory_budget::MemoryBudget,
    metrics::Metrics,
    presence::Presence,
    requests::Requests,
};

/// How often a question is asked again when the cluster is busy.
const ATTEMPTS: u32 = 5;
/// How long to wait before the first repetition; twice as long with each further one.
const BACKOFF: Duration = Duration::from_millis(200);

/// What all sessions of a gateway share.
pub struct SessionContext {
    /// The gateway's name.
    pub node: String,
    /// What sessions keep to.
    pub config: SessionConfig,
    /// The largest frame of a client.
    pub max_frame_bytes: usize,
    /// How much may wait for all of them.
    pub memory: MemoryBudget,
    /// What clients are told of the time.
    pub clock: Clock,
    /// Asks workers.
    pub requests: Requests,
    /// What was missed.
    pub log: EventLog,
    /// The fan-out.
    pub fanout: mpsc::Sender<ToFanout>,
    /// The shards.
    pub shards: Shards,
    /// Who is there.
    pub presence: Presence,
    /// Where queries run, and sessions are opened.
    pub tasks: TaskTracker,
    /// What is counted.
    pub metrics: Metrics,
}

/// Why opening or attaching ends early; the connection is closed already, or is about to be.
pub struct Ended;

impl SessionContext {
    /// Asks a worker, and again while the cluster is busy.
    pub async fn ask_worker(
        &self,
        connection: &Connection,
        query: &NodeQuery,
    ) -> Result<NodeAnswer, Refusal> {
        let queries = &self.requests.queries;
        retry_while_busy(connection, || queries.ask_for_gateway(query)).await
    }

    /// Ends a connection.
    pub async fn end_session(&self, connection: &Connection, code: CloseCode) -> Ended {
        self.shards
            .close_connection(connection, Close::Code(code))
            .await;
        Ended
    }

    /// Tells a client that a topic goes on at a place.
    pub async fn send_gap(&self, connection: &Connection, topic: u64, seq: u64) {
        self.metrics.gaps_total.inc();
        let frame = connection.dialect.control(opcode::GAP, &Gap { topic, seq });
        self.shards.send_frames(connection, vec![frame]).await;
    }
}

/// Asks again while the cluster is busy.
pub async fn retry_while_busy<T, F: Future<Output = Result<T, Refusal>>>(
    connection: &Connection,
    ask: impl Fn() -> F,
) -> Result<T, Refusal> {
    let mut pause = BACKOFF;
    for _ in 1..ATTEMPTS {
        let answer = ask().await;
        if answer.is_ok() || connection.is_closing() {
            return answer;
        }
        sleep(pause).await;
        pause *= 2;
    }
    ask().await
}
