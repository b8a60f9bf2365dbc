// What is not read: counted from cursors, never guessed.

import type { ChannelId, ReadCursor, ServerId } from "../codec.js";
import { mutedUntil } from "./levels.js";
import { advanceRegisters } from "./registers.js";
import { channelsOf, keepMentions, type State } from "./state.js";

/** A cursor was moved, here or elsewhere. The later version holds. */
export function advanceCursor(state: State, cursor: ReadCursor): void {
  const known = state.cursors[cursor.channel_id];
  if (known === undefined || known.version < cursor.version) state.cursors[cursor.channel_id] = cursor;
  advanceRegisters(state, cursor.version);
  dropRead(state, cursor.channel_id);
}

/** What is read calls upon nobody any more. */
export function dropRead(state: State, channel: ChannelId): void {
  const read = state.cursors[channel]?.seq ?? 0;
  state.mentionsFrom[channel] = Math.max(read, state.mentionsFrom[channel] ?? 0);
  keepMentions(state, (mention) => mention.channel_id !== channel || mention.seq > read);
}

/** Whether a cursor stands before what was read already: what lies between may call upon the account again. */
export function wentBack(state: State, channel: ChannelId): boolean {
  return (state.cursors[channel]?.seq ?? 0) < (state.mentionsFrom[channel] ?? 0);
}

/** How many messages came after the cursor. A channel without a cursor was never read, and nothing counts there. */
export function unreadOf(state: State, id: ChannelId): number {
  const cursor = state.cursors[id];
  const channel = state.channels[id];
  return cursor === undefined || channel === undefined ? 0 : Math.max(0, channel.last_seq - cursor.seq);
}

/** How many messages that are not read mention the account. */
export function mentionsIn(state: State, id: ChannelId): number {
  return state.mentions.filter((mention) => mention.channel_id === id).length;
}

/** Whether a channel is shown as unread: one that is muted keeps still. What mentions the account counts all the same. */
export function showsUnread(state: State, id: ChannelId, now: number): boolean {
  return unreadOf(state, id) > 0 && mutedUntil(state, id, now) === null;
}

/** The same of a whole server. */
export function unreadOfServer(state: State, id: ServerId, now: number): { unread: boolean; mentions: number } {
  return {
    unread: channelsOf(state, id).some(({ channel_id }) => showsUnread(state, channel_id, now)),
    mentions: state.mentions.filter((mention) => mention.server_id === id).length,
  };
}
