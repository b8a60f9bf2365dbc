//! What a gateway sends, read without the code that wrote it: a mistake in the
//! writer must not hide behind the same mistake in the reader.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use shared::{
    error::{Reason, Refusal},
    frame::opcode,
    protocol,
};

/// A frame of a gateway. Its body is MessagePack, or JSON on a JSON link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming {
    /// A request succeeded.
    Reply {
        /// Which request.
        request: u32,
        /// What it was answered with.
        body: Bytes,
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
        body: Bytes,
    },
    /// A frame of the session's own.
    Control {
        /// Which one.
        opcode: u16,
        /// Its body.
        body: Bytes,
    },
}

/// Reads a binary frame; `None` when it is none of the protocol.
pub fn read_binary(bytes: &Bytes) -> Option<Incoming> {
    let mut rest = Reader { bytes, at: 0 };
    let length = rest.array()?;
    let opcode = u16::try_from(rest.uint()?).ok()?;
    match (opcode, length) {
        (opcode::REPLY, 3) => Some(Incoming::Reply {
            request: u32::try_from(rest.uint()?).ok()?,
            body: rest.remainder(),
        }),
        (opcode::REFUSAL, 5) => Some(Incoming::Refusal {
            request: u32::try_from(rest.uint()?).ok()?,
            refusal: Refusal {
                reason: Reason::from_code(u16::try_from(rest.uint()?).ok()?)?,
                detail: if rest.nil() { None } else { Some(rest.text()?) },
                retry_after: if rest.nil() { None } else { Some(rest.uint()?) },
            },
        }),
        (opcode::EVENT, 5) => Some(Incoming::Event {
            topic: rest.uint()?,
            seq: rest.uint()?,
            opcode: u16::try_from(rest.uint()?).ok()?,
            body: rest.remainder(),
        }),
        (3..16, 2) => Some(Incoming::Control {
            opcode,
            body: rest.remainder(),
        }),
        _ => None,
    }
}

struct Reader<'a> {
    bytes: &'a Bytes,
    at: usize,
}

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let byte = self.bytes.get(self.at).copied();
        self.at += 1;
        byte
    }

    fn array(&mut self) -> Option<u8> {
        let byte = self.byte()?;
        (byte & 0xf0 == 0x90).then_some(byte & 0x0f)
    }

    fn big_endian(&mut self, length: usize) -> Option<u64> {
        let mut number = 0;
        for _ in 0..length {
            number = (number << 8) | u64::from(self.byte()?);
        }
        Some(number)
    }

    fn uint(&mut self) -> Option<u64> {
        match self.byte()? {
            small @ 0..=0x7f => Some(small.into()),
            0xcc => self.big_endian(1),
            0xcd => self.big_endian(2),
            0xce => self.big_endian(4),
            0xcf => self.big_endian(8),
            _ => None,
        }
    }

    fn text(&mut self) -> Option<String> {
        let length = match self.byte()? {
            fixed @ 0xa0..=0xbf => u64::from(fixed & 0x1f),
            0xd9 => self.big_endian(1)?,
            0xda => self.big_endian(2)?,
            0xdb => self.big_endian(4)?,
            _ => return None,
        };
        let end = self.at.checked_add(usize::try_from(length).ok()?)?;
        let text = self.bytes.get(self.at..end)?;
        self.at = end;
        String::from_utf8(text.to_vec()).ok()
    }

    /// Steps over a nil, if there is one.
    fn nil(&mut self) -> bool {
        let nil = self.bytes.get(self.at) == Some(&0xc0);
        self.at += usize::from(nil);
        nil
    }

    fn remainder(&self) -> Bytes {
        self.bytes.slice(self.at.min(self.bytes.len())..)
    }
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
