//! What all doors share.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use axum::{body::Body, http::Response};
use parking_lot::Mutex;
use shared::error::Refusal;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    client_origin::ClientOrigins,
    http_limit::HttpLimit,
    response::{status_of, write_refusal},
};
use crate::{
    connection::Connection,
    delivery::shards::shard_of,
    dialect::Dialect,
    limits::{
        connection_limit::{ConnectionLimit, ConnectionPermit},
        token_bucket::{Rate, TokenBucket},
    },
    page::Page,
    session::context::SessionContext,
};

/// Requests per second whose callers may decide that they are traced.
pub const TRACES: Rate = Rate {
    per_second: 10,
    burst: 40,
};

/// What all doors share.
pub struct Doors {
    /// What the sessions behind them share, and the requests over HTTP with them.
    pub sessions: Arc<SessionContext>,
    /// Which addresses and pages may connect.
    pub origins: ClientOrigins,
    /// How many connections there may be.
    pub connection_limit: ConnectionLimit,
    /// Bounds HTTP commands.
    pub http_limit: HttpLimit,
    /// What browsers load.
    pub page: Page,
    /// Whether messages are compressed for clients that ask for it.
    pub compression: bool,
    /// Cancelled when the gateway begins to stop.
    pub stop: CancellationToken,
    /// The number of the last connection.
    pub last_connection: AtomicU64,
    /// Bounds the requests that are traced because their callers say so.
    pub traces: Mutex<TokenBucket>,
}

impl Doors {
    /// Whether one more request may be traced because its caller says so.
    pub fn may_trace(&self) -> bool {
        self.traces.lock().draw(TRACES, 1, Instant::now())
    }

    /// Answers a request over HTTP with a refusal, and counts it.
    pub fn refuse_http(&self, refusal: &Refusal) -> Response<Body> {
        let reason = refusal.reason;
        let metric = &self.sessions.metrics.refusals_total;
        metric.with_label_values(&[reason.name()]).inc();
        write_refusal(status_of(reason), refusal)
    }

    /// What the halves of a new connection share.
    pub fn new_connection(
        &self,
        dialect: Dialect,
        address: u64,
        permit: ConnectionPermit,
    ) -> Connection {
        let connection = self.last_connection.fetch_add(1, Ordering::Relaxed) + 1;
        let shard = shard_of(connection, self.sessions.shards.count());
        Connection::new(connection, shard, dialect, address, permit)
    }
}
