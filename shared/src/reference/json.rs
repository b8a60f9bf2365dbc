//! `docs/protocol.json`: everything about the protocol, for programs. One line for each row,
//! field and value, so that a diff shows what changed.

use serde::Serialize;

use super::{access_parts, types::Types};
use crate::{
    close::CloseCode,
    domain::{
        limits::{MAX_DEPTH, MAX_FRAME_BYTES},
        permissions::Permissions,
    },
    error::Reason,
    frame::opcode,
    protocol::{CodedRow, FAMILIES, control},
};

/// An object as one line, its keys in this order.
macro_rules! object {
    ($( $key:literal: $value:expr ),+ $(,)?) => {
        format!("{{{}}}", [ $( format!(concat!("\"", $key, "\": {}"), json_of(&$value)) ),+ ].join(", "))
    };
}

/// Writes `docs/protocol.json`.
pub fn json() -> String {
    let types = Types::of_all();
    let structs = types.structs.iter().map(|shape| {
        let fields = shape.fields.iter().map(|field| {
            object! {
                "name": field.name, "doc": field.doc,
                "type": (field.shape)(), "default": field.has_default,
            }
        });
        named(shape.name, shape.doc, "fields", fields)
    });
    let enums = types.enums.iter().map(|shape| {
        let values = shape
            .values
            .iter()
            .map(|(number, name, doc)| object! { "number": number, "name": name, "doc": doc });
        named(shape.name, shape.doc, "values", values)
    });
    let events = FAMILIES.iter().flat_map(|(family, _, _, events)| {
        events.iter().map(move |row| {
            object! {
                "family": family, "name": row.name, "opcode": row.opcode,
                "summary": row.summary, "body": (row.body.shape)(),
            }
        })
    });
    let permissions = Permissions::ALL
        .iter()
        .map(|(bit, name, doc)| object! { "name": name, "bits": bit.bits(), "doc": doc });
    let refusals = Reason::ALL
        .iter()
        .map(|(reason, doc)| object! { "code": reason.code(), "name": reason.name(), "doc": doc });
    let close_codes = CloseCode::ALL.iter().map(|(code, doc)| {
        object! {
            "code": code.code(), "name": code.name(),
            "reconnect": code.reconnect(), "doc": doc,
        }
    });
    let members = [
        format!(
            "\"sub_protocols\": {}",
            json_of(&super::protocol::SUB_PROTOCOLS)
        ),
        format!("\"max_frame_bytes\": {MAX_FRAME_BYTES}"),
        format!("\"max_depth\": {MAX_DEPTH}"),
        list("frames", frames()),
        list("requests", requests()),
        list("events", events),
        list("structs", structs),
        list("enums", enums),
        list("permissions", permissions),
        list("refusals", refusals),
        list("close_codes", close_codes),
    ];
    format!("{{\n{}\n}}\n", members.join(",\n"))
}

fn frames() -> impl Iterator<Item = String> {
    // The header of these is longer than the opcode.
    let headed = [
        (opcode::REPLY, "reply"),
        (opcode::REFUSAL, "refusal"),
        (opcode::EVENT, "event"),
    ]
    .map(|(opcode, name)| {
        object! { "opcode": opcode, "name": name, "sender": "gateway", "body": None::<()> }
    });
    let control = control::FRAMES.iter().map(|(opcode, name, sender, body)| {
        object! { "opcode": opcode, "name": name, "sender": sender, "body": (body.shape)() }
    });
    headed.into_iter().chain(control)
}

fn requests() -> impl Iterator<Item = String> {
    FAMILIES.iter().flat_map(|(family, commands, queries, _)| {
        let rows = commands.iter().chain(*queries);
        rows.map(move |row| request(family, row))
    })
}

fn request(family: &str, row: &CodedRow) -> String {
    let (access, permission) = access_parts(row.access);
    object! {
        "family": family, "name": row.name, "opcode": row.opcode, "kind": row.kind.name(),
        "summary": row.summary, "access": access, "permission": permission,
        "limit": row.limit.name(), "request": (row.request.shape)(), "reply": (row.reply.shape)(),
    }
}

/// A type with one line for each of its parts.
fn named(name: &str, doc: &str, parts: &str, lines: impl Iterator<Item = String>) -> String {
    let head = object! { "name": name, "doc": doc };
    let head = head.trim_end_matches('}');
    format!("{head}, {}}}", list(parts, lines))
}

/// A member whose value is a list with one line for each item.
fn list(name: &str, items: impl Iterator<Item = String>) -> String {
    let items: Vec<_> = items.collect();
    if items.is_empty() {
        return format!("\"{name}\": []");
    }
    format!("\"{name}\": [\n{}\n]", items.join(",\n"))
}

fn json_of<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
