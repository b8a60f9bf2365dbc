// Moving through the history of channels.

import type { ChannelId, MessageId, MessagesAround, Requests, ServerId, UserId } from "./codec.js";
import { type Fetches } from "./fetches.js";
import { mergeAround, mergeLatest, mergePage } from "./state/merge.js";
import { type State } from "./state/state.js";
import { reaches } from "./state/window.js";
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

/** Where a channel is opened, if not at its end: around a message, or where something that was read ends. */
export type Opening = { message: MessageId } | { after: number };

/** So many windows are held besides those that are shown. */
const WINDOWS = 20;

export class History {
  /** Fetches under way, by channel and direction: asking twice asks once. */
  private readonly underWay = new Map<string, Promise<void>>();

  /** Which window of a channel was asked for last: what was asked for before does not come in its place. */
  private readonly asked = new Map<ChannelId, string>();

  /** Where readers are who are not at the end. */
  private readonly reading = new Map<ChannelId, number>();

  /** Channels that are shown, and how often; then those that were, the last one last. */
  private readonly showing = new Map<ChannelId, number>();
  private readonly left = new Set<ChannelId>();

  constructor(private readonly options: HistoryOptions) {}

  shown(): ChannelId[] {
    return [...this.showing.keys()];
  }

  shows(channel: ChannelId): boolean {
    return this.showing.has(channel);
  }

  /** Shows a channel: its end is fetched unless it is held, or another place of it. What this returns ends the showing. */
  show(channel: ChannelId, opening?: Opening): () => void {
    this.showing.set(channel, (this.showing.get(channel) ?? 0) + 1);
    this.left.delete(channel);
    this.open(channel, opening).catch((error) => this.failed(channel, error));
    let shown = true;
    return () => {
      if (shown) this.hide(channel);
      shown = false;
    };
  }

  /** Whether the reader is at the end of what is held, and else by which place. */
  follow(channel: ChannelId, follow: boolean, seq?: number): void {
    const { mutate, state } = this.options;
    if (follow || seq === undefined) this.reading.delete(channel);
    else this.reading.set(channel, seq);
    if ((state.windows[channel]?.follow ?? follow) === follow) return;
    mutate((state) => {
      const window = state.windows[channel];
      if (window !== undefined) window.follow = follow;
    });
  }

  /** The end of a channel's history, in place of what is held. */
  latest(channel_id: ChannelId): Promise<void> {
    const { call } = this.options;
    return this.replace(
      channel_id,
      "latest",
      (scope) => call("messages_get", scope, { channel_id, limit: PAGE }),
      (state, page) => mergeLatest(state, channel_id, page, PAGE),
    );
  }

  /** What comes before, or behind, what is held. */
  more(channel_id: ChannelId, side: "before" | "after"): Promise<void> {
    return this.once(`${side} ${channel_id}`, channel_id, async (scope) => {
      const { call, fetches, state } = this.options;
      const window = state.windows[channel_id];
      const edge = side === "before" ? window?.messages[0] : window?.messages.at(-1);
      if (window === undefined || (side === "before" ? window.start : window.head)) return;
      // All that was held was deleted, and says no more where to go on.
      if (edge === undefined) return this.latest(channel_id);
      const page = await fetches.run(
        () => call("messages_get", scope, { channel_id, [side]: edge.seq, limit: PAGE }),
        (state, page) => {
          // Another window may have come in its place meanwhile.
          const now = state.windows[channel_id]?.messages;
          const still = side === "before" ? now?.[0] : now?.at(-1);
          if (still?.seq === edge.seq) mergePage(state, channel_id, side, page, PAGE);
        },
      );
      this.took(channel_id, page);
    });
  }

  /** A message among others, in place of what is held. */
  around(channel_id: ChannelId, message_id: MessageId): Promise<void> {
    const { call } = this.options;
    return this.replace(
      channel_id,
      `message ${message_id}`,
      (scope) => call("messages_around", scope, { channel_id, message_id, limit: AROUND }),
      (state, page) => mergeAround(state, channel_id, page),
    );
  }

  /** What stands before and behind a place, in place of what is held. */
  behind(channel_id: ChannelId, seq: number): Promise<void> {
    return this.replace(
      channel_id,
      `behind ${seq}`,
      (scope) => this.surroundings(scope, channel_id, seq),
      (state, page) => mergeAround(state, channel_id, page),
    );
  }

  /** What is shown, as it is now: another window that is under way, the place where the reader is, or the end. */
  reload(channel: ChannelId): Promise<void> {
    const underWay = this.underWay.get(`${this.asked.get(channel)} ${channel}`);
    if (underWay !== undefined) return underWay;
    const window = this.options.state.windows[channel];
    const seq = this.reading.get(channel) ?? window?.messages[window.messages.length >> 1]?.seq;
    const atEnd = window === undefined || (window.head && window.follow);
    return atEnd || seq === undefined ? this.latest(channel) : this.behind(channel, seq);
  }

  private async open(channel: ChannelId, opening: Opening | undefined): Promise<void> {
    const window = this.options.state.windows[channel];
    const held = window !== undefined && !window.cached;
    // Who spoke while nobody looked is not known yet.
    if (window !== undefined) this.meetAuthors(channel, window);
    try {
      if (opening === undefined) return held ? undefined : await this.latest(channel);
      if ("message" in opening) {
        if (!held || !window.messages.some(({ message_id }) => message_id === opening.message)) await this.around(channel, opening.message);
      } else if (!held || !reaches(window, opening.after)) await this.behind(channel, opening.after);
    } catch (error) {
      // What it was to be opened at is gone, perhaps: then its end is shown.
      if (opening === undefined || this.options.state.windows[channel]?.cached === false) throw error;
      await this.latest(channel);
    }
  }

  private async surroundings(scope: ServerId, channel_id: ChannelId, seq: number): Promise<MessagesAround> {
    const page = (side: { before: number } | { after: number }) => this.options.call("messages_get", scope, { channel_id, ...side, limit: AROUND });
    const [before, after] = await Promise.all([page({ before: seq + 1 }), page({ after: seq })]);
    const goesOn = ({ messages, more }: Reply<"messages_get">) => more || messages.length === AROUND;
    return { messages: [...before.messages, ...after.messages], more_before: goesOn(before), more_after: goesOn(after) };
  }

  /** Fetches another window, unless still another one is asked for meanwhile. */
  private replace<Page extends { messages: readonly { author_id: UserId }[] }>(
    channel: ChannelId,
    which: string,
    ask: (scope: ServerId) => Promise<Page>,
    merge: (state: State, page: Page) => void,
  ): Promise<void> {
    this.asked.set(channel, which);
    return this.once(`${which} ${channel}`, channel, async (scope) => {
      const page = await this.options.fetches.run(
        () => ask(scope),
        (state, page) => void (this.asked.get(channel) === which && merge(state, page)),
      );
      this.took(channel, page);
    });
  }

  /** Who lost a channel meanwhile misses nothing. */
  private failed(channel: ChannelId, error: unknown): void {
    if (this.options.state.channels[channel] !== undefined) this.options.failed(error);
  }

  /** A window that does not hold the end goes: next time the end is shown. Of the others the last ones stay. */
  private hide(channel: ChannelId): void {
    const { mutate, state } = this.options;
    const times = (this.showing.get(channel) ?? 1) - 1;
    if (times > 0) return void this.showing.set(channel, times);
    this.showing.delete(channel);
    this.left.add(channel);
    // Another place that is on its way is not to be shown any more.
    if (this.asked.get(channel) !== "latest") this.asked.delete(channel);
    this.follow(channel, true);
    const [oldest] = this.left;
    const gone = state.windows[channel]?.head === false ? channel : this.left.size > WINDOWS ? oldest : undefined;
    if (gone === undefined) return;
    this.left.delete(gone);
    mutate((state) => void delete state.windows[gone]);
  }

  /** Rows that were fetched became part of a window. */
  private took(channel: ChannelId, page: { messages: readonly { author_id: UserId }[] }): void {
    this.meetAuthors(channel, page);
    this.options.changed(channel);
  }

  private meetAuthors(channel: ChannelId, { messages }: { messages: readonly { author_id: UserId }[] }): void {
    const server = this.options.state.channels[channel]?.server_id;
    if (server !== undefined) this.options.met(messages.map(({ author_id }) => author_id), server);
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
