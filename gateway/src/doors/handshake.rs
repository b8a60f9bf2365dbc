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
use shared::{
    close::CloseCode,
    error::{Reason, Refusal},
};
use tungstenite::handshake::derive_accept_key;

use super::{
    client_origin::Peer,
    context::Doors,
    response::{is_upgrade, write_refusal},
};
use crate::{
    connection::Connection,
    deflate,
    delivery::message::Close,
    dialect::Dialect,
    session::{
        context::SessionContext,
        reader::{self, FromHandshake},
    },
    transport::{Io, Stream, socket::Socket, split_connection},
};

/// What comes of a handshake.
enum Handshake {
    /// A session begins, maybe that of the page's cookie.
    Begin(Response<Body>, Arc<Connection>, Option<Box<str>>),
    /// There is no room: a browser shows its page no status, but a close code.
    TurnAway(Response<Body>, &'static str),
}

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
pub async fn upgrade_request(
    State(doors): State<Arc<Doors>>,
    Extension(peer): Extension<Peer>,
    mut request: Request,
) -> Response<Body> {
    let upgrade = hyper::upgrade::on(&mut request);
    match check_handshake(&doors, request.headers(), peer) {
        Ok(Handshake::Begin(response, connection, token)) => {
            doors.sessions.metrics.accepted_total.inc();
            let session = begin_session(Arc::clone(&doors.sessions), connection, upgrade, token);
            doors.sessions.tasks.spawn(session);
            response
        }
        Ok(Handshake::TurnAway(response, cause)) => {
            doors.count_rejected(cause);
            doors.sessions.tasks.spawn(turn_away(upgrade));
            response
        }
        Err(rejected) => {
            doors.count_rejected(rejected.cause);
            let mut response = write_refusal(rejected.status, &rejected.refusal);
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

impl Doors {
    fn count_rejected(&self, cause: &str) {
        let rejected = &self.sessions.metrics.rejected_total;
        rejected.with_label_values(&[cause]).inc();
    }
}

fn check_handshake(doors: &Doors, headers: &HeaderMap, peer: Peer) -> Result<Handshake, Rejected> {
    let key = websocket_key(headers)?;
    if doors.origins.check_origin(headers, peer).is_err() {
        let forbidden = Refusal::field(Reason::Forbidden, "origin");
        return Err(Rejected::new(StatusCode::FORBIDDEN, "origin", forbidden));
    }
    let (dialect, named) = sub_protocol(headers)?;
    if doors.stop.is_cancelled() {
        let unavailable = Refusal::retry(Reason::Unavailable, 5_000);
        let status = StatusCode::SERVICE_UNAVAILABLE;
        return Err(Rejected::new(status, "drain", unavailable));
    }
    let deflates = doors.compression && deflate::is_offered(headers);
    let response = write_switching(key, named.then_some(dialect), deflates);
    if doors.sessions.memory.is_over() {
        return Ok(Handshake::TurnAway(response, "memory"));
    }
    let address = doors.origins.client_address(headers, peer);
    Ok(match doors.connection_limit.take_permit(address) {
        Ok(permit) => {
            let connection =
                doors.new_connection(dialect, doors.origins.hash_address(address), permit);
            let cookie = doors.origins.check_page(headers, peer).ok();
            let token = cookie.and_then(|cookie| cookie.find_token(headers));
            let connection = Arc::new(connection.deflating(deflates));
            Handshake::Begin(response, connection, token.map(Box::from))
        }
        Err(reached) => Handshake::TurnAway(response, reached.cause()),
    })
}

/// The answer that makes a WebSocket of the connection.
fn write_switching(key: &[u8], dialect: Option<Dialect>, deflates: bool) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::try_from(derive_accept_key(key)) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    if let Some(dialect) = dialect {
        let name = HeaderValue::from_static(dialect.name());
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, name);
    }
    if deflates {
        let accepted = HeaderValue::from_static(deflate::ACCEPTED);
        headers.insert(header::SEC_WEBSOCKET_EXTENSIONS, accepted);
    }
    response
}

fn websocket_key(headers: &HeaderMap) -> Result<&[u8], Rejected> {
    if !is_upgrade(headers) {
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

/// The first sub-protocol of the client that is ours, and whether it named any. Who names
/// none speaks MessagePack.
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
        let known = Dialect::ALL.map(Dialect::name).join(" or ");
        let refusal = Refusal::field(Reason::Malformed, &format!("protocol: {known}"));
        Err(Rejected::new(StatusCode::BAD_REQUEST, "protocol", refusal))
    } else {
        Ok((Dialect::MessagePack, false))
    }
}

async fn begin_session(
    sessions: Arc<SessionContext>,
    connection: Arc<Connection>,
    upgrade: OnUpgrade,
    token: Option<Box<str>>,
) {
    let Some((io, bytes)) = await_upgrade(upgrade).await else {
        return;
    };
    let first = FromHandshake { bytes, token };
    let (read, write) = split_connection(io);
    // The future of the session is what an idle connection costs: this one,
    // with the whole handshake in it, ends here.
    let tasks = sessions.tasks.clone();
    tasks.spawn(reader::run(sessions, connection, read, write, first));
}

/// Says why there is no session.
async fn turn_away(upgrade: OnUpgrade) {
    let Some((io, _)) = await_upgrade(upgrade).await else {
        return;
    };
    let (read, write) = split_connection(io);
    let frame = Close::Code(CloseCode::Full).frame();
    // A new connection has room for some bytes; without it, it ends without a word.
    if write.try_write(&frame).is_ok() {
        drop(write);
        reader::wait_for_close(&read).await;
    }
}

/// The connection, and what of it was read with the handshake. None when the client has gone.
async fn await_upgrade(upgrade: OnUpgrade) -> Option<(Io, Vec<u8>)> {
    // Resolves when the 101 was written.
    let upgraded = upgrade.await.ok()?;
    let Ok(parts) = upgraded.downcast::<TokioIo<Stream>>() else {
        tracing::error!("an upgraded connection is none of ours");
        return None;
    };
    // Copied, because the buffer of the handshake is large even when it is empty.
    let first = parts.read_buf.to_vec();
    Some((parts.io.into_inner().into_io(), first))
}
