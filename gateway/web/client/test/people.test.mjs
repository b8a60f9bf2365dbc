// Who people are: a few are asked for at a time, and only who is no member is not asked for again.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Fetches } from "../build/fetches.js";
import { People } from "../build/people.js";
import { Refusal } from "../build/refusal.js";
import { knownState, settle } from "../testing/fakes.mjs";

const SERVER = 10;

function people() {
  const state = knownState();
  const asked = [];
  const call = (name, _scope, body) => new Promise((resolve, reject) => asked.push({ name, body, resolve, reject }));
  const known = new People({ state, call, fetches: new Fetches((change) => change(state)) });
  const members = () => asked.filter(({ name }) => name === "member_get").map(({ body }) => body.user_id);
  return { known, asked, members };
}

test("a flood of people who speak does not use up what reading needs", async () => {
  const { known, asked, members } = people();
  known.meet([101, 102, 103, 104, 105, 106], SERVER);
  await settle();
  assert.deepEqual(members(), [101, 102, 103, 104]);
  asked[0].reject(new Refusal("unknown_target"));
  await settle();
  assert.deepEqual(members(), [101, 102, 103, 104, 105]);
});

test("who could not be asked for is asked for again, and who is no member is not", async () => {
  const { known, asked, members } = people();
  known.meet([101, 102], SERVER);
  asked[0].reject(new Refusal("rate_limited"));
  asked[1].reject(new Refusal("unknown_target"));
  await settle();
  known.meet([101, 102], SERVER);
  await settle();
  assert.deepEqual(members(), [101, 102, 101]);
});
