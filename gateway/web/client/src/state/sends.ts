// What is sent, beside what is stored: an overlay by nonce. A message keeps the key that it had when it was only a wish.

import type { ChannelId, Message, MessageId } from "../codec.js";
import type { Send } from "../outbox/send.js";
import { type State } from "./state.js";
import { findMessage } from "./window.js";

/** So many nonces of messages are remembered. */
const KEYS = 1_000;

/** A line of a channel: a message, or something on its way to become one. */
export interface Row {
  /** Stays the same for life. */
  key: string;
  message: Message | null;
  send: Send | null;
}

/** The key of a message's row. */
export function keyOf(state: State, message: Message): string {
  return state.keys[message.message_id] ?? String(message.message_id);
}

/** What is on its way in a channel and not shown as a message yet, in order. */
export function sendsOf(state: State, channel: ChannelId): Send[] {
  return Object.values(state.sends).filter(
    ({ channel_id, message_id }) =>
      channel_id === channel && (message_id === null || findMessage(state, channel, message_id) === undefined),
  );
}

/** All lines of a channel: what is held of its history, and behind its end what is on its way. */
export function rowsOf(state: State, channel: ChannelId): Row[] {
  const window = state.windows[channel];
  const rows = (window?.messages ?? []).map(
    (message): Row => ({ key: keyOf(state, message), message, send: null }),
  );
  if (window !== undefined && !window.head) return rows;
  const sends = sendsOf(state, channel);
  return rows.concat(sends.map((send): Row => ({ key: send.nonce, message: null, send })));
}

/** Gives a message the key of what was sent. */
function giveKey(state: State, message: MessageId, nonce: string): void {
  state.keys[message] = nonce;
  const ids = Object.keys(state.keys);
  if (ids.length > KEYS) delete state.keys[Number(ids[0]) as MessageId];
}

/**
 * A message of one's own came before the reply that names it: it is taken for the first one under way that says the same,
 * so that nothing is shown twice. The reply puts right what was guessed wrongly.
 */
export function claim(state: State, channel: ChannelId, message: Message): void {
  const sends = Object.values(state.sends);
  const sent = sends.find(({ message_id }) => message_id === message.message_id);
  if (sent?.state === "sent") delete state.sends[sent.nonce];
  if (sent !== undefined || message.author_id !== state.me?.user_id) return;
  if (state.keys[message.message_id] !== undefined) return;
  const guess = sends.find(
    (send) =>
      send.channel_id === channel &&
      send.state === "sending" &&
      send.message_id === null &&
      send.content === message.content &&
      send.reply_to === message.reply_to,
  );
  if (guess === undefined) return;
  guess.message_id = message.message_id;
  giveKey(state, message.message_id, guess.nonce);
}

/** The reply says which message it became. */
export function confirm(state: State, nonce: string, id: MessageId): void {
  const send = state.sends[nonce];
  if (send === undefined) return giveKey(state, id, nonce);
  const wrong = send.message_id;
  if (wrong !== null && wrong !== id && state.keys[wrong] === nonce) delete state.keys[wrong];
  giveKey(state, id, nonce);
  for (const other of Object.values(state.sends)) if (other.message_id === id) other.message_id = null;
  send.message_id = id;
  send.state = "sent";
  // Until the event comes the row stands in for the message, unless nobody looks.
  const channel = state.channels[send.channel_id];
  const window = state.windows[send.channel_id];
  const told = (channel?.last_message_id ?? 0) >= id;
  if (told || window === undefined) delete state.sends[nonce];
}

/** Everything up to here is known: what was sent before is shown as it is. */
export function settleSends(state: State, channel: ChannelId, last: MessageId): void {
  for (const { nonce, channel_id, message_id, state: stage } of Object.values(state.sends)) {
    const shown = stage === "sent" && message_id !== null && message_id <= last;
    if (channel_id === channel && shown) delete state.sends[nonce];
  }
}
