//! The page for browsers: its files, with what they must know about keeping and running them.

use std::{net::IpAddr, sync::Arc};

use axum::{
    Extension,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header},
};
use bytes::Bytes;
use shared::error::{Reason, Refusal};

use super::{
    client_origin::Peer,
    context::Doors,
    http_limit::HttpVisit,
    response::{is_upgrade, write_refusal},
};
use crate::page::{Encoding, PageFile};

/// Nothing but what this gateway serves, no script but from a file, and none made of text: markup
/// is only made by the policy `confab`. Pictures and sounds may also be those that the page made.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' blob:; media-src 'self' blob:; font-src 'self'; connect-src 'self'; \
    worker-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; \
    frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types confab";
/// What the page never asks for.
const PERMISSIONS_POLICY: &str = "camera=(), display-capture=(), geolocation=(), gyroscope=(), \
    hid=(), magnetometer=(), microphone=(), midi=(), payment=(), serial=(), usb=()";
/// What every response of the page says.
const HEADERS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        PERMISSIONS_POLICY,
    ),
    // An address may hold the code of an invite.
    (header::REFERRER_POLICY, "same-origin"),
    (header::VARY, "accept-encoding"),
];
/// The name of a file with its content's hash in it is never used again.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// Kept, but asked for each time: that costs no body as long as it is the same.
const ASK: &str = "no-cache";
/// What a gateway says that was built without a page.
const NO_PAGE: &str = "This is a gateway of Confab. It was built without its page.\n\n\
    To build the page and the gateway with it:\n\n    \
    npm ci --prefix gateway/web\n    npm run build --prefix gateway/web\n    \
    cargo build --release --bin gateway\n\n\
    A page that is built already is served from its folder by `gateway --page DIR`.\n";

/// Serves the page at one of its addresses.
pub async fn serve_index(
    State(doors): State<Arc<Doors>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Response<Body> {
    // A socket is not asked for here.
    if is_upgrade(request.headers()) {
        return not_found();
    }
    let address = doors.origins.client_address(request.headers(), peer);
    match doors.page.index() {
        Some(file) => serve_file(&doors, address, &request, file, StatusCode::OK),
        None => write_no_page(),
    }
}

/// Serves a file of the page. Who looks for another page at an address that is none gets this one,
/// which says so.
pub async fn serve_asset(
    State(doors): State<Arc<Doors>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Response<Body> {
    let address = doors.origins.client_address(request.headers(), peer);
    match (doors.page.find(request.uri().path()), doors.page.index()) {
        (Some(file), _) => serve_file(&doors, address, &request, file, StatusCode::OK),
        (None, Some(index)) if is_navigation(&request) => {
            serve_file(&doors, address, &request, index, StatusCode::NOT_FOUND)
        }
        _ => not_found(),
    }
}

fn is_read(request: &Request) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD)
}

/// Whether a browser looks for a page, and not for a part of one.
fn is_navigation(request: &Request) -> bool {
    let mut taken = entries(request.headers(), &header::ACCEPT);
    is_read(request) && taken.any(|entry| entry.split(';').next() == Some("text/html"))
}

fn not_found() -> Response<Body> {
    write_refusal(StatusCode::NOT_FOUND, &Reason::UnknownCommand.into())
}

fn serve_file(
    doors: &Doors,
    address: IpAddr,
    request: &Request,
    file: &PageFile,
    status: StatusCode,
) -> Response<Body> {
    if !is_read(request) {
        let refusal = Refusal::field(Reason::Malformed, "method");
        let mut response = write_refusal(StatusCode::METHOD_NOT_ALLOWED, &refusal);
        let allowed = HeaderValue::from_static("GET, HEAD");
        response.headers_mut().insert(header::ALLOW, allowed);
        return response;
    }
    match doors.http_limit.admit_visit(address) {
        Ok(visit) => write_file(request.headers(), file, status, visit),
        Err(refusal) => write_refusal(StatusCode::SERVICE_UNAVAILABLE, &refusal),
    }
}

/// A file, or that it is still the same. Of what is not there nobody has a version.
fn write_file(
    asked: &HeaderMap,
    file: &PageFile,
    status: StatusCode,
    visit: HttpVisit,
) -> Response<Body> {
    let chosen = file.represent(|encoding| accepts(asked, encoding));
    let same = status == StatusCode::OK && is_known(asked, &chosen.tag);
    let mut response = if same {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        let bytes = Bytes::from_owner(FileBytes {
            bytes: chosen.bytes,
            _visit: visit,
        });
        let mut response = Response::new(bytes.into());
        *response.status_mut() = status;
        let headers = response.headers_mut();
        let media_type = HeaderValue::from_static(file.media_type);
        headers.insert(header::CONTENT_TYPE, media_type);
        if let Some(encoding) = chosen.encoding {
            let name = HeaderValue::from_static(encoding.name());
            headers.insert(header::CONTENT_ENCODING, name);
        }
        response
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let keep = HeaderValue::from_static(if file.hashed { FOR_EVER } else { ASK });
    headers.insert(header::CACHE_CONTROL, keep);
    if let Ok(tag) = HeaderValue::try_from(chosen.tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}

fn write_no_page() -> Response<Body> {
    let mut response = Response::new(NO_PAGE.into());
    *response.status_mut() = StatusCode::NOT_FOUND;
    let media_type = HeaderValue::from_static("text/plain; charset=utf-8");
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, media_type);
    response
}

/// A file that holds the place of its request until its last byte was taken.
struct FileBytes {
    bytes: Bytes,
    _visit: HttpVisit,
}

impl AsRef<[u8]> for FileBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// The entries of a header that is a list.
fn entries<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).into_iter();
    let texts = values.filter_map(|value| value.to_str().ok());
    texts.flat_map(|text| text.split(',')).map(str::trim)
}

/// Whether who asks takes this encoding. Who says nothing of it does not.
fn accepts(headers: &HeaderMap, encoding: Encoding) -> bool {
    entries(headers, &header::ACCEPT_ENCODING).any(|entry| {
        let (name, weight) = entry.split_once(';').unwrap_or((entry, ""));
        let weight = weight.trim().strip_prefix("q=").map(str::parse);
        let refused = weight.is_some_and(|weight: Result<f32, _>| weight.is_ok_and(|it| it <= 0.0));
        name.trim().eq_ignore_ascii_case(encoding.name()) && !refused
    })
}

/// Whether who asks has this version (RFC 9110 §13.1.2).
fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    entries(headers, &header::IF_NONE_MATCH)
        .any(|entry| entry == "*" || entry.strip_prefix("W/").unwrap_or(entry) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn an_encoding_is_used_when_it_is_taken() {
        for (value, expected) in [
            ("gzip, deflate, br, zstd", true),
            ("BR;q=0.5", true),
            ("br;q=0", false),
            ("br; q=0.0", false),
            ("gzip", false),
            ("brotli", false),
            ("", false),
        ] {
            let headers = headers(header::ACCEPT_ENCODING, value);
            assert_eq!(accepts(&headers, Encoding::Brotli), expected, "{value}");
        }
        assert!(!accepts(&HeaderMap::new(), Encoding::Gzip));
    }

    #[test]
    fn a_version_is_known_by_its_tag() {
        for (value, expected) in [
            ("\"a\"", true),
            ("W/\"a\"", true),
            ("\"b\", \"a\"", true),
            ("*", true),
            ("\"b\"", false),
            ("a", false),
        ] {
            let headers = headers(header::IF_NONE_MATCH, value);
            assert_eq!(is_known(&headers, "\"a\""), expected, "{value}");
        }
    }
}
