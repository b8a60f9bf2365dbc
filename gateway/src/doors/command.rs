//! Commands over HTTP: the same as on the socket, one per request.

use std::sync::Arc;

use axum::{
    Extension,
    body::Body,
    extract::{Path, Query, Request, State},
    http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header},
};
use bytes::Bytes;
use serde::Deserialize;
use shared::{
    error::{Reason, Refusal},
    protocol::row_named,
    telemetry,
};
use tracing::{Instrument, Span};

use super::{
    client_origin::Peer,
    context::Doors,
    execute::{Executed, HttpCommand, execute_command},
    http_limit::HttpVisit,
    response::{write_json, write_preflight, write_refusal},
};
use crate::dialect::json;

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
    let origin = match doors.origins.check_origin(headers, peer) {
        Ok(origin) => origin.and_then(|origin| HeaderValue::from_str(origin).ok()),
        Err(_forbidden) => {
            let refusal = Refusal::field(Reason::Forbidden, "origin");
            return write_refusal(StatusCode::FORBIDDEN, &refusal);
        }
    };
    let mut response = match *request.method() {
        Method::OPTIONS => write_preflight(),
        Method::POST => {
            let scope = parameters.scope;
            let span = find_span(&doors, headers);
            let executing = execute_request(&doors, &name, scope.as_deref(), peer, request);
            match executing.instrument(span).await {
                // Who reads by drops keeps the places of his address, and nobody's turn.
                Ok((text, visit)) => {
                    let bytes = Bytes::from_owner(ResponseText {
                        text,
                        _visit: visit,
                    });
                    write_json(StatusCode::OK, bytes.into())
                }
                Err(refusal) => doors.refuse_http(&refusal),
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
    peer: Peer,
    request: Request,
) -> Result<(String, HttpVisit), Refusal> {
    let row = row_named(name).ok_or(Reason::UnknownCommand)?;
    let scope = json::scope(scope)?;
    let (parts, body) = request.into_parts();
    let asked = HttpCommand {
        row,
        scope,
        token: find_token(doors, &parts.headers, peer)?,
        address: doors.origins.client_address(&parts.headers, peer),
        body,
    };
    let Executed { reply, mut visit } = execute_command(doors, asked).await?;
    let text = json::reply_body(row.opcode, &reply)?;
    visit.set_bytes(text.capacity());
    Ok((text, visit))
}

/// What he shows who asks: a token in the header, or, of a page of this host, in its cookie.
fn find_token<'a>(
    doors: &Doors,
    headers: &'a HeaderMap,
    peer: Peer,
) -> Result<Option<&'a str>, Refusal> {
    if let Some(token) = find_bearer(headers)? {
        return Ok(Some(token));
    }
    let cookie = doors.origins.check_page(headers, peer).ok();
    Ok(cookie.and_then(|cookie| cookie.find_token(headers)))
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
