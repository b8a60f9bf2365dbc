//! The handshake of a WebSocket (RFC 6455 §4.2).

use std::sync::Arc;

use axum::{
    Extension,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Response, StatusCode, header},
};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use shared::error::{Reason, Refusal};
use tokio::net::TcpStream;
use tungstenite::handshake::derive_accept_key;

use crate::{
    Gateway,
    accept::Peer,
    dialect::Dialect,
    http::refused,
    places::{NoPlace, Place},
    session::{link::Link, socket},
};

/// Why a handshake fails.
struct Rejected {
    status: StatusCode,
    /// The label of metrics.
    cause: &'static str,
    refusal: Refusal,
}

impl Rejected {
    fn new(status: StatusCode, cause: &'static str, refusal: impl Into<Refusal>) -> Self {
        Self {
            status,
            cause,
            refusal: refusal.into(),
        }
    }

    fn bad(cause: &'static str) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            cause,
            Refusal::field(Reason::Malformed, cause),
        )
    }
}

/// Makes a session of a request.
pub async fn upgrade(
    State(gateway): State<Arc<Gateway>>,
    Extension(Peer(peer)): Extension<Peer>,
    mut request: Request,
) -> Response<Body> {
    let upgrade = hyper::upgrade::on(&mut request);
    match handshake(&gateway, request.headers(), peer) {
        Ok(accepted) => {
            gateway.metrics.accepted_total.inc();
            let (response, link) = accepted;
            let session = begin(Arc::clone(&gateway), link, upgrade);
            gateway.tasks.spawn(session);
            response
        }
        Err(rejected) => {
            let metrics = &gateway.metrics.rejected_total;
            metrics.with_label_values(&[rejected.cause]).inc();
            let mut response = refused(rejected.status, &rejected.refusal);
            if rejected.status == StatusCode::UPGRADE_REQUIRED {
                let headers = response.headers_mut();
                headers.insert(
                    header::SEC_WEBSOCKET_VERSION,
                    HeaderValue::from_static("13"),
                );
                headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            }
            response
        }
    }
}

fn handshake(
    gateway: &Gateway,
    headers: &HeaderMap,
    peer: std::net::SocketAddr,
) -> Result<(Response<Body>, Arc<Link>), Rejected> {
    let key = websocket_key(headers)?;
    if gateway.origins.check(headers).is_err() {
        let forbidden = Refusal::field(Reason::Forbidden, "origin");
        return Err(Rejected::new(StatusCode::FORBIDDEN, "origin", forbidden));
    }
    let (dialect, named) = sub_protocol(headers)?;
    let address = gateway.origins.address(headers, peer.ip());
    let place = place(gateway, address)?;
    let link = gateway.link(dialect, gateway.origins.hash(address), place);
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::try_from(derive_accept_key(key)) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    if named {
        let name = HeaderValue::from_static(dialect.name());
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, name);
    }
    Ok((response, Arc::new(link)))
}

fn websocket_key(headers: &HeaderMap) -> Result<&[u8], Rejected> {
    if !has_token(headers, &header::CONNECTION, "upgrade")
        || !has_token(headers, &header::UPGRADE, "websocket")
    {
        return Err(Rejected::new(
            StatusCode::UPGRADE_REQUIRED,
            "upgrade",
            Refusal::field(Reason::Malformed, "upgrade"),
        ));
    }
    if headers
        .get(header::SEC_WEBSOCKET_VERSION)
        .is_none_or(|version| version != "13")
    {
        return Err(Rejected::new(
            StatusCode::UPGRADE_REQUIRED,
            "version",
            Refusal::field(Reason::Malformed, "version"),
        ));
    }
    headers
        .get(header::SEC_WEBSOCKET_KEY)
        .map(HeaderValue::as_bytes)
        // Sixteen bytes in base64.
        .filter(|key| key.len() == 24)
        .ok_or_else(|| Rejected::bad("key"))
}

fn has_token(headers: &HeaderMap, name: &header::HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|value| value.trim().eq_ignore_ascii_case(token))
}

/// The first sub-protocol of the client that is ours, and whether it named any.
fn sub_protocol(headers: &HeaderMap) -> Result<(Dialect, bool), Rejected> {
    let mut named = false;
    let values = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL);
    let names = values.iter().filter_map(|value| value.to_str().ok());
    for name in names.flat_map(|value| value.split(',')) {
        named = true;
        if let Some(dialect) = Dialect::ALL
            .into_iter()
            .find(|dialect| dialect.name() == name.trim())
        {
            return Ok((dialect, true));
        }
    }
    if named {
        Err(Rejected::bad("protocol"))
    } else {
        Ok((Dialect::MessagePack, false))
    }
}

fn place(gateway: &Gateway, address: std::net::IpAddr) -> Result<Place, Rejected> {
    let retry = |status, cause, reason| Rejected::new(status, cause, Refusal::retry(reason, 5_000));
    if gateway.stop.is_cancelled() {
        return Err(retry(
            StatusCode::SERVICE_UNAVAILABLE,
            "drain",
            Reason::Unavailable,
        ));
    }
    gateway
        .places
        .take(address)
        .map_err(|no_place| match no_place {
            NoPlace::Full => retry(StatusCode::SERVICE_UNAVAILABLE, "full", Reason::Busy),
            NoPlace::Address => retry(
                StatusCode::TOO_MANY_REQUESTS,
                "address",
                Reason::RateLimited,
            ),
        })
}

async fn begin(gateway: Arc<Gateway>, link: Arc<Link>, upgrade: OnUpgrade) {
    // Resolves when the 101 was written, and fails when the client has gone.
    let Ok(upgraded) = upgrade.await else { return };
    let Ok(parts) = upgraded.downcast::<TokioIo<TcpStream>>() else {
        tracing::error!("an upgraded connection is no TCP stream");
        return;
    };
    let (read, write) = parts.io.into_inner().into_split();
    // The future of the session is what an idle connection costs: this one,
    // with the whole handshake in it, ends here.
    let tasks = gateway.tasks.clone();
    // Copied, because the buffer of the handshake is large even when it is empty.
    let first = parts.read_buf.to_vec();
    tasks.spawn(socket::run(gateway, link, read, write, first));
}
