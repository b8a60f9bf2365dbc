// What calls upon the account: no mention is missing because nobody told of it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { createClient, emptyState, PERMISSIONS } from "../build/index.js";
import { CHANNEL as GENERAL, fakeClock, ME, message, servingGateway } from "../testing/fakes.mjs";

const [SERVER, CHANNEL, ROLE] = [10, 20, 40];
const calling = (seq, mentions = [ME.user_id]) => message(seq, { mentions });

/** A session in a server in which this was said; `inbox` is what the cluster says of it, `seqs` what the client holds. */
async function open(said = []) {
  const clock = fakeClock();
  const inbox = { hidden: false, read: 0, roles: [] };
  const mine = ({ mentions }) => mentions.some((id) => id === ME.user_id || inbox.roles.includes(id));
  const page = () => ({
    mentions: inbox.hidden
      ? []
      : said.filter(mine).map((message) => ({ server_id: SERVER, channel_id: CHANNEL, message, read: message.seq <= inbox.read })),
    next: null,
  });
  const cursor = ({ channel_id, seq }) => ({ channel_id, seq, version: (inbox.version = (inbox.version ?? 0) + 1) });
  const gateway = servingGateway(said, {
    pings_get: page,
    channels_get: () => ({ channels: [{ ...GENERAL, last_seq: said.length }] }),
    unreads_ack: (body) => ((inbox.read = body.seq), cursor(body)),
    mark_unread: (body) => ((inbox.read = body.seq), cursor(body)),
  });
  const state = emptyState();
  const client = createClient({ url: "http://one", token: "t", clock, random: () => 0.5, socket: gateway.open, state });
  client.connect();
  gateway.hello();
  gateway.ready();
  await clock.pass(0);
  const hear = async (seq, name, body) => {
    gateway.event(SERVER, seq, name, body);
    await clock.pass(5_000);
  };
  return { client, clock, gateway, inbox, said, hear, asked: () => gateway.asked("pings_get").length, seqs: () => state.mentions.map(({ seq }) => seq) };
}

/** The role of everyone, with these rights. */
const everyone = (permissions) => ({
  role: {
    ...{ role_id: SERVER, name: "everyone", permissions, position: 0, colour: null, hoist: false },
    ...{ mentionable: false, self_assignable: false, category: null },
  },
  order: [SERVER],
});

test("a gap may hide a mention", async () => {
  const { clock, gateway, said, seqs } = await open();
  said.push(calling(1));
  gateway.control("gap", { topic: SERVER, seq: 9 });
  await clock.pass(0);
  assert.deepEqual(seqs(), [1]);
});

test("a channel that is seen again brings its mentions, whatever was told of it first", async () => {
  const { clock, gateway, said, seqs } = await open();
  gateway.control("sight", { topic: SERVER, seq: 6, shown: [], hidden: [CHANNEL] });
  said.push(calling(1));
  gateway.event(SERVER, 7, "channel_updated", { channel: { ...GENERAL, last_seq: 1, last_message_id: 1_001 } });
  gateway.control("sight", { topic: SERVER, seq: 7, shown: [CHANNEL], hidden: [] });
  await clock.pass(0);
  assert.deepEqual(seqs(), [1]);
});

test("what was read here and not told yet calls upon the account again where it is marked as unread", async () => {
  const { client, clock, said, hear, seqs } = await open();
  for (const seq of [1, 2, 3]) {
    said.push(calling(seq));
    await hear(5 + seq, "message_created", { channel_id: CHANNEL, message: calling(seq) });
  }
  client.read(CHANNEL, 3);
  assert.deepEqual(seqs(), []);
  await client.markUnread(CHANNEL, 1);
  await clock.pass(0);
  assert.deepEqual(seqs(), [2, 3]);
  client.read(CHANNEL, 3);
  await client.markUnread(CHANNEL, 2);
  await clock.pass(0);
  assert.deepEqual(seqs(), [3]);
});

test("reading forward asks for nothing", async () => {
  const { client, clock, gateway, asked, inbox, said, hear } = await open();
  for (const seq of [1, 2, 3]) {
    said.push(calling(seq));
    await hear(5 + seq, "message_created", { channel_id: CHANNEL, message: calling(seq) });
  }
  const before = asked();
  for (const seq of [1, 2]) {
    client.read(CHANNEL, seq);
    await clock.pass(1_990);
    client.read(CHANNEL, seq + 1);
    await clock.pass(20);
    gateway.event(ME.user_id, 0, "unread_moved", { cursor: { channel_id: CHANNEL, seq, version: inbox.version } });
  }
  await clock.pass(10_000);
  assert.equal(asked(), before);
});

test("where history may be read again a mention of before is found", async () => {
  const { inbox, said, asked, hear, seqs, gateway, clock } = await open();
  const { VIEW_CHANNEL, READ_HISTORY } = PERMISSIONS;
  await hear(6, "role_updated", everyone(VIEW_CHANNEL));
  inbox.hidden = true;
  said.push(calling(1));
  gateway.control("gap", { topic: SERVER, seq: 9 });
  await clock.pass(0);
  await hear(10, "role_updated", everyone(VIEW_CHANNEL));
  assert.deepEqual(seqs(), []);
  inbox.hidden = false;
  const before = asked();
  await hear(11, "role_updated", everyone(VIEW_CHANNEL | READ_HISTORY));
  await hear(12, "role_updated", everyone(VIEW_CHANNEL | READ_HISTORY));
  assert.deepEqual(seqs(), [1]);
  assert.equal(asked(), before + 1);
});

test("who gets a role is called upon by what was said to it", async () => {
  const { inbox, hear, seqs } = await open([calling(1, [ROLE])]);
  assert.deepEqual(seqs(), []);
  inbox.roles = [ROLE];
  await hear(6, "member_roles_changed", { user_id: ME.user_id, roles: [ROLE] });
  assert.deepEqual(seqs(), [1]);
});

test("of several reasons in one moment one makes the client ask again", async () => {
  const { asked, gateway, clock } = await open();
  const before = asked();
  gateway.control("gap", { topic: SERVER, seq: 9 });
  gateway.event(SERVER, 10, "member_roles_changed", { user_id: ME.user_id, roles: [ROLE] });
  gateway.event(SERVER, 11, "member_roles_changed", { user_id: ME.user_id, roles: [] });
  await clock.pass(10_000);
  assert.ok(asked() - before <= 2, "the one under way may have missed what came meanwhile");
});
