//! The connections of the operations port. It is reached by strangers, and by programs that hang: neither keeps
//! files of the process, nor others away.

use std::{collections::VecDeque, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::{
    net::{TcpListener, TcpStream},
    task::{AbortHandle, JoinSet, yield_now},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

/// How long what is under way may go on after the stop.
const GRACE: Duration = Duration::from_secs(1);
/// How long to wait when the process has no descriptors left.
const EXHAUSTED: Duration = Duration::from_millis(50);
/// The most bytes of a request; what it has besides headers is not read.
const MAX_REQUEST_BYTES: usize = 8 * 1024;

/// What connections may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// How many there are at once. One more ends the oldest: it is the one that takes longest.
    pub(super) connections: usize,
    /// How long one may last, from its first byte to its last.
    pub(super) lifetime: Duration,
}

/// Answers until `stop`.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    bounds: Bounds,
    stop: CancellationToken,
) {
    let mut connections = JoinSet::new();
    let mut by_age: VecDeque<AbortHandle> = VecDeque::new();
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        let socket = match accepted {
            Ok((socket, _)) => socket,
            Err(error) => {
                tracing::warn!(%error, "the operations port accepts nobody");
                sleep(EXHAUSTED).await;
                continue;
            }
        };
        while connections.try_join_next().is_some() {}
        by_age.retain(|connection| !connection.is_finished());
        if by_age.len() >= bounds.connections
            && let Some(oldest) = by_age.pop_front()
        {
            oldest.abort();
        }
        let answering = answer(socket, router.clone(), stop.clone());
        by_age.push_back(connections.spawn(async move {
            // Nobody is told: who is cut off knows best what it did until then.
            timeout(bounds.lifetime, answering)
                .await
                .unwrap_or_default();
        }));
        // Each was looked at once before there are too many.
        yield_now().await;
    }
    // Those that are left end with the set.
    timeout(GRACE, async {
        while connections.join_next().await.is_some() {}
    })
    .await
    .unwrap_or_default();
}

/// Answers one request: probes and scrapes are seconds apart, and a connection costs less than keeping it.
async fn answer(socket: TcpStream, router: Router, stop: CancellationToken) {
    let connection = http1::Builder::new()
        .keep_alive(false)
        .max_buf_size(MAX_REQUEST_BYTES)
        .serve_connection(TokioIo::new(socket), TowerToHyperService::new(router));
    tokio::pin!(connection);
    let served = tokio::select! {
        served = &mut connection => served,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::trace!(%error, "a connection of the operations port ended");
    }
}
