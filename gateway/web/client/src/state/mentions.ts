import type { AnyId, Message } from "../codec.js";
import { keepMentions, type ChannelState, type State } from "./state.js";

/** So many mentions that are not read are kept: of more, the newest. */
export const MENTIONS = 200;

/** Whether a message calls upon the account: itself, a role that it holds, or everyone. */
export function mentionsMe(state: State, { server_id }: ChannelState, mentions: readonly AnyId[]): boolean {
  const me = state.me?.user_id;
  if (me === undefined || mentions.length === 0) return false;
  const roles = state.servers[server_id]?.members[me]?.roles ?? [];
  const own: readonly number[] = [me, server_id, ...roles];
  return mentions.some((mention) => own.includes(mention));
}

/** A message mentions others now than before. */
export function changeMention(state: State, channel: ChannelState, message: Message): void {
  if (mentionsMe(state, channel, message.mentions)) noteMention(state, channel, message);
  else keepMentions(state, ({ message_id }) => message_id !== message.message_id);
}

/** Keeps in mind that a message calls upon the account, until it is read. */
export function noteMention(state: State, channel: ChannelState, message: Message): void {
  const { message_id, seq, author_id } = message;
  const { channel_id, server_id } = channel;
  const read = state.cursors[channel_id]?.seq ?? 0;
  if (author_id === state.me?.user_id || seq <= read || !mentionsMe(state, channel, message.mentions)) return;
  if (state.mentions.some((mention) => mention.message_id === message_id)) return;
  state.mentions.push({ server_id, channel_id, message_id, seq });
  state.mentions.sort((a, b) => a.message_id - b.message_id);
  if (state.mentions.length > MENTIONS) state.mentions.shift();
}
