//! Frames: the only code a gateway reads client bytes with.
//!
//! A frame is a MessagePack array. A client sends `[opcode, request, scope,
//! body]`. It gets `[0, request, body]` (reply), `[1, request, code, detail,
//! retry_after]` (refusal), `[2, topic, seq, opcode, body]` (event) and the
//! session's control frames, whose opcodes are below 16.
//!
//! Bodies are positional arrays and pass through a gateway untouched. What
//! goes to many sockets is built once, with the WebSocket header in front.

use rmp::{Marker, decode, encode};

use crate::{
    domain::limits::MAX_DEPTH,
    error::{Reason, Refusal},
    ids::MAX_ID,
};

/// Opcodes of control frames, and where the ranges of the others begin.
pub mod opcode {
    /// Server: a request succeeded.
    pub const REPLY: u16 = 0;
    /// Server: a request was refused.
    pub const REFUSAL: u16 = 1;
    /// Server: something happened.
    pub const EVENT: u16 = 2;
    /// Server: first frame: what the client must know to behave.
    pub const HELLO: u16 = 3;
    /// Client: opens a session with a token.
    pub const IDENTIFY: u16 = 4;
    /// Client: opens a session and replays what was missed.
    pub const RESUME: u16 = 5;
    /// Server: the session is open; holds the snapshot.
    pub const READY: u16 = 6;
    /// Both: still there.
    pub const HEARTBEAT: u16 = 7;
    /// Server: carries the client past events that it may not see.
    pub const CURSOR: u16 = 8;
    /// Server: connect elsewhere within the given time.
    pub const RECONNECT: u16 = 9;
    /// Server: the topic cannot be continued; fetch it again.
    pub const GAP: u16 = 10;
    /// Server: what this session sees of the topic is another from here on.
    pub const SIGHT: u16 = 11;
    /// Server: the account's registers were changed up to a version.
    pub const REGISTERS: u16 = 12;
    /// Here begin the commands that go to the lane of their scope.
    pub const FIRST_LANE: u16 = 16;
    /// Here begin those that any worker answers.
    pub const FIRST_ANY: u16 = 2_048;
    /// Here begin those that only workers send.
    pub const FIRST_INTERNAL: u16 = 61_440;
    /// Here begin the numbers of events, which are counted apart.
    pub const FIRST_EVENT: u16 = 16;
}

/// A client frame whose body is still encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Which command this is.
    pub opcode: u16,
    /// Pairs a reply with its request.
    pub request: u32,
    /// The server, or 0 for the user's own account.
    pub scope: u64,
    /// The encoded body: exactly one well-formed value.
    pub body: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Reads the header and checks the body with [`check_body`].
    pub fn read(bytes: &'a [u8]) -> Result<Self, Refusal> {
        let frame = Self::read_header(bytes)?;
        check_body(frame.body)?;
        Ok(frame)
    }

    /// Reads the header alone: it has the number that a refusal of the body carries.
    pub fn read_header(mut bytes: &'a [u8]) -> Result<Self, Refusal> {
        read_header(&mut bytes).map_err(|()| Reason::Malformed.into())
    }

    /// Writes the frame.
    pub fn write(&self) -> Vec<u8> {
        let mut bytes = header(4, self.opcode, self.body.len());
        uint(&mut bytes, self.request.into());
        uint(&mut bytes, self.scope);
        bytes.extend_from_slice(self.body);
        bytes
    }
}

fn read_header<'a>(bytes: &mut &'a [u8]) -> Result<Frame<'a>, ()> {
    if decode::read_array_len(bytes).map_err(drop)? != 4 {
        return Err(());
    }
    let opcode = decode::read_int(bytes).map_err(drop)?;
    let request = decode::read_int(bytes).map_err(drop)?;
    let scope = decode::read_int(bytes).map_err(drop)?;
    Ok(Frame {
        opcode,
        request,
        scope,
        body: bytes,
    })
}

/// Checks that a body is one well-formed array, nests no deeper than
/// [`MAX_DEPTH`], and has no integer of more than 53 bits: ids have no more,
/// JavaScript keeps no more, and Postgres has no unsigned ones. Nor is U+0000 in any of its
/// texts: Postgres has no such text, and one value that it refuses costs the batch of a lane.
pub fn check_body(body: &[u8]) -> Result<(), Refusal> {
    // Every request has a positional body. The decoder would take a map, too,
    // and a form that nobody promised would become one that somebody uses.
    let positional = matches!(body.first(), Some(0x90..=0x9f | 0xdc | 0xdd));
    match check_value(body) {
        Ok(()) if positional => Ok(()),
        _ => Err(Reason::Malformed.into()),
    }
}

/// `Err` unless the bytes are one value and nothing more.
fn check_value(mut bytes: &[u8]) -> Result<(), ()> {
    skip_value(&mut bytes)?;
    if bytes.is_empty() { Ok(()) } else { Err(()) }
}

/// Walks over one value without building it.
pub(crate) fn skip_value(bytes: &mut &[u8]) -> Result<(), ()> {
    // How many values are still to come at each depth.
    let mut open = [0_u64; MAX_DEPTH + 1];
    let mut depth = 0;
    loop {
        let children = skip_one(bytes)?;
        if children > 0 {
            depth += 1;
            *open.get_mut(depth).ok_or(())? = children;
            continue;
        }
        // A value ended, and perhaps the arrays around it.
        loop {
            if depth == 0 {
                return Ok(());
            }
            let left = open.get_mut(depth).ok_or(())?;
            *left -= 1;
            if *left > 0 {
                break;
            }
            depth -= 1;
        }
    }
}

/// Skips a scalar, or the header of an array or map; says how many values follow inside.
fn skip_one(bytes: &mut &[u8]) -> Result<u64, ()> {
    let marker = decode::read_marker(bytes).map_err(drop)?;
    let (skip, children) = match marker {
        Marker::U8 | Marker::I8 => (1, 0),
        Marker::U16 | Marker::I16 => (2, 0),
        Marker::U32 | Marker::I32 | Marker::F32 => (4, 0),
        Marker::U64 | Marker::I64 if big_endian(bytes, 8)? > MAX_ID => return Err(()),
        // The bytes of these are read above, or there are none.
        Marker::U64
        | Marker::I64
        | Marker::FixPos(_)
        | Marker::FixNeg(_)
        | Marker::Null
        | Marker::True
        | Marker::False => (0, 0),
        Marker::F64 => (8, 0),
        Marker::FixStr(length) => (length.into(), 0),
        Marker::Str8 | Marker::Bin8 => (big_endian(bytes, 1)?, 0),
        Marker::Str16 | Marker::Bin16 => (big_endian(bytes, 2)?, 0),
        Marker::Str32 | Marker::Bin32 => (big_endian(bytes, 4)?, 0),
        Marker::FixArray(length) => (0, length.into()),
        Marker::Array16 => (0, big_endian(bytes, 2)?),
        Marker::Array32 => (0, big_endian(bytes, 4)?),
        Marker::FixMap(length) => (0, u64::from(length) * 2),
        Marker::Map16 => (0, big_endian(bytes, 2)? * 2),
        Marker::Map32 => (0, big_endian(bytes, 4)? * 2),
        // No row of the protocol has extension types.
        _ => return Err(()),
    };
    let skip = usize::try_from(skip).map_err(drop)?;
    let (value, rest) = bytes.split_at_checked(skip).ok_or(())?;
    let is_text = matches!(
        marker,
        Marker::FixStr(_) | Marker::Str8 | Marker::Str16 | Marker::Str32
    );
    if is_text && value.contains(&0) {
        return Err(());
    }
    *bytes = rest;
    Ok(children)
}

fn big_endian(bytes: &mut &[u8], length: usize) -> Result<u64, ()> {
    let (number, rest) = bytes.split_at_checked(length).ok_or(())?;
    *bytes = rest;
    Ok(number
        .iter()
        .fold(0, |sum, byte| (sum << 8) | u64::from(*byte)))
}

/// Writes a reply.
pub fn reply(request: u32, body: &[u8]) -> Vec<u8> {
    let mut bytes = header(3, opcode::REPLY, body.len());
    uint(&mut bytes, request.into());
    bytes.extend_from_slice(body);
    bytes
}

/// Writes a refusal.
pub fn refusal(request: u32, refusal: &Refusal) -> Vec<u8> {
    let mut bytes = header(5, opcode::REFUSAL, 32);
    uint(&mut bytes, request.into());
    uint(&mut bytes, refusal.reason.code().into());
    match &refusal.detail {
        Some(detail) => ok(encode::write_str(&mut bytes, detail)),
        None => nil(&mut bytes),
    }
    match refusal.retry_after {
        Some(ms) => uint(&mut bytes, ms),
        None => nil(&mut bytes),
    }
    bytes
}

/// The payload of a reply or refusal under another number: workers write 0, as
/// only the gateway knows what the client calls its request. What is neither stays
/// as it is.
pub fn renumber(request: u32, payload: &[u8]) -> Vec<u8> {
    let mut rest = payload;
    let head = (|| {
        let length = decode::read_array_len(&mut rest).ok()?;
        let opcode = decode::read_int::<u16, _>(&mut rest).ok()?;
        decode::read_int::<u32, _>(&mut rest).ok()?;
        matches!(opcode, opcode::REPLY | opcode::REFUSAL).then_some((length, opcode))
    })();
    let Some((length, opcode)) = head else {
        return payload.to_vec();
    };
    let mut bytes = header(length, opcode, rest.len());
    uint(&mut bytes, request.into());
    bytes.extend_from_slice(rest);
    bytes
}

/// Writes an event.
pub fn event(topic: u64, seq: u64, number: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = header(5, opcode::EVENT, body.len());
    uint(&mut bytes, topic);
    uint(&mut bytes, seq);
    uint(&mut bytes, number.into());
    bytes.extend_from_slice(body);
    bytes
}

/// The finished WebSocket frame of an event: what is written to sockets.
pub fn websocket_event(topic: u64, seq: u64, number: u16, body: &[u8]) -> Vec<u8> {
    websocket(WebSocketKind::Binary, &event(topic, seq, number, body))
}

/// Writes a control frame `[opcode, body]`.
pub fn control(opcode: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = header(2, opcode, body.len());
    bytes.extend_from_slice(body);
    bytes
}

/// A server frame whose body is still encoded, for the doors that speak JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerFrame<'a> {
    /// A request succeeded.
    Reply {
        /// The request.
        request: u32,
        /// The encoded body.
        body: &'a [u8],
    },
    /// A request was refused.
    Refusal {
        /// The request.
        request: u32,
        /// Why.
        refusal: Refusal,
    },
    /// Something happened.
    Event {
        /// The server or the account.
        topic: u64,
        /// Its place in the topic; 0 when it is not stored.
        seq: u64,
        /// What happened.
        opcode: u16,
        /// The encoded body.
        body: &'a [u8],
    },
}

impl<'a> ServerFrame<'a> {
    /// Reads the payload of a reply, refusal or event; `None` for anything else.
    pub fn read(mut bytes: &'a [u8]) -> Option<Self> {
        let bytes = &mut bytes;
        let length = decode::read_array_len(bytes).ok()?;
        match (length, decode::read_int::<u16, _>(bytes).ok()?) {
            (3, opcode::REPLY) => Some(Self::Reply {
                request: decode::read_int(bytes).ok()?,
                body: bytes,
            }),
            (5, opcode::REFUSAL) => {
                let request = decode::read_int(bytes).ok()?;
                // The rest is the positional form of a refusal, without its array header.
                let rest = [&[0x93], *bytes].concat();
                let refusal = rmp_serde::from_slice(&rest).ok()?;
                Some(Self::Refusal { request, refusal })
            }
            (5, opcode::EVENT) => Some(Self::Event {
                topic: decode::read_int(bytes).ok()?,
                seq: decode::read_int(bytes).ok()?,
                opcode: decode::read_int(bytes).ok()?,
                body: bytes,
            }),
            _ => None,
        }
    }
}

/// Puts the header of an unmasked, final WebSocket frame in front of a payload
/// (RFC 6455 §5.2), so that fan-out writes it to sockets unchanged.
pub fn websocket(kind: WebSocketKind, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(payload.len() + 10);
    bytes.push(0x80 | kind as u8);
    websocket_length(&mut bytes, payload.len());
    bytes.extend_from_slice(payload);
    bytes
}

/// Appends the length of an unmasked WebSocket frame, which follows its first byte.
pub fn websocket_length(bytes: &mut Vec<u8>, length: usize) {
    match u16::try_from(length) {
        Ok(short @ 0..126) => bytes.push(short.to_be_bytes()[1]),
        Ok(short) => {
            bytes.push(126);
            bytes.extend_from_slice(&short.to_be_bytes());
        }
        Err(_longer) => {
            bytes.push(127);
            bytes.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
}

/// The payload of a frame that [`websocket`] wrote.
pub fn websocket_payload(frame: &[u8]) -> Option<&[u8]> {
    let start = match frame.get(1)? {
        126 => 4,
        127 => 10,
        _ => 2,
    };
    frame.get(start..)
}

/// What a WebSocket frame carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebSocketKind {
    /// UTF-8 text: the JSON sub-protocol.
    Text = 1,
    /// Bytes: MessagePack.
    Binary = 2,
    /// Why the connection ends.
    Close = 8,
    /// Asks for a sign of life.
    Ping = 9,
    /// The answer to a ping.
    Pong = 10,
}

fn header(length: u32, opcode: u16, body: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(body + 32);
    ok(encode::write_array_len(&mut bytes, length));
    uint(&mut bytes, opcode.into());
    bytes
}

fn uint(bytes: &mut Vec<u8>, value: u64) {
    ok(encode::write_uint(bytes, value));
}

fn nil(bytes: &mut Vec<u8>) {
    bytes.push(0xc0);
}

/// Writing to a `Vec` cannot fail.
#[expect(clippy::needless_pass_by_value, reason = "takes what the writers give")]
fn ok<T, E>(written: Result<T, E>) {
    debug_assert!(written.is_ok());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_back_what_it_wrote() {
        let frame = Frame {
            opcode: 20,
            request: 70_000,
            scope: 1 << 52,
            body: &[0x91, 0x05],
        };
        assert_eq!(Frame::read(&frame.write()), Ok(frame));
    }

    #[test]
    fn refuses_what_is_no_frame() {
        let deep = [&[0x94, 16, 1, 0][..], &[0x91; 9], &[0xc0]].concat();
        let wide = [0x94, 16, 1, 0, 0xdd, 0xff, 0xff, 0xff, 0xff];
        let trailing = [0x94, 16, 1, 0, 0x90, 0x90];
        let negative = [0x94, 0xff, 1, 0, 0x90];
        let extension = [0x94, 16, 1, 0, 0xd4, 1, 2];
        let map = [0x94, 16, 1, 0, 0x81, 1, 2];
        let nul = [0x94, 16, 1, 0, 0x91, 0xa2, b'x', 0];
        let too_many_bits = [0x94, 16, 1, 0, 0xcf, 0, 0x20, 0, 0, 0, 0, 0, 0];
        for bytes in [
            &[][..],
            &[0xc0],
            &[0x93, 1, 2, 3],
            &[0x94, 0xa1, b'x', 0, 0],
            &deep,
            &wide,
            &trailing,
            &negative,
            &extension,
            &too_many_bits,
            &nul,
            &map,
        ] {
            assert_eq!(
                Frame::read(bytes).map_err(|refusal| refusal.reason),
                Err(Reason::Malformed),
                "{bytes:x?}"
            );
        }
    }

    #[test]
    fn server_frames_read_back() {
        let body = &[0x91, 0x05][..];
        assert_eq!(
            ServerFrame::read(&reply(9, body)),
            Some(ServerFrame::Reply { request: 9, body })
        );
        let refused = Refusal {
            reason: Reason::RateLimited,
            detail: Some("send".to_owned()),
            retry_after: Some(70_000),
        };
        assert_eq!(
            ServerFrame::read(&refusal(9, &refused)),
            Some(ServerFrame::Refusal {
                request: 9,
                refusal: refused
            })
        );
        assert_eq!(
            ServerFrame::read(&event(1 << 52, 3, 16, body)),
            Some(ServerFrame::Event {
                topic: 1 << 52,
                seq: 3,
                opcode: 16,
                body
            })
        );
        assert_eq!(ServerFrame::read(&control(opcode::HELLO, body)), None);
    }

    #[test]
    fn an_answer_takes_the_number_that_the_client_gave() {
        let body = &[0x91, 0x05][..];
        let refused = Refusal::retry(Reason::Busy, 70_000);
        for number in [0, 7, 70_000, u32::MAX] {
            assert_eq!(renumber(number, &reply(0, body)), reply(number, body));
            assert_eq!(
                renumber(number, &refusal(0, &refused)),
                refusal(number, &refused)
            );
        }
        let event = event(1, 2, 16, body);
        assert_eq!(renumber(9, &event), event);
        assert_eq!(renumber(9, &[0xc1]), [0xc1]);
    }

    #[test]
    fn a_websocket_header_names_the_length() {
        for length in [0, 125, 126, 65_535, 65_536] {
            let payload = vec![7; length];
            let frame = websocket(WebSocketKind::Binary, &payload);
            assert_eq!(websocket_payload(&frame), Some(&payload[..]), "{length}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            drop(Frame::read(&bytes));
        }

        #[test]
        fn nearly_frames_do_not_panic(mut bytes in proptest::collection::vec(any::<u8>(), 4..200)) {
            bytes[0] = 0x94;
            bytes[1] &= 0x7f;
            drop(Frame::read(&bytes));
        }
    }
}
