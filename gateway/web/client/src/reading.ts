// How far is read: shown at once, told to the cluster now and again.

import type { ChannelId, Requests } from "./codec.js";
import { type Clock } from "./clock.js";
import { refusalOf } from "./refusal.js";
import { advanceCursor, dropRead } from "./state/unread.js";
import { type State } from "./state/state.js";
import { type Reply } from "./wire/call.js";

/** Cursors that were moved are told together, this long after the first. */
const EVERY = 2_000;

export interface ReadingOptions {
  state: State;
  mutate(change: (state: State) => void): void;
  clock: Clock;
  call<Name extends keyof Requests>(name: Name, scope: number, body: Requests[Name]["request"]): Promise<Reply<Name>>;
}

export class Reading {
  private readonly moved = new Map<ChannelId, number>();
  private waiting = false;
  private callOff = () => {};

  constructor(private readonly options: ReadingOptions) {}

  /** What was seen up to there is read. A place before the cursor changes nothing. */
  read(channel_id: ChannelId, seq: number): void {
    const { clock, mutate, state } = this.options;
    // A channel that was never read has its cursor at the beginning.
    if ((state.cursors[channel_id]?.seq ?? 0) >= seq) return;
    mutate((state) => {
      const known = state.cursors[channel_id];
      if (known === undefined) state.cursors[channel_id] = { channel_id, seq, version: 0 };
      else known.seq = seq;
      dropRead(state, channel_id);
    });
    this.moved.set(channel_id, seq);
    if (this.waiting) return;
    this.waiting = true;
    this.callOff = clock.after(EVERY, () => this.tell());
  }

  /** Tells at once what was read, as when the page is left. */
  tell(): void {
    this.callOff();
    this.waiting = false;
    const moved = [...this.moved];
    this.moved.clear();
    for (const [channel_id, seq] of moved) void this.ack(channel_id, seq);
  }

  /** What follows `seq` is to count as unread. */
  async markUnread(channel_id: ChannelId, seq: number): Promise<void> {
    const { call, mutate, state } = this.options;
    this.moved.delete(channel_id);
    const seen = state.cursors[channel_id]?.version ?? 0;
    const cursor = await call("mark_unread", 0, { channel_id, seq, seen });
    mutate((state) => advanceCursor(state, cursor));
  }

  private async ack(channel_id: ChannelId, seq: number): Promise<void> {
    const { call, mutate } = this.options;
    try {
      const cursor = await call("unreads_ack", 0, { channel_id, seq });
      mutate((state) => advanceCursor(state, cursor));
    } catch (error) {
      // Nobody decided it: it is told with the next ones. Else it is not ours to tell any more.
      if (refusalOf(error).undecided && !this.moved.has(channel_id)) this.moved.set(channel_id, seq);
    }
  }
}
