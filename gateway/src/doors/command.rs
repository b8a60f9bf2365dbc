//! Commands over HTTP: the same as on the socket, one per request.

use std::{net::IpAddr, sync::Arc, time::Duration};

use axum::{
    Extension,
    body::Body,
    extract::{Path, Query, Request, State},
    http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header},
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
use tokio::time::{Instant, timeout};
use tracing::{Instrument, Span};

use super::{
    accept::Peer,
    context::Doors,
    http_limit::HttpVisit,
    response::{status_of, write_json, write_preflight, write_refusal},
};
use crate::{
    dialect::{json, request::Request as Command},
    requests::{
        Requests,
        entries::Asker,
        quotas::{What, Who},
        token_cache::Known,
    },
};

/// How long the body of a request may take.
const BODY: Duration = Duration::from_secs(10);

/// What the query of a command's URL may say.
#[derive(Deserialize)]
pub struct Parameters {
    /// The server, or nothing for the account itself.
    scope: Option<String>,
}

/// Serves one command.
pub async fn serve_command(
    State(doors): State<Arc<Doors>>,
    Extension(peer): Extension<Peer>,
    Path(name): Path<String>,
    Query(parameters): Query<Parameters>,
    request: Request,
) -> Response<Body> {
    let headers = request.headers();
    let origin = match doors.origins.check_origin(headers, peer.scheme) {
        Ok(origin) => origin.and_then(|origin| HeaderValue::from_str(origin).ok()),
        Err(_forbidden) => {
            let refusal = Refusal::field(Reason::Forbidden, "origin");
            return write_refusal(StatusCode::FORBIDDEN, &refusal);
        }
    };
    let mut response = match *request.method() {
        Method::OPTIONS => write_preflight(),
        Method::POST => {
            let address = doors.origins.client_address(headers, peer.address.ip());
            let scope = parameters.scope;
            let span = find_span(&doors, headers);
            let executing = execute_request(&doors, &name, scope.as_deref(), address, request);
            match executing.instrument(span).await {
                // Who reads by drops keeps the places of his address, and nobody's turn.
                Ok((text, visit)) => {
                    let bytes = Bytes::from_owner(ResponseText {
                        text,
                        _visit: visit,
                    });
                    write_json(StatusCode::OK, bytes.into())
                }
                Err(refusal) => {
                    let reason = refusal.reason;
                    let metrics = &doors.sessions.metrics.refusals_total;
                    metrics.with_label_values(&[reason.name()]).inc();
                    write_refusal(status_of(reason), &refusal)
                }
            }
        }
        _ => write_refusal(
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
fn find_span(doors: &Doors, headers: &HeaderMap) -> Span {
    let named = headers.get("traceparent");
    match named.and_then(|value| value.to_str().ok()) {
        Some(parent) if doors.may_trace() => {
            let span = tracing::debug_span!("http");
            telemetry::adopt_parent(&span, Some(parent));
            span
        }
        _ => Span::none(),
    }
}

/// A response that holds its place until its last byte was taken.
struct ResponseText {
    text: String,
    _visit: HttpVisit,
}

impl AsRef<[u8]> for ResponseText {
    fn as_ref(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

async fn execute_request(
    doors: &Doors,
    name: &str,
    scope: Option<&str>,
    address: IpAddr,
    request: Request,
) -> Result<(String, HttpVisit), Refusal> {
    let row = row_named(name).ok_or(Reason::UnknownCommand)?;
    let scope = json::scope(scope)?;
    let token = find_bearer(request.headers())?.map(ToOwned::to_owned);
    let mut visit = doors.http_limit.admit_visit(address)?;
    let address = doors.origins.hash_address(address);
    // Before the body: who may not ask is not read.
    let caller = identify_caller(
        &doors.sessions.requests,
        What::of(row),
        token.as_deref(),
        address,
    )
    .await?;
    let body = read_body(doors, row, request.into_body(), &mut visit).await?;
    // Only now: those who send slowly must not take the turns of others.
    let turn = doors.http_limit.take_turn()?;
    let command = Command {
        opcode: row.opcode,
        request: 0,
        scope,
        body,
    };
    let payload = send_command(&doors.sessions.requests, caller, address, command).await?;
    drop(turn);
    match ServerFrame::read(&payload) {
        Some(ServerFrame::Reply { body, .. }) => {
            let text = json::reply_body(row.opcode, body)?;
            visit.set_bytes(text.capacity());
            Ok((text, visit))
        }
        Some(ServerFrame::Refusal { refusal, .. }) => Err(refusal),
        _ => Err(Reason::Internal.into()),
    }
}

/// Who asks, and whether he may ask more. Only who has an open session draws from his account:
/// the token of one that has ended is no longer its owner's alone.
async fn identify_caller(
    requests: &Requests,
    what: What,
    token: Option<&str>,
    address: u64,
) -> Result<Option<Caller>, Refusal> {
    let (quotas, now) = (&requests.quotas, Instant::now());
    let Some(token) = token else {
        quotas.admit_request(Who::Stranger, what, address, now)?;
        return Ok(None);
    };
    let claim = requests.entries.check_token(token);
    let session = claim.ok_or(Reason::Unauthenticated)?.session;
    let caller = match requests.token_cache.find_known(token, now) {
        Some(Known::Opens(caller)) => {
            quotas.admit_request(Who::Account(caller.user), what, address, now)?;
            caller
        }
        Some(Known::OpensNothing) => return Err(Reason::Unauthenticated.into()),
        None => {
            quotas.admit_request(Who::Session(session), what, address, now)?;
            let token_cache = &requests.token_cache;
            let caller = token_cache.ask_worker(&requests.queries, token).await?;
            quotas.admit_opened(caller.user, now)?;
            caller
        }
    };
    Ok(Some(caller))
}

async fn send_command(
    requests: &Requests,
    caller: Option<Caller>,
    address: u64,
    command: Command,
) -> Result<Bytes, Refusal> {
    if command.opcode >= opcode::FIRST_ANY {
        let asker = Asker {
            connection_id: 0,
            caller,
            address,
        };
        return requests.queries.ask_worker(asker, command).await;
    }
    let caller = caller.ok_or(Reason::Unauthenticated)?;
    let commands = &requests.commands;
    commands.execute_command(&caller, address, command).await
}

async fn read_body(
    doors: &Doors,
    row: &Row,
    body: Body,
    visit: &mut HttpVisit,
) -> Result<Vec<u8>, Refusal> {
    let malformed = || Refusal::field(Reason::Malformed, "body");
    let read = timeout(BODY, collect_body(doors, body, visit)).await;
    let bytes = read.map_err(|_elapsed| malformed())??;
    let text = std::str::from_utf8(&bytes)
        .map_err(|_error| malformed())?
        .trim();
    json::body(row.request, if text.is_empty() { "{}" } else { text })
}

/// Reads a body; what came of it counts, not what was announced.
async fn collect_body(
    doors: &Doors,
    body: Body,
    visit: &mut HttpVisit,
) -> Result<Vec<u8>, Refusal> {
    let mut pieces = body.into_data_stream();
    let mut bytes = Vec::new();
    while let Some(piece) = pieces.next().await {
        // Cut off: nobody reads this.
        let piece = piece.map_err(|_error| Refusal::field(Reason::Malformed, "body"))?;
        if bytes.len() + piece.len() > doors.sessions.max_frame_bytes {
            return Err(Refusal::field(Reason::TooLarge, "body"));
        }
        bytes.extend_from_slice(&piece);
        visit.set_bytes(bytes.capacity());
        doors.http_limit.check_memory()?;
    }
    Ok(bytes)
}

fn find_bearer(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
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
