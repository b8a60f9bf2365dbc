// Time that a test moves, and a gateway that a test plays.

import { decode as unpack, encode as pack } from "@msgpack/msgpack";

import { CONTROLS, emptyState, encode, EVENTS, REQUESTS } from "../build/index.js";

/** A clock that stands still until it is moved. */
export function fakeClock(now = 1_000_000) {
  let timers = [];
  return {
    now: () => now,
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
