//! What a value looks like on the wire: its shape and a sample.
//!
//! The references, the TypeScript codec, the golden vectors and the generated
//! tests all come from here, so none of them can drift from the structs.

use serde::{Serialize, de::DeserializeOwned};

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

/// What a value looks like.
#[derive(Debug, Clone)]
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

/// Whether a field holds what must not be seen in logs: `Debug` prints `…` for it.
pub(crate) fn is_secret(field: &str) -> bool {
    matches!(
        field,
        "token" | "password" | "password_hash" | "code" | "invite"
    )
}

/// Declares structs that travel in bodies. A field that got its place after the
/// first release ends with `= default`: older senders leave it out. A field that
/// holds the id of more than one kind of thing is `u64 as "crate::ids::any_id"`.
macro_rules! bodies {
    ($(
        $(#[doc = $doc:literal])+
        $name:ident {
            $( $(#[doc = $field_doc:literal])+ $field:ident: $kind:ty $(as $form:literal)? $(= $default:ident)?, )*
        }
    )+) => { $(
        $(#[doc = $doc])+
        #[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub struct $name {
            $( $(#[doc = $field_doc])+ $(#[serde(with = $form)])? $(#[serde($default)])? pub $field: $kind, )*
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let mut shown = f.debug_struct(stringify!($name));
                $( if $crate::wire::is_secret(stringify!($field)) {
                    shown.field(stringify!($field), &format_args!("…"));
                } else {
                    shown.field(stringify!($field), &self.$field);
                } )*
                shown.finish()
            }
        }

        impl $crate::wire::Wire for $name {
            fn shape() -> $crate::wire::Shape {
                static SHAPE: $crate::wire::StructShape = $crate::wire::StructShape {
                    name: stringify!($name),
                    doc: concat!($($doc),+),
                    fields: &[ $( $crate::wire::FieldShape {
                        name: stringify!($field),
                        doc: concat!($($field_doc),+),
                        shape: $crate::wire::shape_of!($kind $(as $form)?),
                        has_default: $crate::wire::has_default!($($default)?),
                    } ),* ],
                };
                $crate::wire::Shape::Struct(&SHAPE)
            }
            fn sample() -> Self {
                Self { $( $field: $crate::wire::Wire::sample_of(stringify!($field)) ),* }
            }
            fn canonical(&self, bytes: &mut Vec<u8>) {
                let fields: &[(Vec<u8>, bool)] = &[$( {
                    let mut field = Vec::new();
                    $crate::wire::Wire::canonical(&self.$field, &mut field);
                    let plain = $crate::wire::is_default!(&field, $kind $(, $default)?);
                    (field, plain)
                } ),*];
                $crate::wire::canonical_fields(fields, bytes);
            }
        }
    )+ };
}

/// What a value says, as bytes: see [`Wire::canonical`].
pub fn canonical<T: Wire>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    value.canonical(&mut bytes);
    bytes
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

/// Whether a field that may be left out says what leaving it out says.
macro_rules! is_default {
    ($field:expr, $kind:ty) => {{
        let _: &Vec<u8> = $field;
        false
    }};
    ($field:expr, $kind:ty, default) => {{
        let mut plain = Vec::new();
        $crate::wire::Wire::canonical(&<$kind>::default(), &mut plain);
        plain == *$field
    }};
}

macro_rules! shape_of {
    ($kind:ty) => {
        <$kind as $crate::wire::Wire>::shape
    };
    ($kind:ty as $form:literal) => {
        || $crate::wire::Shape::Id("AnyId")
    };
}

macro_rules! has_default {
    () => {
        false
    };
    (default) => {
        true
    };
}

/// Declares a closed set: a number in MessagePack, a name in JSON.
macro_rules! choices {
    (
        $(#[doc = $doc:literal])+
        $name:ident { $( $(#[doc = $value_doc:literal])+ $value:ident = $number:literal $text:literal, )+ }
    ) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $( $(#[doc = $value_doc])+ $value = $number, )+ }

        impl $name {
            /// Its number on the wire and in Postgres.
            pub const fn number(self) -> u8 { self as u8 }
            /// The value with this number.
            pub const fn from_number(number: u8) -> Option<Self> {
                match number { $( $number => Some(Self::$value), )+ _ => None }
            }
            /// Its name in JSON.
            pub const fn name(self) -> &'static str {
                match self { $( Self::$value => $text, )+ }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.serialize_str(self.name())
                } else {
                    serializer.serialize_u8(self.number())
                }
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let value = if deserializer.is_human_readable() {
                    let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                    match text.as_ref() { $( $text => Some(Self::$value), )+ _ => None }
                } else {
                    Self::from_number(u8::deserialize(deserializer)?)
                };
                value.ok_or_else(|| serde::de::Error::custom(concat!("not a ", stringify!($name))))
            }
        }

        impl $crate::wire::Wire for $name {
            fn shape() -> $crate::wire::Shape {
                static SHAPE: $crate::wire::EnumShape = $crate::wire::EnumShape {
                    name: stringify!($name),
                    doc: concat!($($doc),+),
                    values: &[ $( ($number, $text, concat!($($value_doc),+)) ),+ ],
                };
                $crate::wire::Shape::Enum(&SHAPE)
            }
            fn sample() -> Self {
                let [first, ..] = [ $( Self::$value ),+ ];
                first
            }
        }
    };
}

pub(crate) use bodies;
pub(crate) use choices;
pub(crate) use has_default;
pub(crate) use is_default;
pub(crate) use shape_of;
