// What the account wants to be told of: the later version holds, what is muted keeps still, and nothing that was changed elsewhere
// is missed.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  apply,
  createClient,
  emptyState,
  levelAt,
  levelIn,
  memoryStorage,
  mentionsIn,
  mergeLevels,
  mergeNotifications,
  mergeUnreads,
  MUTED_FOR_GOOD,
  mutedUntil,
  showsUnread,
  unreadOf,
  unreadOfServer,
  widerScopes,
} from "../build/index.js";
import { fakeClock, knownState, message, servingGateway } from "../testing/fakes.mjs";
import { chance } from "../testing/people.mjs";

const NOW = 1_000_000;
const NONE = { level: null, muted_until: null, no_everyone: false };
const level = (scope_id, version, rest = {}) => ({ scope_id, ...NONE, ...rest, version });
const changed = (state, one) => apply(state, 7, 0, { name: "notification_level_changed", body: { level: one } }, NOW);

test("the later version of a setting holds, whichever comes first", () => {
  const state = knownState();
  changed(state, level(20, 2, { level: "all" }));
  changed(state, level(20, 1, { level: "nothing" }));
  assert.equal(levelAt(state, 20).level, "all");
  changed(state, level(20, 3));
  assert.deepEqual(levelAt(state, 20), level(20, 3), "what is taken back has a version, too");
  assert.deepEqual(levelAt(state, 99), level(99, 0));
});

test("the narrowest level counts, and mentions where nobody set one", () => {
  const state = knownState();
  Object.assign(state.channels[20], { parent_id: 21 });
  const scopes = [20, ...widerScopes(state.channels[20])];
  assert.deepEqual(scopes, [20, 21, 10, null]);
  assert.equal(levelIn(state, scopes), "mentions");
  const set = [[null, "all"], [10, "nothing"], [21, "mentions"], [20, "all"]];
  for (const [at, [scope, wish]] of set.entries()) {
    changed(state, level(scope, at + 1, { level: wish }));
    assert.equal(levelIn(state, scopes), wish);
  }
});

test("a channel is muted with all that it stands in, until the last of it ends", () => {
  for (const scope of [20, 21, 10, null]) {
    const state = knownState();
    Object.assign(state.channels[20], { parent_id: 21 });
    assert.equal(mutedUntil(state, 20, NOW), null);
    changed(state, level(scope, 1, { muted_until: NOW + 1_000 }));
    assert.equal(mutedUntil(state, 20, NOW), NOW + 1_000);
    assert.equal(mutedUntil(state, 20, NOW + 1_000), null, "it is over");
    changed(state, level(20, 2, { muted_until: MUTED_FOR_GOOD }));
    assert.equal(mutedUntil(state, 20, NOW), MUTED_FOR_GOOD);
  }
});

test("what is muted shows nothing new, and what mentions the account counts all the same", () => {
  const state = knownState([message(1), message(2, { mentions: [7] })]);
  mergeUnreads(state, { unreads: [{ cursor: { channel_id: 20, seq: 0, version: 1 } }] });
  state.mentions.push({ server_id: 10, channel_id: 20, message_id: 1_002, seq: 2 });
  assert.deepEqual(unreadOfServer(state, 10, NOW), { unread: true, mentions: 1 });
  changed(state, level(20, 2, { muted_until: NOW + 1 }));
  assert.deepEqual([unreadOf(state, 20), showsUnread(state, 20, NOW), mentionsIn(state, 20)], [2, false, 1]);
  assert.deepEqual(unreadOfServer(state, 10, NOW), { unread: false, mentions: 1 });
  assert.equal(showsUnread(state, 20, NOW + 1), true);
});

test("what was held and what happened since is what is fetched after it", () => {
  for (let seed = 1; seed <= 50; seed += 1) {
    const random = chance(seed);
    const scopes = [null, 10, 20, 21, 22];
    const cluster = { levels: new Map(), cursor: { channel_id: 20, seq: 0, version: 0 }, version: 0 };
    const page = (newer) => ({ levels: [...cluster.levels.values()].filter(({ version }) => version > newer), version: cluster.version, next: null });
    const held = knownState();
    let late = [];
    for (let step = 0; step < 40; step += 1) {
      cluster.version += 1;
      if (random.below(4) === 0) {
        cluster.cursor = { ...cluster.cursor, seq: step, version: cluster.version };
        late.push({ name: "unread_moved", body: { cursor: cluster.cursor } });
      } else {
        const set = level(random.pick(scopes), cluster.version, { level: random.pick([null, "all", "nothing"]), no_everyone: random.below(2) === 0 });
        cluster.levels.set(set.scope_id, set);
        late.push({ name: "notification_level_changed", body: { level: set } });
      }
      if (random.below(3) > 0) continue;
      // Some come in another order, some twice, and some never: then a fetch has what is newer than what is known.
      const told = random.below(5) === 0 ? [] : [...late, random.pick(late)].sort(() => random.below(3) - 1);
      for (const event of told) apply(held, 7, 0, event, NOW);
      late = [];
    }
    for (const event of late) apply(held, 7, 0, event, NOW);
    const known = held.registers;
    assert.ok(known <= cluster.version);
    mergeLevels(held, page(known));
    mergeUnreads(held, { unreads: cluster.cursor.version > known ? [{ cursor: cluster.cursor }] : [] });
    const fresh = knownState();
    mergeLevels(fresh, page(0));
    assert.deepEqual(held.levels, fresh.levels, `seed ${seed}`);
    assert.equal(held.cursors[20]?.seq ?? 0, cluster.cursor.seq);
  }
});

const settings = (version, keywords = []) => ({ quiet: null, keywords, private: false, version });

test("settings that come late do not take the place of newer ones", () => {
  const state = knownState();
  mergeNotifications(state, settings(0));
  mergeNotifications(state, settings(3, ["lunch"]));
  mergeNotifications(state, settings(2));
  assert.deepEqual(state.notifications, settings(3, ["lunch"]));
});

function start(answers = {}) {
  const clock = fakeClock();
  const state = emptyState();
  const gateway = servingGateway([message(1)], answers);
  const client = createClient({ url: "http://one", token: "t", clock, random: () => 0.5, socket: gateway.open, state, storage: () => memoryStorage() });
  const faults = [];
  client.on("failed", (fault) => faults.push(fault));
  const calm = async () => {
    for (let turn = 0; turn < 20; turn += 1) await clock.pass(0);
  };
  const open = async (rest = {}) => {
    client.connect();
    gateway.hello();
    gateway.ready(rest);
    await calm();
  };
  const bodies = (name) => gateway.asked(name).map(([, , , body]) => body);
  return { client, clock, gateway, state, faults, calm, open, bodies };
}

test("levels are fetched with the session, and what a frame says is missing is asked for from where they are known", async () => {
  const pages = [
    { levels: [level(null, 3, { level: "all" })], version: 4, next: 20 },
    { levels: [level(20, 4, { muted_until: NOW * 2 })], version: 9, next: null },
    { levels: [level(20, 6)], version: 6, next: null },
  ];
  const unreads = [{ unreads: [], version: 4, next: null }, { unreads: [], version: 7, next: null }];
  const { gateway, state, calm, open, faults } = start({ notification_levels_get: () => pages.shift(), unreads_get: () => unreads.shift() });
  await open({ registers: 4 });
  assert.deepEqual(state.levels, { 0: level(null, 3, { level: "all" }), 20: level(20, 4, { muted_until: NOW * 2 }) });
  assert.equal(state.registers, 4, "what was changed behind the first page may be in none");
  gateway.control("registers", { version: 4 });
  gateway.control("registers", { version: 6 });
  await calm();
  assert.deepEqual(levelAt(state, 20), level(20, 6));
  assert.equal(state.registers, 6, "of both the lower one");
  assert.equal(gateway.asked("notification_levels_get").length, 3);
  assert.deepEqual(faults, []);
});

test("a setting names the version that was seen, and is there with the answer", async () => {
  const set = [];
  const { client, state, calm, open } = start({
    notification_level_set: (body) => {
      set.push(body);
      return level(20, 5, { level: body.level });
    },
  });
  await open();
  changed(state, level(20, 4, { no_everyone: true }));
  const done = client.setLevel(20, { ...NONE, level: "nothing" });
  await calm();
  await done;
  assert.deepEqual(set, [{ scope_id: 20, ...NONE, level: "nothing", seen: 4 }]);
  assert.equal(levelAt(state, 20).level, "nothing");
});

test("how the account is told is fetched when somebody looks, and again when it was changed", async () => {
  let now = settings(1);
  const { client, clock, gateway, state, calm, open, faults } = start({ notification_settings_get: () => now });
  await open();
  gateway.event(7, 1, "notification_settings_updated", { version: 1 });
  await calm();
  assert.equal(state.notifications, null, "nobody looks at it");
  const seen = client.notifications();
  await calm();
  await seen;
  assert.deepEqual(state.notifications, settings(1));
  now = settings(2, ["lunch"]);
  gateway.event(7, 2, "notification_settings_updated", { version: 2 });
  await clock.pass(100);
  await calm();
  assert.deepEqual(state.notifications, settings(2, ["lunch"]));
  gateway.event(7, 3, "notification_settings_updated", { version: 2 });
  await calm();
  assert.equal(gateway.asked("notification_settings_get").length, 2, "that is known");
  assert.deepEqual(faults, []);
});
