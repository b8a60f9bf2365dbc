//! `confab.v1.json`: the same frames as text with named fields.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use shared::{
    domain::limits::MAX_DEPTH,
    error::{Reason, Refusal},
    frame::{ServerFrame, opcode},
    ids::MAX_ID,
    protocol::{Codec, RowKind, coded_row, control, event as event_row, malformed_json, row_named},
};

use super::request::Request;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClientFrame<'a> {
    #[serde(borrow, default)]
    command: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    control: Option<Cow<'a, str>>,
    #[serde(default)]
    request: u32,
    #[serde(borrow, default)]
    scope: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    body: Option<&'a RawValue>,
}

/// Reads a client's frame; the error carries the request's number, 0 when
/// that could not be read either.
pub fn read(text: &str) -> Result<Request, (u32, Refusal)> {
    // The frame itself is one level more than its body.
    if depth(text) > MAX_DEPTH + 1 {
        return Err((0, Refusal::field(Reason::Malformed, "too deep")));
    }
    let frame: ClientFrame<'_> =
        serde_json::from_str(text).map_err(|error| (0, malformed_json(&error)))?;
    let number = frame.request;
    translate(&frame).map_err(|refusal| (number, refusal))
}

fn translate(frame: &ClientFrame<'_>) -> Result<Request, Refusal> {
    let (opcode, codec) = match (&frame.command, &frame.control) {
        (Some(name), None) => row_named(name)
            .map(|row| (row.opcode, row.request))
            .ok_or_else(|| Refusal::field(Reason::UnknownCommand, "command"))?,
        (None, Some(name)) => {
            control_named(name).ok_or_else(|| Refusal::field(Reason::UnknownCommand, "control"))?
        }
        _ => return Err(Refusal::field(Reason::Malformed, "command or control")),
    };
    Ok(Request {
        opcode,
        request: frame.request,
        scope: scope(frame.scope.as_deref())?,
        body: body(codec, frame.body.map_or("{}", RawValue::get))?,
    })
}

/// Reads a scope: the digits of an id, or nothing for the account's own.
pub fn scope(text: Option<&str>) -> Result<u64, Refusal> {
    let scope = text.map_or(Ok(0), str::parse).ok();
    scope
        .filter(|scope| *scope <= MAX_ID)
        .ok_or_else(|| Refusal::field(Reason::Malformed, "scope"))
}

/// Translates a body to MessagePack.
pub fn body(codec: Codec, text: &str) -> Result<Vec<u8>, Refusal> {
    if depth(text) > MAX_DEPTH {
        return Err(Refusal::field(Reason::Malformed, "too deep"));
    }
    (codec.from_json)(text.as_bytes())
}

fn control_named(name: &str) -> Option<(u16, Codec)> {
    match name {
        "identify" => Some((opcode::IDENTIFY, Codec::of::<control::Identify>())),
        "resume" => Some((opcode::RESUME, Codec::of::<control::Resume>())),
        "heartbeat" => Some((opcode::HEARTBEAT, Codec::of::<control::Heartbeat>())),
        _ => None,
    }
}

/// How deeply a text nests, whether it is well-formed or not.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut quoted, mut escaped) = (false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[derive(Serialize)]
struct Control<'a, T> {
    control: &'a str,
    body: &'a T,
}

/// Writes a control frame.
pub fn control<T: Serialize>(name: &str, body: &T) -> String {
    write(&Control {
        control: name,
        body,
    })
}

#[derive(Serialize)]
struct Refused<'a> {
    refusal: u32,
    #[serde(flatten)]
    why: Why<'a>,
}

/// A refusal with named fields, for every door that speaks JSON.
#[derive(Debug, Serialize)]
pub struct Why<'a> {
    /// The number of the reason.
    pub code: u16,
    /// Its name.
    pub reason: &'static str,
    /// A field's name, or what else helps the caller.
    pub detail: Option<&'a str>,
    /// After how many milliseconds to try again.
    pub retry_after: Option<u64>,
}

impl<'a> From<&'a Refusal> for Why<'a> {
    fn from(refusal: &'a Refusal) -> Self {
        Self {
            code: refusal.reason.code(),
            reason: refusal.reason.name(),
            detail: refusal.detail.as_deref(),
            retry_after: refusal.retry_after,
        }
    }
}

/// Writes a refusal.
pub fn refusal(request: u32, refusal: &Refusal) -> String {
    write(&Refused {
        refusal: request,
        why: refusal.into(),
    })
}

/// Writes the answer to the request with this opcode and number.
pub fn answer(opcode: u16, request: u32, payload: &[u8]) -> String {
    match ServerFrame::read(payload) {
        Some(ServerFrame::Reply { body, .. }) => match reply_body(opcode, body) {
            Ok(body) => format!(r#"{{"reply":{request},"body":{body}}}"#),
            Err(why) => refusal(request, &why),
        },
        Some(ServerFrame::Refusal { refusal: why, .. }) => refusal(request, &why),
        _ => refusal(request, &Reason::Internal.into()),
    }
}

/// Translates the body of a reply.
pub fn reply_body(opcode: u16, body: &[u8]) -> Result<String, Refusal> {
    let row = coded_row(opcode).filter(|row| row.kind != RowKind::Internal);
    // A body of a later version than this gateway's: nothing that a caller can mend.
    row.and_then(|row| (row.reply.to_json)(body).ok())
        .ok_or_else(|| Reason::Internal.into())
}

/// Writes an event.
pub fn event(payload: &[u8]) -> String {
    let Some(ServerFrame::Event {
        topic,
        seq,
        opcode,
        body,
    }) = ServerFrame::read(payload)
    else {
        return refusal(0, &Reason::Internal.into());
    };
    let row = event_row(opcode);
    // An event of a later version is passed on without name and body: its
    // place counts, and a client skips what it does not know.
    let name = row.map_or("unknown", |row| row.name);
    let body = row
        .and_then(|row| (row.body.to_json)(body).ok())
        .unwrap_or_else(|| "null".to_owned());
    format!(r#"{{"event":"{name}","topic":"{topic}","seq":{seq},"body":{body}}}"#)
}

/// Serialises what cannot fail: our own structs with string keys.
pub fn write<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shared::frame;

    use super::*;

    #[test]
    fn a_command_with_named_fields_becomes_a_frame() {
        let text = r#"{"command":"message_new","request":3,"scope":"4096321",
            "body":{"nonce":"n","channel_id":"4096321","content":"hi"}}"#;
        let request = read(text).unwrap();
        assert_eq!((request.opcode, request.request), (16, 3));
        assert_eq!(request.scope, 4_096_321);
        // [nonce, channel, content, nil, false]
        assert_eq!(request.body[..3], [0x95, 0xa1, b'n']);
        assert_eq!(read(r#"{"command":"ping"}"#).unwrap().body, [0x90]);
        let heartbeat = read(r#"{"control":"heartbeat","body":{"number":5}}"#).unwrap();
        // [number, nil]
        assert_eq!(heartbeat.body, [0x92, 5, 0xc0]);
        assert_eq!(heartbeat.opcode, 7);
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_its_number() {
        let deep = format!(
            r#"{{"command":"ping","request":4,"body":{}{}}}"#,
            "[".repeat(9),
            "]".repeat(9)
        );
        for (text, request, reason) in [
            ("", 0, Reason::Malformed),
            ("[]", 0, Reason::Malformed),
            (r#"{"request":4}"#, 4, Reason::Malformed),
            (
                r#"{"command":"ping","control":"resume","request":4}"#,
                4,
                Reason::Malformed,
            ),
            (
                r#"{"command":"nope","request":4}"#,
                4,
                Reason::UnknownCommand,
            ),
            (
                r#"{"command":"member_join","request":4}"#,
                4,
                Reason::UnknownCommand,
            ),
            (
                r#"{"command":"ping","request":4,"scope":"x"}"#,
                4,
                Reason::Malformed,
            ),
            (
                r#"{"command":"ping","request":4,"scope":"9007199254740992"}"#,
                4,
                Reason::Malformed,
            ),
            (
                r#"{"command":"message_new","request":4,"body":{}}"#,
                4,
                Reason::Malformed,
            ),
            (
                r#"{"command":"ping","request":4,"more":1}"#,
                0,
                Reason::Malformed,
            ),
            (&deep, 0, Reason::Malformed),
        ] {
            let (number, refusal) = read(text).unwrap_err();
            assert_eq!((number, refusal.reason), (request, reason), "{text}");
        }
    }

    #[test]
    fn brackets_in_strings_do_not_nest() {
        assert_eq!(depth(r#"{"a":"[[[\"[[[","b":[1]}"#), 2);
    }

    #[test]
    fn answers_and_events_have_named_fields() {
        let reply = frame::reply(0, &[0x92, 0xce, 0, 0, 1, 0, 5]);
        assert_eq!(
            answer(16, 3, &reply),
            r#"{"reply":3,"body":{"message_id":"256","seq":5}}"#
        );
        let refused = frame::refusal(0, &Refusal::retry(Reason::Busy, 500));
        assert_eq!(
            answer(16, 3, &refused),
            r#"{"refusal":3,"code":50,"reason":"busy","detail":null,"retry_after":500}"#
        );
        let typing = frame::event(256, 0, 48, &[0x92, 1, 2]);
        assert_eq!(
            event(&typing),
            r#"{"event":"typing_started","topic":"256","seq":0,"body":{"channel_id":"1","user_id":"2"}}"#
        );
        // A newer worker says more of it.
        let newer = frame::event(256, 0, 48, &[0x94, 1, 2, 0xc0, 0x91, 3]);
        assert_eq!(event(&newer), event(&typing));
        let newer = frame::reply(0, &[0x93, 9, 5, 0xc3]);
        assert_eq!(
            answer(16, 3, &newer),
            r#"{"reply":3,"body":{"message_id":"9","seq":5}}"#
        );
        let later = frame::event(256, 4, 2_000, &[0x90]);
        assert_eq!(
            event(&later),
            r#"{"event":"unknown","topic":"256","seq":4,"body":null}"#
        );
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,80}") {
            drop(read(&text));
        }

        #[test]
        fn no_payload_panics(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            drop((answer(16, 1, &bytes), event(&bytes)));
        }
    }
}
