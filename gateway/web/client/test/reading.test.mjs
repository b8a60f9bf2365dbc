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

test("a thousand channels that are read at once are told bit by bit, those that were read last first", async () => {
  const { clock, reading, told, answers } = reader();
  const seqs = Array.from({ length: 1_000 }, (_, at) => at + 1);
  for (const seq of seqs) reading.read(1_000 + seq, seq);
  await clock.pass(2_000);
  assert.deepEqual(told.map(([, seq]) => seq), seqs.slice(-30).reverse(), "as many as the cluster takes at once");
  reading.tell();
  assert.equal(told.length, 30, "and no more while these have no answer");
  // The cluster takes ten of each round, and says of the others that they came too soon.
  for (let round = 0; round < 120; round += 1) {
    const asked = answers.splice(0);
    const begun = told.length - asked.length;
    asked.slice(0, 10).forEach(({ resolve }, at) => resolve({ channel_id: 1_000 + told[begun + at][1], seq: told[begun + at][1], version: begun + at }));
    asked.slice(10).forEach(({ reject }) => reject(new Refusal("rate_limited", null, 2_500)));
    const before = told.length;
    await clock.pass(2_400);
    if (asked.length > 10) assert.equal(told.length, before, "it is waited as long as the cluster says");
    await clock.pass(100);
    assert.ok(told.length - before <= 30);
  }
  assert.ok(told.length < 1_100, `${told.length} asked for a thousand`);
});

test("in the end all of it is told", async () => {
  const { clock, reading, told, answers } = reader();
  for (let seq = 1; seq <= 70; seq += 1) reading.read(1_000 + seq, seq);
  for (let round = 0; round < 3; round += 1) {
    await clock.pass(2_000);
    answers.splice(0).forEach(({ resolve }, at) => resolve({ channel_id: 1, seq: 0, version: round * 100 + at }));
    await clock.pass(0);
  }
  assert.deepEqual(told.map(([, seq]) => seq).sort((a, b) => a - b), Array.from({ length: 70 }, (_, at) => at + 1));
});
