//! `gateway/web/client/src/protocol.generated.ts`: types, and the tables that `codec.ts` beside it
//! reads.

use super::types::{Types, typescript_of};
use crate::{
    close::CloseCode,
    domain::{content, limits, notification, permissions::Permissions},
    error::Reason,
    protocol::{self, Access, RowKind, control},
    wire::{EnumShape, Shape, StructShape},
};

const HEAD: &str = "// Generated from code. `make docs` writes it anew.

import type { Field, Id, Permissions, RequestRow, Row } from \"./shapes.js\";

";

/// Rows of bounds by the names that they have in the code.
macro_rules! bounds {
    ($($module:ident :: $name:ident),* $(,)?) => {
        [$((stringify!($name), $module::$name.to_string())),*]
    };
}

/// Writes the TypeScript module.
pub fn typescript() -> String {
    let types = Types::of_clients();
    let sent = Types::of_requests();
    let ids = types.ids.iter();
    let ids = ids.map(|name| format!("export type {name} = Id<\"{name}\">;\n"));
    let interfaces = types
        .structs
        .iter()
        .map(|shape| interface(shape, sent.has(shape.name)));
    [HEAD.to_owned()]
        .into_iter()
        .chain(ids)
        .chain(["\n".to_owned()])
        .chain(types.enums.iter().map(|choice| union(choice)))
        .chain(interfaces)
        .chain(maps(&types))
        .chain(tables(&types))
        .chain(closed_lists())
        .chain([client_limits()])
        .collect()
}

fn doc(indent: &str, doc: &str) -> String {
    format!("{indent}/** {doc} */\n")
}

fn union(choice: &EnumShape) -> String {
    let names = choice.values.iter();
    let names: Vec<_> = names.map(|(_, name, _)| format!("\"{name}\"")).collect();
    let (doc, names) = (doc("", choice.doc), names.join(" | "));
    format!("{doc}export type {} = {names};\n\n", choice.name)
}

fn interface(shape: &StructShape, sent: bool) -> String {
    let (doc_of_struct, name) = (doc("", shape.doc), shape.name);
    if shape.fields.is_empty() {
        return format!("{doc_of_struct}export type {name} = Record<string, never>;\n\n");
    }
    let fields = shape.fields.iter().map(|field| {
        let kind = typescript_of(&(field.shape)());
        let (mark, absent) = if sent && field.has_default {
            ("?", " | undefined")
        } else {
            ("", "")
        };
        let doc = doc("  ", field.doc);
        format!("{doc}  {}{mark}: {kind}{absent};\n", field.name)
    });
    doc_of_struct + &block(&format!("export interface {name} {{"), fields, "}")
}

/// From names to types, for the compiler.
fn maps(types: &Types) -> [String; 5] {
    let structs = types.structs.iter();
    let structs = structs.map(|shape| format!("  {0}: {0};\n", shape.name));
    let requests = client_rows().map(|row| {
        let doc = doc("  ", row.summary);
        let request = typescript_of(&(row.request.shape)());
        let reply = typescript_of(&(row.reply.shape)());
        let name = row.name;
        format!("{doc}  {name}: {{ request: {request}; reply: {reply} }};\n")
    });
    let events = protocol::events().map(|row| {
        let (doc, body) = (doc("  ", row.summary), typescript_of(&(row.body.shape)()));
        format!("{doc}  {}: {body};\n", row.name)
    });
    let controls = |other| {
        let frames = control::FRAMES.iter();
        frames
            .filter(move |(_, _, sender, _)| *sender != other)
            .map(|(_, name, _, body)| format!("  {name}: {};\n", typescript_of(&(body.shape)())))
    };
    let map = |meaning, name| format!("/** {meaning} */\nexport interface {name} {{");
    [
        block(
            &map("Every type that travels as an array.", "Structs"),
            structs,
            "}",
        ),
        block(
            &map("Every request with its reply.", "Requests"),
            requests,
            "}",
        ),
        block(&map("Every event.", "Events"), events, "}"),
        block(
            &map(
                "Every control frame that a gateway sends.",
                "ServerControls",
            ),
            controls("client"),
            "}",
        ),
        block(
            &map("Every control frame that a client sends.", "ClientControls"),
            controls("gateway"),
            "}",
        ),
    ]
}

/// The same for the codec.
fn tables(types: &Types) -> [String; 5] {
    let structs = types.structs.iter().map(|shape| {
        let fields = shape.fields.iter().map(|field| {
            let (kind, optional) = (table_type(&(field.shape)()), field.has_default);
            let name = field.name;
            format!("\n    {{ name: \"{name}\", type: {kind}, optional: {optional} }},")
        });
        let fields: String = fields.collect();
        let end = if fields.is_empty() { "" } else { "\n  " };
        format!("  {}: [{fields}{end}],\n", shape.name)
    });
    let enums = types.enums.iter().map(|choice| {
        let values = choice.values.iter();
        let values: Vec<_> = values
            .map(|(number, name, _)| format!("{name}: {number}"))
            .collect();
        format!("  {}: {{ {} }},\n", choice.name, values.join(", "))
    });
    let requests = client_rows().map(|row| {
        let (name, opcode) = (row.name, row.opcode);
        let request = table_type(&(row.request.shape)());
        let reply = table_type(&(row.reply.shape)());
        let anyone = if row.access == Access::Anyone {
            ", anyone: true"
        } else {
            ""
        };
        format!("  {name}: {{ opcode: {opcode}, request: {request}, reply: {reply}{anyone} }},\n")
    });
    let row = |name: &str, opcode: u16, body: fn() -> Shape| {
        format!(
            "  {name}: {{ opcode: {opcode}, body: {} }},\n",
            table_type(&body())
        )
    };
    let events = protocol::events().map(|event| row(event.name, event.opcode, event.body.shape));
    let controls = control::FRAMES
        .iter()
        .map(|(opcode, name, _, body)| row(name, *opcode, body.shape));
    [
        block(
            "/** The fields of each struct, in wire order. `optional`: a body may end before it. */\n\
             export const STRUCTS: Readonly<Record<keyof Structs, readonly Field<keyof Structs>[]>> = {",
            structs,
            "};",
        ),
        block(
            "/** The numbers of each closed set. */\n\
             export const ENUMS: Readonly<Record<string, Readonly<Record<string, number>>>> = {",
            enums,
            "};",
        ),
        block(
            "export const REQUESTS: Readonly<Record<keyof Requests, RequestRow<keyof Structs>>> = {",
            requests,
            "};",
        ),
        block(
            "export const EVENTS: Readonly<Record<keyof Events, Row<keyof Structs>>> = {",
            events,
            "};",
        ),
        block(
            "export const CONTROLS: Readonly<Record<keyof (ServerControls & ClientControls), Row<keyof Structs>>> = {",
            controls,
            "};",
        ),
    ]
}

/// What a client tells a writer, or asks for, before the server refuses it.
fn client_limits() -> String {
    let limits = bounds![
        content::MAX_MESSAGE_CHARS,
        content::MAX_NAME_CHARS,
        content::MAX_TITLE_CHARS,
        content::MAX_NICKNAME_CHARS,
        content::MAX_TOPIC_CHARS,
        content::MAX_REASON_CHARS,
        content::MAX_BIO_CHARS,
        content::MAX_DESCRIPTION_CHARS,
        content::MAX_PICTURE_BYTES,
        content::MAX_REPORT_CHARS,
        notification::MAX_KEYWORD,
        limits::MAX_KEYWORDS,
        limits::MAX_USERS_AT_ONCE,
        limits::MAX_RULE_LIMIT,
        limits::MAX_SLOW_MODE,
        limits::MAX_REPORT_PAGE,
        limits::MAX_PAGE,
        limits::EXPORT_PAUSE_MS,
    ];
    let rows = limits.map(|(name, bound)| format!("  {name}: {bound},\n"));
    block(
        "/** How much the server takes, in what the name says; seconds and counts where it says nothing. */\nexport const LIMITS = {",
        rows.into_iter(),
        "} as const;",
    )
}

fn closed_lists() -> [String; 3] {
    let refusals = Reason::ALL.iter().map(|(reason, meaning)| {
        doc("  ", meaning) + &format!("  {}: {},\n", reason.name(), reason.code())
    });
    let close_codes = CloseCode::ALL.iter().map(|(code, meaning)| {
        doc("  ", meaning) + &format!("  {}: {},\n", code.name(), code.code())
    });
    let permissions = Permissions::ALL.iter().map(|(permission, name, meaning)| {
        doc("  ", meaning) + &format!("  {name}: {},\n", permission.bits())
    });
    [
        block(
            "/** Why a request was refused, by number. */\nexport const REFUSALS = {",
            refusals,
            "} as const;",
        ),
        block(
            "/** Why a gateway closed the socket. From 4000 to 4499: connect again. */\nexport const CLOSE_CODES = {",
            close_codes,
            "} as const;",
        ),
        block(
            "/** What a member may do: bits of `Permissions`. */\nexport const PERMISSIONS = {",
            permissions,
            "} as const;",
        ),
    ]
}

/// A declaration with a line, or more, for each of its members.
fn block(head: &str, lines: impl Iterator<Item = String>, end: &str) -> String {
    let lines: String = lines.collect();
    format!("{head}\n{lines}{end}\n\n")
}

/// A type in the tables: JSON is an expression of TypeScript.
fn table_type(shape: &Shape) -> String {
    serde_json::to_string(shape).unwrap_or_default()
}

/// Internal requests are no client's business.
fn client_rows() -> impl Iterator<Item = &'static protocol::CodedRow> {
    protocol::coded_rows().filter(|row| row.kind != RowKind::Internal)
}
