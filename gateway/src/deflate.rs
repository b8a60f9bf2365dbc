//! The extension permessage-deflate (RFC 7692), without a memory between messages: one
//! compressed frame serves everyone who gets the event, and an idle connection costs nothing.
//! What it needs belongs to a thread.

use std::cell::RefCell;

use bytes::Bytes;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use hyper::{HeaderMap, header};
use shared::{close::CloseCode, frame::websocket_payload};

/// What a handshake answers when the client offered it.
pub const ACCEPTED: &str =
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
/// Messages below this are sent as they are: a short text without anything before it shrinks
/// by a few bytes at best.
pub const SMALLEST: usize = 256;
/// Answers above this are sent as they are: compressing them would keep the others of a shard
/// waiting for milliseconds.
pub const LARGEST_ANSWER: usize = 128 * 1_024;
/// Of 1 to 9. Three takes 11 us for a message of 300 bytes and makes 231 of 308 bytes of
/// English text, in JSON 308 of 495; one takes 3 us and makes 263 and 412 of them, six takes
/// longer than three and makes no less.
const LEVEL: u32 = 3;
/// Every flushed block ends with these, which are left out (RFC 7692 §7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];
/// How much is inflated at a time.
const PIECE: usize = 16 * 1_024;
/// The bit of a frame's first byte that says that its message is compressed.
const RSV1: u8 = 0x40;

thread_local! {
    static DEFLATER: RefCell<Compress> = RefCell::new(Compress::new(Compression::new(LEVEL), false));
    static INFLATER: RefCell<Decompress> = RefCell::new(Decompress::new(false));
}

/// Whether one of the client's offers can be agreed on.
pub fn is_offered(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::SEC_WEBSOCKET_EXTENSIONS)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(fits)
}

/// One offer. A window smaller than the usual one is not agreed on; its client may offer the
/// same without it.
fn fits(offer: &str) -> bool {
    let mut parts = offer.split(';').map(str::trim);
    if parts.next() != Some("permessage-deflate") {
        return false;
    }
    parts.all(|parameter| {
        let (name, value) = parameter.split_once('=').map_or_else(
            || (parameter, None),
            |(name, value)| (name.trim(), Some(value.trim().trim_matches('"'))),
        );
        match (name, value) {
            (
                "server_no_context_takeover"
                | "client_no_context_takeover"
                | "client_max_window_bits",
                None,
            )
            | ("server_max_window_bits", Some("15")) => true,
            ("client_max_window_bits", Some(bits)) => {
                bits.parse().is_ok_and(|bits: u8| (8..=15).contains(&bits))
            }
            _ => false,
        }
    })
}

/// The compressed form of a finished data frame of the server; none when it would not be
/// smaller.
pub fn frame(whole: &[u8]) -> Option<Bytes> {
    let payload = websocket_payload(whole)?;
    if payload.len() < SMALLEST {
        return None;
    }
    let first = *whole.first()?;
    let compressed = DEFLATER.with_borrow_mut(|deflater| deflate(deflater, payload))?;
    let mut frame = Vec::with_capacity(compressed.len() + 10);
    frame.push(first | RSV1);
    shared::frame::websocket_length(&mut frame, compressed.len());
    frame.extend_from_slice(&compressed);
    (frame.len() < whole.len()).then(|| frame.into())
}

fn deflate(deflater: &mut Compress, payload: &[u8]) -> Option<Vec<u8>> {
    deflater.reset();
    // What is not smaller is not wanted, so there is no need for more room than this.
    let mut out = Vec::with_capacity(payload.len() + 16);
    let status = deflater.compress_vec(payload, &mut out, FlushCompress::Sync);
    let whole = deflater.total_in() == payload.len() as u64;
    match status {
        Ok(Status::Ok) if whole && out.ends_with(&TAIL) => {
            out.truncate(out.len() - TAIL.len());
            Some(out)
        }
        _ => None,
    }
}

/// Inflates a message of at most `limit` bytes.
pub fn inflate(payload: &[u8], limit: usize) -> Result<Vec<u8>, CloseCode> {
    INFLATER.with_borrow_mut(|inflater| {
        inflater.reset(false);
        let mut out = Vec::new();
        for part in [payload, &TAIL] {
            let mut rest = part;
            loop {
                out.reserve(PIECE.min(limit + 1 - out.len().min(limit)));
                let (taken, given) = (inflater.total_in(), out.len());
                let status = inflater
                    .decompress_vec(rest, &mut out, FlushDecompress::Sync)
                    .map_err(|_error| CloseCode::InvalidPayload)?;
                if out.len() > limit {
                    return Err(CloseCode::TooLarge);
                }
                let taken = usize::try_from(inflater.total_in() - taken).unwrap_or(usize::MAX);
                rest = rest.get(taken..).unwrap_or_default();
                let idle = taken == 0 && out.len() == given;
                match status {
                    // A last block: RFC 7692 §7.2.3.4 permits it, and nothing follows it.
                    Status::StreamEnd => return Ok(out),
                    _ if rest.is_empty() && out.len() < out.capacity() => break,
                    _ if idle && !rest.is_empty() => return Err(CloseCode::InvalidPayload),
                    _ => {}
                }
            }
        }
        Ok(out)
    })
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;
    use proptest::prelude::*;
    use shared::frame::{WebSocketKind, websocket};

    use super::*;

    const LIMIT: usize = 65_536;

    fn offered(offer: &'static str) -> bool {
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_static(offer);
        headers.append(header::SEC_WEBSOCKET_EXTENSIONS, value);
        is_offered(&headers)
    }

    #[test]
    fn offers_that_can_be_kept_are_agreed_on() {
        for offer in [
            "permessage-deflate",
            "permessage-deflate; client_max_window_bits",
            "x-other, permessage-deflate; server_no_context_takeover",
            "permessage-deflate; server_max_window_bits=10, permessage-deflate",
            "permessage-deflate; client_max_window_bits=\"12\"; client_no_context_takeover",
        ] {
            assert!(offered(offer), "{offer}");
        }
        for offer in [
            "x-webkit-deflate-frame",
            "permessage-deflate; server_max_window_bits=10",
            "permessage-deflate; client_max_window_bits=20",
            "permessage-deflate; unknown",
        ] {
            assert!(!offered(offer), "{offer}");
        }
    }

    #[test]
    fn what_does_not_shrink_stays_as_it_is() {
        let tiny = websocket(WebSocketKind::Text, &[b'x'; SMALLEST - 1]);
        assert_eq!(frame(&tiny), None);
        let mut random = 1_u32;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            random.to_be_bytes()[0]
        })
        .take(1_000)
        .collect();
        assert_eq!(frame(&websocket(WebSocketKind::Binary, &noise)), None);
        let text = websocket(WebSocketKind::Text, "so it goes ".repeat(100).as_bytes());
        let small = frame(&text).unwrap();
        assert!(small.len() < 60 && small[0] == 0xc1, "{}", small.len());
    }

    #[test]
    fn a_bomb_is_not_inflated() {
        let zeros = websocket(WebSocketKind::Binary, &vec![0; 10 << 20]);
        let bomb = frame(&zeros).unwrap();
        let payload = websocket_payload(&bomb).unwrap();
        assert!(payload.len() < 65_536);
        assert_eq!(inflate(payload, LIMIT), Err(CloseCode::TooLarge));
    }

    #[test]
    fn what_others_deflate_is_inflated() {
        // RFC 7692 §7.2.3: one block, two blocks, without compression, with a last block.
        for bytes in [
            &[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00][..],
            &[
                0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00,
            ],
            &[
                0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00,
            ],
            &[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00],
        ] {
            assert_eq!(inflate(bytes, LIMIT).unwrap(), b"Hello", "{bytes:x?}");
        }
        assert_eq!(inflate(&[], LIMIT).unwrap(), b"");
        assert_eq!(inflate(&[0x07], LIMIT), Err(CloseCode::InvalidPayload));
    }

    proptest! {
        #[test]
        fn what_is_deflated_inflates_to_itself(text in "[a-f ]{256,3000}") {
            let whole = websocket(WebSocketKind::Text, text.as_bytes());
            if let Some(small) = frame(&whole) {
                let payload = websocket_payload(&small).unwrap();
                prop_assert_eq!(inflate(payload, LIMIT).unwrap(), text.as_bytes());
            }
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            drop(inflate(&bytes, 1_000));
        }
    }
}
