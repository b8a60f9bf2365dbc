import type { ChannelId, Message, MessageId, UserId } from "../../codec.js";
import { changeMention, noteMention } from "../mentions.js";
import { claim, dropSends } from "../sends.js";
import { type State } from "../state.js";
import { addNew, findMessage, removeMessages } from "../window.js";
import { type Handlers } from "./table.js";

export const message: Handlers<
  | "message_created"
  | "message_edited"
  | "message_deleted"
  | "messages_deleted"
  | "message_pinned"
  | "message_unpinned"
  | "reaction_added"
  | "reaction_removed"
> = {
  message_created(state, { channel_id, message }) {
    const channel = state.channels[channel_id];
    if (channel === undefined) return;
    if (channel.last_seq <= message.seq) {
      channel.last_seq = message.seq;
      channel.last_message_id = message.message_id;
    }
    delete state.typing[channel_id]?.[message.author_id];
    claim(state, channel_id, message);
    noteMention(state, channel, message);
    const window = state.windows[channel_id];
    if (window !== undefined) addNew(window, message);
  },
  message_edited(state, { channel_id, message_id, content, edited_at, mentions }) {
    const message = findMessage(state, channel_id, message_id);
    const channel = state.channels[channel_id];
    if (message === undefined || channel === undefined) return;
    Object.assign(message, { content, edited_at, mentions });
    changeMention(state, channel, message);
  },
  message_deleted: (state, { channel_id, message_id }) => remove(state, channel_id, [message_id]),
  messages_deleted: (state, { channel_id, message_ids }) => remove(state, channel_id, message_ids),
  message_pinned(state, { channel_id, message_id }) {
    const message = findMessage(state, channel_id, message_id);
    if (message !== undefined) message.pinned = true;
  },
  message_unpinned(state, { channel_id, message_id }) {
    const message = findMessage(state, channel_id, message_id);
    if (message !== undefined) message.pinned = false;
  },
  reaction_added(state, { channel_id, message_id, user_id, emoji, count }) {
    const message = findMessage(state, channel_id, message_id);
    if (message !== undefined) react(state, message, { user_id, emoji, count }, true);
  },
  reaction_removed(state, { channel_id, message_id, user_id, emoji, count }) {
    const message = findMessage(state, channel_id, message_id);
    if (message !== undefined) react(state, message, { user_id, emoji, count }, false);
  },
};

function remove(state: State, channel: ChannelId, ids: readonly MessageId[]): void {
  removeMessages(state, channel, ids);
  dropSends(state, ids);
}

/** An event says how many there are now, and who did it: so the reader knows of himself. */
function react(
  state: State,
  { reactions }: Message,
  { user_id, emoji, count }: { user_id: UserId; emoji: string; count: number },
  added: boolean,
): void {
  const place = reactions.findIndex((reaction) => reaction.emoji === emoji);
  const mine = user_id === state.me?.user_id;
  const known = reactions[place];
  if (count === 0) {
    if (known !== undefined) reactions.splice(place, 1);
  } else if (known === undefined) {
    reactions.push({ emoji, count, me: mine && added });
  } else {
    known.count = count;
    if (mine) known.me = added;
  }
}
