//! `docs/protocol.md`: the protocol for people.

use super::{
    GENERATED, access_parts, cell, kind_name, prose, put, sample,
    types::{TypeRef, Types},
};
use crate::{
    domain::{
        limits::{MAX_DEPTH, MAX_FRAME_BYTES},
        permissions::Permissions,
    },
    error::{Reason, Refusal},
    frame::{self, Frame, opcode},
    hex,
    protocol::{self, Codec, EventRow, FAMILIES, Row, RowKind, blocks, control},
    wire::{EnumShape, FieldShape, Shape, StructShape},
};

/// What a client may ask for in `Sec-WebSocket-Protocol`.
pub(super) const SUB_PROTOCOLS: [&str; 2] = ["confab.v1.msgpack", "confab.v1.json"];

const INTRO: &str = include_str!("protocol.intro.md");
const REQUEST: u32 = 7;
const SCOPE: u64 = 4_096_321;

/// Writes `docs/protocol.md`.
pub fn protocol() -> String {
    let mut text = GENERATED.to_owned();
    text.push_str(&intro());
    overview(&mut text);
    text.push_str("## Control frames\n\n");
    for (opcode, name, sender, body) in control::FRAMES {
        put(
            &mut text,
            format_args!("### {name}\n\nOpcode {opcode}, sent by "),
        );
        text.push_str(match *sender {
            "both" => "both.",
            "client" => "the client.",
            _ => "the gateway.",
        });
        if let Shape::Struct(shape) = (body.shape)() {
            put(&mut text, format_args!(" {}\n\n", prose(shape.doc)));
            fields(&mut text, shape.fields);
        }
        example(&mut text, "Body", *body);
    }
    for (name, commands, queries, events) in FAMILIES {
        family(&mut text, name, commands, queries, events);
    }
    types(&mut text);
    internals(&mut text);
    blocks(&mut text);
    text
}

/// The hand-written part, with today's numbers and examples in it.
fn intro() -> String {
    let mut text = INTRO.to_owned();
    let mut fill = |name: &str, value: &str| {
        text = text.replace(&format!("{{{{{name}}}}}"), value);
    };
    let [msgpack, json] = SUB_PROTOCOLS;
    fill("msgpack", msgpack);
    fill("json", json);
    fill("max_frame", &MAX_FRAME_BYTES.to_string());
    fill("max_depth", &MAX_DEPTH.to_string());
    fill("first_lane", &opcode::FIRST_LANE.to_string());
    fill("first_any", &opcode::FIRST_ANY.to_string());
    fill("first_internal", &opcode::FIRST_INTERNAL.to_string());
    fill("scope", &SCOPE.to_string());
    if let Some(row) = protocol::row_named("message_new") {
        examples(row, &mut fill);
    }
    let event = protocol::events().find(|row| row.name == "typing_started");
    if let Some(row) = event {
        let (body, json) = sample(row.body);
        fill(
            "event_hex",
            &hex::encode(&frame::event(SCOPE, 0, row.opcode, &body)),
        );
        fill(
            "json_event",
            &format!(
                "{{\"event\":\"{}\",\"topic\":\"{SCOPE}\",\"seq\":0,\"body\":{json}}}",
                row.name
            ),
        );
    }
    let heartbeat = control::FRAMES
        .iter()
        .find(|(number, ..)| *number == opcode::HEARTBEAT);
    if let Some((number, name, _, body)) = heartbeat {
        let (body, json) = sample(*body);
        fill("control_hex", &hex::encode(&frame::control(*number, &body)));
        fill(
            "json_control",
            &format!("{{\"control\":\"{name}\",\"body\":{json}}}"),
        );
    }
    text
}

fn examples(row: &Row, fill: &mut impl FnMut(&str, &str)) {
    let (body, json) = sample(row.request);
    let request = Frame {
        opcode: row.opcode,
        request: REQUEST,
        scope: SCOPE,
        body: &body,
    };
    fill("request_name", row.name);
    fill("request_hex", &hex::encode(&request.write()));
    fill("request_json", &json);
    fill(
        "json_request",
        &format!(
            "{{\"command\":\"{}\",\"request\":{REQUEST},\"scope\":\"{SCOPE}\",\"body\":{json}}}",
            row.name
        ),
    );
    let (body, json) = sample(row.reply);
    fill("reply_hex", &hex::encode(&frame::reply(REQUEST, &body)));
    fill(
        "json_reply",
        &format!("{{\"reply\":{REQUEST},\"body\":{json}}}"),
    );
    let refusal = Refusal::field(Reason::Invalid, "content");
    fill(
        "refusal_hex",
        &hex::encode(&frame::refusal(REQUEST, &refusal)),
    );
    fill(
        "json_refusal",
        &format!(
            "{{\"refusal\":{REQUEST},\"code\":{},\"reason\":\"{}\",\"detail\":\"content\",\"retry_after\":null}}",
            refusal.reason.code(),
            refusal.reason.name()
        ),
    );
}

/// Every request in one table, with the size of its sample.
fn overview(text: &mut String) {
    text.push_str(
        "## All requests\n\nSizes are those of the sample body in bytes, as MessagePack and as JSON.\n\n\
         | Opcode | Name | Kind | For | Limit | MessagePack | JSON |\n|---:|---|---|---|---|---:|---:|\n",
    );
    for row in clients(protocol::rows()) {
        let (body, json) = sample(row.request);
        put(
            text,
            format_args!(
                "| {} | [{1}](#{1}) | {2} | {3} | {4} | {5} | {6} |\n",
                row.opcode,
                row.name,
                kind_name(row.kind),
                access(row),
                row.limit.name(),
                body.len(),
                json.len()
            ),
        );
    }
    text.push_str(
        "\n- A *command* writes, in the lane of its scope, once per nonce.\n\
         - A *register* writes one value of the account, in its lane; repeating it is safe \
         without a nonce.\n\
         - A *signal* tells others something that is not stored.\n\
         - A *query* reads; any worker answers it.\n\
         - An *opening* writes too, but has no owner yet: any worker prepares it and \
         hands it to the lane that will own it.\n\n\
         ## All events\n\n\
         | Opcode | Name | Meaning | MessagePack | JSON |\n|---:|---|---|---:|---:|\n",
    );
    for row in protocol::events() {
        let (body, json) = sample(row.body);
        put(
            text,
            format_args!(
                "| {} | [{1}](#{1}) | {2} | {3} | {4} |\n",
                row.opcode,
                row.name,
                cell(row.summary),
                body.len(),
                json.len()
            ),
        );
    }
    text.push('\n');
}

fn family(text: &mut String, name: &str, commands: &[Row], queries: &[Row], events: &[EventRow]) {
    put(text, format_args!("## Family {name}\n\n"));
    for row in clients(commands.iter().chain(queries)) {
        request(text, row);
    }
    for row in events {
        put(
            text,
            format_args!(
                "### {}\n\nEvent, opcode {}. {}\n\n",
                row.name,
                row.opcode,
                prose(row.summary)
            ),
        );
        body(text, "Body", row.body);
    }
}

fn request(text: &mut String, row: &Row) {
    put(
        text,
        format_args!(
            "### {}\n\n{}\n\nOpcode {}, {}, for {}, limit `{}`.\n\n",
            row.name,
            prose(row.summary),
            row.opcode,
            kind_name(row.kind),
            access(row),
            row.limit.name()
        ),
    );
    body(text, "Request", row.request);
    body(text, "Reply", row.reply);
}

fn access(row: &Row) -> String {
    let (place, permission) = access_parts(row.access);
    let Some(permission) = permission else {
        return match place {
            "account" => "a signed-in account".to_owned(),
            "member" => "members of the server".to_owned(),
            other => other.to_owned(),
        };
    };
    let place = match place {
        "server" => "in the server",
        "channel" => "in the channel",
        _ => "in the server, or administrators with scope 0",
    };
    format!("`{permission}` {place}")
}

/// The fields of a body and its sample.
fn body(text: &mut String, title: &str, codec: Codec) {
    match (codec.shape)() {
        Shape::Unit => put(text, format_args!("{title}: nothing (nil).\n\n")),
        Shape::Struct(shape) if shape.fields.is_empty() => {
            put(
                text,
                format_args!("{title}: `{}`, no fields.\n\n", shape.name),
            );
        }
        Shape::Struct(shape) => {
            put(text, format_args!("{title}: `{}`\n\n", shape.name));
            fields(text, shape.fields);
            example(text, "Sample", codec);
        }
        other => {
            put(
                text,
                format_args!("{title}: {}\n\n", TypeRef::of(&other).markdown()),
            );
        }
    }
}

fn fields(text: &mut String, fields: &[FieldShape]) {
    text.push_str("| Field | Type | Optional | Meaning |\n|---|---|---|---|\n");
    for field in fields {
        put(
            text,
            format_args!(
                "| `{}` | {} | {} | {} |\n",
                field.name,
                TypeRef::of(&(field.shape)()).markdown(),
                if field.has_default { "yes" } else { "" },
                cell(field.doc)
            ),
        );
    }
    text.push('\n');
}

fn example(text: &mut String, title: &str, codec: Codec) {
    let (body, json) = sample(codec);
    put(
        text,
        format_args!(
            "{title}, {} bytes: `{}`, in JSON {} bytes:\n\n```json\n{json}\n```\n\n",
            body.len(),
            hex::encode(&body),
            json.len()
        ),
    );
}

/// The types that others are made of: the bodies themselves stand at their rows.
fn types(text: &mut String) {
    text.push_str("## Types\n\n");
    let bodies: Vec<&str> = protocol::rows()
        .flat_map(|row| [row.request, row.reply])
        .chain(protocol::events().map(|row| row.body))
        .chain(control::FRAMES.iter().map(|(_, _, _, body)| *body))
        .filter_map(|codec| match (codec.shape)() {
            Shape::Struct(shape) => Some(shape.name),
            _ => None,
        })
        .collect();
    let types = Types::of_all();
    let nested = nested_names(&types.structs);
    for shape in &types.structs {
        if nested.contains(&shape.name) || !bodies.contains(&shape.name) {
            structure(text, shape);
        }
    }
    for shape in &types.enums {
        choice(text, shape);
    }
    text.push_str("### Permissions\n\n| Bit | Value | Name | Meaning |\n|---:|---:|---|---|\n");
    for (permission, name, doc) in Permissions::ALL {
        put(
            text,
            format_args!(
                "| {} | {} | `{name}` | {} |\n",
                permission.bits().trailing_zeros(),
                permission.bits(),
                cell(doc)
            ),
        );
    }
    text.push('\n');
}

/// The structs that are fields of others.
fn nested_names(structs: &[&'static StructShape]) -> Vec<&'static str> {
    fn name_of(shape: &Shape) -> Option<&'static str> {
        match shape {
            Shape::Optional(inner) | Shape::List(inner) => name_of(inner),
            Shape::Struct(shape) => Some(shape.name),
            _ => None,
        }
    }
    structs
        .iter()
        .flat_map(|shape| shape.fields)
        .filter_map(|field| name_of(&(field.shape)()))
        .collect()
}

fn structure(text: &mut String, shape: &StructShape) {
    put(
        text,
        format_args!("### {}\n\n{}\n\n", shape.name, prose(shape.doc)),
    );
    fields(text, shape.fields);
}

fn choice(text: &mut String, shape: &EnumShape) {
    put(
        text,
        format_args!(
            "### {}\n\n{}\n\n| Number | Name | Meaning |\n|---:|---|---|\n",
            shape.name,
            prose(shape.doc)
        ),
    );
    for (number, name, doc) in shape.values {
        put(
            text,
            format_args!("| {number} | `{name}` | {} |\n", cell(doc)),
        );
    }
    text.push('\n');
}

/// What workers send to lanes: no door lets it in.
fn internals(text: &mut String) {
    text.push_str(
        "## Between workers\n\nNo door lets these in; they are listed because their opcodes are taken.\n\n\
         | Opcode | Name | Meaning |\n|---:|---|---|\n",
    );
    for row in protocol::rows().filter(|row| row.kind == RowKind::Internal) {
        put(
            text,
            format_args!(
                "| {} | `{}` | {} |\n",
                row.opcode,
                row.name,
                cell(row.summary)
            ),
        );
    }
}

/// Where the opcodes of each family begin, in the order of their numbers.
fn blocks(text: &mut String) {
    put(
        text,
        format_args!(
            "\n## Blocks\n\nThe first of the {} opcodes that a family has in each range. \
             A family that is not described above has its place and nothing yet.\n\n\
             | Family | To its lane | To any worker | Between workers | Events |\n\
             |---|---:|---:|---:|---:|\n",
            blocks::SIZE
        ),
    );
    for (number, name) in blocks::BLOCKS {
        let first = |range: u16| range + number * blocks::SIZE;
        put(
            text,
            format_args!(
                "| {name} | {} | {} | {} | {} |\n",
                first(opcode::FIRST_LANE),
                first(opcode::FIRST_ANY),
                first(opcode::FIRST_INTERNAL),
                first(opcode::FIRST_EVENT)
            ),
        );
    }
}

fn clients<'a>(rows: impl Iterator<Item = &'a Row>) -> impl Iterator<Item = &'a Row> {
    rows.filter(|row| row.kind != RowKind::Internal)
}
