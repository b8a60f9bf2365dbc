// Who people are: accounts are asked for at once, members a few at a time, and nobody twice who is not there.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Fetches } from "../build/fetches.js";
import { People } from "../build/people.js";
import { Refusal } from "../build/refusal.js";
import { knownState, settle } from "../testing/fakes.mjs";

const SERVER = 10;
const user = (user_id) => ({ user_id, name: `user ${user_id}`, guest: false, admin: false, avatar: "", deleted: false });

/** Someone looks people up in a cluster that has these accounts. */
function people(accounts = []) {
  const state = knownState();
  const [asked, members] = [[], []];
  const call = async (name, _scope, body) => {
    if (name === "member_get") return new Promise((resolve, reject) => members.push({ ...body, resolve, reject }));
    asked.push(body.user_ids);
    return { users: accounts.filter((id) => body.user_ids.includes(id)).map(user) };
  };
  const known = new People({ state, call, fetches: new Fetches((change) => change(state)) });
  return { known, state, asked, members, ids: () => members.map(({ user_id }) => user_id) };
}

const SIX = [101, 102, 103, 104, 105, 106];

test("a flood of people who speak does not use up what reading needs", async () => {
  const { known, state, asked, members, ids } = people(SIX);
  known.meet(SIX, SERVER);
  await settle();
  assert.deepEqual(asked, [SIX]);
  assert.equal(state.users[106].name, "user 106");
  assert.deepEqual(ids(), SIX.slice(0, 4));
  members[0].reject(new Refusal("unknown_target"));
  await settle();
  assert.deepEqual(ids(), SIX.slice(0, 5));
});

test("who could not be asked for is asked for again, and who is no member is not", async () => {
  const { known, asked, members, ids } = people([101, 102]);
  known.meet([101, 102], SERVER);
  await settle();
  members[0].reject(new Refusal("rate_limited"));
  members[1].reject(new Refusal("unknown_target"));
  await settle();
  known.meet([101, 102], SERVER);
  await settle();
  assert.deepEqual(ids(), [101, 102, 101]);
  assert.equal(asked.length, 1);
});

test("who is made up is asked for once, with all others of the moment, and not as a member", async () => {
  const { known, asked, ids } = people([101]);
  const named = Array.from({ length: 150 }, (_, at) => 101 + at);
  for (let drawn = 0; drawn < 3; drawn += 1) {
    for (const id of named) known.meet([id], SERVER);
    await settle();
  }
  assert.deepEqual(asked.map(({ length }) => length), [100, 50]);
  assert.deepEqual(ids(), [101]);
  known.forget();
  known.meet([102], SERVER);
  await settle();
  assert.equal(asked.length, 3, "another session may know him");
});

test("so many who are made up that not all are remembered cost no more than the memory of the bound", async () => {
  const { known, asked } = people();
  const draw = async (from, to) => {
    for (let id = from; id < to; id += 100) known.meet(Array.from({ length: 100 }, (_, at) => id + at), SERVER);
    for (let turn = 0; turn < 40; turn += 1) await settle();
  };
  await draw(1_000, 12_000);
  const before = asked.length;
  await draw(2_000, 12_000);
  assert.equal(asked.length, before, "the last ten thousand are remembered");
  await draw(1_000, 1_100);
  assert.equal(asked.length, before + 1);
});
