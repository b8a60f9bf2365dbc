// The small codec that reads the tables of `protocol.generated.ts`. It knows nothing of a
// MessagePack library: it turns typed objects into the arrays that such a library takes,
// and back. What a client needs of the protocol it imports from here.

import type * as shapes from "./shapes.js";
import {
  CONTROLS,
  ENUMS,
  EVENTS,
  REFUSALS,
  REQUESTS,
  STRUCTS,
  type ClientControls,
  type Events,
  type Requests,
  type ServerControls,
  type Structs,
} from "./protocol.generated.js";

export * from "./protocol.generated.js";
export type * from "./shapes.js";

/** What a MessagePack library takes and gives. */
export type Wire = null | boolean | number | string | Wire[];

type Shape = shapes.Shape<keyof Structs>;
type Field = shapes.Field<keyof Structs>;
type Row = shapes.Row<keyof Structs>;

/** The value does not have the shape that the protocol says. */
export class CodecError extends Error {
  constructor(at: string) {
    super(`malformed ${at}`);
    this.name = "CodecError";
  }
}

/** Of each enum, what its numbers are called. */
const NAMES = new Map(
  Object.entries(ENUMS).map(([name, values]) => [
    name,
    new Map<unknown, string>(Object.entries(values).map(([value, number]) => [number, value])),
  ]),
);

/** What an enum's value is called on the wire; a name that objects have anyway is none of them. */
function numberOf(name: string, value: unknown): number | undefined {
  const values = ENUMS[name];
  return values !== undefined && typeof value === "string" && Object.hasOwn(values, value) ? values[value] : undefined;
}

/** Turns a value into what travels. Fields that are absent at the end are left out. */
export function encode(shape: Shape, value: unknown, at = "body"): Wire {
  if (typeof shape === "string") {
    if (shape === "unit") return null;
    if (typeof value !== (shape === "bool" ? "boolean" : "string")) throw new CodecError(at);
    return value as boolean | string;
  }
  if ("optional" in shape) return value == null ? null : encode(shape.optional, value, at);
  if ("list" in shape) {
    if (!Array.isArray(value)) throw new CodecError(at);
    return value.map((item, index) => encode(shape.list, item, `${at}[${index}]`));
  }
  if ("enum" in shape) {
    const number = numberOf(shape.enum, value);
    if (number === undefined) throw new CodecError(at);
    return number;
  }
  if ("struct" in shape) return encodeStruct(STRUCTS[shape.struct], value, at);
  return integer(value, at);
}

/** Turns what travelled into a value. Surplus fields come from a newer server: they are skipped. */
export function decode(shape: Shape, wire: unknown, at = "body"): unknown {
  if (typeof shape === "string") {
    if (shape === "unit") return null;
    if (typeof wire !== (shape === "bool" ? "boolean" : "string")) throw new CodecError(at);
    return wire;
  }
  if ("optional" in shape) return wire == null ? null : decode(shape.optional, wire, at);
  if ("list" in shape) {
    if (!Array.isArray(wire)) throw new CodecError(at);
    return wire.map((item, index) => decode(shape.list, item, `${at}[${index}]`));
  }
  if ("enum" in shape) {
    const name = NAMES.get(shape.enum)?.get(wire);
    if (name === undefined) throw new CodecError(at);
    return name;
  }
  if ("struct" in shape) return decodeStruct(STRUCTS[shape.struct], wire, at);
  return integer(wire, at);
}

function encodeStruct(fields: readonly Field[], value: unknown, at: string): Wire[] {
  if (typeof value !== "object" || value === null) throw new CodecError(at);
  const object = value as Record<string, unknown>;
  const wire: Wire[] = [];
  let length = 0;
  fields.forEach(({ name, type, optional }, index) => {
    const field = object[name];
    if (field === undefined && optional) {
      wire.push(absent(type));
    } else {
      wire.push(encode(type, field, `${at}.${name}`));
      length = index + 1;
    }
  });
  return wire.slice(0, length);
}

function decodeStruct(fields: readonly Field[], wire: unknown, at: string): Record<string, unknown> {
  if (!Array.isArray(wire)) throw new CodecError(at);
  const object: Record<string, unknown> = {};
  fields.forEach(({ name, type, optional }, index) => {
    if (index >= wire.length && !optional) throw new CodecError(`${at}.${name}`);
    const field: unknown = index < wire.length ? wire[index] : absent(type);
    object[name] = decode(type, field, `${at}.${name}`);
  });
  return object;
}

/** What stands for a field that was left out. */
function absent(shape: Shape): Wire {
  if (shape === "bool") return false;
  if (shape === "text") return "";
  if (typeof shape === "string" || "optional" in shape) return null;
  return "list" in shape ? [] : 0;
}

function integer(value: unknown, at: string): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw new CodecError(at);
  return value as number;
}

/** From the JSON of the HTTP door, where ids are texts. Fields that are absent have their defaults. */
export function fromJson(shape: Shape, json: unknown, at = "body"): unknown {
  if (typeof shape === "string") return decode(shape, json ?? absent(shape), at);
  if ("id" in shape) return integer(Number(json), at);
  if ("optional" in shape) return json == null ? null : fromJson(shape.optional, json, at);
  if ("list" in shape) {
    if (!Array.isArray(json ?? [])) throw new CodecError(at);
    return ((json ?? []) as unknown[]).map((item, index) => fromJson(shape.list, item, `${at}[${index}]`));
  }
  if ("enum" in shape) return decode(shape, json == null ? absent(shape) : numberOf(shape.enum, json), at);
  if (!("struct" in shape)) return integer(json ?? absent(shape), at);
  if (typeof json !== "object" || json === null) throw new CodecError(at);
  const fields = STRUCTS[shape.struct].map(({ name, type }) => {
    const field = (json as Record<string, unknown>)[name];
    return [name, fromJson(type, field, `${at}.${name}`)];
  });
  return Object.fromEntries(fields);
}

/** Into the JSON of the HTTP door. */
export function toJson(shape: Shape, value: unknown): unknown {
  if (typeof shape === "string" || value == null) return value;
  if ("id" in shape) return String(value);
  if ("optional" in shape) return toJson(shape.optional, value);
  if ("list" in shape) return (value as unknown[]).map((item) => toJson(shape.list, item));
  if (!("struct" in shape)) return value;
  const fields = STRUCTS[shape.struct].map(({ name, type }) => [
    name,
    toJson(type, (value as Record<string, unknown>)[name]),
  ]);
  return Object.fromEntries(fields);
}

/** The frame of a request. `scope` is a server's id, or 0. */
export function requestFrame<Name extends keyof Requests>(
  name: Name,
  request: number,
  scope: number,
  body: Requests[Name]["request"],
): Wire[] {
  const row = REQUESTS[name];
  return [row.opcode, request, scope, encode(row.request, body)];
}

/** A control frame of a client: it has the form of a request. */
export function controlFrame<Name extends keyof ClientControls>(name: Name, body: ClientControls[Name]): Wire[] {
  const row = CONTROLS[name];
  return [row.opcode, 0, 0, encode(row.body, body)];
}

/** The body of a reply to the request `name`. */
export function decodeReply<Name extends keyof Requests>(name: Name, body: unknown): Requests[Name]["reply"] {
  return decode(REQUESTS[name].reply, body) as Requests[Name]["reply"];
}

/** One of the members of `Map`, with its name. */
export type Named<Map> = { [Name in keyof Map]: { name: Name; body: Map[Name] } }[keyof Map];

/** A frame from a gateway. */
export type ServerFrame =
  | { kind: "reply"; request: number; body: unknown }
  | {
      kind: "refusal";
      request: number;
      code: number;
      reason: keyof typeof REFUSALS | undefined;
      detail: string | null;
      retry_after: number | null;
    }
  /** `event` is undefined when a newer server sent what this client does not know. */
  | { kind: "event"; topic: number; seq: number; event: Named<Events> | undefined }
  | { kind: "control"; control: Named<ServerControls> }
  | { kind: "unknown"; opcode: number };

const REASON_OF = new Map(Object.entries(REFUSALS).map(([name, code]) => [code as number, name as keyof typeof REFUSALS]));
const EVENT_OF = new Map(Object.entries(EVENTS).map(([name, row]) => [row.opcode, { name, row }]));
const CONTROL_OF = new Map(Object.entries(CONTROLS).map(([name, row]) => [row.opcode, { name, row }]));

/** Reads a frame that a MessagePack library decoded. */
export function readFrame(frame: unknown): ServerFrame {
  if (!Array.isArray(frame)) throw new CodecError("frame");
  const [first, ...rest] = frame as unknown[];
  const opcode = integer(first, "opcode");
  switch (opcode) {
    case 0:
      return { kind: "reply", request: integer(rest[0], "request"), body: rest[1] };
    case 1:
      return readRefusal(rest);
    case 2:
      return {
        kind: "event",
        topic: integer(rest[0], "topic"),
        seq: integer(rest[1], "seq"),
        event: named(EVENT_OF, integer(rest[2], "event"), rest[3]) as Named<Events> | undefined,
      };
  }
  const control = named(CONTROL_OF, opcode, rest[0]) as Named<ServerControls> | undefined;
  return control === undefined ? { kind: "unknown", opcode } : { kind: "control", control };
}

function readRefusal([request, reason, detail, retryAfter]: unknown[]): ServerFrame {
  const code = integer(reason, "code");
  return {
    kind: "refusal",
    request: integer(request, "request"),
    code,
    reason: REASON_OF.get(code),
    detail: decode({ optional: "text" }, detail, "detail") as string | null,
    retry_after: decode({ optional: { int: 53 } }, retryAfter, "retry_after") as number | null,
  };
}

function named(rows: Map<number, { name: string; row: Row }>, opcode: number, body: unknown) {
  const found = rows.get(opcode);
  return found && { name: found.name, body: decode(found.row.body, body, found.name) };
}

/** Whether a request carries a nonce. */
export function takesNonce(name: keyof Requests): boolean {
  const { request } = REQUESTS[name];
  return typeof request === "object" && "struct" in request && STRUCTS[request.struct][0]?.name === "nonce";
}
