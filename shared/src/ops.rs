//! The operations port: metrics, health and readiness. It has a thread of its own, so that it answers while the clients'
//! tasks keep theirs busy, and that who asks takes nothing from them.

mod connections;
mod readiness;
mod turns;

use std::{io, thread, time::Duration};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use prometheus::{Registry, TextEncoder, process_collector::ProcessCollector};
use tokio::{
    net::TcpListener,
    runtime::{Builder, Handle},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use self::{connections::Bounds, turns::Turns};

pub use self::readiness::Health;

/// Probes, scrapers and people: each has one connection at a time, for milliseconds.
const BOUNDS: Bounds = Bounds {
    connections: 64,
    lifetime: Duration::from_secs(10),
};
/// How long a task may wait for its turn in a process that lives. Probes wait longer.
const PATIENCE: Duration = Duration::from_secs(2);
/// What it says where none comes.
const STUCK: &str = "no task gets its turn";

crate::metrics! {
    /// What every program says of itself.
    pub struct OpsMetrics in "confab";

    /// Whether this process is ready for work, as `/readyz` says: 1, or 0.
    ready: IntGauge;
}

#[derive(Clone)]
struct Ops {
    registry: Registry,
    metrics: OpsMetrics,
    health: Health,
    turns: Turns,
}

/// The port while it is open; dropping it closes it.
#[derive(Debug)]
pub struct OpsPort {
    stop: DropGuard,
    closed: CancellationToken,
}

impl OpsPort {
    /// Serves `/metrics`, `/healthz` and `/readyz`, the second one for the runtime that it is called in.
    pub fn open(listener: TcpListener, registry: Registry, health: Health) -> io::Result<Self> {
        let turns = Turns::new(Handle::current(), PATIENCE);
        open(listener, build_router(registry, health, turns)?, BOUNDS)
    }

    /// Closes it, once what is under way was answered.
    pub async fn close(self) {
        drop(self.stop);
        self.closed.cancelled().await;
    }
}

fn open(listener: TcpListener, router: Router, bounds: Bounds) -> io::Result<OpsPort> {
    // From the runtime that it was made in to that of the thread.
    let listener = listener.into_std()?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (stop, closed) = (CancellationToken::new(), CancellationToken::new());
    let port = OpsPort {
        stop: stop.clone().drop_guard(),
        closed: closed.clone(),
    };
    let serve = async move {
        match TcpListener::from_std(listener) {
            Ok(listener) => connections::serve(listener, router, bounds, stop).await,
            Err(error) => tracing::error!(%error, "the operations port does not open"),
        }
    };
    thread::Builder::new()
        .name("ops".to_owned())
        .spawn(move || {
            let _closed = closed.drop_guard();
            runtime.block_on(serve);
        })?;
    Ok(port)
}

fn build_router(registry: Registry, health: Health, turns: Turns) -> io::Result<Router> {
    // Fails only where a caller registered the same collector: then it is there.
    if let Err(error) = registry.register(Box::new(ProcessCollector::for_self())) {
        tracing::debug!(%error, "process metrics are registered already");
    }
    let metrics = OpsMetrics::new(&registry).map_err(io::Error::other)?;
    let ops = Ops {
        registry,
        metrics,
        health,
        turns,
    };
    Ok(Router::new()
        .route("/metrics", get(gather))
        .route("/healthz", get(liveness))
        .route("/readyz", get(readiness))
        .with_state(ops))
}

async fn gather(State(ops): State<Ops>) -> impl IntoResponse {
    ops.metrics.ready.set(i64::from(ops.health.is_ready()));
    match TextEncoder::new().encode_to_string(&ops.registry.gather()) {
        Ok(text) => (
            StatusCode::OK,
            [(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)],
            text,
        ),
        Err(error) => (
            StatusCode::INTERNAL_SERVER_ERROR,
            [(header::CONTENT_TYPE, "text/plain; charset=utf-8")],
            error.to_string(),
        ),
    }
}

async fn liveness(State(ops): State<Ops>) -> (StatusCode, &'static str) {
    if ops.turns.come().await {
        (StatusCode::OK, "ok")
    } else {
        tracing::error!("{STUCK}");
        (StatusCode::SERVICE_UNAVAILABLE, STUCK)
    }
}

/// What checks found last counts only as long as they get their turn.
async fn readiness(State(ops): State<Ops>) -> (StatusCode, String) {
    if !ops.turns.come().await {
        (StatusCode::SERVICE_UNAVAILABLE, format!("{STUCK}\n"))
    } else if ops.health.is_ready() {
        (StatusCode::OK, ops.health.report())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, ops.health.report())
    }
}

#[cfg(test)]
mod tests;
