// What happens while something is fetched is applied behind the reply, and not kept for longer.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Fetches } from "../build/fetches.js";
import { knownState, settle } from "../testing/fakes.mjs";

const CHANNEL = 20;

function fetching() {
  const state = knownState();
  const fetches = new Fetches((change) => change(state));
  const answers = [];
  const ask = () => new Promise((resolve) => answers.push(resolve));
  const renamed = (name) => {
    const channel = { ...state.channels[CHANNEL], name };
    fetches.note({ name: "channel_updated", body: { channel } }, { topic: 10, seq: 1 });
    state.channels[CHANNEL] = { ...channel };
  };
  const fetch = () => fetches.run(ask, (state, name) => void (state.channels[CHANNEL].name = name));
  return { state, fetch, answers, renamed, kept: () => fetches.log.length };
}

test("each reply is followed by what happened since it was asked for", async () => {
  const { state, fetch, answers, renamed, kept } = fetching();
  const first = fetch();
  renamed("one");
  const second = fetch();
  renamed("two");
  answers[0]("old");
  await first;
  assert.equal(state.channels[CHANNEL].name, "two");
  assert.equal(kept(), 1, "what only the first one needed is gone");
  answers[1]("older");
  await second;
  assert.equal(state.channels[CHANNEL].name, "two");
  assert.equal(kept(), 0);
});

test("a fetch that takes too long asks again", async () => {
  const { state, fetch, answers, renamed, kept } = fetching();
  const slow = fetch();
  for (let count = 0; count < 5_001; count += 1) renamed(`name ${count}`);
  assert.equal(kept(), 1);
  answers[0]("old");
  await settle();
  assert.equal(answers.length, 2);
  answers[1]("new");
  await slow;
  assert.equal(state.channels[CHANNEL].name, "new");
});
