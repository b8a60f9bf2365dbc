// The codec against the golden vectors of the Rust structs: it must
// write the same bytes, and read from them what Rust reads.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { decode as unpack, encode as pack } from "@msgpack/msgpack";

import * as protocol from "../build/codec.js";

const FILE = new URL("../../../../shared/tests/golden/vectors.json", import.meta.url);
const vectors = JSON.parse(await readFile(FILE, "utf8"));
const ofKind = (kind) => vectors.filter((vector) => vector.kind === kind);
const { STRUCTS, REQUESTS, EVENTS, CONTROLS } = protocol;

const hex = (wire) => Buffer.from(pack(wire)).toString("hex");
const bytes = (vector) => unpack(Buffer.from(vector.hex, "hex"));

/** What JSON says, with ids as numbers, as the codec has them. */
function fromJson(shape, json) {
  if (json === null || json === undefined || typeof shape === "string") return json;
  if (shape.id) return Number(json);
  if (shape.optional) return fromJson(shape.optional, json);
  if (shape.list) return json.map((item) => fromJson(shape.list, item));
  if (!shape.struct) return json;
  const fields = STRUCTS[shape.struct].filter(({ name }) => name in json);
  return Object.fromEntries(fields.map(({ name, type }) => [name, fromJson(type, json[name])]));
}

/** An old vector knows fewer fields: those that it has must be the same. */
function assertHolds(actual, expected) {
  if (Array.isArray(expected)) {
    assert.equal(actual.length, expected.length);
    expected.forEach((item, index) => assertHolds(actual[index], item));
  } else if (typeof expected === "object" && expected !== null) {
    Object.entries(expected).forEach(([name, value]) => assertHolds(actual[name], value));
  } else {
    assert.equal(actual, expected);
  }
}

function assertVector(vector, shape) {
  const value = fromJson(shape, vector.json);
  assert.equal(hex(protocol.encode(shape, value)), vector.hex);
  assertHolds(protocol.decode(shape, bytes(vector)), value);
}

for (const [kind, shapeOf] of [
  ["request", ({ name }) => REQUESTS[name].request],
  ["reply", ({ name }) => REQUESTS[name].reply],
  ["event", ({ name }) => EVENTS[name].body],
  ["control", ({ name }) => CONTROLS[name].body],
]) {
  test(`${kind}s read and write what Rust does`, () => {
    assert.ok(ofKind(kind).length > 0);
    for (const vector of ofKind(kind)) assertVector(vector, shapeOf(vector));
  });
}

test("every row of the tables has a golden vector", () => {
  const names = (kind) => new Set(ofKind(kind).map(({ name }) => name));
  assert.deepEqual(new Set(Object.keys(REQUESTS)), names("request"));
  assert.deepEqual(new Set(Object.keys(EVENTS)), names("event"));
  assert.deepEqual(new Set(Object.keys(CONTROLS)), names("control"));
});

test("opcodes are those of Rust", () => {
  for (const { name, opcode } of ofKind("request")) assert.equal(REQUESTS[name].opcode, opcode);
  for (const { name, opcode } of ofKind("event")) assert.equal(EVENTS[name].opcode, opcode);
  for (const { name, opcode } of ofKind("control")) assert.equal(CONTROLS[name].opcode, opcode);
});

test("a request's frame has the bytes of Rust", () => {
  const vector = ofKind("frame").find(({ name }) => name === "message_new");
  const [, request, scope, json] = vector.json;
  const body = fromJson(REQUESTS.message_new.request, json);
  assert.equal(hex(protocol.requestFrame("message_new", request, scope, body)), vector.hex);
});

test("control frames have the form of requests, with the bodies of Rust", () => {
  for (const name of ["identify", "resume", "heartbeat"]) {
    const vector = ofKind("frame").find((frame) => frame.name === name);
    const [opcode, json] = vector.json;
    const body = fromJson(CONTROLS[name].body, json);
    const frame = protocol.controlFrame(name, body);
    assert.deepEqual(frame.slice(0, 3), [opcode, 0, 0]);
    assert.equal(`92${hex(opcode)}${hex(frame[3])}`, vector.hex);
  }
});

test("frames of a gateway are read", () => {
  for (const vector of ofKind("frame").filter(({ name }) => name !== "message_new")) {
    const frame = protocol.readFrame(bytes(vector));
    if (vector.name === "reply") {
      const [, request, json] = vector.json;
      const shape = REQUESTS.message_new.reply;
      assert.equal(frame.request, request);
      assertHolds(protocol.decodeReply("message_new", frame.body), fromJson(shape, json));
    } else if (vector.name === "refusal") {
      const [, request, code, detail, retry_after] = vector.json;
      const [reason] = Object.entries(protocol.REFUSALS).find(([, number]) => number === code);
      assert.deepEqual(frame, { kind: "refusal", request, code, reason, detail, retry_after });
    } else if (vector.name === "event") {
      const [, topic, seq, opcode, json] = vector.json;
      assert.deepEqual([frame.kind, frame.topic, frame.seq], ["event", topic, seq]);
      const row = EVENTS[frame.event.name];
      assert.equal(row.opcode, opcode);
      assertHolds(frame.event.body, fromJson(row.body, json));
    } else {
      const row = CONTROLS[vector.name];
      assert.equal(frame.control.name, vector.name);
      assertHolds(frame.control.body, fromJson(row.body, vector.json[1]));
    }
  }
});

test("what a newer server adds is skipped", () => {
  assert.deepEqual(protocol.readFrame([15, []]), { kind: "unknown", opcode: 15 });
  const event = protocol.readFrame([2, 1, 1, 9_999, [1]]);
  assert.equal(event.event, undefined);
  const left = protocol.readFrame([2, 1, 1, EVENTS.member_left.opcode, [5, "surplus"]]);
  assert.deepEqual(left.event, { name: "member_left", body: { user_id: 5 } });
});

test("absent fields at the end are left out and come back as their defaults", () => {
  const shape = REQUESTS.channel_create.request;
  const wire = protocol.encode(shape, { nonce: "n", name: "general" });
  assert.deepEqual(wire, ["n", "general"]);
  const defaults = { topic: null, overrides: [], kind: "text", parent_id: null, slow_mode: 0 };
  assert.deepEqual(protocol.decode(shape, wire), { nonce: "n", name: "general", ...defaults });
  const gap = protocol.encode(REQUESTS.messages_get.request, { channel_id: 5, limit: 10 });
  assert.deepEqual(gap, [5, null, null, 10]);
});

test("what has another shape is refused, never misread", () => {
  const shape = REQUESTS.message_delete.request;
  for (const wire of [null, "x", [], ["n"], ["n", 1], ["n", "1", 2], ["n", 1, -1], ["n", 1, 2 ** 53]]) {
    assert.throws(() => protocol.decode(shape, wire), protocol.CodecError);
  }
  assert.throws(() => protocol.encode(shape, { nonce: "n", channel_id: 1 }), protocol.CodecError);
  assert.throws(() => protocol.encode({ enum: "TargetKind" }, "nobody"), protocol.CodecError);
  assert.throws(() => protocol.readFrame("frame"), protocol.CodecError);
});
