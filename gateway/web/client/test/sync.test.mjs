// What is fetched by itself: it is there in the end, whatever refuses it meanwhile, and many reasons make few requests.

import assert from "node:assert/strict";
import { test } from "node:test";

import { createClient, emptyState, memoryStorage } from "../build/index.js";
import { CHANNEL, fakeClock, ME, MEMBER, message, SERVER, servingGateway, settle } from "../testing/fakes.mjs";

const RATE_LIMITED = 41;
const servers = Array.from({ length: 200 }, (_, at) => ({ ...SERVER, server_id: 10 + at }));
const channelOf = ({ server_id }) => ({ ...CHANNEL, channel_id: 1_000 + server_id });

function start({ answers = {}, storage = () => memoryStorage(), said = [] } = {}) {
  const clock = fakeClock();
  const state = emptyState();
  const overview = ({ server_ids }) => ({
    servers: servers
      .filter(({ server_id }) => server_ids.includes(server_id))
      .map((server) => ({
        info: { server, roles: [], channels: [channelOf(server)], lockdown: null },
        ...{ member: { user: ME, ...MEMBER }, head: 5, rights_version: 0 },
      })),
    next: null,
  });
  const gateway = servingGateway(said, { servers_overview: overview, presence_watch: () => ({ members: [] }), ...answers });
  const client = createClient({ url: "http://one", token: "t", clock, random: () => 0.5, socket: gateway.open, state, storage });
  const faults = [];
  client.on("failed", (fault) => faults.push(fault));
  const ready = (rest = {}) => {
    gateway.hello();
    gateway.ready({ servers, topics: servers.map(({ server_id }) => ({ topic: server_id, seq: 5 })), ...rest });
  };
  const open = async () => {
    client.connect();
    ready();
    await calm(clock);
  };
  const loaded = () => Object.values(state.servers).filter(({ loaded }) => loaded).length;
  return { client, clock, gateway, state, faults, ready, open, loaded };
}

/** Lets one request follow the other as long as each is answered. */
async function calm(clock) {
  for (let turn = 0; turn < 30; turn += 1) await clock.pass(0);
}

test("where all servers have a gap they are asked for together", async () => {
  const { clock, gateway, faults, open, loaded } = start();
  await open();
  assert.equal(gateway.asked("servers_overview").length, 10);
  assert.equal(loaded(), 200);
  for (const { server_id } of servers) gateway.control("gap", { topic: server_id, seq: 50 });
  assert.equal(loaded(), 0);
  await calm(clock);
  assert.equal(loaded(), 200);
  assert.ok(gateway.asked("servers_overview").length <= 21, `${gateway.asked("servers_overview").length} asked`);
  assert.deepEqual(faults, []);
});

test("a limit is waited for, also a long one, and nobody says before that all is there", async () => {
  let limited = true;
  const { clock, gateway, state, faults, open } = start({ answers: { pings_get: () => (limited ? undefined : { mentions: [], next: null }) } });
  await open();
  for (const times of [1, 2]) {
    const asked = gateway.asked("pings_get");
    assert.equal(asked.length, times, "not before its time");
    gateway.refuse(asked.at(-1)[1], RATE_LIMITED, 20_000);
    if (times === 2) limited = false;
    await clock.pass(times === 1 ? 20_100 : 19_000);
    assert.equal(state.connection.state, "catching_up", "until then it is said that something is missing");
  }
  await clock.pass(1_500);
  assert.deepEqual([state.mentionsDue, state.connection.state], [false, "open"]);
  assert.deepEqual(faults, []);
});

test("who comes next waits for nothing that the one before asked for", async () => {
  let silent = true;
  const said = [message(1)];
  const { client, clock, gateway, state, ready, open } = start({ answers: { messages_get: () => (silent ? undefined : { messages: said, more: false }) } });
  await open();
  client.show(1_010);
  await calm(clock);
  // It is repeated, and waits long for that.
  gateway.refuse(gateway.asked("messages_get")[0][1], 50, 20_000);
  await calm(clock);
  silent = false;
  gateway.cut();
  client.tryNow();
  ready({ user: { ...ME, user_id: 9, name: "bo" }, epoch: "two" });
  await settle();
  await calm(clock);
  assert.equal(state.me.name, "bo");
  client.show(1_010);
  await calm(clock);
  assert.equal(state.windows[1_010]?.messages.length, 1);
});

test("whether devices are told is what the session said last", async () => {
  const { client, clock, gateway, state, ready } = start({ answers: { servers_list: () => ({ servers }) } });
  assert.equal(state.push, null);
  client.connect();
  ready({ push: true });
  await calm(clock);
  assert.equal(state.push, true);
  // The list of servers, fetched where the account has a gap, says nothing of it.
  gateway.control("gap", { topic: ME.user_id, seq: 50 });
  await calm(clock);
  assert.equal(gateway.asked("servers_list").length, 1);
  assert.equal(state.push, true);
  gateway.cut();
  client.tryNow();
  ready();
  await calm(clock);
  assert.equal(state.push, false, "a gateway that does not say it tells nobody");
});

test("what one account was not told yet the next one does not hear", async () => {
  const { client, clock, gateway, ready } = start({ answers: { servers_overview: () => undefined } });
  const heard = [];
  client.on("event", ({ event }) => heard.push(event.name));
  client.connect();
  ready();
  gateway.event(10, 6, "member_left", { user_id: 9 });
  await calm(clock);
  assert.deepEqual(heard, [], "its server is not known yet");
  gateway.cut();
  client.tryNow();
  ready({ user: { ...ME, user_id: 9, name: "bo" }, servers: [], topics: [] });
  gateway.event(9, 1, "status_updated", { status: "idle", until: null, version: 1 });
  await calm(clock);
  assert.deepEqual(heard, ["status_updated"]);
});

test("who signs out sees nothing any more, also where the device does not let go of what it keeps", async () => {
  for (const clear of [() => new Promise(() => {}), () => Promise.reject(new Error("broken"))]) {
    const { client, clock, state, open } = start({ answers: { logout: () => null }, storage: () => ({ ...memoryStorage(), clear }) });
    await open();
    void client.signOut().catch(() => {});
    await calm(clock);
    assert.deepEqual([state.connection.state, state.me, state.channels], ["signed_out", null, {}]);
  }
});
