//! The HTTP door: the same commands as on the socket, one per request.

use std::{net::IpAddr, sync::Arc, time::Duration};

use axum::{
    Extension, Router,
    body::Body,
    extract::{Path, Query, Request, State},
    http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header},
    middleware::{Next, from_fn_with_state, map_response},
    routing::{any, get},
};
use bytes::Bytes;
use futures_util::StreamExt;
use serde::Deserialize;
use shared::{
    bus::envelope::Caller,
    error::{Reason, Refusal},
    frame::{ServerFrame, opcode},
    protocol::{Row, row_named},
    telemetry,
};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, timeout},
};
use tracing::{Instrument, Span};

use super::{accept::Peer, handshake::upgrade};
use crate::{
    dialect::json,
    limits::{
        connection_limit::{Place, Places},
        memory::{Charge, Memory},
    },
    requests::{
        queries::Asker,
        quotas::{What, Who},
        token_cache::Known,
    },
    runtime::Gateway,
    session::Request as Command,
};

/// Requests from before their body comes until their response was taken. Most of them wait
/// for a client, and hold no more than what came or was not taken yet.
const VISITS: usize = 16_384;
/// Those of one network address: a household or an office.
const ADDRESS_VISITS: usize = 128;
/// Requests that are executed; whose bodies come slowly and whose responses are taken slowly
/// are none.
const TURNS: usize = 1_024;
/// The part of the gateway's memory that HTTP may hold: who sends and reads slowly here must
/// not close the sockets of others.
const SHARE: usize = 4;
/// How long the body of a request may take.
const BODY: Duration = Duration::from_secs(10);
/// When to come again to a gateway with too many requests, in milliseconds.
const RETRY_MS: u64 = 1_000;

/// What bounds HTTP at a gateway.
pub struct Bounds {
    visits: Places,
    turns: Semaphore,
    /// What HTTP holds, for its own bound and for that of all.
    own: Memory,
    all: Memory,
}

/// A request, from before its body comes until its response was taken.
struct Visit {
    _place: Place,
    own: Charge,
    all: Charge,
}

impl Bounds {
    /// Nobody is there yet. HTTP has a share of `memory`, of `bytes` in all.
    pub fn new(memory: &Memory, bytes: usize) -> Self {
        Self {
            visits: Places::new(VISITS, ADDRESS_VISITS),
            turns: Semaphore::new(TURNS),
            own: Memory::new(bytes / SHARE),
            all: memory.clone(),
        }
    }

    fn visit(&self, address: IpAddr) -> Result<Visit, Refusal> {
        self.check()?;
        let place = self.visits.take(address).map_err(|_full| busy())?;
        Ok(Visit {
            _place: place,
            own: self.own.charge(),
            all: self.all.charge(),
        })
    }

    fn turn(&self) -> Result<SemaphorePermit<'_>, Refusal> {
        self.check()?;
        self.turns.try_acquire().map_err(|_full| busy())
    }

    /// Whether there is memory for more.
    fn check(&self) -> Result<(), Refusal> {
        if self.own.is_over() || self.all.is_over() {
            return Err(busy());
        }
        Ok(())
    }
}

impl Visit {
    /// It holds so many bytes now.
    fn holds(&mut self, bytes: usize) {
        self.own.set(bytes);
        self.all.set(bytes);
    }
}

fn busy() -> Refusal {
    Refusal::retry(Reason::Busy, RETRY_MS)
}

/// The routes of a gateway.
pub fn router(gateway: Arc<Gateway>) -> Router {
    Router::new()
        .route("/ws", get(upgrade))
        .route("/api/v1/commands/{name}", any(command))
        .fallback(async || refused(StatusCode::NOT_FOUND, &Reason::UnknownCommand.into()))
        .layer(map_response(secured))
        .layer(from_fn_with_state(Arc::clone(&gateway), counted))
        .with_state(gateway)
}

#[derive(Deserialize)]
struct Parameters {
    scope: Option<String>,
}

async fn command(
    State(gateway): State<Arc<Gateway>>,
    Extension(peer): Extension<Peer>,
    Path(name): Path<String>,
    Query(parameters): Query<Parameters>,
    request: Request,
) -> Response<Body> {
    let headers = request.headers();
    let origin = match gateway.origins.check(headers, peer.scheme) {
        Ok(origin) => origin.and_then(|origin| HeaderValue::from_str(origin).ok()),
        Err(_forbidden) => {
            let refusal = Refusal::field(Reason::Forbidden, "origin");
            return refused(StatusCode::FORBIDDEN, &refusal);
        }
    };
    let mut response = match *request.method() {
        Method::OPTIONS => preflight(),
        Method::POST => {
            let address = gateway.origins.address(headers, peer.address.ip());
            let scope = parameters.scope;
            let span = trace(&gateway, headers);
            let executing = execute(&gateway, &name, scope.as_deref(), address, request);
            match executing.instrument(span).await {
                // Who reads by drops keeps the places of his address, and nobody's turn.
                Ok((text, visit)) => {
                    let bytes = Bytes::from_owner(Taken {
                        text,
                        _visit: visit,
                    });
                    json_response(StatusCode::OK, bytes.into())
                }
                Err(refusal) => {
                    let reason = refusal.reason;
                    let metrics = &gateway.metrics.refusals_total;
                    metrics.with_label_values(&[reason.name()]).inc();
                    refused(status(reason), &refusal)
                }
            }
        }
        _ => refused(
            StatusCode::METHOD_NOT_ALLOWED,
            &Refusal::field(Reason::Malformed, "method"),
        ),
    };
    if let Some(origin) = origin {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::VARY, HeaderValue::from_static("origin"));
        headers.insert(
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static("retry-after"),
        );
    }
    response
}

/// The span of the caller's trace, where he has one and wants it to go on here. Strangers say
/// what is traced this way, so only some requests of a second are.
fn trace(gateway: &Gateway, headers: &HeaderMap) -> Span {
    let named = headers.get("traceparent");
    match named.and_then(|value| value.to_str().ok()) {
        Some(parent) if gateway.traced() => {
            let span = tracing::debug_span!("http");
            telemetry::adopt(&span, Some(parent));
            span
        }
        _ => Span::none(),
    }
}

/// A response that holds its place until its last byte was taken.
struct Taken {
    text: String,
    _visit: Visit,
}

impl AsRef<[u8]> for Taken {
    fn as_ref(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

async fn execute(
    gateway: &Gateway,
    name: &str,
    scope: Option<&str>,
    address: IpAddr,
    request: Request,
) -> Result<(String, Visit), Refusal> {
    let row = row_named(name).ok_or(Reason::UnknownCommand)?;
    let scope = json::scope(scope)?;
    let token = bearer(request.headers())?.map(ToOwned::to_owned);
    let mut visit = gateway.http.visit(address)?;
    let address = gateway.origins.hash(address);
    // Before the body: who may not ask is not read.
    let caller = caller(gateway, What::of(row), token.as_deref(), address).await?;
    let body = body(gateway, row, request.into_body(), &mut visit).await?;
    // Only now: those who send slowly must not take the turns of others.
    let turn = gateway.http.turn()?;
    let command = Command {
        opcode: row.opcode,
        request: 0,
        scope,
        body,
    };
    let payload = send(gateway, caller, address, command).await?;
    drop(turn);
    match ServerFrame::read(&payload) {
        Some(ServerFrame::Reply { body, .. }) => {
            let text = json::reply_body(row.opcode, body)?;
            visit.holds(text.capacity());
            Ok((text, visit))
        }
        Some(ServerFrame::Refusal { refusal, .. }) => Err(refusal),
        _ => Err(Reason::Internal.into()),
    }
}

/// Who asks, and whether he may ask more. Only who has an open session draws from his account:
/// the token of one that has ended is no longer its owner's alone.
async fn caller(
    gateway: &Gateway,
    what: What,
    token: Option<&str>,
    address: u64,
) -> Result<Option<Caller>, Refusal> {
    let (quotas, now) = (&gateway.quotas, Instant::now());
    let Some(token) = token else {
        quotas.admit(Who::Stranger, what, address, now)?;
        return Ok(None);
    };
    let claim = gateway.queries.claim(token);
    let session = claim.ok_or(Reason::Unauthenticated)?.session;
    let caller = match gateway.tokens.known(token, now) {
        Some(Known::Opens(caller)) => {
            quotas.admit(Who::Account(caller.user), what, address, now)?;
            caller
        }
        Some(Known::OpensNothing) => return Err(Reason::Unauthenticated.into()),
        None => {
            quotas.admit(Who::Session(session), what, address, now)?;
            let caller = gateway.tokens.ask(&gateway.queries, token).await?;
            quotas.opened(caller.user, now)?;
            caller
        }
    };
    Ok(Some(caller))
}

async fn send(
    gateway: &Gateway,
    caller: Option<Caller>,
    address: u64,
    command: Command,
) -> Result<Bytes, Refusal> {
    if command.opcode >= opcode::FIRST_ANY {
        let asker = Asker {
            connection: 0,
            caller,
            address,
        };
        return gateway.queries.ask(asker, command).await;
    }
    let caller = caller.ok_or(Reason::Unauthenticated)?;
    gateway
        .upstream
        .command_and_wait(&caller, address, command)
        .await
}

async fn body(
    gateway: &Gateway,
    row: &Row,
    body: Body,
    visit: &mut Visit,
) -> Result<Vec<u8>, Refusal> {
    let malformed = || Refusal::field(Reason::Malformed, "body");
    let read = timeout(BODY, read(gateway, body, visit)).await;
    let bytes = read.map_err(|_elapsed| malformed())??;
    let text = std::str::from_utf8(&bytes)
        .map_err(|_error| malformed())?
        .trim();
    json::body(row.request, if text.is_empty() { "{}" } else { text })
}

/// Reads a body; what came of it counts, not what was announced.
async fn read(gateway: &Gateway, body: Body, visit: &mut Visit) -> Result<Vec<u8>, Refusal> {
    let mut pieces = body.into_data_stream();
    let mut bytes = Vec::new();
    while let Some(piece) = pieces.next().await {
        // Cut off: nobody reads this.
        let piece = piece.map_err(|_error| Refusal::field(Reason::Malformed, "body"))?;
        if bytes.len() + piece.len() > gateway.max_frame_bytes {
            return Err(Refusal::field(Reason::TooLarge, "body"));
        }
        bytes.extend_from_slice(&piece);
        visit.holds(bytes.capacity());
        gateway.http.check()?;
    }
    Ok(bytes)
}

fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Ok(None);
    };
    value
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, token)| scheme.eq_ignore_ascii_case("bearer") && !token.is_empty())
        .map(|(_, token)| Some(token.trim()))
        .ok_or_else(|| Reason::Unauthenticated.into())
}

fn preflight() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "POST"),
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            "authorization, content-type",
        ),
        (header::ACCESS_CONTROL_MAX_AGE, "7200"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// What a refusal is in the words of HTTP.
const fn status(reason: Reason) -> StatusCode {
    match reason {
        Reason::Malformed | Reason::Invalid => StatusCode::BAD_REQUEST,
        Reason::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Reason::Unauthenticated | Reason::WrongCredentials => StatusCode::UNAUTHORIZED,
        Reason::Forbidden | Reason::InviteRequired => StatusCode::FORBIDDEN,
        Reason::UnknownCommand
        | Reason::UnknownInvite
        | Reason::UnknownServer
        | Reason::UnknownChannel
        | Reason::UnknownMessage
        | Reason::UnknownSession
        | Reason::UnknownTarget => StatusCode::NOT_FOUND,
        Reason::NameTaken
        | Reason::OwnerCannotLeave
        | Reason::AlreadyMember
        | Reason::LimitReached
        | Reason::Moved
        | Reason::NonceReused => StatusCode::CONFLICT,
        Reason::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Reason::Busy | Reason::Unavailable | Reason::Expired => StatusCode::SERVICE_UNAVAILABLE,
        Reason::Unknown => StatusCode::GATEWAY_TIMEOUT,
        Reason::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// A refusal as a response.
pub fn refused(status: StatusCode, refusal: &Refusal) -> Response<Body> {
    let text = json::write(&json::Why::from(refusal));
    let mut response = json_response(status, text.into());
    if let Some(ms) = refusal.retry_after {
        let seconds = HeaderValue::from(ms.div_ceil(1_000));
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    if status == StatusCode::UNAUTHORIZED {
        let scheme = HeaderValue::from_static("Bearer");
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, scheme);
    }
    response
}

fn json_response(status: StatusCode, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}

/// Counts requests and how long they take.
async fn counted(
    State(gateway): State<Arc<Gateway>>,
    request: Request,
    next: Next,
) -> Response<Body> {
    let begun = Instant::now();
    let response = next.run(request).await;
    let metrics = &gateway.metrics;
    let took = begun.elapsed().as_secs_f64();
    metrics.http_request_seconds.observe(took);
    let requests = &metrics.http_requests_total;
    let status = response.status();
    requests.with_label_values(&[status.as_str()]).inc();
    response
}

/// Says that nothing here is to be guessed at, framed, kept or run, unless the route said
/// otherwise.
async fn secured(mut response: Response<Body>) -> Response<Body> {
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        let headers = response.headers_mut();
        for (name, value) in [
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (
                header::CONTENT_SECURITY_POLICY,
                "default-src 'none'; frame-ancestors 'none'",
            ),
            (header::REFERRER_POLICY, "no-referrer"),
            (header::CACHE_CONTROL, "no-store"),
        ] {
            headers
                .entry(name)
                .or_insert(HeaderValue::from_static(value));
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_keeps_to_its_share_and_no_address_takes_all_of_it() {
        let memory = Memory::new(1_000_000);
        let bounds = Bounds::new(&memory, 1_000_000);
        let (one, other) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        let mut visits: Vec<Visit> = (0..ADDRESS_VISITS)
            .map(|_| bounds.visit(one).unwrap())
            .collect();
        assert_eq!(bounds.visit(one).err(), Some(busy()));
        // Who only waits for its client takes no turn.
        let turns: Vec<_> = (0..TURNS).map_while(|_| bounds.turn().ok()).collect();
        assert_eq!((turns.len(), bounds.turn().err()), (TURNS, Some(busy())));
        drop(turns);
        assert!(bounds.visit(other).is_ok());
        visits[0].holds(250_001);
        assert_eq!(bounds.visit(other).err(), Some(busy()));
        assert_eq!(bounds.turn().err(), Some(busy()));
        assert_eq!((memory.used(), memory.is_over()), (250_001, false));
        drop(visits);
        assert!(bounds.visit(one).is_ok());
        assert_eq!(memory.used(), 0);
    }
}
