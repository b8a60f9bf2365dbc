// The outbox: what is in it goes once, in order, from one tab, whatever dies.

import "fake-indexeddb/auto";

import assert from "node:assert/strict";
import { test } from "node:test";

import { Refusal, memoryStorage, rowsOf } from "../build/index.js";
import { openStorage } from "../build/browser/storage.js";
import { Outbox } from "../build/outbox/outbox.js";
import { claim } from "../build/state/sends.js";
import { fakeClock, knownState, message } from "../testing/fakes.mjs";

/** Tabs of one device: they share a storage, hear each other, and one at a time holds the lock. */
function device(storage = memoryStorage()) {
  const ears = new Set();
  const queue = [];
  const clock = fakeClock();
  const attempts = [];
  const lock = (_name, held) => {
    const wait = { held };
    queue.push(wait);
    if (queue[0] === wait) held();
    return {
      release() {
        const led = queue[0] === wait;
        queue.splice(queue.indexOf(wait), 1);
        if (led) queue[0]?.held();
      },
    };
  };
  return { storage, clock, attempts, ears, lock, answer: async (send) => ({ message_id: 1_000 + attempts.length, seq: 1, send }) };
}

async function tab(device, { isOpen = () => true, told = () => {} } = {}) {
  const state = knownState();
  const mine = new Set();
  const tabs = {
    tell: (news) => (told(news), [...device.ears].filter((ear) => !mine.has(ear)).forEach((ear) => ear(structuredClone(news)))),
    listen(hear) {
      mine.add(hear);
      device.ears.add(hear);
      return () => device.ears.delete(hear);
    },
  };
  const outbox = new Outbox({
    state,
    mutate: (change) => change(state),
    clock: device.clock,
    random: () => 0,
    lock: device.lock,
    isOpen,
    attempt: (send) => {
      device.attempts.push(send.content);
      return device.answer(send);
    },
  });
  await outbox.open(device.storage, "7", tabs);
  const write = (content, { nonce = content, hold = 0 } = {}) =>
    outbox.add({ nonce, server_id: 10, channel_id: 20, content, reply_to: null, silent_reply: false }, hold);
  return { state, outbox, write };
}

const refused = (reason, retryAfter = null) => Promise.reject(new Refusal(reason, null, retryAfter));

test("one goes after the other, and nothing is kept of what arrived", async () => {
  const here = device();
  let under = 0;
  here.answer = async () => {
    under += 1;
    assert.equal(under, 1);
    await Promise.resolve();
    under -= 1;
    return { message_id: 1_000 + here.attempts.length, seq: 1 };
  };
  const { write } = await tab(here);
  for (const text of ["one", "two", "three"]) write(text);
  await here.clock.pass(0);
  assert.deepEqual(here.attempts, ["one", "two", "three"]);
  assert.deepEqual(await here.storage.all("outbox"), []);
});

test("what nobody decided is repeated, and those behind it wait", async () => {
  const here = device();
  const answers = [() => refused("unknown"), () => refused("busy", 500), async () => ({ message_id: 1, seq: 1 })];
  here.answer = () => (answers.shift() ?? (async () => ({ message_id: 2, seq: 2 })))();
  const { state, write } = await tab(here);
  write("one");
  write("two");
  await here.clock.pass(0);
  assert.deepEqual([state.sends.one.state, state.sends.one.refusal.reason], ["sending", "unknown"]);
  await here.clock.pass(30);
  await here.clock.pass(499);
  assert.deepEqual(here.attempts, ["one", "one"]);
  await here.clock.pass(100);
  assert.deepEqual(here.attempts, ["one", "one", "one", "two"]);
});

test("a limit is waited for, a long one is told, and what is refused makes way", async () => {
  const here = device();
  const answers = { soon: refused.bind(null, "rate_limited", 12_000), late: refused.bind(null, "rate_limited", 3_600_000) };
  here.answer = ({ content }) => answers[content]?.() ?? (async () => ({ message_id: 1, seq: 1 }))();
  const { outbox, state, write } = await tab(here);
  write("late");
  write("soon");
  await here.clock.pass(0);
  assert.equal(state.sends.late.state, "failed");
  assert.deepEqual([state.sends.soon.state, state.sends.soon.refusal.retryAfter], ["waiting", 12_000]);
  delete answers.soon;
  await here.clock.pass(12_100);
  assert.deepEqual(here.attempts, ["late", "soon", "soon"]);
  answers.late = undefined;
  outbox.retry("late");
  await here.clock.pass(0);
  assert.equal(here.attempts.at(-1), "late");
});

test("what failed can be taken back, what is under way cannot", async () => {
  const here = device();
  here.answer = ({ content }) => (content === "bad" ? refused("too_large") : new Promise(() => {}));
  const { outbox, state, write } = await tab(here);
  write("bad");
  write("good");
  await here.clock.pass(0);
  outbox.discard("bad");
  outbox.discard("good");
  assert.deepEqual(Object.keys(state.sends), ["good"]);
  assert.deepEqual((await here.storage.all("outbox")).map(({ nonce }) => nonce), ["good"]);
});

test("what is held goes with its final text, or as it is when none comes, and those behind it wait", async () => {
  const here = device();
  const { outbox, write } = await tab(here);
  write("@ana", { nonce: "named", hold: 3_000 });
  write("second");
  await here.clock.pass(2_000);
  assert.deepEqual(here.attempts, []);
  outbox.amend("named", "<@1>");
  await here.clock.pass(0);
  assert.deepEqual(here.attempts, ["<@1>", "second"]);
  write("@bob", { hold: 3_000 });
  await here.clock.pass(3_000);
  outbox.amend("@bob", "too late");
  await here.clock.pass(0);
  assert.deepEqual(here.attempts, ["<@1>", "second", "@bob"]);
});

test("one tab sends for all, and another takes over with the same nonces", async () => {
  const here = device();
  here.answer = () => new Promise(() => {});
  const first = await tab(here);
  const second = await tab(here);
  second.write("one");
  await here.clock.pass(0);
  assert.deepEqual(here.attempts, ["one"]);
  assert.equal(second.state.sends.one.state, "sending");
  // The first tab dies with its attempt under way.
  here.answer = async ({ nonce }) => ({ message_id: nonce === "one" ? 1 : 2, seq: 1 });
  first.outbox.close();
  await here.clock.pass(0);
  assert.deepEqual(here.attempts, ["one", "one"]);
  assert.deepEqual(second.state.keys, { 1: "one" });
});

test("who comes later finds what is on its way, and hears what became of it", async () => {
  const here = device();
  const offline = { isOpen: () => false };
  const first = await tab(here, offline);
  first.write("one");
  first.outbox.draft(20, "and", null);
  await here.clock.pass(0);
  const second = await tab(here, offline);
  assert.deepEqual([second.state.sends.one.content, second.state.drafts[20].text], ["one", "and"]);
  second.outbox.draft(20, "", null);
  assert.deepEqual(first.state.drafts, {});
  second.outbox.discard("one");
  assert.deepEqual(first.state.sends, {});
});

test("a clock that is put back lets nothing wait longer", async () => {
  const here = device();
  const answers = [() => refused("unknown")];
  here.answer = () => (answers.shift() ?? (async () => ({ message_id: 1, seq: 1 })))();
  const { write } = await tab(here);
  write("one");
  await here.clock.pass(0);
  here.clock.put(-5 * 3_600_000);
  await here.clock.pass(50);
  assert.deepEqual(here.attempts, ["one", "one"]);
  write("@ana", { hold: 3_000 });
  await here.clock.pass(3_000);
  assert.deepEqual(here.attempts, ["one", "one", "@ana"]);
});

test("what was kept goes at once and in its order, whatever clocks said", async () => {
  const here = device();
  const { write, outbox } = await tab(here, { isOpen: () => false });
  write("one", { hold: 3_000 });
  here.clock.put(-3_600_000);
  write("two");
  outbox.close();
  const { write: writeMore } = await tab(here, { isOpen: () => false });
  here.clock.put(-3_600_000);
  writeMore("three");
  await tab(here);
  await here.clock.pass(0);
  assert.deepEqual(here.attempts, ["one", "two", "three"]);
});

test("a tab that cannot send leaves that to one that can", async () => {
  const here = device();
  let open = true;
  const first = await tab(here, { isOpen: () => open });
  const second = await tab(here);
  open = false;
  first.outbox.follow();
  second.write("one");
  await here.clock.pass(0);
  assert.deepEqual(here.attempts, ["one"]);
  second.outbox.close();
  first.write("two");
  open = true;
  first.outbox.follow();
  await here.clock.pass(0);
  assert.deepEqual(here.attempts, ["one", "two"]);
});

test("who is refused sees it, also where another device said the same", async () => {
  const here = device();
  let refuse;
  here.answer = () => new Promise((_, reject) => (refuse = () => reject(new Refusal("forbidden"))));
  const { state, write } = await tab(here);
  const other = await tab(here);
  write("hello", { nonce: "mine" });
  await here.clock.pass(0);
  for (const seen of [other.state, state]) {
    const said = message(1, { author_id: 7, content: "hello" });
    seen.windows[20].messages.push(said);
    claim(seen, 20, said);
  }
  assert.equal(rowsOf(state, 20).length, 1);
  refuse();
  await here.clock.pass(0);
  for (const seen of [other.state, state]) {
    assert.deepEqual(rowsOf(seen, 20).map(({ key, send }) => [key, send?.state]), [["1001", undefined], ["mine", "failed"]]);
  }
});

test("who left is not told what became of it, and it goes for nobody else", async () => {
  const here = device();
  const told = [];
  let answer;
  here.answer = () => new Promise((resolve) => (answer = resolve));
  const { outbox, state, write } = await tab(here, { told: (news) => told.push(news.kind) });
  write("one");
  await here.clock.pass(0);
  outbox.close();
  const before = told.length;
  outbox.draft(20, "and", null);
  answer({ message_id: 1, seq: 1 });
  await here.clock.pass(0);
  assert.deepEqual([told.length, await here.storage.all("outbox"), await here.storage.all("drafts")], [before, [], []]);
  state.channels = {};
  state.drafts = {};
  outbox.draft(20, "not theirs", null);
  assert.deepEqual(state.drafts, {});

  // One that was only about to go stays kept.
  const slow = { ...here.storage, put: async (...row) => (await here.storage.put(...row), outbox2.close()) };
  const { outbox: outbox2, write: writeMore } = await tab({ ...here, storage: slow });
  const attempts = here.attempts.length;
  writeMore("two");
  await here.clock.pass(0);
  assert.deepEqual([here.attempts.length, (await here.storage.all("outbox")).map(({ nonce }) => nonce)], [attempts, ["two"]]);
});

test("a repeat that came too late would be another message: it is not made", async () => {
  const here = device();
  here.answer = () => refused("unknown");
  const { state, write } = await tab(here);
  write("one");
  await here.clock.pass(0);
  here.answer = async () => assert.fail("it was sent");
  await here.clock.pass(0);
  const before = here.attempts.length;
  const late = device(here.storage);
  await late.clock.pass(8 * 24 * 3_600_000);
  const { state: reloaded } = await tab(late);
  await late.clock.pass(0);
  assert.deepEqual([reloaded.sends.one.state, reloaded.sends.one.refusal.reason], ["failed", "expired"]);
  assert.deepEqual([late.attempts.length, here.attempts.length], [0, before]);
});

for (const [name, open] of [["memory", memoryStorage], ["IndexedDB", () => openStorage(7)]]) {
  test(`the storage in ${name} keeps what it is given`, async () => {
    const storage = await open();
    const draft = { channel_id: 20, text: "and", reply_to: null, updated_at: 1 };
    await storage.put("drafts", 20, draft);
    await storage.put("drafts", 21, { ...draft, channel_id: 21 });
    await storage.put("drafts", 20, { ...draft, text: "then" });
    assert.deepEqual(await storage.get("drafts", 20), { ...draft, text: "then" });
    assert.equal((await storage.all("drafts")).length, 2);
    await storage.delete("drafts", 20);
    assert.equal(await storage.get("drafts", 20), undefined);
    await storage.clear();
    const again = await open();
    assert.deepEqual(await again.all("drafts"), []);
    again.close();
  });
}
