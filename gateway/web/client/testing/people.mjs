// People for tests: clients whose state can be waited for, on connections that can be cut.

import WebSocket from "ws";

import { createClient, emptyState, socketsOf } from "../build/index.js";

/** Waits that end have a test say which one did. */
const PATIENCE = 30_000;

/** A client, with what a test needs of it. */
export function newClient(urls, options = {}) {
  const state = emptyState();
  const waiting = new Set();
  const line = cuttable(socketsOf(WebSocket));
  const faults = [];
  const client = createClient({
    url: urls,
    state,
    socket: line.open,
    mutate(change) {
      change(state);
      queueMicrotask(() => waiting.forEach((look) => look()));
    },
    ...options,
  });
  client.on("failed", (fault) => faults.push(fault));
  /** Resolves once a condition on the state holds. */
  const until = (condition, what = String(condition)) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        waiting.delete(look);
        const { connection, sends } = state;
        reject(new Error(`waited in vain until ${what}: ${JSON.stringify({ connection, sends: Object.values(sends), faults: faults.map(String) })}`));
      }, PATIENCE);
      const look = () => {
        if (!condition(state)) return;
        clearTimeout(timer);
        waiting.delete(look);
        resolve(state);
      };
      waiting.add(look);
      look();
    });
  return { client, state, until, faults, cut: line.cut };
}

/** Sockets that a test can cut, as a crash of what is between would: what was sent may have arrived, or not. */
function cuttable(openSocket) {
  let cut = () => {};
  return {
    cut: () => cut(),
    open(url, handlers) {
      const socket = openSocket(url, handlers);
      cut = () => {
        socket.close(1000);
        handlers.onClose(1006);
      };
      return socket;
    },
  };
}

export const PASSWORD = "correct horse";

/** Signs somebody up, and waits until all is there. */
export async function arrive(urls, name, options) {
  const person = newClient(urls, options);
  await person.client.signUp({ name, password: PASSWORD });
  await open(person);
  return person;
}

export async function open({ client, until }) {
  client.connect();
  await until(({ connection }) => connection.state === "open", "the session is open");
}

/** Makes a server whose owner and members are these people. Says its id, and that of its first channel. */
export async function meet(owner, ...others) {
  const { server, channels } = await owner.client.call("server_create", 0, { name: "Company" });
  const { code } = await owner.client.call("invite_create", server.server_id, {});
  for (const { client } of others) await client.call("invite_redeem", 0, { code });
  const here = ({ servers }) => servers[server.server_id]?.loaded;
  await Promise.all([owner, ...others].map(({ until }) => until(here, "the server is known")));
  return { server: server.server_id, channel: channels[0].channel_id };
}

/** Numbers by chance that come again with the same seed (mulberry32). */
export function chance(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return { next, below: (end) => Math.floor(next() * end), pick: (list) => list[Math.floor(next() * list.length)] };
}
