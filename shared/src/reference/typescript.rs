//! `gateway/web/src/protocol.generated.ts`: types, tables, and the small codec
//! that reads them. It knows nothing of a MessagePack library: it turns typed
//! objects into the arrays that such a library takes, and back.

use super::{
    prose, put,
    types::{TypeRef, Types},
};
use crate::{
    close::CloseCode,
    domain::permissions::Permissions,
    error::Reason,
    protocol::{self, RowKind, control},
    wire::{Shape, StructShape},
};

/// The part that does not depend on the rows.
const CODEC: &str = include_str!("codec.ts");

/// Writes the TypeScript module.
pub fn typescript() -> String {
    let types = Types::of_clients();
    let sent = Types::of_requests();
    let mut text = String::from("// Generated from code. `make docs` writes it anew.\n\n");
    for name in &types.ids {
        put(
            &mut text,
            format_args!("export type {name} = Id<\"{name}\">;\n"),
        );
    }
    text.push('\n');
    for choice in &types.enums {
        let names: Vec<_> = choice
            .values
            .iter()
            .map(|(_, name, _)| format!("\"{name}\""))
            .collect();
        doc(&mut text, "", choice.doc);
        put(
            &mut text,
            format_args!("export type {} = {};\n\n", choice.name, names.join(" | ")),
        );
    }
    for shape in &types.structs {
        interface(&mut text, shape, sent.has(shape.name));
    }
    maps(&mut text, &types);
    tables(&mut text, &types);
    closed_lists(&mut text);
    text.push_str(CODEC);
    text
}

fn doc(text: &mut String, indent: &str, doc: &str) {
    put(text, format_args!("{indent}/** {} */\n", prose(doc)));
}

fn interface(text: &mut String, shape: &StructShape, sent: bool) {
    doc(text, "", shape.doc);
    if shape.fields.is_empty() {
        put(
            text,
            format_args!("export type {} = Record<string, never>;\n\n", shape.name),
        );
        return;
    }
    put(text, format_args!("export interface {} {{\n", shape.name));
    for field in shape.fields {
        doc(text, "  ", field.doc);
        let kind = TypeRef::of(&(field.shape)()).typescript();
        let (mark, absent) = if sent && field.has_default {
            ("?", " | undefined")
        } else {
            ("", "")
        };
        put(
            text,
            format_args!("  {}{mark}: {kind}{absent};\n", field.name),
        );
    }
    text.push_str("}\n\n");
}

/// From names to types, for the compiler.
fn maps(text: &mut String, types: &Types) {
    text.push_str("/** Every type that travels as an array. */\nexport interface Structs {\n");
    for shape in &types.structs {
        put(text, format_args!("  {0}: {0};\n", shape.name));
    }
    text.push_str("}\n\n/** Every request with its reply. */\nexport interface Requests {\n");
    for row in client_rows() {
        doc(text, "  ", row.summary);
        put(
            text,
            format_args!(
                "  {}: {{ request: {}; reply: {} }};\n",
                row.name,
                typescript_of(&(row.request.shape)()),
                typescript_of(&(row.reply.shape)())
            ),
        );
    }
    text.push_str("}\n\n/** Every event. */\nexport interface Events {\n");
    for row in protocol::events() {
        doc(text, "  ", row.summary);
        put(
            text,
            format_args!("  {}: {};\n", row.name, typescript_of(&(row.body.shape)())),
        );
    }
    text.push_str("}\n\n");
    for (list, other, about) in [
        (
            "ServerControls",
            "client",
            "Every control frame that a gateway sends.",
        ),
        (
            "ClientControls",
            "gateway",
            "Every control frame that a client sends.",
        ),
    ] {
        put(
            text,
            format_args!("/** {about} */\nexport interface {list} {{\n"),
        );
        for (_, name, sender, body) in control::FRAMES {
            if *sender != other {
                put(
                    text,
                    format_args!("  {name}: {};\n", typescript_of(&(body.shape)())),
                );
            }
        }
        text.push_str("}\n\n");
    }
}

/// The same for the codec.
fn tables(text: &mut String, types: &Types) {
    text.push_str(
        "/** The fields of each struct, in wire order. `optional`: a body may end before it. */\n\
         export const STRUCTS: Readonly<Record<keyof Structs, readonly Field[]>> = {\n",
    );
    for shape in &types.structs {
        put(text, format_args!("  {}: [", shape.name));
        for field in shape.fields {
            put(
                text,
                format_args!(
                    "\n    {{ name: \"{}\", type: {}, optional: {} }},",
                    field.name,
                    TypeRef::of(&(field.shape)()).json(),
                    field.has_default
                ),
            );
        }
        let end = if shape.fields.is_empty() { "" } else { "\n  " };
        put(text, format_args!("{end}],\n"));
    }
    text.push_str(
        "};\n\n/** The numbers of each closed set. */\n\
         export const ENUMS: Readonly<Record<string, Readonly<Record<string, number>>>> = {\n",
    );
    for choice in &types.enums {
        let values: Vec<_> = choice
            .values
            .iter()
            .map(|(number, name, _)| format!("{name}: {number}"))
            .collect();
        put(
            text,
            format_args!("  {}: {{ {} }},\n", choice.name, values.join(", ")),
        );
    }
    text.push_str(
        "};\n\nexport const REQUESTS: Readonly<Record<keyof Requests, RequestRow>> = {\n",
    );
    for row in client_rows() {
        put(
            text,
            format_args!(
                "  {}: {{ opcode: {}, request: {}, reply: {} }},\n",
                row.name,
                row.opcode,
                TypeRef::of(&(row.request.shape)()).json(),
                TypeRef::of(&(row.reply.shape)()).json()
            ),
        );
    }
    text.push_str("};\n\nexport const EVENTS: Readonly<Record<keyof Events, Row>> = {\n");
    for row in protocol::events() {
        table_row(text, row.name, row.opcode, &(row.body.shape)());
    }
    text.push_str(
        "};\n\nexport const CONTROLS: Readonly<Record<keyof (ServerControls & ClientControls), Row>> = {\n",
    );
    for (opcode, name, _, body) in control::FRAMES {
        table_row(text, name, *opcode, &(body.shape)());
    }
    text.push_str("};\n\n");
}

fn table_row(text: &mut String, name: &str, opcode: u16, shape: &Shape) {
    put(
        text,
        format_args!(
            "  {name}: {{ opcode: {opcode}, body: {} }},\n",
            TypeRef::of(shape).json()
        ),
    );
}

fn closed_lists(text: &mut String) {
    text.push_str("/** Why a request was refused, by number. */\nexport const REFUSALS = {\n");
    for (reason, meaning) in Reason::ALL {
        doc(text, "  ", meaning);
        put(
            text,
            format_args!("  {}: {},\n", reason.name(), reason.code()),
        );
    }
    text.push_str("} as const;\n\n/** Why a gateway closed the socket. From 4000 to 4499: connect again. */\nexport const CLOSE_CODES = {\n");
    for (code, meaning) in CloseCode::ALL {
        doc(text, "  ", meaning);
        put(text, format_args!("  {}: {},\n", code.name(), code.code()));
    }
    text.push_str("} as const;\n\n/** What a member may do: bits of `Permissions`. */\nexport const PERMISSIONS = {\n");
    for (permission, name, meaning) in Permissions::ALL {
        doc(text, "  ", meaning);
        put(text, format_args!("  {name}: {},\n", permission.bits()));
    }
    text.push_str("} as const;\n\n");
}

/// Internal requests are no client's business.
fn client_rows() -> impl Iterator<Item = &'static protocol::Row> {
    protocol::rows().filter(|row| row.kind != RowKind::Internal)
}

fn typescript_of(shape: &Shape) -> String {
    TypeRef::of(shape).typescript()
}
