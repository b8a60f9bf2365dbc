//! Signing in and out for pages: the commands of the other doors, with the token in a cookie.

use std::sync::Arc;

use axum::{
    Extension,
    body::Body,
    extract::{Path, Request, State},
    http::{HeaderValue, Method, Response, StatusCode, header},
};
use shared::{
    error::{Reason, Refusal},
    protocol::{Request as _, Row, account, decode_told, encode, row_named},
};

use super::{
    client_origin::Peer,
    context::Doors,
    cookie::SessionCookie,
    execute::{Executed, HttpCommand, execute_command},
    response::{write_json, write_refusal},
};
use crate::dialect::json;

/// What signs in.
const SIGN_IN: [&Row; 3] = [
    &account::CreateAccount::ROW,
    &account::LogIn::ROW,
    &account::JoinAsGuest::ROW,
];
/// What signs out.
const SIGN_OUT: &Row = &account::LogOut::ROW;

/// Signs a page in or out. A page of another host may do neither: else it could sign its visitors
/// in as somebody who reads what they write.
pub async fn serve_sign_in(
    State(doors): State<Arc<Doors>>,
    Extension(peer): Extension<Peer>,
    Path(name): Path<String>,
    request: Request,
) -> Response<Body> {
    if request.method() != Method::POST {
        let refusal = Refusal::field(Reason::Malformed, "method");
        return write_refusal(StatusCode::METHOD_NOT_ALLOWED, &refusal);
    }
    match doors.origins.check_page(request.headers(), peer) {
        Ok(cookie) => match execute(&doors, &name, cookie, peer, request).await {
            Ok(response) => response,
            Err(refusal) => refuse(&doors, &name, cookie, &refusal),
        },
        Err(why) => {
            let refusal = Refusal::field(Reason::Forbidden, why.name());
            doors.refuse_http(&refusal)
        }
    }
}

async fn execute(
    doors: &Doors,
    name: &str,
    cookie: SessionCookie,
    peer: Peer,
    request: Request,
) -> Result<Response<Body>, Refusal> {
    let row = row_named(name)
        .filter(|row| row.opcode == SIGN_OUT.opcode || is_sign_in(row))
        .ok_or(Reason::UnknownCommand)?;
    let (parts, body) = request.into_parts();
    let headers = &parts.headers;
    let asked = HttpCommand {
        row,
        scope: 0,
        // Who signs in is nobody yet, whoever was signed in before.
        token: (!is_sign_in(row))
            .then(|| cookie.find_token(headers))
            .flatten(),
        address: doors.origins.client_address(headers, peer),
        body,
    };
    let Executed { reply, visit: _ } = execute_command(doors, asked).await?;
    if is_sign_in(row) {
        keep_session(row, cookie, &reply)
    } else {
        let mut response = write_reply(row, &reply)?;
        set_cookie(&mut response, cookie.forget_token());
        Ok(response)
    }
}

fn is_sign_in(row: &Row) -> bool {
    SIGN_IN.iter().any(|known| known.opcode == row.opcode)
}

/// Leaves the token with the browser, and nothing of it with the page.
fn keep_session(row: &Row, cookie: SessionCookie, reply: &[u8]) -> Result<Response<Body>, Refusal> {
    let internal = || Refusal::from(Reason::Internal);
    let mut signed_in: account::SignedIn = decode_told(reply).map_err(|_newer| internal())?;
    let token = std::mem::take(&mut signed_in.token);
    let kept = cookie.keep_token(&token).ok_or_else(internal)?;
    let mut response = write_reply(row, &encode(&signed_in))?;
    set_cookie(&mut response, Some(kept));
    Ok(response)
}

fn write_reply(row: &Row, reply: &[u8]) -> Result<Response<Body>, Refusal> {
    let text = json::reply_body(row.opcode, reply)?;
    Ok(write_json(StatusCode::OK, text.into()))
}

/// A refusal; whoever wants to sign out of a session that is over is rid of its cookie.
fn refuse(doors: &Doors, name: &str, cookie: SessionCookie, refusal: &Refusal) -> Response<Body> {
    let mut response = doors.refuse_http(refusal);
    if name == SIGN_OUT.name && refusal.reason == Reason::Unauthenticated {
        set_cookie(&mut response, cookie.forget_token());
    }
    response
}

fn set_cookie(response: &mut Response<Body>, cookie: Option<HeaderValue>) {
    if let Some(cookie) = cookie {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
}
