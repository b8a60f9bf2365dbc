//! What the doors read and answer over HTTP.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header},
};
use shared::error::{Reason, Refusal};

use crate::dialect::json;

/// What a refusal is in the words of HTTP.
pub const fn status_of(reason: Reason) -> StatusCode {
    match reason {
        Reason::Malformed | Reason::Invalid => StatusCode::BAD_REQUEST,
        Reason::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Reason::Unauthenticated | Reason::WrongCredentials => StatusCode::UNAUTHORIZED,
        Reason::Forbidden
        | Reason::InviteRequired
        | Reason::Banned
        | Reason::Blocked
        | Reason::LockedDown => StatusCode::FORBIDDEN,
        Reason::UnknownCommand
        | Reason::UnknownInvite
        | Reason::UnknownServer
        | Reason::UnknownChannel
        | Reason::UnknownMessage
        | Reason::UnknownSession
        | Reason::UnknownItem
        | Reason::UnknownTarget
        | Reason::UnknownUser
        | Reason::UnknownRole => StatusCode::NOT_FOUND,
        Reason::NameTaken
        | Reason::OwnerCannotLeave
        | Reason::AlreadyMember
        | Reason::LimitReached
        | Reason::Moved
        | Reason::WrongKind
        | Reason::SwitchedOff
        | Reason::NonceReused => StatusCode::CONFLICT,
        Reason::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Reason::Busy | Reason::Unavailable | Reason::Expired => StatusCode::SERVICE_UNAVAILABLE,
        Reason::Unknown => StatusCode::GATEWAY_TIMEOUT,
        Reason::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// A refusal as a response.
pub fn write_refusal(status: StatusCode, refusal: &Refusal) -> Response<Body> {
    let text = json::write(&json::Why::from(refusal));
    let mut response = write_json(status, text.into());
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

/// Whether a request wants the connection to become a WebSocket.
pub fn is_upgrade(headers: &HeaderMap) -> bool {
    has_token(headers, &header::CONNECTION, "upgrade")
        && has_token(headers, &header::UPGRADE, "websocket")
}

fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|value| value.trim().eq_ignore_ascii_case(token))
}

/// A response in JSON.
pub fn write_json(status: StatusCode, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}

/// What a browser asks before it sends a request of another page.
pub fn write_preflight() -> Response<Body> {
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

/// Says that nothing here is to be guessed at, framed, kept or run, unless the route said
/// otherwise.
pub async fn add_security_headers(mut response: Response<Body>) -> Response<Body> {
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
