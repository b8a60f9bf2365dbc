//! The HTTP door: the same commands as on the socket, one per request.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension, Router,
    body::{Body, to_bytes},
    extract::{Path, Query, Request, State},
    http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header},
    middleware::map_response,
    routing::{any, get},
};
use serde::Deserialize;
use shared::{
    bus::envelope::Caller,
    error::{Reason, Refusal},
    frame::{ServerFrame, opcode},
    protocol::{Row, row_named},
};
use tokio::time::timeout;

use crate::{
    Gateway, accept::Peer, dialect::json, queries::Asker, session::Request as Command,
    upgrade::upgrade,
};

/// How long the body of a request may take.
const BODY: Duration = Duration::from_secs(10);
/// When to come again to a gateway with too many requests, in milliseconds.
const RETRY_MS: u64 = 1_000;

/// The routes of a gateway.
pub fn router(gateway: Arc<Gateway>) -> Router {
    Router::new()
        .route("/ws", get(upgrade))
        .route("/api/v1/commands/{name}", any(command))
        .fallback(async || refused(StatusCode::NOT_FOUND, &Reason::UnknownCommand.into()))
        .layer(map_response(secured))
        .with_state(gateway)
}

#[derive(Deserialize)]
struct Parameters {
    scope: Option<String>,
}

async fn command(
    State(gateway): State<Arc<Gateway>>,
    Extension(Peer(peer)): Extension<Peer>,
    Path(name): Path<String>,
    Query(parameters): Query<Parameters>,
    request: Request,
) -> Response<Body> {
    let headers = request.headers();
    let origin = match gateway.origins.check(headers) {
        Ok(origin) => origin.and_then(|origin| HeaderValue::from_str(origin).ok()),
        Err(_forbidden) => {
            let refusal = Refusal::field(Reason::Forbidden, "origin");
            return refused(StatusCode::FORBIDDEN, &refusal);
        }
    };
    let mut response = match *request.method() {
        Method::OPTIONS => preflight(),
        Method::POST => {
            let address = gateway.origins.address(headers, peer.ip());
            let address = gateway.origins.hash(address);
            let scope = parameters.scope;
            match execute(&gateway, &name, scope.as_deref(), address, request).await {
                Ok(text) => json_response(StatusCode::OK, text),
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
    }
    response
}

async fn execute(
    gateway: &Gateway,
    name: &str,
    scope: Option<&str>,
    address: u64,
    request: Request,
) -> Result<String, Refusal> {
    let row = row_named(name).ok_or(Reason::UnknownCommand)?;
    let scope = json::scope(scope)?;
    let token = bearer(request.headers())?.map(ToOwned::to_owned);
    let body = body(gateway, row, request.into_body()).await?;
    // Only now: those who send slowly must not take the turns of others.
    let _turn = gateway
        .requests
        .try_acquire()
        .map_err(|_full| Refusal::retry(Reason::Busy, RETRY_MS))?;
    let caller = match token {
        Some(token) => Some(gateway.tokens.caller(&gateway.queries, token).await?),
        None => None,
    };
    let command = Command {
        opcode: row.opcode,
        request: 0,
        scope,
        body,
    };
    let payload = send(gateway, caller, address, command).await?;
    match ServerFrame::read(&payload) {
        Some(ServerFrame::Reply { body, .. }) => json::reply_body(row.opcode, body),
        Some(ServerFrame::Refusal { refusal, .. }) => Err(refusal),
        _ => Err(Reason::Internal.into()),
    }
}

async fn send(
    gateway: &Gateway,
    caller: Option<Caller>,
    address: u64,
    command: Command,
) -> Result<bytes::Bytes, Refusal> {
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

async fn body(gateway: &Gateway, row: &Row, body: Body) -> Result<Vec<u8>, Refusal> {
    let read = timeout(BODY, to_bytes(body, gateway.max_frame_bytes)).await;
    let bytes = read
        .map_err(|_elapsed| Refusal::field(Reason::Malformed, "body"))?
        // Too large, or cut off: in the second case nobody reads this.
        .map_err(|_error| Refusal::field(Reason::TooLarge, "body"))?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|_error| Refusal::field(Reason::Malformed, "body"))?
        .trim();
    json::body(row.request, if text.is_empty() { "{}" } else { text })
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
    let mut response = json_response(status, text);
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

fn json_response(status: StatusCode, text: String) -> Response<Body> {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}

/// Says that nothing here is to be guessed at, framed, kept or run.
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
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    response
}
