// Whatever happens, in whatever order, on connections that break: what a client holds in the end is
// what another one fetches that was not there.

import assert from "node:assert/strict";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";

import { holds, PERMISSIONS, permissionsIn, permissionsOf } from "../../build/index.js";
import { arrive, chance, meet, newClient, open, PASSWORD } from "../../testing/people.mjs";

const STEPS = 150;
const { VIEW_CHANNEL, SEND_MESSAGES, MANAGE_MESSAGES, READ_HISTORY, ADD_REACTIONS, PIN_MESSAGES } = PERMISSIONS;
const BITS = [VIEW_CHANNEL, SEND_MESSAGES, MANAGE_MESSAGES, READ_HISTORY, ADD_REACTIONS, PIN_MESSAGES];

export function randomRuns(cluster) {
  for (const seed of (process.env.SEEDS ?? "1,2,3").split(",").map(Number)) {
    test(`a random run (${seed}) ends in what can be fetched`, async () => {
      const random = chance(seed);
      const names = ["ana", "bo", "cem"].map((name) => `${name}${seed}${Date.now() % 100_000}`);
      const people = await Promise.all(names.map((name) => arrive(cluster.urls(), name)));
      const [owner, ...others] = people;
      const place = await meet(owner, ...others);
      for (const { client } of people) {
        await client.notifications();
        client.show(place.channel);
        await client.members(place.server);
      }
      for (let step = 0; step < STEPS; step += 1) await act(random, people, place);
      for (const [at, person] of people.entries()) await agrees(cluster, person, names[at], place.server);
    });
  }
}

/** One of them does something; now and then a connection breaks, and nobody waits for that. */
async function act(random, people, { server }) {
  const person = random.pick(people);
  if (random.below(12) === 0) random.pick(people).cut();
  if (random.below(40) === 0) lose(random.pick(people), server);
  const { client, state } = person;
  const channels = Object.values(state.channels);
  const channel = random.pick(channels);
  if (channel === undefined) return;
  const { channel_id } = channel;
  const message = random.pick(state.windows[channel_id]?.messages ?? []);
  const role = random.pick(Object.values(state.servers[server]?.roles ?? {}));
  const someone = random.pick(people).state.me;
  const bits = () => BITS.reduce((all, bit) => all | (random.below(3) === 0 ? bit : 0), 0);
  const call = (name, body, scope = server) => client.call(name, scope, body);
  const at = { channel_id, message_id: message?.message_id };
  const deeds = [
    () => client.send(channel_id, random.pick(["hello", "@everyone", `<@${someone.user_id}>`])),
    () => client.send(channel_id, "and"),
    () => client.show(channel_id),
    () => client.read(channel_id, message?.seq ?? 0),
    () => client.setLevel(random.pick([null, server, channel_id]), levelOf(random)),
    () => call("notification_settings_set", { quiet: null, keywords: [`word ${random.below(9)}`], private: random.below(2) === 0 }, 0),
    () => message && client.markUnread(channel_id, message.seq),
    () => message && call("message_edit", { ...at, content: random.pick(["changed", `now <@${someone.user_id}>`]) }),
    () => message && call("message_delete", at),
    () => message && call("message_pin", at),
    () => message && call("message_unpin", at),
    () => message && call("message_react_add", { ...at, emoji: random.pick(["👍", "🎉"]) }),
    () => message && call("message_react_remove", { ...at, emoji: random.pick(["👍", "🎉"]) }),
    () => call("channel_create", { name: `channel-${random.below(100)}`, kind: random.pick(["text", "announcement", "category"]) }),
    () => call("channel_update", { channel_id, topic: `topic ${random.below(100)}`, position: random.below(3) }),
    () => channels.length > 3 && call("channel_delete", { channel_id }),
    () => call("role_create", { name: "role", permissions: bits(), hoist: true, colour: random.below(1000) }),
    () => role && call("role_update", { role_id: role.role_id, permissions: role.permissions ^ random.pick(BITS) }),
    () => role && call("role_delete", { role_id: role.role_id }),
    () => role && call("user_roles_add", { user_id: someone.user_id, roles: [role.role_id] }),
    () => role && call("user_roles_remove", { user_id: someone.user_id, roles: [role.role_id] }),
    () => role && call("override_set", { channel_id, kind: "role", target: role.role_id, allow: bits(), deny: bits() }),
    () => call("override_set", { channel_id, kind: "member", target: someone.user_id, allow: bits(), deny: bits() }),
    () => call("override_clear", { channel_id, kind: "member", target: someone.user_id }),
    () => call("user_timeout", { user_id: someone.user_id, duration: random.pick([0, 3600]) }),
    () => call("channel_mute", { channel_id, user_id: someone.user_id, duration: 3600 }),
    () => call("channel_unmute", { channel_id, user_id: someone.user_id }),
    () => call("nickname_update", { nickname: `nick ${random.below(100)}` }),
    () => call("lockdown_set", { no_joining: random.below(2) === 0 }),
    () => call("account_update", { bio: `bio ${random.below(100)}` }, 0),
    () => call("status_set", { status: random.pick(["online", "idle", "dnd"]), text: `text ${random.below(9)}` }, 0),
  ];
  const deed = random.pick(deeds);
  // Much of this is refused: what counts is that everyone sees the same. Half of it nobody waits for.
  const done = Promise.resolve(deed()).catch((refusal) => assert.equal(refusal.name, "Refusal", String(refusal)));
  if (random.below(2) === 0) await done;
}

function levelOf(random) {
  const [level, muted_until] = [random.pick([null, "all", "mentions", "nothing"]), random.pick([null, (2_000 + random.below(9)) * 2 ** 30])];
  return { level, muted_until, no_everyone: random.below(2) === 0 };
}

/** A place that the log does not have: the gateway says `gap`, and what is held has to be fetched anew. */
function lose({ state, cut }, server) {
  if (state.connection.state !== "open" || state.topics[server] === undefined) return;
  state.topics[server] += 1_000;
  cut();
}

/** Another session of the same account, that was not there, fetches what this one holds. */
async function agrees(cluster, person, name, server) {
  const { client, state, until, faults } = person;
  client.save();
  // What was sent stands in for its message until its window, if nobody looks at it, is fetched again.
  const settled = ({ state, channel_id }, { windows }) => state === "failed" || (state === "sent" && windows[channel_id]?.cached);
  await until((state) => Object.values(state.sends).every((send) => settled(send, state)), "all was sent");
  await until(({ connection }) => connection.state === "open", "the session is open");
  const fresh = newClient(cluster.urls());
  await fresh.client.signIn({ name, password: PASSWORD });
  await open(fresh);
  const held = Object.entries(state.windows).filter(([channel, { head, cached }]) => head && !cached && readable(state, channel));
  for (const [channel] of held) fresh.client.show(Number(channel));
  await fresh.until(({ windows }) => held.every(([channel]) => windows[channel]?.head), "the windows are there");
  await fresh.client.notifications();
  for (const { client } of [person, fresh]) {
    await client.members(server);
    // Where somebody may only look on is known once he looks.
    for (const channel of Object.keys(fresh.state.channels).slice(0, 1)) client.show(Number(channel));
  }
  const both = () => [knowledge(state, server, fresh.state), knowledge(fresh.state, server, fresh.state)];
  await until(() => isDeepStrictEqual(...both())).catch(() => assert.deepEqual(...both()));
  await explains(fresh, server, state);
  assert.deepEqual(faults.filter(({ reason }) => !["forbidden", "unknown_channel"].includes(reason)), []);
  fresh.client.close();
  person.client.close();
}

/** What was said before is told to nobody who may not read it: then what was heard and what can be fetched are not the same. */
function readable(state, channel) {
  return holds(permissionsIn(state, Number(channel), Date.now()), READ_HISTORY);
}

/** What both are to hold alike. */
function knowledge(state, server, fresh) {
  const { roles, members, mutes, lockdown } = state.servers[server];
  const { me, profile, status, channels, cursors, levels, notifications, mentions, servers } = state;
  const known = Object.keys(channels);
  const windows = Object.entries(state.windows).filter(([channel]) => fresh.windows[channel]?.head && channels[channel]);
  const live = windows.map(([channel, { messages }]) => [channel, messages.slice(-20)]);
  return {
    ...{ me, profile, status, channels, roles, members, lockdown, levels, notifications },
    mutes: Object.fromEntries(Object.entries(mutes).filter(([channel]) => known.includes(channel))),
    servers: Object.values(servers).map(({ server }) => server),
    mentions: mentions.filter(({ channel_id }) => known.includes(String(channel_id)) && readable(fresh, channel_id)),
    cursors: Object.fromEntries(Object.entries(cursors).filter(([channel]) => known.includes(channel))),
    windows: Object.fromEntries(live),
  };
}

/** The cluster decides what somebody may do as his client does. */
async function explains({ client }, server, state) {
  const { permissions } = await client.call("permission_explain", server, {});
  assert.equal(permissionsOf(state, server, Date.now()), permissions);
  for (const { channel_id } of Object.values(state.channels)) {
    const { permissions } = await client.call("permission_explain", server, { channel_id });
    assert.equal(permissionsIn(state, channel_id, Date.now()), permissions);
  }
}
