//! WebSocket frames for loops of our own, where a general library would cost more than what is
//! measured: whole messages only, taken from the bytes where they lie.

use std::{io::Cursor, net::SocketAddr, ops::Range};

use base64::{Engine, engine::general_purpose::STANDARD};
use tokio_tungstenite::tungstenite::{
    handshake::{
        machine::TryParse,
        server::{Request, create_response, write_response},
    },
    protocol::frame::{FrameHeader, coding},
};

pub use coding::{Control, Data, OpCode};

/// The longest payload: twice what a gateway queues for one client.
const LONGEST_PAYLOAD: u64 = 4 << 20;
/// The longest request for a WebSocket, in bytes.
const LONGEST_REQUEST: usize = 8 * 1_024;

const PROTOCOL: &str = "Sec-WebSocket-Protocol";

/// What the other side sent is not of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the other side sent what is no frame")]
pub struct Broken;

/// A whole frame at the beginning of some bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// What it is.
    pub opcode: OpCode,
    /// What its payload is masked with; servers mask nothing.
    pub mask: Option<[u8; 4]>,
    /// Where its payload is in the bytes; the next frame begins at its end.
    pub payload: Range<usize>,
}

/// Reads the frame that `bytes` begin with; `None` while it is not complete. Clients mask, and
/// servers do not; neither sends messages in parts.
#[inline]
pub fn read_frame(bytes: &[u8], masked: bool) -> Result<Option<Frame>, Broken> {
    let mut cursor = Cursor::new(bytes);
    let Some((header, length)) = FrameHeader::parse(&mut cursor).map_err(|_error| Broken)? else {
        return Ok(None);
    };
    let whole = header.is_final && header.opcode != OpCode::Data(Data::Continue);
    let extended = header.rsv1 || header.rsv2 || header.rsv3;
    if !whole || extended || header.mask.is_some() != masked || length > LONGEST_PAYLOAD {
        return Err(Broken);
    }
    let start = usize::try_from(cursor.position()).map_err(|_error| Broken)?;
    let end = start + usize::try_from(length).map_err(|_error| Broken)?;
    Ok((end <= bytes.len()).then_some(Frame {
        opcode: header.opcode,
        mask: header.mask,
        payload: start..end,
    }))
}

/// Appends a frame, masked where it is a client's.
pub fn write_frame(out: &mut Vec<u8>, opcode: OpCode, payload: &[u8], mask: Option<[u8; 4]>) {
    let header = FrameHeader {
        opcode,
        mask,
        ..FrameHeader::default()
    };
    let written = header.format(payload.len() as u64, out);
    debug_assert!(written.is_ok(), "writing to memory does not fail");
    let start = out.len();
    out.extend_from_slice(payload);
    if let (Some(mask), Some(copy)) = (mask, out.get_mut(start..)) {
        apply_mask(copy, mask);
    }
}

/// Puts a mask on a payload, or takes it off, eight bytes at a time.
pub fn apply_mask(payload: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (eights, rest) = payload.as_chunks_mut();
    for eight in eights {
        *eight = (u64::from_ne_bytes(*eight) ^ wide).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}

/// The HTTP request that asks a gateway for a WebSocket.
pub fn upgrade_request(host: SocketAddr, key: [u8; 16]) -> Vec<u8> {
    format!(
        "GET /ws HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {}\r\n\
         Sec-WebSocket-Protocol: confab.v1.msgpack\r\n\r\n",
        STANDARD.encode(key)
    )
    .into_bytes()
}

/// The answer to a request for a WebSocket, and where the request ends; `None` while it is not
/// complete. Who offers sub-protocols gets the first.
pub fn answer_upgrade(bytes: &[u8]) -> Result<Option<(Vec<u8>, usize)>, Broken> {
    let Some((end, request)) = Request::try_parse(bytes).map_err(|_error| Broken)? else {
        let partial = bytes.len() < LONGEST_REQUEST;
        return if partial { Ok(None) } else { Err(Broken) };
    };
    let mut response = create_response(&request).map_err(|_error| Broken)?;
    let offered = request.headers().get(PROTOCOL);
    let first = offered.and_then(|offered| offered.to_str().ok()?.split(',').next()?.parse().ok());
    if let Some(first) = first {
        response.headers_mut().insert(PROTOCOL, first);
    }
    let mut answer = Vec::new();
    write_response(&mut answer, &response).map_err(|_error| Broken)?;
    Ok(Some((answer, end)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shared::frame::{WebSocketKind, websocket};

    use super::*;

    const BINARY: OpCode = OpCode::Data(Data::Binary);

    #[test]
    fn a_frame_is_read_when_its_last_byte_is_there() {
        for length in [0, 1, 7, 125, 126, 65_535, 65_536] {
            let payload: Vec<u8> = (0..=255).cycle().take(length).collect();
            let mut bytes = Vec::new();
            write_frame(&mut bytes, BINARY, &payload, Some([1, 2, 3, 4]));
            for short in [0, 1, 2, bytes.len() - 1] {
                assert_eq!(
                    read_frame(&bytes[..short], true),
                    Ok(None),
                    "{length} {short}"
                );
            }
            bytes.push(0x82);
            let found = read_frame(&bytes, true).unwrap().unwrap();
            assert_eq!((found.opcode, found.payload.end), (BINARY, bytes.len() - 1));
            let read = &mut bytes[found.payload];
            apply_mask(read, found.mask.unwrap());
            assert_eq!(read, payload);
        }
    }

    #[test]
    fn what_neither_side_says_is_broken() {
        for (bytes, masked) in [
            (&[0x82, 0x01, 0][..], true),
            (&[0x02, 0x81, 0, 0, 0, 0, 0], true),
            (&[0xc2, 0x81, 0, 0, 0, 0, 0], true),
            (&[0x82, 0xff, 0, 0, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0], true),
            (&[0x82, 0x80, 0, 0, 0, 0], false),
            (&[0x02, 0], false),
            (&[0x80, 0], false),
            (&[0xc2, 0], false),
            (&[0x82, 127, 0xff, 0, 0, 0, 0, 0, 0, 0], false),
        ] {
            assert_eq!(read_frame(bytes, masked), Err(Broken), "{bytes:x?}");
        }
    }

    #[test]
    fn the_upgrade_is_answered_as_the_rfc_says() {
        let request =
            b"GET / HTTP/1.1\r\nHost: a\r\nsec-websocket-KEY: dGhlIHNhbXBsZSBub25jZQ==\r\n\
            Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
            Sec-WebSocket-Protocol: one, two\r\n\r\n\x82";
        let (answer, end) = answer_upgrade(request).unwrap().unwrap();
        assert_eq!(end, request.len() - 1);
        let answer = String::from_utf8(answer).unwrap().to_lowercase();
        assert!(answer.contains("accept: s3pplmbitxaq9kygzzhzrbk+xoo=\r\n"));
        assert!(answer.contains("protocol: one\r\n"), "{answer}");
        assert_eq!(answer_upgrade(&request[..40]), Ok(None));
        assert_eq!(answer_upgrade(b"GET / HTTP/1.1\r\n\r\n"), Err(Broken));
        assert_eq!(answer_upgrade(&[b'a'; LONGEST_REQUEST]), Err(Broken));
    }

    /// All that can be taken from `bytes`, and what is left.
    fn take(mut bytes: &[u8], into: &mut Vec<Vec<u8>>) -> Vec<u8> {
        while let Some(frame) = read_frame(bytes, false).unwrap() {
            assert_eq!(frame.opcode, BINARY);
            into.push(bytes[frame.payload.clone()].to_vec());
            bytes = &bytes[frame.payload.end..];
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
            let frames = payloads.iter().map(|payload| websocket(WebSocketKind::Binary, payload));
            let stream: Vec<u8> = frames.flatten().collect();
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
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100), masked: bool) {
            if let Ok(Some(frame)) = read_frame(&bytes, masked) {
                prop_assert!(frame.payload.end <= bytes.len());
            }
        }

        #[test]
        fn what_is_masked_is_unmasked_by_the_rules(
            payload in proptest::collection::vec(any::<u8>(), 0..70_000),
            mask: [u8; 4],
        ) {
            let mut out = Vec::new();
            write_frame(&mut out, BINARY, &payload, Some(mask));
            let start = out.len() - payload.len();
            prop_assert_eq!(out[0], 0x82);
            prop_assert_eq!(out[1] & 0x80, 0x80);
            let key = &out[start - 4..start];
            let plain: Vec<u8> = out[start..].iter().zip(key.iter().cycle()).map(|(a, b)| a ^ b).collect();
            prop_assert_eq!(plain, payload);
        }
    }
}
