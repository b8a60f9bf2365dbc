//! The committed golden vectors against today's structs: what was once on the
//! wire must be readable for ever.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail the test"
)]
#![expect(
    clippy::disallowed_types,
    reason = "the vectors are documents of any shape"
)]

use serde::Deserialize;
use serde_json::Value;
use shared::{
    frame::{self, Frame},
    reference::{VectorKind, find_codec},
};

const VECTORS: &str = include_str!("golden/vectors.json");

#[derive(Deserialize)]
struct Vector {
    kind: VectorKind,
    name: String,
    opcode: u16,
    hex: String,
    json: Value,
}

impl Vector {
    fn bytes(&self) -> Vec<u8> {
        assert!(self.hex.len().is_multiple_of(2), "{}", self.name);
        let digits: Vec<u8> = self
            .hex
            .chars()
            .map(|digit| u8::try_from(digit.to_digit(16).unwrap()).unwrap())
            .collect();
        digits
            .chunks(2)
            .map(|pair| (pair[0] << 4) | pair[1])
            .collect()
    }
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(VECTORS).unwrap()
}

/// Whether `today` says everything that `then` said. A field that was appended
/// since is in `today` only.
fn holds(today: &Value, then: &Value) -> bool {
    match (today, then) {
        (Value::Object(today), Value::Object(then)) => then
            .iter()
            .all(|(name, value)| today.get(name).is_some_and(|today| holds(today, value))),
        (Value::Array(today), Value::Array(then)) => {
            today.len() == then.len() && today.iter().zip(then).all(|(a, b)| holds(a, b))
        }
        _ => today == then,
    }
}

#[test]
fn committed_bodies_decode_to_what_they_said() {
    for vector in vectors() {
        if vector.kind == VectorKind::Frame {
            continue;
        }
        let name = &vector.name;
        let codec = find_codec(vector.kind, vector.opcode).unwrap_or_else(|| {
            panic!("{name} is no longer a row: opcodes may be retired, but old clients send them")
        });
        let json = (codec.to_json)(&vector.bytes()).unwrap_or_else(|refusal| {
            panic!("{name} is {refusal}: fields are only appended, with a default")
        });
        let today: Value = serde_json::from_str(&json).unwrap();
        assert!(holds(&today, &vector.json), "{name}: {json}");
    }
}

#[test]
fn committed_frames_are_read() {
    let frames = vectors()
        .into_iter()
        .filter(|vector| vector.kind == VectorKind::Frame);
    let mut requests = 0;
    for vector in frames {
        let bytes = vector.bytes();
        let header = vector.json.as_array().unwrap();
        assert_eq!(header[0], vector.opcode, "{}", vector.name);
        if vector.opcode < frame::opcode::FIRST_LANE {
            // Gateways only write these: the header is a short array that
            // begins with the opcode.
            assert_eq!(
                bytes[0],
                0x90 | u8::try_from(header.len()).unwrap(),
                "{}",
                vector.name
            );
            assert_eq!(u16::from(bytes[1]), vector.opcode, "{}", vector.name);
            continue;
        }
        let frame = Frame::read(&bytes).unwrap();
        let expected = (frame.opcode, u64::from(frame.request), frame.scope);
        let number = |index: usize| header[index].as_u64().unwrap();
        assert_eq!(expected, (vector.opcode, number(1), number(2)));
        let codec = find_codec(VectorKind::Request, frame.opcode).unwrap();
        let body: Value = serde_json::from_str(&(codec.to_json)(frame.body).unwrap()).unwrap();
        assert!(holds(&body, &header[3]), "{}", vector.name);
        requests += 1;
    }
    assert!(requests > 0);
}
