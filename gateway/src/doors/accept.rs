//! Accepts connections and serves HTTP on them until they are upgraded.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

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
use tokio::{
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::client_origin::{Peer, Scheme};
use crate::{
    limits::connection_limit::{ConnectionLimit, ConnectionPermit, LimitReached},
    metrics::Metrics,
    transport::{Io, Stream, proxy, tls::Certificate, trusted_proxies::TrustedProxies},
};

/// How long the headers of a request may take, and how long a connection may
/// wait for its next request. The same for what comes before them.
const HEADERS: Duration = Duration::from_secs(10);
/// The most bytes of a request's headers.
const MAX_HEADER_BYTES: usize = 16 * 1024;
/// How long to wait when the process has no descriptors left.
const EXHAUSTED: Duration = Duration::from_millis(50);
/// How long the kernel waits for the peer to acknowledge what was sent, in milliseconds: a
/// peer that vanished without a word is noticed before its heartbeat is missed.
const USER_TIMEOUT_MS: u32 = 30_000;

/// What connections pass.
#[derive(Clone)]
pub struct Acceptor {
    /// What is behind it.
    pub router: Router,
    /// Bounds connections of any kind.
    pub sockets: ConnectionLimit,
    /// Bounds those of one address: its own, or the one that a proxy names.
    pub addresses: ConnectionLimit,
    /// From which all sockets of one address may be those of many clients.
    pub proxies: TrustedProxies,
    /// Whether each connection begins with a header of the PROXY protocol.
    pub proxied: bool,
    /// With which TLS is spoken; plain TCP without one.
    pub certificate: Option<Certificate>,
    /// How long a reader may take nothing of a response.
    pub stall: Duration,
    /// Where connections run.
    pub tasks: TaskTracker,
    /// Ends accepting.
    pub stop: CancellationToken,
    /// What is counted.
    pub metrics: Metrics,
}

/// Why a connection is not served.
enum SocketRefused {
    /// The gateway, or its address, has as many as it may.
    Limit(LimitReached),
    /// It does not begin as it should.
    Proxy(io::Error),
    /// TLS was not agreed on.
    Tls(io::Error),
    /// It took too long to begin.
    Slow,
}

impl SocketRefused {
    /// The label of metrics.
    const fn cause(&self) -> &'static str {
        match self {
            Self::Limit(reached) => reached.cause(),
            Self::Proxy(_) => "proxy",
            Self::Tls(_) => "tls",
            Self::Slow => "slow",
        }
    }
}

/// Accepts until the door is closed.
pub async fn run(listener: TcpListener, acceptor: Arc<Acceptor>) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = acceptor.stop.cancelled() => return,
        };
        match accepted {
            Ok((stream, peer)) => match acceptor.take_permits(peer.ip()) {
                Ok(permits) => {
                    let tasks = acceptor.tasks.clone();
                    tasks.spawn(Arc::clone(&acceptor).pass_connection(stream, peer, permits));
                }
                // No answer: writing one would cost what there is none left of.
                Err(reached) => acceptor.count_refused(&SocketRefused::Limit(reached)),
            },
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

/// What a socket takes: of the gateway, and of its address where that is a client's.
type Permits = (ConnectionPermit, Option<ConnectionPermit>);

impl Acceptor {
    fn take_permits(&self, peer: IpAddr) -> Result<Permits, LimitReached> {
        let is_client = !self.proxied && !self.proxies.name_clients(peer);
        let of_address = is_client.then(|| self.addresses.take_permit(peer));
        Ok((self.sockets.take_permit(peer)?, of_address.transpose()?))
    }

    fn count_refused(&self, refused: &SocketRefused) {
        if let SocketRefused::Proxy(error) | SocketRefused::Tls(error) = refused {
            tracing::debug!(cause = refused.cause(), %error, "a socket was refused");
        }
        let metric = &self.metrics.sockets_refused_total;
        metric.with_label_values(&[refused.cause()]).inc();
    }

    async fn pass_connection(
        self: Arc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
        permits: Permits,
    ) {
        tune_socket(&stream);
        // On the heap: most of it is the handshake of TLS, which is soon over.
        let opening = Box::pin(timeout(HEADERS, self.open_transport(stream, peer))).await;
        match opening.unwrap_or(Err(SocketRefused::Slow)) {
            Ok((stream, peer, named)) => {
                if let Err(error) = self.serve_http(stream, peer).await {
                    tracing::trace!(%error, "an HTTP connection ended");
                }
                drop(named);
            }
            Err(refused) => self.count_refused(&refused),
        }
        drop(permits);
    }

    /// What comes before HTTP.
    async fn open_transport(
        &self,
        mut stream: TcpStream,
        address: SocketAddr,
    ) -> Result<(Stream, Peer, Option<ConnectionPermit>), SocketRefused> {
        let (mut address, mut permit) = (address, None);
        if self.proxied {
            if !self.proxies.include(address.ip()) {
                let stranger = "who connects is no trusted proxy";
                let error = io::Error::new(io::ErrorKind::PermissionDenied, stranger);
                return Err(SocketRefused::Proxy(error));
            }
            let named = proxy::read(&mut stream)
                .await
                .map_err(SocketRefused::Proxy)?;
            address = named.unwrap_or(address);
            // The proxy's own checks are few; they take nobody's permit.
            permit = named.map(|client| self.addresses.take_permit(client.ip()));
        }
        let permit = permit.transpose().map_err(SocketRefused::Limit)?;
        let (io, scheme) = match &self.certificate {
            Some(certificate) => {
                let accepted = certificate.acceptor().accept(stream).await;
                let stream = accepted.map_err(SocketRefused::Tls)?;
                (Io::Right(Box::new(stream)), Scheme::Https)
            }
            // TLS may have ended at the proxy.
            None if self.proxied => (Io::Left(stream), Scheme::Unknown),
            None => (Io::Left(stream), Scheme::Http),
        };
        let peer = Peer { address, scheme };
        Ok((Stream::new(io, self.stall), peer, permit))
    }

    async fn serve_http(&self, stream: Stream, peer: Peer) -> Result<(), hyper::Error> {
        let router = TowerToHyperService::new(self.router.clone());
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer);
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
            () = self.stop.cancelled() => connection.as_mut().graceful_shutdown(),
        }
        connection.await
    }
}

/// Frames are batched by the shards, so the kernel must not wait for more; and it must not
/// wait for ever for a peer that has vanished.
fn tune_socket(stream: &TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::trace!(%error, "a connection keeps its delay");
    }
    if let Err(error) = rustix::net::sockopt::set_tcp_user_timeout(stream, USER_TIMEOUT_MS) {
        tracing::trace!(%error, "a connection waits for its peer");
    }
}
