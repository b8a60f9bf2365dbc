//! Reads the frames of a WebSocket (RFC 6455), compressed ones (RFC 7692) where that was
//! agreed on.
//!
//! The reader keeps a buffer only while a frame or a message is incomplete, so
//! that an idle connection costs none.

use std::io::Cursor;

use shared::close::CloseCode;
use tungstenite::protocol::frame::{
    FrameHeader,
    coding::{Control, Data, OpCode},
};

use crate::deflate;

/// So many of the largest messages may be made of compressed ones between two looks at what
/// they cost: as many bytes as the flood guard lets through at once.
const MOST_INFLATED: usize = 16;

/// Something that a client sent.
#[derive(Debug, PartialEq, Eq)]
pub enum Incoming<'a> {
    /// A whole message of UTF-8 text.
    Text(&'a str),
    /// A whole message of bytes.
    Binary(&'a [u8]),
    /// To be answered with a pong that carries the same bytes.
    Ping(&'a [u8]),
    /// The answer to a ping, or a sign of life.
    Pong,
    /// The client ends the connection; to be answered with the same code.
    Close(Option<u16>),
}

/// Puts frames together from what the socket gives.
#[derive(Debug)]
pub struct FrameReader {
    /// Bytes of a frame that is not complete yet.
    partial: Vec<u8>,
    /// The fragments of a message that is not complete yet.
    message: Vec<u8>,
    /// Whether the unfinished message is text; none when there is none.
    text: Option<bool>,
    /// Whether the unfinished message is compressed.
    compressed: bool,
    /// Whether messages may be.
    deflates: bool,
    /// How many bytes were made of compressed messages since somebody asked.
    inflated: usize,
    /// The largest message.
    limit: usize,
}

/// The longest payload of a control frame (RFC 6455 §5.5).
const MAX_CONTROL_BYTES: u64 = 125;

impl FrameReader {
    /// A reader of messages of at most `limit` bytes, which may be compressed.
    pub const fn new(limit: usize, deflates: bool) -> Self {
        Self {
            partial: Vec::new(),
            message: Vec::new(),
            text: None,
            compressed: false,
            deflates,
            inflated: 0,
            limit,
        }
    }

    /// Takes the next bytes of the socket (they are unmasked in place) and
    /// hands each message to `sink`.
    pub fn feed(
        &mut self,
        bytes: &mut [u8],
        sink: &mut impl FnMut(Incoming<'_>) -> Result<(), CloseCode>,
    ) -> Result<(), CloseCode> {
        if self.partial.is_empty() {
            let used = self.take_frames(bytes, sink)?;
            self.partial
                .extend_from_slice(bytes.get(used..).unwrap_or_default());
            return Ok(());
        }
        let mut partial = std::mem::take(&mut self.partial);
        partial.extend_from_slice(bytes);
        let used = self.take_frames(&mut partial, sink)?;
        if used < partial.len() {
            partial.drain(..used);
            self.partial = partial;
        }
        Ok(())
    }

    /// How many bytes wait for the rest of their message.
    pub fn waiting(&self) -> usize {
        self.partial.capacity() + self.message.capacity()
    }

    /// How many bytes were made of compressed messages since the last time: they cost as much
    /// as others.
    pub const fn take_inflated(&mut self) -> usize {
        std::mem::replace(&mut self.inflated, 0)
    }

    fn take_frames(
        &mut self,
        bytes: &mut [u8],
        sink: &mut impl FnMut(Incoming<'_>) -> Result<(), CloseCode>,
    ) -> Result<usize, CloseCode> {
        let mut used = 0;
        while let Some(rest) = bytes.get_mut(used..)
            && !rest.is_empty()
        {
            let mut cursor = Cursor::new(&*rest);
            let parsed =
                FrameHeader::parse(&mut cursor).map_err(|_error| CloseCode::ProtocolError)?;
            let start = usize::try_from(cursor.position()).unwrap_or(usize::MAX);
            let Some((header, length)) = parsed else {
                break;
            };
            let mask = self.check(&header, length)?;
            let length = usize::try_from(length).map_err(|_error| CloseCode::TooLarge)?;
            let Some(payload) = rest.get_mut(start..start.saturating_add(length)) else {
                break;
            };
            unmask(payload, mask);
            self.take_frame(&header, payload, sink)?;
            used += start + length;
        }
        Ok(used)
    }

    /// Refuses what RFC 6455 forbids and what is too large, before the payload
    /// has to be waited for.
    fn check(&self, header: &FrameHeader, length: u64) -> Result<[u8; 4], CloseCode> {
        let mask = header.mask.ok_or(CloseCode::ProtocolError)?;
        // Of a message the first frame says that it is compressed.
        let begins = matches!(header.opcode, OpCode::Data(Data::Text | Data::Binary));
        if header.rsv1 && !(self.deflates && begins) || header.rsv2 || header.rsv3 {
            return Err(CloseCode::ProtocolError);
        }
        match header.opcode {
            OpCode::Control(_) if !header.is_final || length > MAX_CONTROL_BYTES => {
                Err(CloseCode::ProtocolError)
            }
            OpCode::Data(_)
                if length.saturating_add(self.message.len() as u64) > self.limit as u64 =>
            {
                Err(CloseCode::TooLarge)
            }
            OpCode::Data(Data::Continue) if self.text.is_none() => Err(CloseCode::ProtocolError),
            OpCode::Data(Data::Text | Data::Binary) if self.text.is_some() => {
                Err(CloseCode::ProtocolError)
            }
            OpCode::Control(_) | OpCode::Data(_) => Ok(mask),
        }
    }

    fn take_frame(
        &mut self,
        header: &FrameHeader,
        payload: &[u8],
        sink: &mut impl FnMut(Incoming<'_>) -> Result<(), CloseCode>,
    ) -> Result<(), CloseCode> {
        match header.opcode {
            OpCode::Control(Control::Ping) => sink(Incoming::Ping(payload)),
            OpCode::Control(Control::Pong) => sink(Incoming::Pong),
            OpCode::Control(Control::Close) => sink(Incoming::Close(close_code(payload)?)),
            OpCode::Control(Control::Reserved(_)) | OpCode::Data(Data::Reserved(_)) => {
                Err(CloseCode::ProtocolError)
            }
            OpCode::Data(kind) => self.take_data(kind, header, payload, sink),
        }
    }

    fn take_data(
        &mut self,
        kind: Data,
        header: &FrameHeader,
        payload: &[u8],
        sink: &mut impl FnMut(Incoming<'_>) -> Result<(), CloseCode>,
    ) -> Result<(), CloseCode> {
        if self.text.is_none() {
            self.compressed = header.rsv1;
            if header.is_final {
                return self.whole(kind == Data::Text, payload, sink);
            }
        }
        let text = *self.text.get_or_insert(kind == Data::Text);
        self.message.extend_from_slice(payload);
        if header.is_final {
            self.text = None;
            let message = std::mem::take(&mut self.message);
            self.whole(text, &message, sink)
        } else {
            Ok(())
        }
    }

    fn whole(
        &mut self,
        text: bool,
        message: &[u8],
        sink: &mut impl FnMut(Incoming<'_>) -> Result<(), CloseCode>,
    ) -> Result<(), CloseCode> {
        if self.compressed {
            let message = deflate::inflate(message, self.limit)?;
            self.inflated += message.len();
            // Before anybody keeps it: one read may hold hundreds that are each so large.
            if self.inflated > MOST_INFLATED * self.limit {
                return Err(CloseCode::Flood);
            }
            whole(text, &message, sink)
        } else {
            whole(text, message, sink)
        }
    }
}

fn whole(
    text: bool,
    message: &[u8],
    sink: &mut impl FnMut(Incoming<'_>) -> Result<(), CloseCode>,
) -> Result<(), CloseCode> {
    if text {
        let text = std::str::from_utf8(message).map_err(|_error| CloseCode::InvalidPayload)?;
        sink(Incoming::Text(text))
    } else {
        sink(Incoming::Binary(message))
    }
}

fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    // Chunks of four and a rest: the compiler makes wide instructions of it.
    let mut chunks = payload.chunks_exact_mut(4);
    for chunk in &mut chunks {
        for (byte, key) in chunk.iter_mut().zip(mask) {
            *byte ^= key;
        }
    }
    for (byte, key) in chunks.into_remainder().iter_mut().zip(mask) {
        *byte ^= key;
    }
}

/// The code in the payload of a close frame (RFC 6455 §7.4).
fn close_code(payload: &[u8]) -> Result<Option<u16>, CloseCode> {
    let Some((code, reason)) = payload.split_first_chunk::<2>() else {
        return if payload.is_empty() {
            Ok(None)
        } else {
            Err(CloseCode::ProtocolError)
        };
    };
    let code = u16::from_be_bytes(*code);
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        Err(CloseCode::ProtocolError)
    } else if std::str::from_utf8(reason).is_err() {
        Err(CloseCode::InvalidPayload)
    } else {
        Ok(Some(code))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shared::frame::{WebSocketKind, websocket, websocket_payload};

    use super::*;

    const MASK: [u8; 4] = [1, 2, 3, 4];

    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![first];
        match payload.len() {
            length @ 0..126 => bytes.push(0x80 | u8::try_from(length).unwrap()),
            length @ 126..65_536 => {
                bytes.push(0xfe);
                bytes.extend(u16::try_from(length).unwrap().to_be_bytes());
            }
            length => {
                bytes.push(0xff);
                bytes.extend((length as u64).to_be_bytes());
            }
        }
        bytes.extend(MASK);
        let start = bytes.len();
        bytes.extend(payload);
        unmask(&mut bytes[start..], MASK);
        bytes
    }

    fn read(chunks: &[&[u8]]) -> (Vec<String>, Result<(), CloseCode>) {
        read_with(FrameReader::new(70_000, false), chunks)
    }

    fn read_with(
        mut frame_reader: FrameReader,
        chunks: &[&[u8]],
    ) -> (Vec<String>, Result<(), CloseCode>) {
        let mut seen = Vec::new();
        for chunk in chunks {
            let mut chunk = chunk.to_vec();
            let result = frame_reader.feed(&mut chunk, &mut |incoming| {
                seen.push(match incoming {
                    Incoming::Binary(bytes) => format!("binary {}", bytes.len()),
                    other => format!("{other:?}"),
                });
                Ok(())
            });
            if result.is_err() {
                return (seen, result);
            }
        }
        (seen, Ok(()))
    }

    #[test]
    fn many_small_messages_that_are_large_are_a_flood() {
        let zeros = websocket(WebSocketKind::Binary, &vec![0; 65_000]);
        let small = deflate::frame(&zeros).unwrap();
        let bomb = frame(0xc2, websocket_payload(&small).unwrap());
        let mut frame_reader = FrameReader::new(65_536, true);
        let mut kept = 0;
        let mut bytes = bomb.repeat(400);
        let result = frame_reader.feed(&mut bytes, &mut |incoming| {
            kept += usize::from(matches!(incoming, Incoming::Binary(_)));
            Ok(())
        });
        assert_eq!(result, Err(CloseCode::Flood));
        assert!((10..=17).contains(&kept), "{kept}");
    }

    #[test]
    fn fragments_make_one_message_with_control_frames_between() {
        let bytes = [
            frame(0x01, b"he"),
            frame(0x89, b"ping"),
            frame(0x00, b"l"),
            frame(0x80, b"lo"),
            frame(0x88, &4000_u16.to_be_bytes()),
        ]
        .concat();
        let expected = [
            format!("{:?}", Incoming::Ping(b"ping")),
            "Text(\"hello\")".to_owned(),
            "Close(Some(4000))".to_owned(),
        ];
        assert_eq!(read(&[&bytes]).0, expected);
        // The same, byte by byte.
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(read(&single).0, expected);
    }

    #[test]
    fn long_lengths_are_read() {
        for length in [125, 126, 65_535, 65_536] {
            let (seen, result) = read(&[&frame(0x82, &vec![7; length])]);
            assert_eq!((seen, result), (vec![format!("binary {length}")], Ok(())));
        }
    }

    #[test]
    fn what_the_rfc_forbids_ends_the_connection() {
        let mut unmasked = frame(0x82, b"x");
        unmasked[1] &= 0x7f;
        let cases = [
            unmasked,
            frame(0xc2, b"reserved bit"),
            frame(0x83, b"reserved opcode"),
            frame(0x80, b"nothing to continue"),
            frame(0x09, b"fragmented ping"),
            frame(0x89, &[0; 126]),
            [frame(0x02, b"a"), frame(0x82, b"b")].concat(),
            frame(0x88, &[3]),
            frame(0x88, &1005_u16.to_be_bytes()),
        ];
        for bytes in cases {
            assert_eq!(
                read(&[&bytes]).1,
                Err(CloseCode::ProtocolError),
                "{bytes:x?}"
            );
        }
        for bytes in [frame(0x81, &[0xff]), frame(0x88, &[0x0f, 0xa0, 0xff])] {
            let invalid = Err(CloseCode::InvalidPayload);
            assert_eq!(read(&[&bytes]).1, invalid, "{bytes:x?}");
        }
    }

    #[test]
    fn too_large_is_refused_from_the_header_on() {
        let large = frame(0x82, &vec![0; 70_001]);
        assert_eq!(read(&[&large[..14]]).1, Err(CloseCode::TooLarge));
        let fragments = [frame(0x02, &vec![0; 70_000]), frame(0x80, b"x")].concat();
        assert_eq!(read(&[&fragments]).1, Err(CloseCode::TooLarge));
    }

    #[test]
    fn compressed_messages_are_read_where_that_was_agreed_on() {
        // "Hello", compressed (RFC 7692 §7.2.3.1), whole and in two frames with a ping between.
        let hello = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
        let whole = frame(0xc1, &hello);
        let parts = [
            frame(0x41, &hello[..3]),
            frame(0x89, b"p"),
            frame(0x80, &hello[3..]),
            frame(0x81, b"plain"),
        ]
        .concat();
        let deflating = || FrameReader::new(70_000, true);
        assert_eq!(read_with(deflating(), &[&whole]).0, ["Text(\"Hello\")"]);
        let seen = read_with(deflating(), &[&parts]).0;
        let ping = format!("{:?}", Incoming::Ping(b"p"));
        assert_eq!(seen, [&ping, "Text(\"Hello\")", "Text(\"plain\")"]);
        for bytes in [
            frame(0xc9, b"ping"),
            [frame(0x01, b"a"), frame(0xc0, b"b")].concat(),
        ] {
            let result = read_with(deflating(), &[&bytes]).1;
            assert_eq!(result, Err(CloseCode::ProtocolError), "{bytes:x?}");
        }
    }

    #[test]
    fn nothing_is_kept_between_messages() {
        let mut frame_reader = FrameReader::new(100, false);
        let bytes = frame(0x82, b"abc");
        for half in [&bytes[..5], &bytes[5..]] {
            frame_reader
                .feed(&mut half.to_vec(), &mut |_| Ok(()))
                .unwrap();
        }
        assert_eq!(frame_reader.waiting(), 0);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..8)) {
            let mut frame_reader = FrameReader::new(100, true);
            for mut chunk in chunks {
                if frame_reader.feed(&mut chunk, &mut |_| Ok(())).is_err() {
                    break;
                }
                prop_assert!(frame_reader.waiting() <= 1_000);
            }
        }
    }
}
