// What a device shows before anything was fetched, and when it must not.

import assert from "node:assert/strict";
import { test } from "node:test";

import { createClient, emptyState, memoryStorage } from "../build/index.js";
import { fakeClock, ME, message, SERVER, servingGateway } from "../testing/fakes.mjs";

function start({ storage = memoryStorage(), said = [], answers = {} } = {}) {
  const clock = fakeClock();
  const gateway = servingGateway(said, answers);
  const state = emptyState();
  const kept = typeof storage === "function" ? storage : () => storage;
  const client = createClient({ url: "http://one", token: "t", clock, random: () => 0.5, socket: gateway.open, state, storage: kept });
  const open = async (ready) => {
    client.connect();
    gateway.hello();
    gateway.ready(ready);
    await clock.pass(0);
  };
  return { client, clock, gateway, state, storage, said, open };
}

/** Somebody looked at a channel, and closed the page. */
async function visited() {
  const storage = memoryStorage();
  const { client, clock, open, state } = start({ storage, said: [message(1), message(2)] });
  await open();
  client.show(20);
  await clock.pass(0);
  client.read(20, 2);
  assert.equal(client.status.state, "open");
  client.close();
  assert.equal(state.windows[20].messages.length, 2);
  return storage;
}

test("what was seen last is shown at once, also without a network", async () => {
  const { client, clock, state } = start({ storage: await visited() });
  client.setOnline(false);
  await client.restore(7);
  assert.deepEqual([state.me.name, state.channels[20].name, state.cursors[20].seq], ["ana", "general", 2]);
  assert.deepEqual([state.windows[20].messages.length, state.windows[20].cached], [2, true]);
  client.connect();
  await clock.pass(60_000);
  assert.notEqual(client.status.state, "open");
});

test("a session that begins after a reload is no resumed one: everything is fetched anew behind what is shown", async () => {
  const { client, clock, gateway, state, said, open } = start({ storage: await visited() });
  await client.restore(7);
  said.push(message(1), message(2), message(3));
  client.show(20);
  await open();
  assert.equal(gateway.frames("resume").length, 0);
  assert.equal(gateway.asked("servers_overview").length, 1);
  await clock.pass(0);
  assert.deepEqual([state.windows[20].messages.length, state.windows[20].cached], [3, false]);
  assert.equal(state.servers[10].loaded, true);
});

test("what was read and never told is not read after a reload", async () => {
  const storage = await visited();
  // It had been told of an earlier place before.
  const snapshot = await storage.get("snapshot", 0);
  snapshot.cursors[20].version = 1;
  await storage.put("snapshot", 0, snapshot);
  const cursor = { channel_id: 20, seq: 1, version: 1 };
  const unread = { server_id: 10, cursor, last_seq: 2, unread: 1 };
  const { client, state, open } = start({ storage, said: [message(1), message(2)], answers: { unreads_get: () => ({ unreads: [unread], version: 1, next: null }) } });
  await client.restore(7);
  assert.equal(state.cursors[20].seq, 2);
  await open();
  assert.equal(state.cursors[20].seq, 1);
});

test("a storage that does not open is done without", async () => {
  let closed = 0;
  let give;
  const { client, clock, gateway, state, open } = start({ storage: () => new Promise((resolve) => (give = resolve)) });
  const errors = [];
  client.on("failed", (error) => errors.push(error));
  const restored = client.restore(7);
  await open();
  client.send(20, "hi");
  await clock.pass(9_000);
  assert.deepEqual(gateway.asked("message_new"), []);
  await clock.pass(2_000);
  await restored;
  assert.equal(gateway.asked("message_new").length, 1);
  assert.equal(Object.keys(state.sends).length, 1);
  assert.equal(errors.length, 1);
  give({ ...memoryStorage(), close: () => closed++ });
  await clock.pass(0);
  assert.equal(closed, 1);
});

test("of the channels that were looked at those are kept in which something was said last", async () => {
  const storage = await visited();
  for (let channel = 1; channel <= 60; channel++) {
    await storage.put("windows", 100 + channel, { channel_id: 100 + channel, epoch: "one", messages: [{ ...message(1), message_id: channel }] });
  }
  const { client } = start({ storage });
  client.setOnline(false);
  await client.restore(7);
  const left = (await storage.all("windows")).map(({ channel_id }) => channel_id).sort((one, other) => one - other);
  assert.deepEqual([left.length, left.slice(0, 2), left.at(-1)], [50, [20, 112], 160]);
});

test("another log, another account or a revoked session leaves nothing of it", async () => {
  const gone = async (ready) => {
    const storage = await visited();
    const { client, state, open } = start({ storage });
    await client.restore(7);
    await open(ready);
    return state;
  };
  assert.deepEqual((await gone({ epoch: "two" })).windows, {});
  const other = await gone({ user: { user_id: 9, name: "bo", guest: false, admin: false, avatar: "", deleted: false }, servers: [] });
  assert.deepEqual([other.windows, other.servers, Object.keys(other.users)], [{}, {}, ["9"]]);
  const storage = await visited();
  const { client, clock, gateway } = start({ storage });
  client.connect();
  await client.restore(7);
  gateway.cut(4_504);
  await clock.pass(0);
  assert.equal(client.status.because, "revoked");
  assert.deepEqual([await storage.all("windows"), await storage.all("snapshot")], [[], []]);
});

test("what a session saw is not written again once it was ended, nor shown if it is read only then", async () => {
  const storage = await visited();
  const { client, clock, gateway, state, open } = start({ storage });
  await client.restore(7);
  await open();
  gateway.event(10, 6, "server_updated", { server: { ...SERVER, name: "New" } });
  gateway.cut(4_504);
  client.save();
  await clock.pass(10_000);
  assert.deepEqual([await storage.all("windows"), await storage.all("snapshot")], [[], []]);

  const kept = await visited();
  const late = start({ storage: () => new Promise((give) => late.clock.after(1_000, () => give(kept))) });
  const restored = late.client.restore(7);
  late.client.connect();
  late.gateway.cut(4_504);
  await late.clock.pass(1_000);
  await restored;
  assert.deepEqual([late.state.me, await kept.all("snapshot")], [null, []]);
  assert.equal(state.connection.state, "signed_out");
});

test("what one account wanted is not done as another that another tab signed in", async () => {
  const { client, clock, gateway, state, open } = start({ said: [message(1), message(2)] });
  await open();
  client.show(20);
  await clock.pass(0);
  client.read(20, 1);
  const pin = () => client.call("message_pin", 10, { channel_id: 20, message_id: 1_001 }).then(() => "done", ({ reason }) => reason);
  const sent = pin();
  await clock.pass(0);
  gateway.cut();
  const waiting = pin();
  await clock.pass(0);
  client.tryNow();
  gateway.hello();
  gateway.ready({ user: { ...ME, user_id: 9, name: "bo" }, epoch: "one", topics: [] });
  await clock.pass(5_000);
  assert.deepEqual([await sent, await waiting], ["unauthenticated", "unauthenticated"]);
  assert.deepEqual([gateway.asked("unreads_ack"), gateway.asked("message_pin")], [[], []]);
  assert.equal(state.me.name, "bo");
});

test("two accounts follow each other quickly: each finds its own", async () => {
  const storages = { 7: await visited(), 9: memoryStorage() };
  let give;
  const slow = new Promise((resolve) => (give = resolve));
  const { client, clock, state } = start({ storage: (user) => (user === 7 ? slow : storages[user]) });
  const first = client.restore(7);
  await client.restore(9);
  give(storages[7]);
  await first;
  await clock.pass(0);
  assert.deepEqual([state.me, state.channels], [null, {}]);
});

test("a device that keeps nothing, or has no room, sends all the same", async () => {
  const denied = () => {
    throw new Error("denied");
  };
  const full = { ...memoryStorage(), put: () => Promise.reject(new Error("full")) };
  const broken = { ...memoryStorage(), all: () => Promise.reject(new Error("broken")), get: () => Promise.reject(new Error("broken")) };
  for (const storage of [denied, () => full, () => broken]) {
    const { client, clock, gateway, open } = start({ storage });
    await open();
    client.send(20, "hello");
    await clock.pass(0);
    assert.equal(gateway.asked("message_new").length, 1);
  }
});

test("who is not used says so before the session opens", async () => {
  const { client, gateway, open } = start();
  client.setIdle(true);
  await open();
  const [first, second] = gateway.sent;
  assert.deepEqual([first[3][1], second[3][0]], [true, "t"]);
});

test("a channel that was hidden does not come back with what was asked for before", async () => {
  const { client, clock, gateway, state, open } = start({ said: [message(1)] });
  await open();
  client.show(20);
  await clock.pass(0);
  const asked = client.fetch("channels_get", 10, {}, (state, { channels }) => {
    for (const channel of channels) state.channels[channel.channel_id] = { ...channel, server_id: 10 };
  });
  await clock.pass(0);
  const [answer] = gateway.asked("channels_get");
  gateway.control("sight", { topic: 10, seq: 6, shown: [], hidden: [20] });
  const channel = { channel_id: 20, name: "general", topic: "", position: 0, overrides: [], last_seq: 1, last_message_id: 1_001, kind: "text", parent_id: null, slow_mode: 0 };
  gateway.reply(answer[1], "channels_get", { channels: [channel] });
  await clock.pass(0);
  gateway.reply(gateway.asked("channels_get")[1][1], "channels_get", { channels: [] });
  await asked;
  assert.deepEqual([state.channels, state.windows], [{}, {}]);
});

test("a window whose messages were all deleted still leads to what came before", async () => {
  const said = Array.from({ length: 60 }, (_, at) => message(at + 1));
  const { client, clock, gateway, state, open } = start({ said });
  await open();
  client.show(20);
  await clock.pass(0);
  const gone = said.splice(10).map(({ message_id }) => message_id);
  gateway.event(10, 6, "messages_deleted", { channel_id: 20, message_ids: gone });
  assert.deepEqual(state.windows[20].messages, []);
  await client.older(20);
  assert.deepEqual(state.windows[20].messages.length, 10);
});
