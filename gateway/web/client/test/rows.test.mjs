// What is sent is one row with one key, whatever comes first, gets lost, or is heard of elsewhere. The events do not say
// with which nonce a message was sent: the reply does, and until then what says the same is taken for it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { apply, createClient, emptyState, memoryStorage, rowsOf } from "../build/index.js";
import { confirm, recognise } from "../build/state/sends.js";
import { fakeClock, knownState, ME, message, servingGateway } from "../testing/fakes.mjs";

const CHANNEL = 20;
const TEXT = "hello";
const own = (seq) => message(seq, { author_id: ME.user_id, content: TEXT });

/** A client that shows a channel, whose rows are looked at after each change of its state. */
async function talk({ said = [], storage = memoryStorage(), ...options } = {}) {
  const clock = fakeClock();
  const gateway = servingGateway(said);
  const state = emptyState();
  const seen = [];
  const look = () => {
    const rows = rowsOf(state, CHANNEL);
    assert.equal(new Set(rows.map(({ key }) => key)).size, rows.length, "no key is there twice");
    const mine = rows.filter(({ message, send }) => (message ?? send).content === TEXT);
    seen.push(mine.map(({ key }) => key).join());
  };
  const mutate = (change) => (change(state), look());
  const kept = { storage: () => storage };
  const client = createClient({ url: ["http://one", "http://two"], token: "t", clock, random: () => 0.5, socket: gateway.open, state, mutate, ...kept, ...options });
  client.connect();
  gateway.hello();
  gateway.ready();
  await clock.pass(0);
  client.show(CHANNEL);
  await clock.pass(0);
  seen.length = 0;
  const created = (seq, message) => gateway.event(10, seq, "message_created", { channel_id: CHANNEL, message });
  const reply = ({ message_id, seq }) => gateway.reply(gateway.asked("message_new").at(-1)[1], "message_new", { message_id, seq });
  const again = async (ready) => {
    await clock.pass(100);
    gateway.hello();
    gateway.ready(ready);
    await clock.pass(100);
  };
  /** What was looked at: once each. */
  const looks = () => seen.filter((one, at) => one !== seen[at - 1]);
  return { client, clock, gateway, state, said, storage, created, reply, again, looks };
}

for (const order of [["event", "reply"], ["reply", "event"]]) {
  test(`${order.join(" before ")}: one row with one key`, async () => {
    const { client, clock, state, created, reply, looks } = await talk();
    const nonce = client.send(CHANNEL, TEXT);
    await clock.pass(0);
    for (const what of order) {
      if (what === "event") created(6, own(1));
      else reply(own(1));
      await clock.pass(0);
    }
    assert.deepEqual(looks(), [nonce]);
    assert.deepEqual([state.sends, rowsOf(state, CHANNEL)[0].message], [{}, own(1)]);
  });
}

test("the reply is lost forever, and another gateway answers the repeat", async () => {
  const { client, clock, gateway, state, created, reply, again, looks } = await talk();
  const nonce = client.send(CHANNEL, TEXT);
  await clock.pass(0);
  gateway.cut();
  await again();
  assert.equal(gateway.asked("message_new").at(-1)[3][0], nonce, "it is repeated with its nonce");
  created(6, own(1));
  await clock.pass(0);
  reply(own(1));
  await clock.pass(0);
  assert.deepEqual(looks(), [nonce]);
  assert.deepEqual([state.sends, state.windows[CHANNEL].messages], [{}, [own(1)]]);
});

test("what the lost reply was about comes with a page of history instead of an event", async () => {
  const { client, clock, gateway, state, said, reply, again, looks } = await talk();
  const nonce = client.send(CHANNEL, TEXT);
  await clock.pass(0);
  said.push(own(1));
  gateway.cut();
  await clock.pass(100);
  gateway.hello();
  gateway.ready();
  gateway.control("gap", { topic: 10, seq: 50 });
  await clock.pass(100);
  assert.deepEqual(state.windows[CHANNEL].messages, [own(1)]);
  reply(own(1));
  await clock.pass(0);
  assert.deepEqual(looks(), [nonce]);
  assert.deepEqual(state.sends, {});
  gateway.cut();
  await again({ epoch: "two" });
  assert.deepEqual(looks().at(-1), String(own(1).message_id), "only another log begins anew");
});

test("a page that was reloaded with a send under way shows it once", async () => {
  const before = await talk();
  const nonce = before.client.send(CHANNEL, TEXT);
  await before.clock.pass(0);
  // It arrived; the page went before it was told so.
  const { clock, state, storage, reply, looks } = await talk({ said: [own(1)], storage: before.storage });
  assert.deepEqual(rowsOf(state, CHANNEL).map(({ key }) => key), [nonce]);
  reply(own(1));
  await clock.pass(0);
  assert.deepEqual(looks(), [nonce]);
  assert.deepEqual(await storage.all("outbox"), []);
});

test("what a page told before the reply waits for no event: a gap may have swallowed it", async () => {
  const { client, clock, state, said, reply, looks } = await talk({ said: [message(1)] });
  const nonce = client.send(CHANNEL, TEXT);
  await clock.pass(0);
  said.push(own(2));
  await client.latest(CHANNEL);
  assert.equal(state.channels[CHANNEL].last_seq, 1, "its event did not come");
  reply(own(2));
  await clock.pass(0);
  assert.deepEqual([looks(), state.sends], [[nonce], {}]);
});

test("what was sent to a channel that goes before its event waits for nothing", async () => {
  const { client, clock, gateway, state, reply } = await talk();
  const nonce = client.send(CHANNEL, TEXT);
  await clock.pass(0);
  reply(own(1));
  await clock.pass(0);
  assert.equal(state.sends[nonce].state, "sent");
  gateway.event(10, 6, "channel_deleted", { channel_id: CHANNEL });
  assert.deepEqual(state.sends, {});
});

test("the reply comes while the window is fetched anew: the row stays", async () => {
  const { client, clock, gateway, said, reply, looks } = await talk({ said: [message(1)] });
  const nonce = client.send(CHANNEL, TEXT);
  await clock.pass(0);
  said.push(own(2));
  gateway.control("gap", { topic: 10, seq: 50 });
  reply(own(2));
  await clock.pass(0);
  assert.deepEqual(looks(), [nonce]);
});

test("another device says the same at the same time: both are shown in the end, and nothing twice", async () => {
  for (const order of ["theirs reply ours", "theirs ours reply", "reply theirs ours"]) {
    const { client, clock, state, created, reply, looks } = await talk();
    client.send(CHANNEL, TEXT);
    await clock.pass(0);
    let seq = 5;
    for (const what of order.split(" ")) {
      if (what === "reply") reply(own(2));
      else created((seq += 1), what === "theirs" ? own(1) : own(2));
      await clock.pass(0);
    }
    assert.ok(looks().every((rows) => rows.split(",").length <= 2), order);
    assert.deepEqual(rowsOf(state, CHANNEL).map(({ message }) => message?.seq), [1, 2], order);
    assert.deepEqual(state.sends, {}, order);
  }
});

test("what was said before a wish first went is not taken for it", async () => {
  const { client, clock, gateway, looks } = await talk({ said: [own(1)] });
  const nonce = client.send(CHANNEL, TEXT);
  await clock.pass(0);
  gateway.control("gap", { topic: 10, seq: 50 });
  await clock.pass(0);
  assert.deepEqual(looks(), [`${own(1).message_id},${nonce}`]);
});

test("another tab shows a message once and under one key, whenever it hears of the send", () => {
  const send = {
    ...{ nonce: "n", server_id: 10, channel_id: CHANNEL, content: TEXT, reply_to: null, silent_reply: false, created_at: 1 },
    ...{ state: "sending", attempted: true, after: 0, next: null, refusal: null, message_id: null },
  };
  const event = { name: "message_created", body: { channel_id: CHANNEL, message: own(1) } };
  for (const order of ["send event gone", "event send gone", "event gone", "send gone event"]) {
    const state = knownState();
    const keys = new Set();
    for (const what of order.split(" ")) {
      if (what === "event") apply(state, 10, 6, event, 0);
      else if (what === "gone") confirm(state, "n", own(1).message_id);
      else {
        state.sends.n = structuredClone(send);
        recognise(state, "n");
      }
      const rows = rowsOf(state, CHANNEL);
      assert.equal(rows.length, 1, `${order}: ${what}`);
      keys.add(rows[0].key);
    }
    assert.equal(keys.size, 1, order);
    assert.deepEqual(state.sends, {}, order);
  }
});
