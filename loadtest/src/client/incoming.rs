//! What a gateway sends, read without the code that wrote it: a mistake in the
//! writer must not hide behind the same mistake in the reader.

use bytes::Bytes;
use rmp::decode;
use serde::Deserialize;
use serde_json::value::RawValue;
use shared::{
    error::{Reason, Refusal},
    frame::opcode,
    protocol,
};

use crate::websocket::Broken;

/// A frame of a gateway. Its body is MessagePack, or JSON on a JSON link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming<B = Bytes> {
    /// A request succeeded.
    Reply {
        /// Which request.
        request: u32,
        /// What it was answered with.
        body: B,
    },
    /// A request was refused.
    Refusal {
        /// Which request.
        request: u32,
        /// Why.
        refusal: Refusal,
    },
    /// Something happened.
    Event {
        /// The id of the server or the account.
        topic: u64,
        /// Its place in the topic; 0 when it is not stored.
        seq: u64,
        /// Which event.
        opcode: u16,
        /// What happened.
        body: B,
    },
    /// A frame of the session's own.
    Control {
        /// Which one.
        opcode: u16,
        /// Its body.
        body: B,
    },
}

/// Reads a binary frame, whose body stays where it lies; `None` when it is none of the protocol.
#[inline]
pub fn read_borrowed(mut bytes: &[u8]) -> Option<Incoming<&[u8]>> {
    let rest = &mut bytes;
    let length = decode::read_array_len(rest).ok()?;
    let opcode: u16 = decode::read_int(rest).ok()?;
    Some(match (opcode, length) {
        (opcode::REPLY, 3) => Incoming::Reply {
            request: decode::read_int(rest).ok()?,
            body: rest,
        },
        (opcode::REFUSAL, 5) => Incoming::Refusal {
            request: decode::read_int(rest).ok()?,
            refusal: Refusal {
                reason: Reason::from_code(decode::read_int(rest).ok()?)?,
                detail: read_optional(rest, read_string).ok()?,
                retry_after: read_optional(rest, |rest| decode::read_int(rest).ok()).ok()?,
            },
        },
        (opcode::EVENT, 5) => Incoming::Event {
            topic: decode::read_int(rest).ok()?,
            seq: decode::read_int(rest).ok()?,
            opcode: decode::read_int(rest).ok()?,
            body: rest,
        },
        (3..16, 2) => Incoming::Control { opcode, body: rest },
        _ => return None,
    })
}

/// Reads what may be nil.
fn read_optional<T>(
    rest: &mut &[u8],
    read: impl FnOnce(&mut &[u8]) -> Option<T>,
) -> Result<Option<T>, Broken> {
    match rest.split_first() {
        Some((0xc0, after)) => {
            *rest = after;
            Ok(None)
        }
        _ => read(rest).map(Some).ok_or(Broken),
    }
}

fn read_string(rest: &mut &[u8]) -> Option<String> {
    let (text, after) = decode::read_str_from_slice(*rest).ok()?;
    let text = text.to_owned();
    *rest = after;
    Some(text)
}

/// Reads a binary frame; `None` when it is none of the protocol.
pub fn read_binary(bytes: &Bytes) -> Option<Incoming> {
    let own = |body: &[u8]| bytes.slice_ref(body);
    Some(match read_borrowed(bytes)? {
        Incoming::Reply { request, body } => Incoming::Reply {
            request,
            body: own(body),
        },
        Incoming::Refusal { request, refusal } => Incoming::Refusal { request, refusal },
        Incoming::Event {
            topic,
            seq,
            opcode,
            body,
        } => Incoming::Event {
            topic,
            seq,
            opcode,
            body: own(body),
        },
        Incoming::Control { opcode, body } => Incoming::Control {
            opcode,
            body: own(body),
        },
    })
}

#[derive(Deserialize)]
struct Text<'a> {
    reply: Option<u32>,
    refusal: Option<u32>,
    code: Option<u16>,
    detail: Option<String>,
    retry_after: Option<u64>,
    event: Option<String>,
    topic: Option<String>,
    seq: Option<u64>,
    control: Option<String>,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
}

/// Reads a text frame; `None` when it is none of the protocol.
pub fn read_text(text: &str) -> Option<Incoming> {
    let frame: Text<'_> = serde_json::from_str(text).ok()?;
    let raw = frame.body.map_or("null", RawValue::get);
    let body = Bytes::copy_from_slice(raw.as_bytes());
    if let Some(request) = frame.reply {
        Some(Incoming::Reply { request, body })
    } else if let Some(request) = frame.refusal {
        let refusal = Refusal {
            reason: Reason::from_code(frame.code?)?,
            detail: frame.detail,
            retry_after: frame.retry_after,
        };
        Some(Incoming::Refusal { request, refusal })
    } else if let Some(name) = frame.event {
        Some(Incoming::Event {
            topic: frame.topic?.parse().ok()?,
            seq: frame.seq?,
            opcode: protocol::events().find(|row| row.name == name)?.opcode,
            body,
        })
    } else {
        let name = frame.control?;
        let (opcode, ..) = protocol::control::FRAMES
            .iter()
            .find(|(_, known, ..)| *known == name)?;
        Some(Incoming::Control {
            opcode: *opcode,
            body,
        })
    }
}

#[cfg(test)]
mod tests {
    use shared::{frame, protocol::encode};

    use super::*;

    #[test]
    fn reads_what_a_gateway_writes() {
        let body = encode(&("hi", 7));
        let event = Bytes::from(frame::event(1 << 52, 70_000, 16, &body));
        assert_eq!(
            read_binary(&event),
            Some(Incoming::Event {
                topic: 1 << 52,
                seq: 70_000,
                opcode: 16,
                body: body.clone().into(),
            })
        );
        let reply = Bytes::from(frame::reply(300, &body));
        assert_eq!(
            read_binary(&reply),
            Some(Incoming::Reply {
                request: 300,
                body: body.clone().into(),
            })
        );
        let refusal = Refusal {
            reason: Reason::RateLimited,
            detail: Some("x".repeat(300)),
            retry_after: Some(5_000),
        };
        let bytes = Bytes::from(frame::refusal(1, &refusal));
        let read = Incoming::Refusal {
            request: 1,
            refusal,
        };
        assert_eq!(read_binary(&bytes), Some(read));
        let bare = Bytes::from(frame::refusal(1, &Reason::Busy.into()));
        assert!(matches!(
            read_binary(&bare),
            Some(Incoming::Refusal { refusal, .. }) if refusal == Reason::Busy.into()
        ));
        let control = Bytes::from(frame::control(opcode::HELLO, &body));
        assert!(matches!(
            read_binary(&control),
            Some(Incoming::Control { opcode: 3, .. })
        ));
    }

    #[test]
    fn what_is_no_frame_is_none() {
        for bytes in [
            &[][..],
            &[0xc0],
            &[0x93],
            &[0x93, 0x00],
            &[0x94, 2, 1, 1],
            &[0x95, 1, 1, 0xcd, 0xff, 0xff, 0xc0, 0xc0],
        ] {
            assert_eq!(read_binary(&Bytes::copy_from_slice(bytes)), None);
        }
    }

    #[test]
    fn reads_the_json_forms() {
        assert_eq!(
            read_text(r#"{"reply":4,"body":{"seq":1}}"#),
            Some(Incoming::Reply {
                request: 4,
                body: Bytes::from_static(br#"{"seq":1}"#),
            })
        );
        let refusal = r#"{"refusal":1,"code":12,"reason":"forbidden","detail":null}"#;
        assert!(matches!(
            read_text(refusal),
            Some(Incoming::Refusal { request: 1, refusal }) if refusal == Reason::Forbidden.into()
        ));
        let event = r#"{"event":"message_created","topic":"12","seq":3,"body":{}}"#;
        assert!(matches!(
            read_text(event),
            Some(Incoming::Event {
                topic: 12,
                seq: 3,
                opcode: 16,
                ..
            })
        ));
        let control = r#"{"control":"ready","body":{}}"#;
        assert!(matches!(
            read_text(control),
            Some(Incoming::Control { opcode: 6, .. })
        ));
        assert_eq!(read_text("{}"), None);
        assert_eq!(read_text("nonsense"), None);
    }
}
