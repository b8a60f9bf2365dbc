//! What a value looks like on the wire: its shape and a sample.
//!
//! The references, the TypeScript codec, the golden vectors and the generated
//! tests all come from here, so none of them can drift from the structs.

use std::borrow::Cow;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, DeserializeOwned},
};

use crate::error::{Reason, Refusal};

/// A value that travels in bodies.
pub trait Wire: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// What it looks like.
    fn shape() -> Shape;
    /// One value, the same in every run and release: the golden vectors hold it.
    fn sample() -> Self;
    /// The same for a field with this name: plain values differ by name, so a
    /// golden vector shows when two fields of one type changed places.
    fn sample_of(_field: &str) -> Self {
        Self::sample()
    }
    /// Appends what it says, unambiguous and the same in every release: fields at
    /// the end of a struct that have their default leave nothing.
    fn canonical(&self, bytes: &mut Vec<u8>) {
        bytes.extend(encode(self));
    }
}

/// Encodes a body.
pub fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    // Our own structs have no map with unknown length and no failing serializer.
    rmp_serde::to_vec(value).unwrap_or_default()
}

/// The value as JSON.
pub fn encode_json<T: Wire>(value: &T) -> Result<String, Refusal> {
    serde_json::to_string(value).map_err(|_error| Reason::Internal.into())
}

/// What JSON says that [`encode_json`] made, maybe of another program; none where it says something
/// else.
pub fn decode_json<T: Wire>(text: &str) -> Option<T> {
    serde_json::from_str(text).ok()
}

/// What a value looks like. In `protocol.json` and in the tables of the TypeScript codec a
/// named type is its name.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// Nothing (MessagePack nil, JSON null).
    Unit,
    /// True or false.
    Bool,
    /// An integer from 0 with at most this many bits.
    Int(u32),
    /// A set of flags as one integer, with the name of its type; flags that the
    /// receiver does not know are dropped.
    Flags(&'static str),
    /// UTF-8 text.
    Text,
    /// An id: a number in MessagePack, a string in JSON.
    Id(&'static str),
    /// Nil or a value.
    Optional(Box<Shape>),
    /// An array.
    List(Box<Shape>),
    /// A closed set: a number in MessagePack, a name in JSON.
    Enum(&'static EnumShape),
    /// A positional array in MessagePack, an object in JSON.
    Struct(&'static StructShape),
}

/// The shape of a struct.
#[derive(Debug)]
pub struct StructShape {
    /// The name of the type.
    pub name: &'static str,
    /// What it is.
    pub doc: &'static str,
    /// Its fields, in wire order.
    pub fields: &'static [FieldShape],
}

/// The shape of a field.
#[derive(Debug)]
pub struct FieldShape {
    /// Its name in JSON.
    pub name: &'static str,
    /// What it is.
    pub doc: &'static str,
    /// What it looks like.
    pub shape: fn() -> Shape,
    /// Whether a body may end before it.
    pub has_default: bool,
}

/// The shape of a closed set of values.
#[derive(Debug)]
pub struct EnumShape {
    /// The name of the type.
    pub name: &'static str,
    /// What it is.
    pub doc: &'static str,
    /// Number, name in JSON, and meaning of each value.
    pub values: &'static [(u8, &'static str, &'static str)],
}

impl Serialize for StructShape {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name)
    }
}

impl Serialize for EnumShape {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name)
    }
}

/// A number below 64 that differs between names.
pub(crate) fn number_of(field: &str) -> u8 {
    field
        .bytes()
        .fold(0_u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte))
        & 63
}

macro_rules! plain {
    ($( $kind:ty => $shape:expr, $sample:expr, |$field:ident| $named:expr; )+) => { $(
        impl Wire for $kind {
            fn shape() -> Shape { $shape }
            fn sample() -> Self { $sample }
            fn sample_of($field: &str) -> Self { $named }
        }
    )+ };
}

plain! {
    () => Shape::Unit, (), |_field| ();
    bool => Shape::Bool, true, |field| number_of(field) & 1 == 1;
    u16 => Shape::Int(16), 7, |field| 300 + u16::from(number_of(field));
    u32 => Shape::Int(32), 70_000, |field| 70_000 + u32::from(number_of(field));
    u64 => Shape::Int(53), 1_767_225_601_000, |field| 1_767_225_601_000 + u64::from(number_of(field));
    String => Shape::Text, "text".to_owned(), |field| field.to_owned();
}

impl<T: Wire> Wire for Option<T> {
    fn shape() -> Shape {
        Shape::Optional(Box::new(T::shape()))
    }
    fn sample() -> Self {
        Some(T::sample())
    }
    fn sample_of(field: &str) -> Self {
        Some(T::sample_of(field))
    }
    fn canonical(&self, bytes: &mut Vec<u8>) {
        bytes.push(u8::from(self.is_some()));
        if let Some(value) = self {
            value.canonical(bytes);
        }
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn shape() -> Shape {
        Shape::List(Box::new(T::shape()))
    }
    fn sample() -> Self {
        vec![T::sample()]
    }
    fn sample_of(field: &str) -> Self {
        vec![T::sample_of(field)]
    }
    fn canonical(&self, bytes: &mut Vec<u8>) {
        bytes.extend((self.len() as u64).to_be_bytes());
        for value in self {
            value.canonical(bytes);
        }
    }
}

/// What a value says, as bytes: see [`Wire::canonical`].
pub fn canonical<T: Wire>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    value.canonical(&mut bytes);
    bytes
}

/// A field of a struct, and whether it says what leaving it out says.
pub(crate) fn canonical_field<T: Wire>(value: &T, default: Option<&T>) -> (Vec<u8>, bool) {
    let bytes = canonical(value);
    let plain = default.is_some_and(|default| canonical(default) == bytes);
    (bytes, plain)
}

/// The fields of a struct without the last ones that have their default, after
/// the number of those that stay.
pub(crate) fn canonical_fields(fields: &[(Vec<u8>, bool)], bytes: &mut Vec<u8>) {
    let count = fields
        .iter()
        .rposition(|(_, plain)| !plain)
        .map_or(0, |last| last + 1);
    bytes.extend((count as u64).to_be_bytes());
    for (field, _) in fields.iter().take(count) {
        bytes.extend(field);
    }
}

/// Writes a value of a closed set: see [`shared_derive::Choice`].
pub(crate) fn serialize_choice<S: Serializer>(
    shape: &EnumShape,
    number: u8,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let found = shape.values.iter().find(|(other, ..)| *other == number);
    match found {
        Some((_, name, _)) if serializer.is_human_readable() => serializer.serialize_str(name),
        _ => serializer.serialize_u8(number),
    }
}

/// Reads the number of a value of a closed set.
pub(crate) fn deserialize_choice<'de, D: Deserializer<'de>>(
    shape: &EnumShape,
    deserializer: D,
) -> Result<u8, D::Error> {
    if !deserializer.is_human_readable() {
        return u8::deserialize(deserializer);
    }
    let text = Cow::<'de, str>::deserialize(deserializer)?;
    let found = shape.values.iter().find(|(_, name, _)| *name == text);
    found
        .map(|(number, ..)| *number)
        .ok_or_else(|| de::Error::custom(format_args!("not a {}", shape.name)))
}
