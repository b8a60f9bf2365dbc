//! Which types the rows use, and how a type is named in each document.

use crate::{
    protocol::{self, Codec, RowKind, control},
    wire::{EnumShape, Shape, StructShape},
};

/// A type in a table of Markdown, with a link to where it is explained.
pub(super) fn markdown_of(shape: &Shape) -> String {
    match shape {
        Shape::Unit => "nothing".to_owned(),
        Shape::Bool => "bool".to_owned(),
        Shape::Text => "text".to_owned(),
        Shape::Int(bits) => format!("int{bits}"),
        Shape::Id(name) => (*name).to_owned(),
        Shape::Optional(inner) => format!("{} or nil", markdown_of(inner)),
        Shape::List(inner) => format!("list of {}", markdown_of(inner)),
        Shape::Enum(EnumShape { name, .. })
        | Shape::Struct(StructShape { name, .. })
        | Shape::Flags(name) => format!("[{name}](#{})", name.to_lowercase()),
    }
}

/// A type in TypeScript.
pub(super) fn typescript_of(shape: &Shape) -> String {
    match shape {
        Shape::Unit => "null".to_owned(),
        Shape::Bool => "boolean".to_owned(),
        Shape::Text => "string".to_owned(),
        Shape::Int(_) => "number".to_owned(),
        Shape::Optional(inner) => format!("{} | null", typescript_of(inner)),
        Shape::List(inner) if matches!(**inner, Shape::Optional(_)) => {
            format!("({})[]", typescript_of(inner))
        }
        Shape::List(inner) => format!("{}[]", typescript_of(inner)),
        Shape::Enum(EnumShape { name, .. })
        | Shape::Struct(StructShape { name, .. })
        | Shape::Id(name)
        | Shape::Flags(name) => (*name).to_owned(),
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
        for row in protocol::coded_rows().filter(|row| row.kind != RowKind::Internal) {
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
        for row in protocol::coded_rows().filter(|row| row.kind != RowKind::Internal) {
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
        for row in protocol::coded_rows() {
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
