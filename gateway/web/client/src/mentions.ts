// What calls upon the account: told by events, and fetched where some of it may be missing.

import { PERMISSIONS, type ChannelId, type Events, type Requests, type ServerId } from "./codec.js";
import { type Clock } from "./clock.js";
import { type Fetches } from "./fetches.js";
import { type Told } from "./options.js";
import { mentionsMe } from "./state/mentions.js";
import { mergeMentions } from "./state/merge.js";
import { holds, permissionsIn } from "./state/rights.js";
import { channelsOf, values, type State } from "./state/state.js";
import { wentBack } from "./state/unread.js";
import { findMessage } from "./state/window.js";
import { type Reply } from "./wire/call.js";

/** So many are looked at. */
const MOST = 100;
/** Within so many milliseconds all clients ask for what one event made them ask for. */
const SPREAD = 5_000;

export interface MentionsOptions {
  state: State;
  mutate(change: (state: State) => void): void;
  clock: Clock;
  random: () => number;
  fetches: Fetches;
  call<Name extends keyof Requests>(name: Name, scope: number, body: Requests[Name]["request"]): Promise<Reply<Name>>;
  failed(error: unknown): void;
}

export class Mentions {
  /** Where history could not be read since they were fetched: those of it were left out. */
  private readonly closed = new Set<ChannelId>();
  private underWay: Promise<void> | null = null;
  private soon = false;

  constructor(private readonly options: MentionsOptions) {}

  /** Fetches them where some may be missing: one time after the other, so that the last answer holds. */
  fetch(): Promise<void> {
    this.underWay ??= this.fetchDue().finally(() => (this.underWay = null));
    return this.underWay;
  }

  /** An event was applied: some of them may be missing now, which it does not tell. */
  heard({ event, topic }: Told["event"]): void {
    switch (event.name) {
      case "message_edited":
        return this.edited(event.body);
      case "unread_moved":
        return this.moved(event.body.cursor.channel_id);
      case "member_roles_changed":
        // What was said to a role calls upon whoever holds it now.
        if (event.body.user_id === this.options.state.me?.user_id) this.fetchNow();
        return;
      case "role_updated":
      case "role_deleted":
      case "channel_updated":
      case "server_updated":
        return this.rightsChanged(topic as ServerId);
    }
  }

  /** A cursor was moved. What it went back over calls upon the account again. */
  moved(channel: ChannelId): void {
    if (wentBack(this.options.state, channel)) this.fetchNow();
  }

  /** A message that is not held calls upon others now: whether it calls upon the account only the cluster knows. */
  private edited({ channel_id, message_id, mentions }: Events["message_edited"]): void {
    const { state } = this.options;
    const channel = state.channels[channel_id];
    if (channel === undefined || findMessage(state, channel_id, message_id) !== undefined) return;
    const known = state.mentions.some((mention) => mention.message_id === message_id);
    if (known !== mentionsMe(state, channel, mentions)) this.fetchSoon();
  }

  /** Where history may be read again, some of it may call upon the account. */
  private rightsChanged(server: ServerId): void {
    if (this.noteClosed(server)) this.fetchSoon();
  }

  /** Notes where history may not be read; says whether it may be somewhere where it could not. */
  private noteClosed(server: ServerId): boolean {
    const { clock, state } = this.options;
    const now = clock.now();
    let opened = false;
    for (const { channel_id } of channelsOf(state, server)) {
      const open = holds(permissionsIn(state, channel_id, now), PERMISSIONS.READ_HISTORY);
      if (!open) this.closed.add(channel_id);
      opened ||= open && this.closed.has(channel_id);
    }
    return opened;
  }

  private fetchNow(): void {
    this.options.mutate((state) => void (state.mentionsDue = true));
    this.fetch().catch(this.options.failed);
  }

  /** Many clients have the same reason in the same moment. */
  private fetchSoon(): void {
    const { clock, mutate, random } = this.options;
    mutate((state) => void (state.mentionsDue = true));
    if (this.soon) return;
    this.soon = true;
    clock.after(random() * SPREAD, () => {
      this.soon = false;
      this.fetch().catch(this.options.failed);
    });
  }

  private async fetchDue(): Promise<void> {
    const { call, fetches, mutate, state } = this.options;
    while (state.mentionsDue) {
      mutate((state) => void (state.mentionsDue = false));
      this.closed.clear();
      for (const { server } of values(state.servers)) this.noteClosed(server.server_id);
      try {
        await fetches.run(() => call("pings_get", 0, { limit: MOST }), mergeMentions);
      } catch (error) {
        mutate((state) => void (state.mentionsDue = true));
        throw error;
      }
    }
  }
}
