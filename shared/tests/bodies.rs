//! Properties of every body of the protocol, on inputs made from its shape.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail the test"
)]

use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{TestCaseResult, TestRunner},
};
use shared::{
    error::{Reason, Refusal},
    frame,
    protocol::{self, Codec, Command, Query, control},
    wire::Shape,
};

/// A body as MessagePack sees it, before it is written.
#[derive(Debug, Clone)]
enum Wire {
    Nil,
    Bool(bool),
    Int(u64),
    Text(String),
    List(Vec<Wire>),
}

impl Wire {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write(&mut bytes);
        bytes
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Nil => bytes.push(0xc0),
            Self::Bool(value) => bytes.push(0xc2 + u8::from(*value)),
            Self::Int(value) => {
                rmp::encode::write_uint(bytes, *value).unwrap();
            }
            Self::Text(text) => rmp::encode::write_str(bytes, text).unwrap(),
            Self::List(items) => {
                let length = u32::try_from(items.len()).unwrap();
                rmp::encode::write_array_len(bytes, length).unwrap();
                for item in items {
                    item.write(bytes);
                }
            }
        }
    }
}

/// Every value of a shape.
fn any_of(shape: &Shape) -> BoxedStrategy<Wire> {
    match shape {
        Shape::Unit => Just(Wire::Nil).boxed(),
        Shape::Bool => any::<bool>().prop_map(Wire::Bool).boxed(),
        Shape::Int(bits) => any_int(0, *bits),
        Shape::Id(_) => any_int(1, 53),
        // Eight permissions: more would be dropped, which has its own test.
        Shape::Flags(_) => any_int(0, 8),
        Shape::Text => "\\PC{0,12}".prop_map(Wire::Text).boxed(),
        Shape::Optional(inner) => prop_oneof![1 => Just(Wire::Nil), 3 => any_of(inner)].boxed(),
        Shape::List(inner) => vec(any_of(inner), 0..4).prop_map(Wire::List).boxed(),
        Shape::Enum(shape) => {
            let numbers: Vec<_> = shape.values.iter().map(|(number, ..)| *number).collect();
            proptest::sample::select(numbers)
                .prop_map(|number| Wire::Int(number.into()))
                .boxed()
        }
        Shape::Struct(shape) => shape
            .fields
            .iter()
            .map(|field| any_of(&(field.shape)()))
            .collect::<Vec<_>>()
            .prop_map(Wire::List)
            .boxed(),
    }
}

/// Small and large ones alike: each size has its own form in MessagePack.
fn any_int(from: u64, bits: u32) -> BoxedStrategy<Wire> {
    (0..=bits)
        .prop_flat_map(move |bits| from..=((1_u64 << bits) - 1).max(from))
        .prop_map(Wire::Int)
        .boxed()
}

/// Every body that travels, with its name.
fn codecs() -> Vec<(String, Codec)> {
    let requests = protocol::coded_rows().flat_map(|row| {
        [
            (format!("{} (request)", row.name), row.request),
            (format!("{} (reply)", row.name), row.reply),
        ]
    });
    let events = protocol::events().map(|row| (format!("{} (event)", row.name), row.body));
    let frames = control::FRAMES
        .iter()
        .map(|(_, name, _, body)| (format!("{name} (frame)"), *body));
    requests.chain(events).chain(frames).collect()
}

fn check<S: Strategy>(name: &str, strategy: S, property: impl Fn(S::Value) -> TestCaseResult) {
    let config = ProptestConfig {
        cases: 64,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    if let Err(error) = TestRunner::new(config).run(&strategy, property) {
        panic!("{name}: {error}");
    }
}

#[test]
fn every_body_survives_both_forms() {
    for (name, codec) in codecs() {
        check(&name, any_of(&(codec.shape)()), |body| {
            let body = body.bytes();
            let json = (codec.to_json)(&body).map_err(fail)?;
            prop_assert_eq!((codec.from_json)(json.as_bytes()).map_err(fail)?, body);
            Ok(())
        });
    }
}

#[test]
fn samples_are_what_their_shapes_say() {
    for (name, codec) in codecs() {
        let body = (codec.sample)();
        let json = (codec.to_json)(&body).unwrap();
        if let Shape::Struct(shape) = (codec.shape)() {
            let mut rest = json.as_str();
            for field in shape.fields {
                let key = format!("\"{}\":", field.name);
                let at = rest
                    .find(&key)
                    .unwrap_or_else(|| panic!("{name}: {key} is not in {json}"));
                rest = rest.split_at(at + key.len()).1;
            }
        }
        assert_eq!((codec.from_json)(json.as_bytes()).unwrap(), body, "{name}");
    }
}

#[test]
fn a_body_may_end_before_its_optional_fields_and_nowhere_else() {
    let mut cut = 0;
    for (name, codec) in codecs() {
        let Shape::Struct(shape) = (codec.shape)() else {
            continue;
        };
        let required = shape
            .fields
            .iter()
            .rposition(|field| !field.has_default)
            .map_or(0, |last| last + 1);
        assert!(
            shape.fields[..required]
                .iter()
                .all(|field| !field.has_default),
            "{name}: a field with a default stands before one without"
        );
        check(&name, any_of(&(codec.shape)()), |body| {
            let Wire::List(fields) = body else {
                return Err(TestCaseError::fail("no array"));
            };
            for length in 0..=fields.len() {
                let body = Wire::List(fields[..length].to_vec()).bytes();
                let full = (codec.to_json)(&body);
                prop_assert_eq!(full.is_ok(), length >= required, "{} fields", length);
            }
            Ok(())
        });
        cut += shape.fields.len() - required;
    }
    assert!(cut > 0, "no row has an optional field");
}

#[test]
fn a_left_out_field_is_its_default() {
    let row = protocol::row_named("channel_create").unwrap();
    let short = Wire::List(vec![
        Wire::Text("n".to_owned()),
        Wire::Text("general".to_owned()),
    ]);
    assert_eq!(
        (row.request.to_json)(&short.bytes()).unwrap(),
        concat!(
            r#"{"nonce":"n","name":"general","topic":null,"overrides":[],"#,
            r#""kind":"text","parent_id":null,"slow_mode":0}"#
        )
    );
}

#[test]
fn a_surplus_field_of_a_request_is_refused() {
    for row in protocol::coded_rows() {
        check(row.name, any_of(&(row.request.shape)()), |body| {
            let Wire::List(mut fields) = body else {
                return Err(TestCaseError::fail("no array"));
            };
            fields.push(Wire::Nil);
            let body = Wire::List(fields).bytes();
            let command = Command::decode(row.opcode, &body).map(drop);
            let query = Query::decode(row.opcode, &body).map(drop);
            prop_assert!(command.is_err() && query.is_err());
            prop_assert!([command, query].contains(&Err(Reason::Malformed.into())));
            Ok(())
        });
    }
}

/// The value as a newer program writes it: each of its structs has more fields.
fn newer(value: Wire, shape: &Shape) -> Wire {
    match (value, shape) {
        (Wire::List(fields), Shape::Struct(shape)) => {
            let shapes = shape.fields.iter().map(|field| (field.shape)());
            let known = fields
                .into_iter()
                .zip(shapes)
                .map(|(field, shape)| newer(field, &shape));
            let deep = Wire::List(vec![Wire::Text("new".to_owned()), Wire::List(vec![])]);
            Wire::List(known.chain([deep, Wire::Int(1 << 40)]).collect())
        }
        (Wire::List(items), Shape::List(inner)) => {
            Wire::List(items.into_iter().map(|item| newer(item, inner)).collect())
        }
        (Wire::Nil, Shape::Optional(_)) => Wire::Nil,
        (value, Shape::Optional(inner)) => newer(value, inner),
        (value, _) => value,
    }
}

#[test]
fn surplus_fields_of_what_somebody_is_told_are_skipped() {
    for (name, codec) in codecs() {
        let shape = (codec.shape)();
        check(&name, any_of(&shape), |body| {
            let known = (codec.to_json)(&body.bytes()).map_err(fail)?;
            let told = newer(body, &shape).bytes();
            prop_assert_eq!((codec.to_json)(&told).map_err(fail)?, known);
            Ok(())
        });
    }
}

#[test]
fn unknown_permissions_are_dropped() {
    let row = protocol::row_named("channel_create").unwrap();
    let json = r#"{"nonce":"n","name":"x","topic":null,"overrides":[{"kind":"role","target":"1","allow":4503599627370497,"deny":0}]}"#;
    let body = (row.request.from_json)(json.as_bytes()).unwrap();
    let read = (row.request.to_json)(&body).unwrap();
    assert!(read.contains(r#""allow":1,"#), "{read}");
}

/// The twin of the fuzz target `command_body`: samples with a few bytes changed,
/// cut, or put in, under every opcode.
#[test]
fn no_bytes_panic_a_decoder() {
    let changes = || {
        (
            any::<proptest::sample::Index>(),
            vec((any::<proptest::sample::Index>(), any::<u8>()), 0..6),
            vec(any::<u8>(), 0..8),
        )
    };
    for (name, codec) in codecs() {
        let sample = (codec.sample)();
        check(&name, changes(), |(end, changed, appended)| {
            let mut body = sample.clone();
            for (place, byte) in changed {
                let place = place.index(body.len());
                body[place] = byte;
            }
            body.truncate(end.index(body.len() + 1));
            body.extend(appended);
            read_everywhere(codec, &body)
        });
        let json = (codec.to_json)(&sample).unwrap();
        check(&name, changes(), |(end, changed, appended)| {
            let mut text = json.clone().into_bytes();
            for (place, byte) in changed {
                let place = place.index(text.len());
                text[place] = byte;
            }
            text.truncate(end.index(text.len() + 1));
            text.extend(appended);
            drop((codec.from_json)(&text));
            Ok(())
        });
    }
    check(
        "any bytes",
        (proptest::sample::select(codecs()), vec(any::<u8>(), 0..100)),
        |((_, codec), body)| read_everywhere(codec, &body),
    );
}

/// What is readable must also survive the way through JSON.
fn read_everywhere(codec: Codec, body: &[u8]) -> TestCaseResult {
    drop((codec.from_json)(body));
    if let Ok(json) = (codec.to_json)(body) {
        // A number of more than 53 bits is refused on its way in.
        if let Ok(again) = (codec.from_json)(json.as_bytes()) {
            prop_assert_eq!((codec.to_json)(&again).map_err(fail)?, json);
        } else {
            prop_assert!(frame::check_body(body).is_err());
        }
    }
    for row in protocol::coded_rows() {
        drop(Command::decode(row.opcode, body));
        drop(Query::decode(row.opcode, body));
    }
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn fail(refusal: Refusal) -> TestCaseError {
    TestCaseError::fail(refusal.to_string())
}
