//! The operations port: metrics, health and readiness.

use std::{
    collections::BTreeMap,
    fmt::Write,
    future::IntoFuture,
    io, mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use prometheus::{Registry, TextEncoder, process_collector::ProcessCollector};
use sd_notify::NotifyState;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// How long a scrape that is under way may go on after the stop.
const GRACE: Duration = Duration::from_secs(1);

/// Whether this process should get work. Clones share their state.
#[derive(Debug, Clone)]
pub struct Health(Arc<Mutex<Readiness>>);

#[derive(Debug)]
struct Readiness {
    draining: bool,
    /// Whether it was ready once, which systemd was told.
    was_ready: bool,
    checks: BTreeMap<&'static str, Result<(), String>>,
}

impl Health {
    /// Health with these checks, all failing until they are set.
    pub fn new(names: &[&'static str]) -> Self {
        let checks = names
            .iter()
            .map(|name| (*name, Err("not checked yet".to_owned())))
            .collect();
        Self(Arc::new(Mutex::new(Readiness {
            draining: false,
            was_ready: false,
            checks,
        })))
    }

    /// Sets what a check found last.
    pub fn set_check(&self, name: &'static str, found: Result<(), String>) {
        let mut health = self.lock();
        health.checks.insert(name, found);
        if health.is_ready() && !mem::replace(&mut health.was_ready, true) {
            drop(health);
            tell_systemd(NotifyState::Ready);
        }
    }

    /// Fails readiness from now on: the process is about to stop.
    pub fn start_draining(&self) {
        self.lock().draining = true;
        tell_systemd(NotifyState::Stopping);
    }

    /// Whether all checks hold and the process is not draining.
    pub fn is_ready(&self) -> bool {
        self.lock().is_ready()
    }

    /// Whether it ever was.
    pub fn was_ready(&self) -> bool {
        self.lock().was_ready
    }

    /// One line per check.
    fn report(&self) -> String {
        let health = self.lock();
        let mut report = String::new();
        if health.draining {
            report.push_str("draining\n");
        }
        for (name, found) in &health.checks {
            let found = found.as_ref().map_or_else(String::as_str, |()| "ok");
            // Writing to a string cannot fail.
            writeln!(report, "{name}: {}", found.replace('\n', " ")).unwrap_or_default();
        }
        report
    }

    fn lock(&self) -> MutexGuard<'_, Readiness> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Readiness {
    fn is_ready(&self) -> bool {
        !self.draining && self.checks.values().all(Result::is_ok)
    }
}

/// Tells systemd, where it started this process and waits to hear it (`Type=notify`).
fn tell_systemd(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "systemd was not told");
    }
}

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
}

/// Serves `/metrics`, `/healthz` and `/readyz` until `stop`.
pub async fn serve(
    listener: TcpListener,
    registry: Registry,
    health: Health,
    stop: CancellationToken,
) -> io::Result<()> {
    // Fails only where a caller registered the same collector: then it is there.
    if let Err(error) = registry.register(Box::new(ProcessCollector::for_self())) {
        tracing::debug!(%error, "process metrics are registered already");
    }
    let metrics = OpsMetrics::new(&registry).map_err(io::Error::other)?;
    let ops = Ops {
        registry,
        metrics,
        health,
    };
    let router = Router::new()
        .route("/metrics", get(gather))
        .route("/healthz", get(async || "ok"))
        .route("/readyz", get(readiness))
        .with_state(ops);
    let serve = axum::serve(listener, router)
        .with_graceful_shutdown(stop.clone().cancelled_owned())
        .into_future();
    tokio::select! {
        served = serve => served,
        () = async { stop.cancelled().await; tokio::time::sleep(GRACE).await } => Ok(()),
    }
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

async fn readiness(State(ops): State<Ops>) -> impl IntoResponse {
    let status = if ops.health.is_ready() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, ops.health.report())
}

#[cfg(test)]
mod tests {
    use prometheus::IntCounter;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
    };
    use tokio_util::task::TaskTracker;

    use super::*;

    struct Port {
        address: std::net::SocketAddr,
        health: Health,
        stop: CancellationToken,
        tasks: TaskTracker,
    }

    async fn open(names: &[&'static str]) -> Port {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let registry = Registry::new();
        let counter = IntCounter::new("answers_total", "Answers.").unwrap();
        counter.inc_by(42);
        registry.register(Box::new(counter)).unwrap();
        let (health, stop, tasks) = (
            Health::new(names),
            CancellationToken::new(),
            TaskTracker::new(),
        );
        let serving = serve(listener, registry, health.clone(), stop.clone());
        tasks.spawn(async move { serving.await.unwrap() });
        tasks.close();
        Port {
            address,
            health,
            stop,
            tasks,
        }
    }

    impl Port {
        async fn get(&self, path: &str) -> (u16, String) {
            let mut socket = TcpStream::connect(self.address).await.unwrap();
            let request = format!("GET {path} HTTP/1.1\r\nhost: ops\r\nconnection: close\r\n\r\n");
            socket.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            socket.read_to_string(&mut answer).await.unwrap();
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            let status = head.split(' ').nth(1).unwrap();
            (status.parse().unwrap(), body.to_owned())
        }
    }

    #[tokio::test]
    async fn metrics_hold_ours_and_those_of_the_process() {
        let port = open(&[]).await;
        let (status, text) = port.get("/metrics").await;
        assert_eq!(status, 200);
        assert!(text.contains("answers_total 42"), "{text}");
        assert!(text.contains("process_resident_memory_bytes"), "{text}");
    }

    #[tokio::test]
    async fn ready_only_when_every_check_holds_and_not_draining() {
        let port = open(&["lanes", "bus"]).await;
        assert!(!port.health.was_ready());
        assert_eq!(port.get("/healthz").await, (200, "ok".to_owned()));
        let (status, text) = port.get("/readyz").await;
        assert_eq!(status, 503);
        assert_eq!(text, "bus: not checked yet\nlanes: not checked yet\n");

        port.health.set_check("bus", Ok(()));
        port.health
            .set_check("lanes", Err("none\nowned".to_owned()));
        let (status, text) = port.get("/readyz").await;
        assert_eq!(
            (status, text.as_str()),
            (503, "bus: ok\nlanes: none owned\n")
        );

        assert!(port.get("/metrics").await.1.contains("confab_ready 0\n"));

        port.health.set_check("lanes", Ok(()));
        assert_eq!(port.get("/readyz").await.0, 200);
        assert!(port.get("/metrics").await.1.contains("confab_ready 1\n"));

        port.health.start_draining();
        let (status, text) = port.get("/readyz").await;
        assert_eq!(
            (status, text.as_str()),
            (503, "draining\nbus: ok\nlanes: ok\n")
        );
        assert!(port.health.was_ready());
        assert_eq!(port.get("/healthz").await.0, 200);
    }

    #[tokio::test]
    async fn stops_when_told_even_with_a_connection_open() {
        let port = open(&[]).await;
        let _idle = TcpStream::connect(port.address).await.unwrap();
        assert_eq!(port.get("/healthz").await.0, 200);
        port.stop.cancel();
        port.tasks.wait().await;
        assert!(TcpStream::connect(port.address).await.is_err());
    }
}
