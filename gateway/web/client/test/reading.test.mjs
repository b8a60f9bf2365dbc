// How far is read: what was read here stays read, whatever other devices say meanwhile.

import assert from "node:assert/strict";
import { test } from "node:test";

import { unreadOf } from "../build/index.js";
import { Reading } from "../build/reading.js";
import { Refusal } from "../build/refusal.js";
import { advanceCursor } from "../build/state/unread.js";
import { fakeClock, knownState, message } from "../testing/fakes.mjs";

function reader() {
  const state = knownState([message(10)]);
  const clock = fakeClock();
  const told = [];
  const answers = [];
  const call = (name, _scope, body) => {
    told.push([name, body.seq]);
    return new Promise((resolve, reject) => answers.push({ resolve, reject }));
  };
  const reading = new Reading({ state, mutate: (change) => change(state), clock, call });
  const elsewhere = (seq, version) => {
    advanceCursor(state, { channel_id: 20, seq, version });
    reading.hold(state);
  };
  return { state, clock, reading, told, answers, elsewhere, seq: () => state.cursors[20].seq };
}

test("what was read here is told once, two seconds later, and holds against older news", async () => {
  const { clock, reading, told, answers, elsewhere, seq, state } = reader();
  elsewhere(2, 1);
  assert.equal(unreadOf(state, 20), 8);
  reading.read(20, 6);
  reading.read(20, 7);
  elsewhere(4, 2);
  assert.equal(seq(), 7, "another device is behind");
  await clock.pass(2_000);
  elsewhere(5, 3);
  assert.equal(seq(), 7, "also while it is told");
  reading.read(20, 9);
  answers[0].resolve({ channel_id: 20, seq: 7, version: 4 });
  await clock.pass(0);
  assert.equal(seq(), 9, "the answer is older than what was read since");
  await clock.pass(2_000);
  answers[1].resolve({ channel_id: 20, seq: 9, version: 5 });
  await clock.pass(10_000);
  assert.deepEqual(told, [["unreads_ack", 7], ["unreads_ack", 9]]);
  elsewhere(10, 6);
  assert.equal(unreadOf(state, 20), 0, "read elsewhere, it is read here");
});

test("what nobody decided is told again, and marking unread ends all that", async () => {
  const { clock, reading, told, answers, elsewhere, seq } = reader();
  elsewhere(2, 1);
  reading.read(20, 7);
  await clock.pass(2_000);
  answers[0].reject(new Refusal("unknown"));
  await clock.pass(2_000);
  assert.deepEqual(told, [["unreads_ack", 7], ["unreads_ack", 7]]);
  const marked = reading.markUnread(20, 3);
  await clock.pass(0);
  assert.equal(told.length, 2, "what is being told would be repeated behind it");
  answers[1].resolve({ channel_id: 20, seq: 7, version: 2 });
  await clock.pass(0);
  answers[2].resolve({ channel_id: 20, seq: 3, version: 3 });
  await marked;
  await clock.pass(10_000);
  assert.equal(seq(), 3);
  assert.equal(told.length, 3);
});

test("what came too soon for the cluster is told again", async () => {
  const { clock, reading, told, answers } = reader();
  reading.read(20, 7);
  await clock.pass(2_000);
  answers[0].reject(new Refusal("rate_limited", null, 1_000));
  await clock.pass(2_000);
  assert.deepEqual(told, [["unreads_ack", 7], ["unreads_ack", 7]]);
});
