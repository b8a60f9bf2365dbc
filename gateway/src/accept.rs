//! Accepts connections and serves HTTP on them until they are upgraded.

use std::{io, net::SocketAddr, time::Duration};

use axum::Router;
use hyper::{
    Request,
    body::Incoming,
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::places::Places;

/// How long the headers of a request may take, and how long a connection may
/// wait for its next request.
const HEADERS: Duration = Duration::from_secs(10);
/// The most bytes of a request's headers.
const MAX_HEADER_BYTES: usize = 16 * 1024;
/// How long to wait when the process has no descriptors left.
const EXHAUSTED: Duration = Duration::from_millis(50);

/// Where a connection comes from.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

/// Accepts until `stop`. `sockets` bounds connections of any kind.
pub async fn run(
    listener: TcpListener,
    router: Router,
    sockets: Places,
    tasks: TaskTracker,
    stop: CancellationToken,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                // No answer: writing one would cost what there is none left of.
                let Ok(place) = sockets.take(peer.ip()) else {
                    continue;
                };
                let router = TowerToHyperService::new(router.clone());
                let stop = stop.clone();
                tasks.spawn(async move {
                    if let Err(error) = serve(stream, peer, router, stop).await {
                        tracing::trace!(%error, "an HTTP connection ended");
                    }
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "accepting a connection failed");
                if !is_of_one_connection(&error) {
                    tokio::time::sleep(EXHAUSTED).await;
                }
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}

async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    router: TowerToHyperService<Router>,
    stop: CancellationToken,
) -> Result<(), hyper::Error> {
    // Frames are batched by the shards: the kernel must not wait for more.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::trace!(%error, "a connection keeps its delay");
    }
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        router.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .max_buf_size(MAX_HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(connection);
    tokio::select! {
        served = &mut connection => return served,
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    connection.await
}
