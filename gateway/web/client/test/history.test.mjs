// Which window of a channel is held: that which was asked for last, whatever order the answers come in.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Fetches } from "../build/fetches.js";
import { History } from "../build/history.js";
import { knownState, message, settle } from "../testing/fakes.mjs";

const CHANNEL = 20;
const SAID = Array.from({ length: 200 }, (_, at) => message(at + 1));

/** A history whose answers the test gives, in any order. */
function readHistory() {
  const state = knownState();
  delete state.windows[CHANNEL];
  const mutate = (change) => change(state);
  const asked = [];
  const call = (name, _scope, body) => new Promise((resolve, reject) => asked.push({ name, body, resolve, reject }));
  const told = [];
  const [met, changed] = [[], []];
  const hear = { met: (users) => met.push(...users), changed: (channel) => changed.push(channel), failed: (error) => told.push(error) };
  const options = { state, mutate, call, fetches: new Fetches(mutate), ...hear };
  const answer = async (index) => {
    const [{ name, body, resolve, reject }] = asked.splice(index, 1);
    if (name === "messages_around") {
      const at = SAID.findIndex(({ message_id }) => message_id === body.message_id);
      if (at < 0) reject(new Error("unknown_message"));
      const messages = SAID.slice(Math.max(0, at - body.limit), at + body.limit + 1);
      resolve({ messages, more_before: at > body.limit, more_after: at + body.limit < SAID.length - 1 });
    } else {
      const { before = Infinity, after = 0, limit } = body;
      const fits = SAID.filter(({ seq }) => seq < before && seq > after);
      resolve({ messages: body.after === undefined ? fits.slice(-limit) : fits.slice(0, limit), more: false });
    }
    await settle();
  };
  const held = () => {
    const { messages, start, head } = state.windows[CHANNEL];
    return { from: messages[0]?.seq, to: messages.at(-1)?.seq, start, head };
  };
  return { state, history: new History(options), asked, answer, held, told, met, changed };
}

test("a channel opens at its end, around a message, or behind a place", async () => {
  for (const [opening, expected] of [
    [undefined, { from: 151, to: 200, start: false, head: true }],
    [{ message: 1_100 }, { from: 75, to: 125, start: false, head: false }],
    [{ after: 60 }, { from: 36, to: 85, start: false, head: false }],
    [{ after: 10 }, { from: 1, to: 35, start: true, head: false }],
    [{ after: 190 }, { from: 166, to: 200, start: false, head: true }],
  ]) {
    const { history, asked, answer, held } = readHistory();
    history.show(CHANNEL, opening);
    while (asked.length > 0) await answer(0);
    assert.deepEqual(held(), expected);
  }
});

test("of several windows the last one that was asked for holds", async () => {
  const { history, asked, answer, held } = readHistory();
  history.show(CHANNEL);
  void history.around(CHANNEL, 1_100);
  await answer(1);
  assert.equal(held().from, 75);
  await answer(0);
  assert.equal(held().from, 75);
  void history.latest(CHANNEL);
  await answer(0);
  assert.equal(held().to, 200);
  assert.equal(asked.length, 0);
});

test("what is fetched anew is the window that is under way, or that is read", async () => {
  const { history, asked, answer, held } = readHistory();
  history.show(CHANNEL, { message: 1_100 });
  void history.reload(CHANNEL);
  assert.equal(asked.length, 1);
  await answer(0);
  void history.reload(CHANNEL);
  while (asked.length > 0) await answer(0);
  assert.deepEqual([held().from, held().to, held().head], [76, 125, false]);
});

test("a message that is gone leads to the end", async () => {
  const { history, answer, held, told } = readHistory();
  history.show(CHANNEL, { message: 9_999 });
  await answer(0);
  await answer(0);
  assert.equal(held().head, true);
  assert.deepEqual(told, []);
});

test("a reader above the end keeps his place when all is fetched anew, and who left does not come back to it", async () => {
  const { state, history, asked, answer, held } = readHistory();
  const hide = history.show(CHANNEL);
  await answer(0);
  for (let page = 0; page < 2; page += 1) {
    void history.more(CHANNEL, "before");
    await answer(0);
  }
  assert.deepEqual([held().from, held().head], [51, true]);
  history.follow(CHANNEL, false, 60);
  void history.reload(CHANNEL);
  while (asked.length > 0) await answer(0);
  assert.deepEqual([held().from, held().to], [36, 85]);
  void history.around(CHANNEL, 1_100);
  hide();
  while (asked.length > 0) await answer(0);
  assert.equal(state.windows[CHANNEL], undefined);
});

test("showing what is held changes nothing that a device would keep", async () => {
  const { history, asked, answer, met, changed } = readHistory();
  const hide = history.show(CHANNEL);
  await answer(0);
  assert.deepEqual(changed, [CHANNEL]);
  hide();
  met.length = 0;
  history.show(CHANNEL);
  await settle();
  assert.equal(asked.length, 0);
  assert.equal(met.length, 50, "who spoke is looked up all the same");
  assert.deepEqual(changed, [CHANNEL]);
});
