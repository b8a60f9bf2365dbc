//! `docs/protocol.md`: the protocol for people.

use super::{
    GENERATED, access_parts, cell, sample,
    types::{Types, markdown_of},
};
use crate::{
    domain::{
        limits::{MAX_DEPTH, MAX_FRAME_BYTES},
        permissions::Permissions,
    },
    error::{Reason, Refusal},
    frame::{self, Frame, opcode},
    hex,
    protocol::{self, Codec, CodedRow, EventRow, FAMILIES, RowKind, blocks, control},
    wire::{EnumShape, FieldShape, Shape},
};

/// What a client may ask for in `Sec-WebSocket-Protocol`.
pub(super) const SUB_PROTOCOLS: [&str; 2] = ["confab.v1.msgpack", "confab.v1.json"];

const INTRO: &str = include_str!("protocol.intro.md");
const REQUEST: u32 = 7;
const SCOPE: u64 = 4_096_321;

/// Writes `docs/protocol.md`.
pub fn protocol() -> String {
    let frames = control::FRAMES.iter().map(|(opcode, name, sender, body)| {
        let sender = match *sender {
            "both" => "both",
            "client" => "the client",
            _ => "the gateway",
        };
        let about = match (body.shape)() {
            Shape::Struct(shape) => format!(" {}\n\n{}", shape.doc, fields(shape.fields)),
            _ => String::new(),
        };
        let example = example("Body", *body);
        format!("### {name}\n\nOpcode {opcode}, sent by {sender}.{about}{example}")
    });
    [
        GENERATED.to_owned(),
        intro(),
        overview(),
        "## Control frames\n\n".to_owned(),
    ]
    .into_iter()
    .chain(frames)
    .chain(FAMILIES.iter().map(family))
    .chain([types(), internals(), blocks()])
    .collect()
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

fn examples(row: &CodedRow, fill: &mut impl FnMut(&str, &str)) {
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
fn overview() -> String {
    let requests = clients(protocol::coded_rows()).map(|row| {
        let (body, json) = sample(row.request);
        let (name, kind, limit) = (row.name, row.kind.name(), row.limit.name());
        let (access, bytes, json) = (access(row), body.len(), json.len());
        format!(
            "| {} | [{name}](#{name}) | {kind} | {access} | {limit} | {bytes} | {json} |\n",
            row.opcode
        )
    });
    let events = protocol::events().map(|row| {
        let (body, json) = sample(row.body);
        let (name, meaning, bytes, json) = (row.name, cell(row.summary), body.len(), json.len());
        format!(
            "| {} | [{name}](#{name}) | {meaning} | {bytes} | {json} |\n",
            row.opcode
        )
    });
    format!(
        "## All requests\n\nSizes are those of the sample body in bytes, as MessagePack and as JSON.\n\n\
         | Opcode | Name | Kind | For | Limit | MessagePack | JSON |\n|---:|---|---|---|---|---:|---:|\n\
         {}\n\
         - A *command* writes, in the lane of its scope, once per nonce.\n\
         - A *register* writes one value of the account, in its lane; repeating it is safe \
         without a nonce.\n\
         - A *signal* tells others something that is not stored.\n\
         - A *query* reads; any worker answers it.\n\
         - A *forwarded* request writes too, but has no owner yet: any worker prepares it and \
         hands it to the lane that will own it.\n\n\
         ## All events\n\n\
         | Opcode | Name | Meaning | MessagePack | JSON |\n|---:|---|---|---:|---:|\n\
         {}\n",
        requests.collect::<String>(),
        events.collect::<String>()
    )
}

fn family(
    (name, commands, queries, events): &(&str, &[CodedRow], &[CodedRow], &[EventRow]),
) -> String {
    let requests = clients(commands.iter().chain(*queries)).map(request);
    let events = events.iter().map(|row| {
        let (name, opcode, summary) = (row.name, row.opcode, row.summary);
        let body = body("Body", row.body);
        format!("### {name}\n\nEvent, opcode {opcode}. {summary}\n\n{body}")
    });
    let rows: String = requests.chain(events).collect();
    format!("## Family {name}\n\n{rows}")
}

fn request(row: &CodedRow) -> String {
    let (name, summary, opcode, kind) = (row.name, row.summary, row.opcode, row.kind.name());
    let (access, limit) = (access(row), row.limit.name());
    let (request, reply) = (body("Request", row.request), body("Reply", row.reply));
    format!(
        "### {name}\n\n{summary}\n\n\
         Opcode {opcode}, {kind}, for {access}, limit `{limit}`.\n\n{request}{reply}"
    )
}

fn access(row: &CodedRow) -> String {
    let (place, permission) = access_parts(row.access);
    let Some(permission) = permission else {
        return match place {
            "account" => "a signed-in account".to_owned(),
            "member" => "members of the server".to_owned(),
            "deployment" => "administrators of the deployment, with scope 0".to_owned(),
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
fn body(title: &str, codec: Codec) -> String {
    match (codec.shape)() {
        Shape::Unit => format!("{title}: nothing (nil).\n\n"),
        Shape::Struct(shape) if shape.fields.is_empty() => {
            format!("{title}: `{}`, no fields.\n\n", shape.name)
        }
        Shape::Struct(shape) => {
            let (fields, example) = (fields(shape.fields), example("Sample", codec));
            format!("{title}: `{}`\n\n{fields}{example}", shape.name)
        }
        other => format!("{title}: {}\n\n", markdown_of(&other)),
    }
}

fn fields(fields: &[FieldShape]) -> String {
    let rows = fields.iter().map(|field| {
        let (kind, meaning) = (markdown_of(&(field.shape)()), cell(field.doc));
        let optional = if field.has_default { "yes" } else { "" };
        format!("| `{}` | {kind} | {optional} | {meaning} |\n", field.name)
    });
    let rows: String = rows.collect();
    format!("| Field | Type | Optional | Meaning |\n|---|---|---|---|\n{rows}\n")
}

fn example(title: &str, codec: Codec) -> String {
    let (body, json) = sample(codec);
    format!(
        "{title}, {} bytes: `{}`, in JSON {} bytes:\n\n```json\n{json}\n```\n\n",
        body.len(),
        hex::encode(&body),
        json.len()
    )
}

/// The types that others are made of: the bodies themselves stand at their rows.
fn types() -> String {
    let bodies: Vec<&str> = protocol::coded_rows()
        .flat_map(|row| [row.request, row.reply])
        .chain(protocol::events().map(|row| row.body))
        .chain(control::FRAMES.iter().map(|(_, _, _, body)| *body))
        .filter_map(|codec| struct_name(&(codec.shape)()))
        .collect();
    let types = Types::of_all();
    let nested: Vec<&str> = types
        .structs
        .iter()
        .flat_map(|shape| shape.fields)
        .filter_map(|field| struct_name(&(field.shape)()))
        .collect();
    let structs = types
        .structs
        .iter()
        .filter(|shape| nested.contains(&shape.name) || !bodies.contains(&shape.name))
        .map(|shape| {
            let fields = fields(shape.fields);
            format!("### {}\n\n{}\n\n{fields}", shape.name, shape.doc)
        });
    let permissions = Permissions::ALL.iter().map(|(permission, name, doc)| {
        let (bit, value) = (permission.bits().trailing_zeros(), permission.bits());
        format!("| {bit} | {value} | `{name}` | {} |\n", cell(doc))
    });
    ["## Types\n\n".to_owned()]
        .into_iter()
        .chain(structs)
        .chain(types.enums.iter().map(|shape| choice(shape)))
        .chain(["### Permissions\n\n\
                 | Bit | Value | Name | Meaning |\n|---:|---:|---|---|\n"
            .to_owned()])
        .chain(permissions)
        .chain(["\n".to_owned()])
        .collect()
}

/// The struct that a shape is, or has inside.
fn struct_name(shape: &Shape) -> Option<&'static str> {
    match shape {
        Shape::Optional(inner) | Shape::List(inner) => struct_name(inner),
        Shape::Struct(shape) => Some(shape.name),
        _ => None,
    }
}

fn choice(shape: &EnumShape) -> String {
    let values = shape
        .values
        .iter()
        .map(|(number, name, doc)| format!("| {number} | `{name}` | {} |\n", cell(doc)));
    let values: String = values.collect();
    let (name, doc) = (shape.name, shape.doc);
    format!("### {name}\n\n{doc}\n\n| Number | Name | Meaning |\n|---:|---|---|\n{values}\n")
}

/// What workers send to lanes: no door lets it in.
fn internals() -> String {
    let rows = protocol::coded_rows().filter(|row| row.kind == RowKind::Internal);
    let rows = rows.map(|row| {
        let (opcode, name) = (row.opcode, row.name);
        format!("| {opcode} | `{name}` | {} |\n", cell(row.summary))
    });
    let rows: String = rows.collect();
    format!(
        "## Between workers\n\nNo door lets these in; they are listed because their opcodes are taken.\n\n\
         | Opcode | Name | Meaning |\n|---:|---|---|\n{rows}"
    )
}

/// Where the opcodes of each family begin, in the order of their numbers.
fn blocks() -> String {
    let rows = blocks::BLOCKS.iter().map(|(number, name)| {
        let [lane, any, internal, event] = [
            opcode::FIRST_LANE,
            opcode::FIRST_ANY,
            opcode::FIRST_INTERNAL,
            opcode::FIRST_EVENT,
        ]
        .map(|range| range + number * blocks::SIZE);
        format!("| {name} | {lane} | {any} | {internal} | {event} |\n")
    });
    let rows: String = rows.collect();
    format!(
        "\n## Blocks\n\nThe first of the {} opcodes that a family has in each range. \
         A family that is not described above has its place and nothing yet.\n\n\
         | Family | To its lane | To any worker | Between workers | Events |\n\
         |---|---:|---:|---:|---:|\n{rows}",
        blocks::SIZE
    )
}

fn clients<'a>(rows: impl Iterator<Item = &'a CodedRow>) -> impl Iterator<Item = &'a CodedRow> {
    rows.filter(|row| row.kind != RowKind::Internal)
}
