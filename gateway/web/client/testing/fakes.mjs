// Time that a test moves, and a gateway that a test plays.

import { decode as unpack, encode as pack } from "@msgpack/msgpack";

import { CONTROLS, decode, emptyState, encode, EVENTS, REQUESTS } from "../build/index.js";

/** A clock that stands still until it is moved. */
export function fakeClock(now = 1_000_000) {
  let timers = [];
  let ahead = 0;
  return {
    now: () => now + ahead,
    /** Puts the clock: no time passes by that, and no timer notices. */
    put: (ms) => void (ahead += ms),
    after(ms, act) {
      const timer = { at: now + ms, act };
      timers.push(timer);
      return () => void (timers = timers.filter((other) => other !== timer));
    },
    /** Lets time pass; what is due is done in its order, and what follows at once, too. */
    async pass(ms) {
      const end = now + ms;
      for (;;) {
        await settle();
        const [next] = timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
        if (next === undefined) break;
        timers = timers.filter((timer) => timer !== next);
        now = next.at;
        next.act();
      }
      now = end;
      await settle();
    },
  };
}

/** Lets everything that waits for nothing but its turn have it. */
export async function settle() {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

/**
 * A gateway that answers what a client asks for by itself, as a cluster would in which this was said; `answers` has more
 * of it, or else. What it says nothing to waits for the test.
 */
export function servingGateway(said, answers = {}) {
  const gateway = fakeGateway();
  const open = gateway.open;
  const page = ({ before = Infinity, after = 0, limit }) => {
    const found = said.filter(({ seq }) => seq < (before ?? Infinity) && seq > (after ?? 0));
    return { messages: after ? found.slice(0, limit) : found.slice(-limit), more: false };
  };
  const channels = () => [{ ...CHANNEL, last_seq: said.at(-1)?.seq ?? 0, last_message_id: said.at(-1)?.message_id ?? null }];
  const member = { user: ME, ...MEMBER };
  const known = {
    messages_get: page,
    servers_overview: () => ({
      servers: [{ info: { server: SERVER, roles: [EVERYONE], channels: channels(), lockdown: null }, member, head: 5, rights_version: 0 }],
      next: null,
    }),
    member_get: () => ({ member, mutes: [] }),
    unreads_get: () => ({ unreads: [], version: 0, next: null }),
    notification_levels_get: () => ({ levels: [], version: 0, next: null }),
    pings_get: () => ({ mentions: [], next: null }),
    user_get: () => ({ user: ME, bio: "", locale: "" }),
    status_get: () => ({ status: "online", text: "", until: null, version: 0 }),
    ...answers,
  };
  gateway.open = (url, handlers) => {
    const socket = open(url, handlers);
    const answer = ([opcode, request, , wire]) => {
      if (opcode === CONTROLS.heartbeat.opcode && gateway.handlers === handlers) return gateway.control("heartbeat", { number: 1, idle: null });
      const [name, row] = Object.entries(REQUESTS).find(([, row]) => row.opcode === opcode) ?? [];
      const reply = known[name]?.(decode(row.request, wire));
      if (reply !== undefined && gateway.handlers === handlers) gateway.reply(request, name, reply);
    };
    return { ...socket, send: (bytes) => (socket.send(bytes), queueMicrotask(() => answer(unpack(bytes)))) };
  };
  return gateway;
}

/** The other side of sockets: it sees what a client sends, and says what the test wants. */
export function fakeGateway() {
  const gateway = {
    dialled: [],
    sent: [],
    handlers: null,
    closed: null,
    open(url, handlers) {
      gateway.dialled.push(url);
      gateway.sent = [];
      gateway.handlers = handlers;
      gateway.closed = null;
      return {
        send: (bytes) => gateway.sent.push(unpack(bytes)),
        close: (code) => void (gateway.closed ??= code),
      };
    },
    say: (frame) => gateway.handlers.onMessage(pack(frame)),
    control: (name, body) => gateway.say([CONTROLS[name].opcode, encode(CONTROLS[name].body, body)]),
    event: (topic, seq, name, body) =>
      gateway.say([2, topic, seq, EVENTS[name].opcode, encode(EVENTS[name].body, body)]),
    reply: (request, name, body) => gateway.say([0, request, encode(REQUESTS[name].reply, body)]),
    refuse: (request, code, retryAfter = null) => gateway.say([1, request, code, null, retryAfter]),
    cut: (code = 1006) => gateway.handlers.onClose(code),
    hello: () => gateway.control("hello", { node: "fake", heartbeat_ms: 30_000, max_frame_bytes: 65_536 }),
    ready: (rest = {}) => gateway.control("ready", { ...READY, ...rest }),
    /** The requests of this name that came over this connection. */
    asked: (name) => gateway.sent.filter(([opcode]) => opcode === REQUESTS[name].opcode),
    frames: (name) => gateway.sent.filter(([opcode]) => opcode === CONTROLS[name].opcode),
  };
  return gateway;
}

export const ME = { user_id: 7, name: "ana", guest: false, admin: false, avatar: "", deleted: false };
export const SERVER = { server_id: 10, name: "HQ", owner_id: 8, icon: "", description: "", discoverable: false };
export const CHANNEL = {
  ...{ channel_id: 20, name: "general", topic: "", position: 0, overrides: [], last_seq: 0, last_message_id: null },
  ...{ kind: "text", parent_id: null, slow_mode: 0 },
};
const EVERYONE = {
  ...{ role_id: 10, name: "everyone", permissions: 3 + 32, position: 0, colour: null, hoist: false },
  ...{ mentionable: false, self_assignable: false, category: null },
};
const READY = {
  ...{ session_id: 70, user: ME, epoch: "one", servers: [SERVER], registers: 0 },
  topics: [{ topic: 7, seq: 0 }, { topic: 10, seq: 5 }],
};
export const MEMBER = { roles: [], nickname: null, joined_at: null, timeout_until: null };

export function message(seq, rest = {}) {
  const message = { message_id: 1_000 + seq, seq, author_id: 8, content: `message ${seq}`, reply_to: null };
  return { ...message, edited_at: null, mentions: [], pinned: false, reactions: [], ...rest };
}

/** Somebody in a server with a channel, of which the last messages are held. */
export function knownState(messages = []) {
  const state = emptyState();
  const last = messages.at(-1);
  Object.assign(state, { me: ME, epoch: "one", users: { 7: ME }, topics: { 7: 0, 10: 5 } });
  state.servers[10] = { server: SERVER, loaded: true, roles: { 10: EVERYONE }, members: { 7: MEMBER }, mutes: {}, lockdown: null };
  state.channels[20] = { ...CHANNEL, server_id: 10, last_seq: last?.seq ?? 0, last_message_id: last?.message_id ?? null };
  state.windows[20] = { messages, start: true, head: true, follow: true, cached: false };
  return state;
}
