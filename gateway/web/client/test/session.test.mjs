// One session over many connections, in time that the test moves.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Calls } from "../build/wire/call.js";
import { CLOSE_CODES, createClient } from "../build/index.js";
import { fakeClock, fakeGateway, knownState, settle } from "../testing/fakes.mjs";

function start(options = {}) {
  const clock = fakeClock();
  const gateway = fakeGateway();
  const url = ["http://one", "http://two"];
  const client = createClient({ url, token: "t", clock, random: () => 0.5, socket: gateway.open, ...options });
  client.connect();
  return { client, clock, gateway };
}

function open(options) {
  const all = start(options);
  all.gateway.hello();
  all.gateway.ready();
  return all;
}

test("a session is opened with the token, and says how it stands", () => {
  const { client, gateway } = start();
  assert.equal(client.status.state, "connecting");
  gateway.hello();
  assert.deepEqual(gateway.sent, [[4, 0, 0, ["t"]]]);
  gateway.ready();
  assert.equal(client.status.state, "catching_up");
  assert.equal(client.state.me.name, "ana");
  assert.deepEqual(gateway.dialled, ["ws://one/ws"]);
});

test("a lost connection is resumed elsewhere, from where the state stands", async () => {
  const { client, clock, gateway } = open();
  gateway.event(10, 6, "member_left", { user_id: 9 });
  gateway.cut();
  const { state, next } = client.status;
  assert.equal(state, "lost");
  // Half of 50 ms, and half of the other half by chance.
  assert.equal(next - clock.now(), 37.5);
  await clock.pass(40);
  assert.equal(gateway.dialled.at(-1), "ws://two/ws");
  gateway.hello();
  const [[, , , [token, epoch, topics]]] = gateway.frames("resume");
  assert.deepEqual([token, epoch, topics], ["t", "one", [[7, 0], [10, 6]]]);
});

test("pauses grow to three seconds, and a connection that holds ends their series", async () => {
  const { client, clock, gateway } = start();
  for (let attempt = 0; attempt < 10; attempt += 1) {
    gateway.cut();
    const pause = client.status.next - clock.now();
    assert.equal(pause, 0.75 * Math.min(50 * 2 ** attempt, 3_000));
    await clock.pass(pause + 1);
  }
  gateway.hello();
  gateway.ready();
  await clock.pass(5_000);
  gateway.cut();
  assert.equal(client.status.next - clock.now(), 37.5);
});

test("pauses also grow where each connection ends as it opens", async () => {
  const { client, clock, gateway } = start();
  for (let attempt = 0; attempt < 10; attempt += 1) {
    gateway.hello();
    gateway.ready();
    // Nothing of this protocol: what is resumed brings it again.
    gateway.say("poison");
    const pause = client.status.next - clock.now();
    assert.equal(pause, 0.75 * Math.min(50 * 2 ** attempt, 3_000));
    await clock.pass(pause + 1);
  }
});

test("a full gateway is left alone for five seconds, and those that it refused come back over as many", () => {
  const pauses = [0, 0.5, 0.999].map((chance) => {
    const { client, clock, gateway } = open({ random: () => chance });
    gateway.cut(CLOSE_CODES.Full);
    return client.status.next - clock.now();
  });
  assert.ok(pauses[0] >= 5_000);
  assert.ok(pauses[2] - pauses[0] > 4_900, String(pauses));
});

test("who is signed out does not come back, and calls end", async () => {
  for (const [code, because] of [[CLOSE_CODES.Unauthenticated, "unauthenticated"], [CLOSE_CODES.Revoked, "revoked"]]) {
    const { client, clock, gateway } = start();
    const call = assert.rejects(client.call("sessions_list", 0, {}), { reason: "unauthenticated" });
    gateway.cut(code);
    assert.deepEqual(client.status, { state: "signed_out", because });
    await call;
    await clock.pass(60_000);
    assert.equal(gateway.dialled.length, 1);
  }
});

test("who is signed out asks only what everyone may ask", async () => {
  const asked = [];
  const fetch = async (url) => (asked.push(new URL(url).pathname), { ok: true, text: async () => '{"number":1}' });
  for (const [code, reason] of [[CLOSE_CODES.Revoked, "unauthenticated"], [CLOSE_CODES.BadFrame, "unavailable"]]) {
    const { client, gateway } = open({ token: null, cookie: true, fetch });
    gateway.cut(code);
    await assert.rejects(client.call("messages_around", 10, { channel_id: 20, message_id: 1 }, { patience: 0 }), { reason });
    assert.deepEqual(asked, []);
    await client.call("ping", 0, {}).catch(() => {});
    assert.deepEqual(asked.splice(0), ["/api/v1/commands/ping"]);
  }
  // Who keeps his token himself needs no connection.
  const bot = createClient({ url: "http://one", token: "t", fetch });
  await bot.call("sessions_list", 0, {}).catch(() => {});
  assert.deepEqual(asked, ["/api/v1/commands/sessions_list"]);
});

test("a client at fault stops", () => {
  const { client, gateway } = open();
  gateway.cut(CLOSE_CODES.BadFrame);
  assert.deepEqual(client.status, { state: "stopped", code: CLOSE_CODES.BadFrame });
});

test("a gateway that does not answer heartbeats is left after 0.3 intervals", async () => {
  const { client, clock, gateway } = open();
  await clock.pass(15_000);
  assert.equal(gateway.frames("heartbeat").length, 1);
  gateway.control("heartbeat", { number: 1, idle: null });
  await clock.pass(15_000);
  assert.equal(gateway.frames("heartbeat").length, 2);
  assert.notEqual(client.status.state, "lost");
  await clock.pass(9_000);
  assert.equal(client.status.state, "lost");
  assert.equal(gateway.closed, 3_000, "who comes back does not look gone");
});

test("who was cut off without a word is back within 45 s, though three of four gateways are gone", async () => {
  const url = ["http://one", "http://two", "http://three", "http://four"];
  const { client, clock, gateway } = start({ url, random: () => 0.999 });
  gateway.hello();
  gateway.ready();
  await clock.pass(14_000);
  // It hears something, then nothing any more; nor does it of those that it tries next.
  gateway.control("heartbeat", { number: 1, idle: null });
  for (let second = 0; second < 45 && gateway.dialled.at(-1) !== "ws://four/ws"; second += 1) await clock.pass(1_000);
  gateway.hello();
  gateway.ready();
  assert.equal(client.status.state, "catching_up");
  assert.equal(gateway.dialled.length, 4);
});

test("a network that is slow gets the time to open after a few attempts", async () => {
  const { client, clock, gateway } = start();
  await clock.pass(60_000);
  const dialled = gateway.dialled.length;
  for (; gateway.dialled.length === dialled; ) await clock.pass(100);
  await clock.pass(11_000);
  gateway.hello();
  await clock.pass(11_000);
  gateway.ready();
  assert.equal(client.status.state, "catching_up");
});

test("a gateway that is about to stop is left when it says", async () => {
  const { clock, gateway } = open();
  gateway.control("reconnect", { delay_ms: 700 });
  await clock.pass(699);
  assert.equal(gateway.dialled.length, 1);
  await clock.pass(1);
  assert.equal(gateway.dialled.at(-1), "ws://two/ws");
});

test("a gateway that says so while a session opens is left, too", async () => {
  const { clock, gateway } = start();
  gateway.hello();
  gateway.control("reconnect", { delay_ms: 700 });
  await clock.pass(300);
  gateway.ready();
  await clock.pass(400);
  assert.equal(gateway.dialled.at(-1), "ws://two/ws");
});

test("without a network nobody tries, and with one at once", async () => {
  const { client, clock, gateway } = open();
  gateway.cut();
  client.setOnline(false);
  assert.equal(client.status.state, "offline");
  await clock.pass(60_000);
  assert.equal(gateway.dialled.length, 1);
  client.setOnline(true);
  assert.equal(gateway.dialled.length, 2);
});

test("a connection that stands when the network goes is asked whether it lives", async () => {
  const { client, clock, gateway } = open();
  client.setOnline(false);
  assert.deepEqual(gateway.frames("heartbeat").length, 1);
  assert.equal(client.state.connection.doubted, true, "what the platform says shows at once");
  gateway.control("heartbeat", { number: 1 });
  assert.equal(client.state.connection.doubted, false, "it lives all the same");
  client.setOnline(false);
  await clock.pass(15_000);
  assert.equal(client.status.state, "offline");
});

test("a hole is resumed, a repeat is passed over", () => {
  const { client, gateway } = open();
  gateway.event(10, 6, "member_left", { user_id: 9 });
  gateway.event(10, 6, "server_left", { server_id: 10, cause: "left" });
  assert.ok(client.state.servers[10]);
  gateway.event(10, 9, "member_left", { user_id: 9 });
  assert.equal(client.status.state, "connecting");
  gateway.hello();
  assert.deepEqual(gateway.frames("resume")[0][3][2], [[7, 0], [10, 6]]);
});

test("a gap drops what is held, and not what is on its way", async () => {
  const state = knownState();
  const { client, gateway } = start({ state });
  gateway.hello();
  gateway.ready();
  const nonce = client.send(20, "hello");
  gateway.control("gap", { topic: 10, seq: 50 });
  assert.equal(state.topics[10], 50);
  assert.equal(state.servers[10].loaded, false);
  assert.equal(state.windows[20].cached, true);
  assert.equal(state.sends[nonce].content, "hello");
  await settle();
  assert.ok(gateway.asked("servers_overview").length > 0);
});

test("an undecided request is repeated with its nonce, a decided one is not", async () => {
  const { client, clock, gateway } = open();
  const call = client.call("server_create", 0, { name: "HQ" });
  await settle();
  const first = gateway.asked("server_create").at(-1);
  gateway.refuse(first[1], 50, 200);
  await clock.pass(300);
  const second = gateway.asked("server_create").at(-1);
  assert.notEqual(second[1], first[1]);
  assert.deepEqual(second[3], first[3]);
  gateway.refuse(second[1], 32);
  await assert.rejects(call, { reason: "limit_reached" });
});

test("what had no answer when the connection broke is asked again on the next one", async () => {
  const { client, clock, gateway } = open();
  const call = client.call("deployment_rename", 0, { name: "HQ" });
  await settle();
  const [, , , [nonce]] = gateway.asked("deployment_rename")[0];
  gateway.cut();
  await clock.pass(50);
  gateway.hello();
  gateway.ready();
  await clock.pass(50);
  const [again] = gateway.asked("deployment_rename");
  assert.equal(again[3][0], nonce);
  gateway.say([0, again[1], null]);
  await call;
});

test("patience ends: what was sent is unknown, what never went is unavailable", async () => {
  const { client, clock, gateway } = open();
  const sent = assert.rejects(client.call("sessions_list", 0, {}, { patience: 1_000 }), { reason: "unknown" });
  await clock.pass(1_000);
  await sent;
  gateway.cut();
  const unsent = assert.rejects(client.call("sessions_list", 0, {}, { patience: 20 }), { reason: "unavailable" });
  await clock.pass(20);
  await unsent;
});

test("a device whose clock is wrong counts by that of the cluster, and one that is right is not moved by the way of an answer", async () => {
  const hour = 3_600_000;
  for (const wrong of [hour, -hour]) {
    const { client, clock, gateway } = start();
    const now = clock.now();
    clock.put(wrong);
    gateway.hello();
    gateway.ready({ sent_at: now });
    assert.equal(client.now(), now);
    assert.equal(client.status.since, now);
    await clock.pass(1_000);
    assert.equal(client.now(), now + 1_000);
    // An answer that took five seconds, and a gateway that does not say what time it is.
    gateway.hello();
    await clock.pass(5_000);
    gateway.ready({ sent_at: now + 3_000 });
    gateway.ready();
    assert.equal(client.now(), now + 6_000);
  }
});

test("a device that is put right again says the time of the cluster at the next ready", () => {
  const { client, clock, gateway } = open();
  clock.put(-5_000);
  const now = clock.now() + 5_000;
  gateway.hello();
  gateway.ready({ sent_at: now });
  clock.put(5_000);
  gateway.hello();
  gateway.ready({ sent_at: now });
  assert.equal(client.now(), now);
});

test("who waits without end keeps no program running", () => {
  const timers = [];
  const clock = { now: () => 0, after: (ms) => (timers.push(ms), () => {}) };
  const calls = new Calls({ clock, random: () => 0, isOpen: () => false, send: () => {} });
  void calls.call("ping", 0, {}, { patience: Infinity });
  assert.deepEqual(timers, []);
  calls.call("ping", 0, {}, { patience: 5 }).catch(() => {});
  assert.deepEqual(timers, [5]);
});
