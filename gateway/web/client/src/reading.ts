// How far is read: shown at once, told to the cluster now and again.

import type { ChannelId, ReadCursor, Requests } from "./codec.js";
import { type Clock } from "./clock.js";
import { refusalOf, type Refusal } from "./refusal.js";
import { advanceCursor, dropRead } from "./state/unread.js";
import { type State } from "./state/state.js";
import { type Reply } from "./wire/call.js";

/** Cursors that were moved are told together, this long after the first. */
const EVERY = 2_000;
/** So many are told at a time: a thousand channels that are read at once are no flood. */
const AT_A_TIME = 30;
/** And so many once the cluster says that it was too much. */
const FEW = 4;

export interface ReadingOptions {
  state: State;
  mutate(change: (state: State) => void): void;
  clock: Clock;
  call<Name extends keyof Requests>(name: Name, scope: number, body: Requests[Name]["request"]): Promise<Reply<Name>>;
}

export class Reading {
  /** What was read and is to be told, and what is being told. */
  private readonly moved = new Map<ChannelId, number>();
  private readonly telling = new Map<ChannelId, number>();
  /** What is being told, until it is answered. */
  private readonly acks = new Map<ChannelId, Promise<unknown>>();
  private waiting = false;
  private room = AT_A_TIME;
  private callOff = () => {};

  constructor(private readonly options: ReadingOptions) {}

  /** What was seen up to there is read. A place before the cursor changes nothing. */
  read(channel_id: ChannelId, seq: number): void {
    const { mutate, state } = this.options;
    // A channel that was never read has its cursor at the beginning.
    if ((state.cursors[channel_id]?.seq ?? 0) >= seq) return;
    mutate((state) => {
      state.cursors[channel_id] ??= { channel_id, seq: 0, version: 0 };
      raise(state, channel_id, seq);
    });
    this.wish(channel_id, seq);
    this.tellSoon();
  }

  /** Tells at once what was read, as when the page is left. */
  tell(): void {
    this.callOff();
    this.waiting = false;
    const room = Math.max(0, this.room - this.telling.size);
    // What was read last first: it is where somebody is.
    for (const [channel_id, seq] of [...this.moved].reverse().slice(0, room)) {
      this.moved.delete(channel_id);
      const acks = Promise.all([this.acks.get(channel_id), this.ack(channel_id, seq)]);
      this.acks.set(channel_id, acks);
      void acks.then(() => this.acks.get(channel_id) === acks && this.acks.delete(channel_id));
    }
  }

  /** What follows `seq` is to count as unread. */
  async markUnread(channel_id: ChannelId, seq: number): Promise<ReadCursor> {
    const { call, mutate, state } = this.options;
    this.moved.delete(channel_id);
    this.telling.delete(channel_id);
    // What is being told would come behind it, and be repeated.
    await this.acks.get(channel_id);
    const seen = state.cursors[channel_id]?.version ?? 0;
    const cursor = await call("mark_unread", 0, { channel_id, seq, seen });
    mutate((state) => advanceCursor(state, cursor));
    return cursor;
  }

  /** A cursor that was moved elsewhere, and not as far, does not take back what was read here and is not told yet. */
  hold(state: State): void {
    for (const pending of [this.telling, this.moved]) {
      for (const [channel, seq] of pending) raise(state, channel, seq);
    }
  }

  /** Another account, or none. */
  forget(): void {
    this.callOff();
    this.waiting = false;
    this.room = AT_A_TIME;
    this.moved.clear();
    this.telling.clear();
  }

  /** Is to be told, before all others. */
  private wish(channel_id: ChannelId, seq: number): void {
    this.moved.delete(channel_id);
    this.moved.set(channel_id, seq);
  }

  private tellSoon(): void {
    if (!this.waiting) this.tellIn(EVERY);
  }

  private tellIn(wait: number): void {
    this.callOff();
    this.waiting = true;
    this.callOff = this.options.clock.after(wait, () => this.tell());
  }

  private async ack(channel_id: ChannelId, seq: number): Promise<void> {
    const { call, mutate } = this.options;
    this.telling.set(channel_id, seq);
    const over = () => this.telling.get(channel_id) === seq && this.telling.delete(channel_id);
    try {
      const cursor = await call("unreads_ack", 0, { channel_id, seq });
      over();
      mutate((state) => {
        advanceCursor(state, cursor);
        this.hold(state);
      });
      if (this.moved.size === 0) this.room = AT_A_TIME;
      else this.tellSoon();
    } catch (error) {
      this.refused(channel_id, seq, over(), refusalOf(error));
    }
  }

  /** Nobody decided it, or it came too soon: it is told with the next ones. Else it is not ours to tell any more. */
  private refused(channel_id: ChannelId, seq: number, ours: boolean, { passing, reason, retryAfter }: Refusal): void {
    if (reason === "rate_limited") this.room = FEW;
    if (ours && passing && !this.moved.has(channel_id)) this.wish(channel_id, seq);
    if (this.moved.size > 0) this.tellIn(Math.max(EVERY, retryAfter ?? 0));
  }
}

function raise(state: State, channel: ChannelId, seq: number): void {
  const known = state.cursors[channel];
  if (known === undefined || known.seq >= seq) return;
  known.seq = seq;
  dropRead(state, channel);
}
