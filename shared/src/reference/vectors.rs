//! `shared/tests/golden/vectors.json`: what the wire looks like, byte by byte.
//!
//! One line per vector. Lines are never taken away: a body that was once valid
//! stays valid, and the tests decode every line with today's structs.

use serde::{Deserialize, Serialize};

use super::sample;
use crate::{
    error::{Reason, Refusal},
    frame::{self, Frame},
    hex,
    protocol::{self, Codec, RowKind, control},
};

/// What a vector is an example of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VectorKind {
    /// The body of a request.
    Request,
    /// The body of a reply.
    Reply,
    /// The body of a request or reply between workers.
    Internal,
    /// The body of an event.
    Event,
    /// The body of a control frame.
    Control,
    /// A whole frame; its JSON has the body with named fields.
    Frame,
}

/// Today's vectors, one object of JSON per line.
pub fn vectors() -> Vec<String> {
    let mut lines = Vec::new();
    for row in protocol::coded_rows() {
        let internal = row.kind == RowKind::Internal;
        let (request, reply) = if internal {
            (VectorKind::Internal, VectorKind::Internal)
        } else {
            (VectorKind::Request, VectorKind::Reply)
        };
        lines.push(body(request, row.name, row.opcode, row.request));
        // An internal reply is that of a forwarded request, which has its own line.
        if !internal {
            lines.push(body(reply, row.name, row.opcode, row.reply));
        }
    }
    for row in protocol::events() {
        lines.push(body(VectorKind::Event, row.name, row.opcode, row.body));
    }
    for &(opcode, name, _, codec) in control::FRAMES {
        lines.push(body(VectorKind::Control, name, opcode, codec));
    }
    lines.extend(frames());
    lines
}

/// The codec of the body that a vector of this kind holds; none for frames and
/// for what is no longer a row.
pub fn find_codec(kind: VectorKind, opcode: u16) -> Option<Codec> {
    match kind {
        VectorKind::Request | VectorKind::Internal => {
            protocol::coded_row(opcode).map(|row| row.request)
        }
        VectorKind::Reply => protocol::coded_row(opcode).map(|row| row.reply),
        VectorKind::Event => protocol::event(opcode).map(|row| row.body),
        VectorKind::Control => control::FRAMES
            .iter()
            .find(|(number, ..)| *number == opcode)
            .map(|&(_, _, _, codec)| codec),
        VectorKind::Frame => None,
    }
}

fn body(kind: VectorKind, name: &str, opcode: u16, codec: Codec) -> String {
    let (bytes, json) = sample(codec);
    line(kind, name, opcode, &bytes, &json)
}

fn line(kind: VectorKind, name: &str, opcode: u16, bytes: &[u8], json: &str) -> String {
    let kind = serde_json::to_string(&kind).unwrap_or_default();
    let hex = hex::encode(bytes);
    format!(
        "{{\"kind\":{kind},\"name\":\"{name}\",\"opcode\":{opcode},\"hex\":\"{hex}\",\"json\":{json}}}"
    )
}

/// Whole frames: every kind of header once, and every control frame.
fn frames() -> Vec<String> {
    const REQUEST: u32 = 7;
    const SCOPE: u64 = 4_096_321;
    let mut lines = Vec::new();
    let frame =
        |name, opcode, bytes: &[u8], json: &str| line(VectorKind::Frame, name, opcode, bytes, json);
    if let Some(row) = protocol::row_named("message_new") {
        let (request, json) = sample(row.request);
        let bytes = Frame {
            opcode: row.opcode,
            request: REQUEST,
            scope: SCOPE,
            body: &request,
        }
        .write();
        let json = format!("[{},{REQUEST},{SCOPE},{json}]", row.opcode);
        lines.push(frame(row.name, row.opcode, &bytes, &json));
        let (reply, json) = sample(row.reply);
        let json = format!("[0,{REQUEST},{json}]");
        lines.push(frame(
            "reply",
            frame::opcode::REPLY,
            &frame::reply(REQUEST, &reply),
            &json,
        ));
    }
    let refusals = [
        Refusal::field(Reason::Invalid, "content"),
        Refusal::retry(Reason::RateLimited, 1_500),
    ];
    for refusal in refusals {
        let json = serde_json::to_string(&(
            frame::opcode::REFUSAL,
            REQUEST,
            refusal.reason,
            &refusal.detail,
            refusal.retry_after,
        ));
        lines.push(frame(
            "refusal",
            frame::opcode::REFUSAL,
            &frame::refusal(REQUEST, &refusal),
            &json.unwrap_or_default(),
        ));
    }
    for row in protocol::events() {
        let (body, json) = sample(row.body);
        let seq = if row.name == "typing_started" { 0 } else { 9 };
        let bytes = frame::event(SCOPE, seq, row.opcode, &body);
        let json = format!("[2,{SCOPE},{seq},{},{json}]", row.opcode);
        lines.push(frame("event", frame::opcode::EVENT, &bytes, &json));
    }
    for &(opcode, name, _, codec) in control::FRAMES {
        let (body, json) = sample(codec);
        let json = format!("[{opcode},{json}]");
        lines.push(frame(name, opcode, &frame::control(opcode, &body), &json));
    }
    lines
}
