// The state: each event says what is, windows are bounded, rights are those of the server.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { decode as unpack } from "@msgpack/msgpack";

import {
  apply,
  decode,
  EVENTS,
  keyOf,
  mentionsIn,
  PERMISSIONS,
  permissionsIn,
  rowsOf,
  typistsIn,
  unreadOf,
} from "../build/index.js";
import { addNew, addPage, emptyWindow, WINDOW } from "../build/state/window.js";
import { applyAgain } from "../build/state/apply/index.js";
import { claim, confirm } from "../build/state/sends.js";
import { knownState, message } from "../testing/fakes.mjs";
import { chance } from "../testing/people.mjs";

const VECTORS = new URL("../../../../shared/tests/golden/vectors.json", import.meta.url);
const vectors = JSON.parse(await readFile(VECTORS, "utf8")).filter(({ kind }) => kind === "event");

test("every event may be applied again", () => {
  for (const { name, hex } of vectors) {
    const body = decode(EVENTS[name].body, unpack(Buffer.from(hex, "hex")));
    const state = knownState([message(1), message(2)]);
    const event = { name, body };
    applyAgain(state, event, { topic: 10, seq: 6, now: 0 });
    const once = structuredClone(state);
    applyAgain(state, event, { topic: 10, seq: 6, now: 0 });
    assert.deepEqual(state, once, name);
  }
});

test("events of a topic are applied once, in their order", () => {
  const state = knownState();
  const event = { name: "message_created", body: { channel_id: 20, message: message(1) } };
  assert.equal(apply(state, 10, 7, event, 0), "hole");
  assert.equal(apply(state, 10, 6, event, 0), "applied");
  assert.equal(apply(state, 10, 6, event, 0), "seen");
  assert.equal(apply(state, 10, 7, undefined, 0), "applied");
  assert.deepEqual(state.windows[20].messages, [message(1)]);
  assert.equal(state.topics[10], 7);
});

test("a window is bounded, in order and without a hole, whatever comes", () => {
  const random = chance(5);
  let seq = 5_000;
  const window = Object.assign(emptyWindow(), { head: true });
  const last = () => window.messages.at(-1)?.seq ?? seq;
  for (let step = 0; step < 3_000; step += 1) {
    window.follow = random.below(3) > 0;
    if (random.below(2) === 0) addNew(window, message((seq += 1)));
    const first = window.messages[0]?.seq ?? seq;
    if (random.below(20) === 0) addPage(window, page(first - 50, first), "before", false);
    const end = Math.min(seq + 1, last() + 51);
    if (!window.head && random.below(4) === 0) addPage(window, page(last() + 1, end), "after", end > seq);
    assert.ok(window.messages.length <= WINDOW);
    for (const [place, { seq }] of window.messages.entries()) assert.equal(seq, window.messages[0].seq + place);
    if (window.head && window.messages.length > 0) assert.equal(last(), seq);
  }
});

function page(from, to) {
  return Array.from({ length: to - from }, (_, place) => message(from + place));
}

test("a row keeps its key from the wish to the message, whichever comes first", () => {
  for (const order of [["event", "reply"], ["reply", "event"]]) {
    const state = knownState();
    state.sends.n = send("n", "hello");
    assert.deepEqual(rowsOf(state, 20).map(({ key }) => key), ["n"]);
    const stored = message(1, { author_id: 7, content: "hello" });
    for (const what of order) {
      if (what === "reply") confirm(state, "n", stored.message_id);
      else apply(state, 10, 6, { name: "message_created", body: { channel_id: 20, message: stored } }, 0);
      assert.deepEqual(rowsOf(state, 20).map(({ key }) => key), ["n"], `${order} ${what}`);
    }
    assert.equal(keyOf(state, stored), "n");
    assert.deepEqual(state.sends, {});
  }
});

test("a message of another device that says the same is told apart by the reply", () => {
  const state = knownState();
  state.sends.n = send("n", "hello");
  claim(state, 20, message(1, { author_id: 7, content: "hello" }));
  confirm(state, "n", message(2).message_id);
  assert.equal(keyOf(state, message(1)), String(message(1).message_id));
  assert.equal(keyOf(state, message(2)), "n");
});

function send(nonce, content) {
  const where = { nonce, server_id: 10, channel_id: 20, content, reply_to: null, silent_reply: false };
  return { ...where, created_at: 1, state: "sending", attempted: true, after: 0, next: null, refusal: null, message_id: null };
}

test("unread is counted from the cursor, and what is read calls upon nobody", () => {
  const state = knownState();
  const created = (seq, mentions) => ({ name: "message_created", body: { channel_id: 20, message: message(seq, { mentions }) } });
  apply(state, 10, 6, created(1, [7]), 0);
  assert.equal(unreadOf(state, 20), 0, "without a cursor nothing counts");
  applyAgain(state, { name: "unread_moved", body: { cursor: { channel_id: 20, seq: 0, version: 1 } } }, {});
  apply(state, 10, 7, created(2, [10]), 0);
  apply(state, 10, 8, created(3, [99]), 0);
  assert.deepEqual([unreadOf(state, 20), mentionsIn(state, 20)], [3, 2]);
  applyAgain(state, { name: "unread_moved", body: { cursor: { channel_id: 20, seq: 1, version: 2 } } }, {});
  assert.deepEqual([unreadOf(state, 20), mentionsIn(state, 20)], [2, 1]);
  applyAgain(state, { name: "unread_moved", body: { cursor: { channel_id: 20, seq: 0, version: 1 } } }, {});
  assert.equal(unreadOf(state, 20), 2, "an older version changes nothing");
});

test("overrides apply in ranks, and silences take what is left", () => {
  const { VIEW_CHANNEL, SEND_MESSAGES, READ_HISTORY, MANAGE_MESSAGES, ADMINISTRATOR } = PERMISSIONS;
  const usual = VIEW_CHANNEL | SEND_MESSAGES | READ_HISTORY;
  const role = (role_id, permissions) => ({ role_id, permissions, position: 1, self_assignable: false });
  const over = (kind, target, allow, deny) => ({ kind, target, allow, deny });
  const cases = [
    [{}, usual],
    [{ overrides: [over("role", 10, 0, SEND_MESSAGES)] }, usual - SEND_MESSAGES],
    [{ overrides: [over("role", 10, 0, SEND_MESSAGES), over("role", 30, SEND_MESSAGES, 0)] }, usual],
    [{ overrides: [over("role", 31, 0, SEND_MESSAGES), over("role", 30, SEND_MESSAGES, 0)] }, usual],
    [{ overrides: [over("member", 7, 0, SEND_MESSAGES), over("role", 30, SEND_MESSAGES, 0)] }, usual - SEND_MESSAGES],
    [{ overrides: [over("role", 10, 0, VIEW_CHANNEL)] }, 0],
    [{ overrides: [over("role", 32, MANAGE_MESSAGES, 0)] }, usual],
    [{ kind: "announcement" }, usual - SEND_MESSAGES],
    [{ muted: true }, usual - SEND_MESSAGES],
    [{ timeout: true }, usual - SEND_MESSAGES],
    [{ granted: ADMINISTRATOR, timeout: true }, 2 ** 19 - 1],
  ];
  for (const [{ muted, timeout, granted = 0, ...channel }, expected] of cases) {
    const state = knownState();
    const server = state.servers[10];
    // A role that does not exist, 32, counts for nothing.
    server.members[7] = { ...server.members[7], roles: [30, 31, 32], timeout_until: timeout ? 5 : null };
    Object.assign(server.roles, { 30: role(30, granted), 31: role(31, 0) });
    if (muted) server.mutes[20] = 5;
    Object.assign(state.channels[20], channel);
    assert.equal(permissionsIn(state, 20, 4), expected, JSON.stringify(channel));
  }
});

test("who types is believed for eight seconds, or until he sent", () => {
  const state = knownState();
  const typing = { name: "typing_started", body: { channel_id: 20, user_id: 8 } };
  apply(state, 10, 0, typing, 1_000);
  assert.deepEqual([typistsIn(state, 20, 8_999), typistsIn(state, 20, 9_000)], [[8], []]);
  apply(state, 10, 6, { name: "message_created", body: { channel_id: 20, message: message(1) } }, 2_000);
  assert.deepEqual(typistsIn(state, 20, 2_000), []);
});
