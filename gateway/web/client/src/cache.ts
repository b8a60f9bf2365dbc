// What a device shows before anything was fetched: how it was when it was last looked at.

import type { ChannelId } from "./codec.js";
import { type Clock } from "./clock.js";
import { type CachedWindow, type Snapshot, type Storage } from "./outbox/storage.js";
import { emptyWindow } from "./state/window.js";
import { type State } from "./state/state.js";

/** Changes are written together, this long after the first. */
const EVERY = 5_000;
/** So many messages of a channel's end are kept. */
const MESSAGES = 50;
/** So many channels' ends are kept from one visit to the next: those in which something was said last. */
const CHANNELS = 50;
/** The one snapshot. */
const KEY = 0;

export interface CacheOptions {
  state: State;
  mutate(change: (state: State) => void): void;
  clock: Clock;
}

export class Cache {
  private storage: Storage | null = null;
  private readonly changed = new Set<ChannelId>();
  private waiting = false;
  private callOff = () => {};

  constructor(private readonly options: CacheOptions) {}

  /** Shows what is kept, as long as nothing better is there. */
  async open(storage: Storage): Promise<void> {
    this.storage = storage;
    if (this.options.state.epoch !== null) return;
    const [snapshot, windows] = await Promise.all([storage.get("snapshot", KEY), storage.all("windows")]);
    // Left or forgotten meanwhile: it is not to be shown.
    if (this.storage !== storage) return;
    if (snapshot === undefined || this.options.state.session !== null) return;
    const latest = windows.toSorted((one, other) => lastSaid(other) - lastSaid(one));
    const [kept, dropped] = [latest.slice(0, CHANNELS), latest.slice(CHANNELS)];
    this.options.mutate((state) => {
      Object.assign(state, snapshot);
      for (const window of kept) if (window.epoch === snapshot.epoch) show(state, window);
    });
    await Promise.all(dropped.map(({ channel_id }) => storage.delete("windows", channel_id)));
  }

  close(): void {
    this.callOff();
    this.waiting = false;
    this.storage = null;
    this.changed.clear();
  }

  /** Something changed, in this channel or elsewhere. */
  note(channel?: ChannelId): void {
    if (channel !== undefined) this.changed.add(channel);
    if (this.waiting || this.storage === null) return;
    this.waiting = true;
    this.callOff = this.options.clock.after(EVERY, () => this.save());
  }

  /** Writes what changed, as when the page is left. What cannot be written is fetched next time. */
  save(): void {
    this.callOff();
    this.waiting = false;
    const { storage } = this;
    const { state } = this.options;
    const channels = [...this.changed];
    this.changed.clear();
    if (storage === null || state.epoch === null || state.session === null) return;
    const writes = channels.map((channel) => {
      const window = cachedWindow(state, channel, state.epoch ?? "");
      return window === null ? storage.delete("windows", channel) : storage.put("windows", channel, window);
    });
    writes.push(storage.put("snapshot", KEY, snapshotOf(state)));
    Promise.all(writes).catch(() => {});
  }

  /** Another session may not see what this one saw, and nothing of it is written again; what was to be sent stays. */
  async forget(storage = this.storage): Promise<void> {
    this.close();
    if (storage === null) return;
    const windows = await storage.all("windows");
    await Promise.all(windows.map(({ channel_id }) => storage.delete("windows", channel_id)));
    await storage.delete("snapshot", KEY);
  }
}

/** Ids grow with time. */
const lastSaid = ({ messages }: CachedWindow): number => messages.at(-1)?.message_id ?? 0;

function show(state: State, { channel_id, messages }: CachedWindow): void {
  if (state.channels[channel_id] === undefined) return;
  state.windows[channel_id] = { ...emptyWindow(), messages, head: true, cached: true };
}

function cachedWindow(state: State, channel_id: ChannelId, epoch: string): CachedWindow | null {
  const window = state.windows[channel_id];
  if (window === undefined || !window.head) return null;
  return { channel_id, epoch, messages: plain(window.messages.slice(-MESSAGES)) };
}

function snapshotOf({ me, epoch, users, servers, channels, cursors, levels, mentions }: State): Snapshot {
  return plain({ me, epoch, users, servers, channels, cursors, levels, mentions });
}

/** A copy that no later change reaches, and that a storage can clone whatever wraps the state. */
function plain<Value>(value: Value): Value {
  return JSON.parse(JSON.stringify(value)) as Value;
}
