// What a client is made with, and what it tells.

import type { Events, Named, UserId } from "./codec.js";
import { type Clock } from "./clock.js";
import { type Storage } from "./outbox/storage.js";
import { type Lock, type Tabs } from "./outbox/tabs.js";
import { type Connection, type State } from "./state/state.js";
import { type Body } from "./wire/call.js";
import { type Fetch } from "./wire/http.js";
import { type Ticker } from "./wire/pulse.js";
import { type OpenSocket, type WebSocketClass } from "./wire/socket.js";

export interface ClientOptions {
  /** A gateway, or several of one cluster: `https://chat.example`. */
  url: string | readonly string[];
  /** What opens the session of a bot. Without one, `signIn` gets one. */
  token?: string;
  /** The browser's way: the token rests in a cookie that no script reads. */
  cookie?: boolean;
  /** Where to keep the state; an empty one otherwise. */
  state?: State;
  /** How the state is changed; a user interface wraps it, to notice. */
  mutate?: (change: (state: State) => void) => void;
  /** When events that came are applied: at once, or with the next picture. It is called once until it ran what it got. */
  schedule?: (flush: () => void) => void;
  /** Where a device keeps what survives a reload, by account. Where it fails, memory takes its place. */
  storage?: (user: UserId) => Storage | Promise<Storage>;
  lock?: Lock;
  tabs?: (user: UserId) => Tabs;
  clock?: Clock;
  ticker?: Ticker;
  random?: () => number;
  fetch?: Fetch;
  /** The class of WebSockets, where the platform has none: Node 20 with the package `ws`. */
  webSocket?: WebSocketClass;
  socket?: OpenSocket;
}

/** What a client tells besides its state. */
export interface Told {
  /** An event was applied, and its server is known; `topic` is the server or the account. */
  event: { event: Named<Events>; topic: number; seq: number };
  connection: Connection;
  /** Something that was to be fetched could not be: what is shown may be old. */
  failed: unknown;
}

/** A sign-in without its nonce. */
export type Credentials<Name extends "login" | "register" | "guest"> = Body<Name>;
