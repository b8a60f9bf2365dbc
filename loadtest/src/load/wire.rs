//! The frames of a WebSocket as a client sees them, and what of them a load test reads.
//!
//! A reader of 15,000 sockets has no time for the general decoder: this one
//! borrows everything from the buffer and looks only at what it counts.

use shared::frame::opcode;

/// What the server sent is no frame, or none that it may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server sent what is no frame")]
pub struct Broken;

/// One frame of the server.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// A whole message.
    Message(&'a [u8]),
    /// To be answered with a pong that carries the same bytes.
    Ping(&'a [u8]),
    /// A sign of life.
    Pong,
    /// The end, with its code.
    Close(Option<u16>),
}

/// The largest frame that is waited for: twice what a gateway queues for one client.
const MAX_FRAME: usize = 4 << 20;

/// Takes the first frame of `bytes`, and says how long it is; `None` when the
/// frame is not complete.
pub fn frame(bytes: &[u8]) -> Result<Option<(Piece<'_>, usize)>, Broken> {
    let [first, second, rest @ ..] = bytes else {
        return Ok(None);
    };
    let (start, length) = match second {
        0..=125 => (2, usize::from(*second)),
        126 => match rest {
            [high, low, ..] => (4, usize::from(u16::from_be_bytes([*high, *low]))),
            _ => return Ok(None),
        },
        127 => match rest.first_chunk() {
            Some(length) => (
                10,
                usize::try_from(u64::from_be_bytes(*length)).map_err(|_error| Broken)?,
            ),
            None => return Ok(None),
        },
        // A server must not mask.
        _ => return Err(Broken),
    };
    if length > MAX_FRAME {
        return Err(Broken);
    }
    let Some(payload) = bytes.get(start..start + length) else {
        return Ok(None);
    };
    let piece = match first {
        // Our server sends whole messages only.
        0x81 | 0x82 => Piece::Message(payload),
        0x88 => Piece::Close(payload.first_chunk().map(|code| u16::from_be_bytes(*code))),
        0x89 => Piece::Ping(payload),
        0x8a => Piece::Pong,
        _ => return Err(Broken),
    };
    Ok(Some((piece, start + length)))
}

/// The opcode of a frame that carries bytes.
pub const BINARY: u8 = 2;
/// The opcode of the answer to a ping.
pub const PONG: u8 = 10;

/// Appends a client's frame, masked as RFC 6455 §5.3 demands.
pub fn masked(out: &mut Vec<u8>, opcode: u8, payload: &[u8], mask: u32) {
    out.push(0x80 | opcode);
    match u16::try_from(payload.len()) {
        Ok(length @ 0..=125) => out.push(0x80 | length.to_be_bytes()[1]),
        Ok(length) => {
            out.push(0x80 | 0x7e);
            out.extend_from_slice(&length.to_be_bytes());
        }
        Err(_longer) => {
            out.push(0x80 | 0x7f);
            out.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    let mask = mask.to_be_bytes();
    out.extend_from_slice(&mask);
    out.extend(
        payload
            .iter()
            .zip(mask.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
}

/// A message of the server, its body still encoded.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard<'a> {
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
        /// The number of the reason.
        code: u16,
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
    /// A control frame.
    Control {
        /// Which one.
        opcode: u16,
        /// The encoded body.
        body: &'a [u8],
    },
}

impl<'a> Heard<'a> {
    /// Reads the head of a message; `None` when it is none of the protocol.
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut rest = Reader(bytes);
        let fields = rest.array()?;
        let opcode = u16::try_from(rest.uint()?).ok()?;
        match (opcode, fields) {
            (opcode::EVENT, 5) => Some(Self::Event {
                topic: rest.uint()?,
                seq: rest.uint()?,
                opcode: u16::try_from(rest.uint()?).ok()?,
                body: rest.0,
            }),
            (opcode::REPLY, 3) => Some(Self::Reply {
                request: u32::try_from(rest.uint()?).ok()?,
                body: rest.0,
            }),
            (opcode::REFUSAL, 5) => Some(Self::Refusal {
                request: u32::try_from(rest.uint()?).ok()?,
                code: u16::try_from(rest.uint()?).ok()?,
            }),
            (_, 2) => Some(Self::Control {
                opcode,
                body: rest.0,
            }),
            _ => None,
        }
    }
}

/// What a load test reads of the event that a message was sent.
#[derive(Debug, PartialEq, Eq)]
pub struct Said<'a> {
    /// Where.
    pub channel: u64,
    /// Its place in the channel.
    pub seq: u64,
    /// What it says.
    pub content: &'a [u8],
}

impl<'a> Said<'a> {
    /// Reads the body of `message_created`.
    pub fn read(body: &'a [u8]) -> Option<Self> {
        let mut rest = Reader(body);
        rest.array()?;
        let channel = rest.uint()?;
        rest.array()?;
        let _message = rest.uint()?;
        let seq = rest.uint()?;
        let _author = rest.uint()?;
        Some(Self {
            channel,
            seq,
            content: rest.text()?,
        })
    }
}

/// The `seq` in the reply to `message_new`.
pub fn stored_seq(body: &[u8]) -> Option<u64> {
    let mut rest = Reader(body);
    rest.array()?;
    let _message = rest.uint()?;
    rest.uint()
}

/// Takes MessagePack values from the front of its bytes.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn number(&mut self, width: usize) -> Option<u64> {
        let taken = self.take(width)?;
        Some(
            taken
                .iter()
                .fold(0, |sum, byte| (sum << 8) | u64::from(*byte)),
        )
    }

    fn uint(&mut self) -> Option<u64> {
        match self.byte()? {
            small @ 0..=0x7f => Some(small.into()),
            0xcc => self.number(1),
            0xcd => self.number(2),
            0xce => self.number(4),
            0xcf => self.number(8),
            _ => None,
        }
    }

    fn array(&mut self) -> Option<u64> {
        match self.byte()? {
            small @ 0x90..=0x9f => Some(u64::from(small & 0x0f)),
            0xdc => self.number(2),
            0xdd => self.number(4),
            _ => None,
        }
    }

    fn text(&mut self) -> Option<&'a [u8]> {
        let length = match self.byte()? {
            small @ 0xa0..=0xbf => u64::from(small & 0x1f),
            0xd9 => self.number(1)?,
            0xda => self.number(2)?,
            0xdb => self.number(4)?,
            _ => return None,
        };
        self.take(usize::try_from(length).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shared::{
        error::Reason,
        frame::{self, WebSocketKind},
        protocol::{
            self,
            message::{MessageCreated, MessageSent},
        },
        wire::Wire,
    };

    use super::*;

    #[test]
    fn the_event_of_a_message_is_read_as_the_protocol_writes_it() {
        let mut event = MessageCreated::sample();
        for length in [0, 31, 32, 255, 256, 2_000] {
            event.message.content = "x".repeat(length);
            let body = protocol::encode(&event);
            let payload = frame::event(1 << 52, 70_000, 16, &body);
            let Some(Heard::Event {
                topic,
                seq,
                opcode,
                body,
            }) = Heard::read(&payload)
            else {
                panic!("no event");
            };
            assert_eq!((topic, seq, opcode), (1 << 52, 70_000, 16));
            let said = Said::read(body).unwrap();
            assert_eq!(said.channel, event.channel_id.get());
            assert_eq!(said.seq, event.message.seq);
            assert_eq!(said.content, event.message.content.as_bytes());
        }
    }

    #[test]
    fn replies_refusals_and_controls_are_told_apart() {
        let sent = MessageSent::sample();
        let reply = frame::reply(7, &protocol::encode(&sent));
        let Some(Heard::Reply { request: 7, body }) = Heard::read(&reply) else {
            panic!("no reply");
        };
        assert_eq!(stored_seq(body), Some(sent.seq));
        let refusal = frame::refusal(8, &Reason::RateLimited.into());
        let code = Reason::RateLimited.code();
        assert_eq!(
            Heard::read(&refusal),
            Some(Heard::Refusal { request: 8, code })
        );
        let control = frame::control(opcode::HELLO, &[0x90]);
        assert_eq!(
            Heard::read(&control),
            Some(Heard::Control {
                opcode: opcode::HELLO,
                body: &[0x90]
            })
        );
    }

    #[test]
    fn a_server_that_masks_or_fragments_is_not_followed() {
        for bytes in [&[0x82, 0x80, 0, 0, 0, 0][..], &[0x02, 0], &[0xc2, 0]] {
            assert_eq!(frame(bytes), Err(Broken), "{bytes:x?}");
        }
        let endless = [0x82, 127, 0xff, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(frame(&endless), Err(Broken));
    }

    /// All that can be taken from `bytes`, and what is left.
    fn take(mut bytes: &[u8], into: &mut Vec<Vec<u8>>) -> Vec<u8> {
        while let Some((piece, length)) = frame(bytes).unwrap() {
            let Piece::Message(payload) = piece else {
                panic!("not a message");
            };
            into.push(payload.to_vec());
            bytes = &bytes[length..];
        }
        bytes.to_vec()
    }

    proptest! {
        #[test]
        fn frames_are_the_same_however_they_are_split(
            lengths in proptest::collection::vec(prop_oneof![0..200_usize, 65_530..65_540_usize], 1..6),
            cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..8),
        ) {
            let payloads: Vec<Vec<u8>> = lengths.iter().map(|length| vec![7; *length]).collect();
            let stream: Vec<u8> = payloads
                .iter()
                .flat_map(|payload| frame::websocket(WebSocketKind::Binary, payload))
                .collect();
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len())).collect();
            at.extend([0, stream.len()]);
            at.sort_unstable();
            let mut taken = Vec::new();
            let mut partial = Vec::new();
            for pair in at.windows(2) {
                partial.extend_from_slice(&stream[pair[0]..pair[1]]);
                partial = take(&partial, &mut taken);
            }
            prop_assert!(partial.is_empty());
            prop_assert_eq!(taken, payloads);
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            if let Ok(Some((_, length))) = frame(&bytes) {
                prop_assert!(length <= bytes.len());
            }
            prop_assert!(Heard::read(&bytes).is_none() || bytes.len() > 1);
            prop_assert!(Said::read(&bytes).is_none_or(|said| said.content.len() < bytes.len()));
        }

        #[test]
        fn what_is_masked_is_unmasked_by_the_rules(
            payload in proptest::collection::vec(any::<u8>(), 0..70_000),
            mask in any::<u32>(),
        ) {
            let mut out = Vec::new();
            masked(&mut out, BINARY, &payload, mask);
            let start = out.len() - payload.len();
            prop_assert_eq!(out[0], 0x82);
            prop_assert_eq!(out[1] & 0x80, 0x80);
            let key = &out[start - 4..start];
            let plain: Vec<u8> = out[start..].iter().zip(key.iter().cycle()).map(|(a, b)| a ^ b).collect();
            prop_assert_eq!(plain, payload);
        }
    }
}
