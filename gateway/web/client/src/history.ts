// Moving through the history of channels.

import type { ChannelId, MessageId, Requests, ServerId, UserId } from "./codec.js";
import { type Fetches } from "./fetches.js";
import { mergeAround, mergeLatest, mergePage } from "./state/merge.js";
import { type State } from "./state/state.js";
import { type Reply } from "./wire/call.js";

/** So many messages are fetched at once. */
const PAGE = 50;
/** And so many on each side of a message that was jumped to. */
const AROUND = 25;

export interface HistoryOptions {
  state: State;
  mutate(change: (state: State) => void): void;
  fetches: Fetches;
  call<Name extends keyof Requests>(name: Name, scope: number, body: Requests[Name]["request"]): Promise<Reply<Name>>;
  /** Authors who are not known yet are looked up. */
  met(users: UserId[], server: ServerId): void;
  /** A window holds something else. */
  changed(channel: ChannelId): void;
  failed(error: unknown): void;
}

/** So many windows are held besides those that are shown. */
const WINDOWS = 20;

export class History {
  /** Fetches under way, by channel and direction: asking twice asks once. */
  private readonly underWay = new Map<string, Promise<void>>();

  /** Channels that are shown, and how often; then those that were, the last one last. */
  private readonly showing = new Map<ChannelId, number>();
  private readonly left = new Set<ChannelId>();

  constructor(private readonly options: HistoryOptions) {}

  shown(): ChannelId[] {
    return [...this.showing.keys()];
  }

  /** Shows a channel: its end is fetched unless it is held. What this returns ends the showing. */
  show(channel: ChannelId): () => void {
    this.showing.set(channel, (this.showing.get(channel) ?? 0) + 1);
    this.left.delete(channel);
    if (this.options.state.windows[channel]?.cached !== false) this.latest(channel).catch(this.options.failed);
    let shown = true;
    return () => {
      if (shown) this.hide(channel);
      shown = false;
    };
  }

  /** Whether the reader is at the end of what is held. */
  follow(channel: ChannelId, follow: boolean): void {
    const { mutate, state } = this.options;
    if ((state.windows[channel]?.follow ?? follow) === follow) return;
    mutate((state) => {
      const window = state.windows[channel];
      if (window !== undefined) window.follow = follow;
    });
  }

  /** The end of a channel's history, in place of what is held. */
  latest(channel_id: ChannelId): Promise<void> {
    return this.once(`latest ${channel_id}`, channel_id, async (scope) => {
      const { call, fetches } = this.options;
      const page = await fetches.run(
        () => call("messages_get", scope, { channel_id, limit: PAGE }),
        (state, page) => mergeLatest(state, channel_id, page, PAGE),
      );
      this.meet(channel_id, page);
    });
  }

  /** What comes before, or behind, what is held. */
  more(channel_id: ChannelId, side: "before" | "after"): Promise<void> {
    return this.once(`${side} ${channel_id}`, channel_id, async (scope) => {
      const { call, fetches, state } = this.options;
      const window = state.windows[channel_id];
      const edge = side === "before" ? window?.messages[0] : window?.messages.at(-1);
      if (edge === undefined || (side === "before" ? window?.start : window?.head)) return;
      const page = await fetches.run(
        () => call("messages_get", scope, { channel_id, [side]: edge.seq, limit: PAGE }),
        (state, page) => {
          // Another window may have come in its place meanwhile.
          const now = state.windows[channel_id]?.messages;
          const still = side === "before" ? now?.[0] : now?.at(-1);
          if (still?.seq === edge.seq) mergePage(state, channel_id, side, page, PAGE);
        },
      );
      this.meet(channel_id, page);
    });
  }

  /** A message among others, in place of what is held. */
  around(channel_id: ChannelId, message_id: MessageId): Promise<void> {
    return this.once(`${message_id} ${channel_id}`, channel_id, async (scope) => {
      const { call, fetches } = this.options;
      const page = await fetches.run(
        () => call("messages_around", scope, { channel_id, message_id, limit: AROUND }),
        (state, page) => mergeAround(state, channel_id, page),
      );
      this.meet(channel_id, page);
    });
  }

  /** A window that does not hold the end goes: next time the end is shown. Of the others the last ones stay. */
  private hide(channel: ChannelId): void {
    const { mutate, state } = this.options;
    const times = (this.showing.get(channel) ?? 1) - 1;
    if (times > 0) return void this.showing.set(channel, times);
    this.showing.delete(channel);
    this.left.add(channel);
    this.follow(channel, true);
    const [oldest] = this.left;
    const gone = state.windows[channel]?.head === false ? channel : this.left.size > WINDOWS ? oldest : undefined;
    if (gone === undefined) return;
    this.left.delete(gone);
    mutate((state) => void delete state.windows[gone]);
  }

  private meet(channel: ChannelId, { messages }: { messages: readonly { author_id: UserId }[] }): void {
    const server = this.options.state.channels[channel]?.server_id;
    if (server !== undefined) this.options.met(messages.map(({ author_id }) => author_id), server);
    this.options.changed(channel);
  }

  private once(key: string, channel: ChannelId, work: (scope: ServerId) => Promise<void>): Promise<void> {
    const known = this.underWay.get(key);
    if (known !== undefined) return known;
    const scope = this.options.state.channels[channel]?.server_id;
    if (scope === undefined) return Promise.resolve();
    const begun = work(scope).finally(() => this.underWay.delete(key));
    this.underWay.set(key, begun);
    return begun;
  }
}
