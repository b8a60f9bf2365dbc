//! As much of WebSocket as a bare server needs: the upgrade, the frames of
//! clients, the header of a frame to clients.

use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// Bytes of a request that asks for the upgrade.
const LONGEST_REQUEST: usize = 8 * 1_024;
/// Bytes of a message. A bare server is for chat messages.
pub(super) const LONGEST_PAYLOAD: usize = 1 << 20;

pub(super) const TEXT: u8 = 1;
pub(super) const BINARY: u8 = 2;
pub(super) const CLOSE: u8 = 8;
pub(super) const PING: u8 = 9;
pub(super) const PONG: u8 = 10;

/// What the bytes of a client begin with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Begins<T> {
    With(T),
    /// More bytes must come first.
    Partial,
    /// What no client of ours says.
    Broken,
}

/// A frame of a client, as places in the bytes that begin with it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) opcode: u8,
    pub(super) mask: [u8; 4],
    /// Where the payload begins.
    pub(super) head: usize,
    /// Where it ends, and the next frame begins.
    pub(super) end: usize,
}

/// The frame that `bytes` begin with.
pub(super) fn frame(bytes: &[u8]) -> Begins<Frame> {
    let [first, second, rest @ ..] = bytes else {
        return Begins::Partial;
    };
    // Whole messages without extensions only, and clients mask.
    if first & 0xf0 != 0x80 || second & 0x80 == 0 {
        return Begins::Broken;
    }
    let (length, size) = match second & 0x7f {
        126 => match rest.first_chunk() {
            Some(size) => (usize::from(u16::from_be_bytes(*size)), 2),
            None => return Begins::Partial,
        },
        127 => match rest.first_chunk() {
            Some(size) => (
                usize::try_from(u64::from_be_bytes(*size)).unwrap_or(usize::MAX),
                8,
            ),
            None => return Begins::Partial,
        },
        short => (usize::from(short), 0),
    };
    if length > LONGEST_PAYLOAD {
        return Begins::Broken;
    }
    let head = 2 + size + 4;
    let Some(mask) = rest.get(size..).and_then(<[u8]>::first_chunk) else {
        return Begins::Partial;
    };
    if bytes.len() < head + length {
        return Begins::Partial;
    }
    Begins::With(Frame {
        opcode: first & 0x0f,
        mask: *mask,
        head,
        end: head + length,
    })
}

/// Takes the mask off a payload, eight bytes at a time.
pub(super) fn unmask(payload: &mut [u8], mask: [u8; 4]) {
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

/// Appends a frame to clients.
pub(super) fn write(opcode: u8, payload: &[u8], into: &mut Vec<u8>) {
    into.push(0x80 | opcode);
    let length = payload.len();
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ ..=125), _) => into.push(short),
        (_, Ok(medium)) => {
            into.push(126);
            into.extend_from_slice(&medium.to_be_bytes());
        }
        _ => {
            into.push(127);
            into.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    into.extend_from_slice(payload);
}

/// The answer to a request for the upgrade, and where the request ends.
pub(super) fn upgrade(bytes: &[u8]) -> Begins<(String, usize)> {
    let request = bytes
        .get(..LONGEST_REQUEST.min(bytes.len()))
        .unwrap_or_default();
    let Some(end) = request.windows(4).position(|four| four == b"\r\n\r\n") else {
        return if bytes.len() < LONGEST_REQUEST {
            Begins::Partial
        } else {
            Begins::Broken
        };
    };
    let Ok(text) = std::str::from_utf8(request.get(..end).unwrap_or_default()) else {
        return Begins::Broken;
    };
    let header = |name: &str| {
        text.lines()
            .filter_map(|line| line.split_once(':'))
            .find_map(|(key, value)| key.eq_ignore_ascii_case(name).then(|| value.trim()))
    };
    let Some(key) = header("sec-websocket-key") else {
        return Begins::Broken;
    };
    let accept = derive_accept_key(key.as_bytes());
    // Clients that offer protocols want one of them.
    let protocol = header("sec-websocket-protocol")
        .and_then(|offered| offered.split(',').next())
        .map(|first| format!("Sec-WebSocket-Protocol: {}\r\n", first.trim()))
        .unwrap_or_default();
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: {accept}\r\n{protocol}\r\n"
    );
    Begins::With((answer, end + 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(opcode: u8, payload: &[u8]) -> Vec<u8> {
        let mask = [1, 2, 3, 4];
        let mut bytes = Vec::new();
        write(opcode, payload, &mut bytes);
        let head = bytes.len() - payload.len();
        bytes[1] |= 0x80;
        let mut payload = bytes.split_off(head);
        unmask(&mut payload, mask);
        bytes.extend(mask);
        bytes.extend(payload);
        bytes
    }

    #[test]
    fn a_frame_is_read_when_its_last_byte_is_there() {
        for length in [0, 1, 7, 125, 126, 65_535, 65_536] {
            let payload: Vec<u8> = (0..=255).cycle().take(length).collect();
            let mut bytes = masked(BINARY, &payload);
            for short in [0, 1, 2, bytes.len() - 1] {
                assert_eq!(frame(&bytes[..short]), Begins::Partial, "{length} {short}");
            }
            bytes.push(0x82);
            let Begins::With(found) = frame(&bytes) else {
                panic!("{length}: no frame");
            };
            assert_eq!((found.opcode, found.end), (BINARY, bytes.len() - 1));
            let read = &mut bytes[found.head..found.end];
            unmask(read, found.mask);
            assert_eq!(read, payload);
        }
    }

    #[test]
    fn what_no_client_says_is_broken() {
        assert_eq!(frame(&[0x82, 0x01, 0]), Begins::Broken, "not masked");
        assert_eq!(frame(&[0x02, 0x81, 0]), Begins::Broken, "not whole");
        assert_eq!(frame(&[0xc2, 0x81, 0]), Begins::Broken, "compressed");
        let huge = [0x82, 0xff, 0, 0, 0, 0, 0, 0x20, 0, 0];
        assert_eq!(frame(&huge), Begins::Broken, "too long");
    }

    #[test]
    fn the_upgrade_is_answered_as_the_rfc_says() {
        let request =
            b"GET / HTTP/1.1\r\nHost: a\r\nsec-websocket-KEY: dGhlIHNhbXBsZSBub25jZQ==\r\n\
            Sec-WebSocket-Protocol: one, two\r\n\r\n\x82";
        let Begins::With((answer, end)) = upgrade(request) else {
            panic!("no upgrade");
        };
        assert_eq!(end, request.len() - 1);
        assert!(answer.contains("Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
        assert!(answer.contains("Protocol: one\r\n\r\n"), "{answer}");
        assert_eq!(upgrade(&request[..40]), Begins::Partial);
        assert_eq!(upgrade(b"GET / HTTP/1.1\r\n\r\n"), Begins::Broken);
        assert_eq!(upgrade(&[b'a'; LONGEST_REQUEST]), Begins::Broken);
    }
}
