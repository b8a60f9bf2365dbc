//! Which types the rows use, and how a type is named in each document.

use serde::Serialize;

use crate::{
    protocol::{self, Codec, RowKind, control},
    wire::{EnumShape, Shape, StructShape},
};

/// A type as data: in `protocol.json` and in the tables of the TypeScript codec.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum TypeRef {
    Unit,
    Bool,
    Text,
    Int(u32),
    Id(&'static str),
    Flags(&'static str),
    Optional(Box<TypeRef>),
    List(Box<TypeRef>),
    Enum(&'static str),
    Struct(&'static str),
}

impl TypeRef {
    pub(super) fn of(shape: &Shape) -> Self {
        match shape {
            Shape::Unit => Self::Unit,
            Shape::Bool => Self::Bool,
            Shape::Text => Self::Text,
            Shape::Int(bits) => Self::Int(*bits),
            Shape::Id(name) => Self::Id(name),
            Shape::Flags(name) => Self::Flags(name),
            Shape::Optional(inner) => Self::Optional(Box::new(Self::of(inner))),
            Shape::List(inner) => Self::List(Box::new(Self::of(inner))),
            Shape::Enum(shape) => Self::Enum(shape.name),
            Shape::Struct(shape) => Self::Struct(shape.name),
        }
    }

    /// In a table of Markdown, with a link to where it is explained.
    pub(super) fn markdown(&self) -> String {
        match self {
            Self::Unit => "nothing".to_owned(),
            Self::Bool => "bool".to_owned(),
            Self::Text => "text".to_owned(),
            Self::Int(bits) => format!("int{bits}"),
            Self::Id(name) => (*name).to_owned(),
            Self::Optional(inner) => format!("{} or nil", inner.markdown()),
            Self::List(inner) => format!("list of {}", inner.markdown()),
            Self::Enum(name) | Self::Struct(name) | Self::Flags(name) => {
                format!("[{name}](#{})", name.to_lowercase())
            }
        }
    }

    /// In TypeScript.
    pub(super) fn typescript(&self) -> String {
        match self {
            Self::Unit => "null".to_owned(),
            Self::Bool => "boolean".to_owned(),
            Self::Text => "string".to_owned(),
            Self::Int(_) => "number".to_owned(),
            Self::Optional(inner) => format!("{} | null", inner.typescript()),
            Self::List(inner) if matches!(**inner, Self::Optional(_)) => {
                format!("({})[]", inner.typescript())
            }
            Self::List(inner) => format!("{}[]", inner.typescript()),
            Self::Id(name) | Self::Flags(name) | Self::Enum(name) | Self::Struct(name) => {
                (*name).to_owned()
            }
        }
    }

    /// As JSON, which is also an expression of TypeScript.
    pub(super) fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Named types in the order of their first use.
#[derive(Debug, Default)]
pub(super) struct Types {
    pub(super) structs: Vec<&'static StructShape>,
    pub(super) enums: Vec<&'static EnumShape>,
    pub(super) ids: Vec<&'static str>,
}

impl Types {
    /// Those of all rows, events and control frames that a client can meet.
    pub(super) fn of_clients() -> Self {
        let mut types = Self::of_requests();
        for row in protocol::rows().filter(|row| row.kind != RowKind::Internal) {
            types.add_codec(row.reply);
        }
        for event in protocol::events() {
            types.add_codec(event.body);
        }
        for (_, _, _, body) in control::FRAMES {
            types.add_codec(*body);
        }
        types
    }

    /// Those that a client sends.
    pub(super) fn of_requests() -> Self {
        let mut types = Self::default();
        for row in protocol::rows().filter(|row| row.kind != RowKind::Internal) {
            types.add_codec(row.request);
        }
        for (_, _, sender, body) in control::FRAMES {
            if *sender != "gateway" {
                types.add_codec(*body);
            }
        }
        types
    }

    /// Those of workers too.
    pub(super) fn of_all() -> Self {
        let mut types = Self::of_clients();
        for row in protocol::rows() {
            types.add_codec(row.request);
            types.add_codec(row.reply);
        }
        types
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.structs.iter().any(|shape| shape.name == name)
    }

    fn add_codec(&mut self, codec: Codec) {
        self.add(&(codec.shape)());
    }

    fn add(&mut self, shape: &Shape) {
        match shape {
            Shape::Unit | Shape::Bool | Shape::Int(_) | Shape::Flags(_) | Shape::Text => {}
            Shape::Id(name) => {
                if !self.ids.contains(name) {
                    self.ids.push(name);
                }
            }
            Shape::Optional(inner) | Shape::List(inner) => self.add(inner),
            Shape::Enum(shape) => {
                if !self.enums.iter().any(|known| known.name == shape.name) {
                    self.enums.push(shape);
                }
            }
            Shape::Struct(shape) => {
                if !self.has(shape.name) {
                    self.structs.push(shape);
                    for field in shape.fields {
                        self.add(&(field.shape)());
                    }
                }
            }
        }
    }
}
