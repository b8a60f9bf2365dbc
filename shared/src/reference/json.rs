//! `docs/protocol.json`: everything about the protocol, for programs.

use serde::Serialize;

use super::{
    access_parts, kind_name, prose,
    types::{TypeRef, Types},
};
use crate::{
    close::CloseCode,
    domain::{
        limits::{MAX_DEPTH, MAX_FRAME_BYTES},
        permissions::Permissions,
    },
    error::Reason,
    frame::opcode,
    protocol::{Codec, EventRow, FAMILIES, Row, control},
    wire::{EnumShape, StructShape},
};

#[derive(Serialize)]
struct Protocol {
    sub_protocols: [&'static str; 2],
    max_frame_bytes: usize,
    max_depth: usize,
    frames: Vec<Frame>,
    requests: Vec<Request>,
    events: Vec<Event>,
    structs: Vec<Struct>,
    enums: Vec<Enum>,
    permissions: Vec<Permission>,
    refusals: Vec<Refusal>,
    close_codes: Vec<Close>,
}

#[derive(Serialize)]
struct Frame {
    opcode: u16,
    name: &'static str,
    sender: &'static str,
    /// None where the header is longer than the opcode: replies, refusals, events.
    body: Option<TypeRef>,
}

#[derive(Serialize)]
struct Request {
    family: &'static str,
    name: &'static str,
    opcode: u16,
    kind: &'static str,
    summary: &'static str,
    access: &'static str,
    permission: Option<String>,
    limit: &'static str,
    #[serde(rename = "request")]
    body: TypeRef,
    reply: TypeRef,
}

#[derive(Serialize)]
struct Event {
    family: &'static str,
    name: &'static str,
    opcode: u16,
    summary: &'static str,
    body: TypeRef,
}

#[derive(Serialize)]
struct Struct {
    name: &'static str,
    doc: &'static str,
    fields: Vec<Field>,
}

#[derive(Serialize)]
struct Field {
    name: &'static str,
    doc: &'static str,
    r#type: TypeRef,
    /// Whether a body may end before it.
    default: bool,
}

#[derive(Serialize)]
struct Enum {
    name: &'static str,
    doc: &'static str,
    values: Vec<EnumValue>,
}

#[derive(Serialize)]
struct EnumValue {
    number: u8,
    name: &'static str,
    doc: &'static str,
}

#[derive(Serialize)]
struct Permission {
    name: &'static str,
    bits: u64,
    doc: &'static str,
}

#[derive(Serialize)]
struct Refusal {
    code: u16,
    name: &'static str,
    doc: &'static str,
}

#[derive(Serialize)]
struct Close {
    code: u16,
    name: &'static str,
    reconnect: bool,
    doc: &'static str,
}

/// Writes `docs/protocol.json`.
pub fn json() -> String {
    let types = Types::of_all();
    let protocol = Protocol {
        sub_protocols: super::protocol::SUB_PROTOCOLS,
        max_frame_bytes: MAX_FRAME_BYTES,
        max_depth: MAX_DEPTH,
        frames: frames(),
        requests: requests(),
        events: FAMILIES
            .iter()
            .flat_map(|(family, _, _, events)| events.iter().map(|row| event(family, row)))
            .collect(),
        structs: types.structs.iter().map(|shape| structure(shape)).collect(),
        enums: types.enums.iter().map(|shape| choice(shape)).collect(),
        permissions: permissions(),
        refusals: refusals(),
        close_codes: close_codes(),
    };
    let mut text = serde_json::to_string_pretty(&protocol).unwrap_or_default();
    text.push('\n');
    text
}

fn frames() -> Vec<Frame> {
    let headed = [
        (opcode::REPLY, "reply"),
        (opcode::REFUSAL, "refusal"),
        (opcode::EVENT, "event"),
    ]
    .map(|(opcode, name)| Frame {
        opcode,
        name,
        sender: "gateway",
        body: None,
    });
    let control = control::FRAMES
        .iter()
        .map(|&(opcode, name, sender, body)| Frame {
            opcode,
            name,
            sender,
            body: Some(type_of(body)),
        });
    headed.into_iter().chain(control).collect()
}

fn requests() -> Vec<Request> {
    FAMILIES
        .iter()
        .flat_map(|(family, commands, queries, _)| {
            commands
                .iter()
                .chain(*queries)
                .map(|row| request(family, row))
        })
        .collect()
}

fn request(family: &'static str, row: &Row) -> Request {
    let (access, permission) = access_parts(row.access);
    Request {
        family,
        name: row.name,
        opcode: row.opcode,
        kind: kind_name(row.kind),
        summary: prose(row.summary),
        access,
        permission,
        limit: row.limit.name(),
        body: type_of(row.request),
        reply: type_of(row.reply),
    }
}

fn event(family: &'static str, row: &EventRow) -> Event {
    Event {
        family,
        name: row.name,
        opcode: row.opcode,
        summary: prose(row.summary),
        body: type_of(row.body),
    }
}

fn type_of(codec: Codec) -> TypeRef {
    TypeRef::of(&(codec.shape)())
}

fn structure(shape: &'static StructShape) -> Struct {
    Struct {
        name: shape.name,
        doc: prose(shape.doc),
        fields: shape
            .fields
            .iter()
            .map(|field| Field {
                name: field.name,
                doc: prose(field.doc),
                r#type: TypeRef::of(&(field.shape)()),
                default: field.has_default,
            })
            .collect(),
    }
}

fn choice(shape: &'static EnumShape) -> Enum {
    Enum {
        name: shape.name,
        doc: prose(shape.doc),
        values: shape
            .values
            .iter()
            .map(|&(number, name, doc)| EnumValue {
                number,
                name,
                doc: prose(doc),
            })
            .collect(),
    }
}

fn permissions() -> Vec<Permission> {
    Permissions::ALL
        .iter()
        .map(|&(bit, name, doc)| Permission {
            name,
            bits: bit.bits(),
            doc: prose(doc),
        })
        .collect()
}

fn refusals() -> Vec<Refusal> {
    Reason::ALL
        .iter()
        .map(|&(reason, doc)| Refusal {
            code: reason.code(),
            name: reason.name(),
            doc: prose(doc),
        })
        .collect()
}

fn close_codes() -> Vec<Close> {
    CloseCode::ALL
        .iter()
        .map(|&(code, doc)| Close {
            code: code.code(),
            name: code.name(),
            reconnect: code.reconnect(),
            doc: prose(doc),
        })
        .collect()
}
