//! Executes a command that came over HTTP, whichever door it came through: who asks, whether he
//! may, what he asks, and what a worker says.

use std::{net::IpAddr, time::Duration};

use axum::body::Body;
use bytes::Bytes;
use futures_util::StreamExt;
use shared::{
    bus::envelope::Caller,
    error::{Reason, Refusal},
    frame::{ServerFrame, opcode},
    protocol::CodedRow,
};
use tokio::time::{Instant, timeout};

use super::{context::Doors, http_limit::HttpVisit};
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

/// A command that came over HTTP.
pub struct HttpCommand<'a> {
    /// Which one.
    pub row: &'a CodedRow,
    /// The server, or 0.
    pub scope: u64,
    /// What he shows who asks.
    pub token: Option<&'a str>,
    /// Where he asks from.
    pub address: IpAddr,
    /// What he sends.
    pub body: Body,
}

/// What a worker replied to a command.
pub struct Executed {
    /// The body of the reply.
    pub reply: Vec<u8>,
    /// Held until the client has taken the response.
    pub visit: HttpVisit,
}

/// Executes a command.
pub async fn execute_command(doors: &Doors, asked: HttpCommand<'_>) -> Result<Executed, Refusal> {
    let mut visit = doors.http_limit.admit_visit(asked.address)?;
    let address = doors.origins.hash_address(asked.address);
    // Before the body: who may not ask is not read.
    let what = What::of(asked.row);
    let requests = &doors.sessions.requests;
    let caller = identify_caller(requests, what, asked.token, address).await?;
    let body = read_body(doors, asked.row, asked.body, &mut visit).await?;
    // Only now: those who send slowly must not take the turns of others.
    let turn = doors.http_limit.take_turn()?;
    let command = Command {
        opcode: asked.row.opcode,
        request: 0,
        scope: asked.scope,
        body,
    };
    let payload = send_command(requests, caller, address, command).await?;
    drop(turn);
    match ServerFrame::read(&payload) {
        Some(ServerFrame::Reply { body, .. }) => {
            let reply = body.to_vec();
            Ok(Executed { reply, visit })
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
    row: &CodedRow,
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
