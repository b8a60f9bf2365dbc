// Where a device keeps what must survive a reload. In Node it need not: memory will do.

import type { ChannelState, Knowledge, Window } from "../state/state.js";
import type { Draft, Send } from "./send.js";

/** What is kept, by kind. Keys are the nonce, the channel, and 0 for the one snapshot. */
export interface Boxes {
  outbox: Send;
  drafts: Draft;
  /** Ends of histories, to show at once what was there. */
  windows: CachedWindow;
  snapshot: Snapshot;
}

export interface CachedWindow {
  channel_id: ChannelState["channel_id"];
  epoch: string;
  messages: Window["messages"];
}

/** What to show before anything was fetched. */
export type Snapshot = Pick<Knowledge, "me" | "epoch" | "users" | "servers" | "channels" | "cursors" | "levels" | "mentions">;

export type Key = string | number;

/** The storage of one account on one device. */
export interface Storage {
  all<Box extends keyof Boxes>(box: Box): Promise<Boxes[Box][]>;
  get<Box extends keyof Boxes>(box: Box, key: Key): Promise<Boxes[Box] | undefined>;
  put<Box extends keyof Boxes>(box: Box, key: Key, value: Boxes[Box]): Promise<void>;
  delete(box: keyof Boxes, key: Key): Promise<void>;
  /** Forgets everything: the account signed out. */
  clear(): Promise<void>;
  close(): void;
}

/** Keeps everything as long as the program runs. */
export function memoryStorage(): Storage {
  const boxes: { [Box in keyof Boxes]: Map<Key, Boxes[Box]> } = {
    outbox: new Map(),
    drafts: new Map(),
    windows: new Map(),
    snapshot: new Map(),
  };
  return {
    all: async (box) => [...boxes[box].values()],
    get: async (box, key) => boxes[box].get(key),
    put: async (box, key, value) => void boxes[box].set(key, value),
    delete: async (box, key) => void boxes[box].delete(key),
    clear: async () => Object.values(boxes).forEach((box) => box.clear()),
    close: () => {},
  };
}
