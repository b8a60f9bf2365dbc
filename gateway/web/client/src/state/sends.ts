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
 * Whether a message of one's own may be what this became. Nobody but the reply says it for certain: another device may
 * have said the same. The reply then puts right what was guessed wrongly.
 */
function mayBe(send: Send, channel: ChannelId, message: Message): boolean {
  return (
    send.channel_id === channel &&
    send.attempted &&
    send.state !== "failed" &&
    send.message_id === null &&
    send.after < message.seq &&
    send.content === message.content &&
    send.reply_to === message.reply_to
  );
}

/**
 * A message came before the reply that names it, as an event or with a page of history. One's own is taken for the first
 * one under way that says the same, so that nothing is shown twice.
 */
export function claim(state: State, channel: ChannelId, message: Message): void {
  const { message_id } = message;
  const sends = Object.values(state.sends);
  if (sends.length === 0) return;
  const sent = sends.find((send) => send.message_id === message_id);
  if (sent?.state === "sent" && isShown(state, channel)) delete state.sends[sent.nonce];
  if (sent !== undefined || message.author_id !== state.me?.user_id) return;
  if (state.keys[message_id] !== undefined) return;
  const guess = sends.find((send) => mayBe(send, channel, message));
  if (guess === undefined) return;
  guess.message_id = message_id;
  nameRow(state, channel, message_id, guess.nonce);
}

/** Another tab tells what it sends, and the message may be here already. */
export function recognise(state: State, nonce: string): void {
  const send = state.sends[nonce];
  if (send === undefined) return;
  const { channel_id } = send;
  const taken = new Set(Object.values(state.sends).map(({ message_id }) => message_id));
  const message = state.windows[channel_id]?.messages.find(
    (message) =>
      message.author_id === state.me?.user_id &&
      state.keys[message.message_id] === undefined &&
      !taken.has(message.message_id) &&
      mayBe(send, channel_id, message),
  );
  if (message !== undefined) send.message_id = message.message_id;
}

/** The reply says which message it became. */
export function confirm(state: State, nonce: string, id: MessageId): void {
  const send = state.sends[nonce];
  // It was sent by another tab, before this one knew of it: the message, if it is here, has a key of its own.
  if (send === undefined) return;
  const { channel_id, message_id: guess } = send;
  if (guess !== null && guess !== id && state.keys[guess] === nonce) delete state.keys[guess];
  for (const other of Object.values(state.sends)) if (other.message_id === id) other.message_id = null;
  nameRow(state, channel_id, id, nonce);
  send.message_id = id;
  send.state = "sent";
  // Until the message is told, by an event or a page, the row stands in for it, unless nobody looks. A gap may swallow the event.
  const told = (state.channels[channel_id]?.last_message_id ?? 0) >= id || findMessage(state, channel_id, id) !== undefined;
  if (state.windows[channel_id] === undefined || (told && isShown(state, channel_id))) delete state.sends[nonce];
}

/** It was not sent after all: what was taken for it is what another device said, and is shown as such. */
export function takeBack(state: State, send: Send): void {
  if (send.message_id === null) return;
  if (state.keys[send.message_id] === send.nonce) delete state.keys[send.message_id];
  send.message_id = null;
}

/** Whether what is told of a channel is seen in its window; one from a cache waits for what comes in its place. */
function isShown(state: State, channel: ChannelId): boolean {
  return state.windows[channel]?.cached !== true;
}

/** Gives the row of a message its key, unless it is shown under its id already: a row keeps its key for life. */
function nameRow(state: State, channel: ChannelId, id: MessageId, nonce: string): void {
  const shown = findMessage(state, channel, id) !== undefined;
  if (!shown || state.keys[id] !== undefined) giveKey(state, id, nonce);
}

/** What was sent and is gone again is not waited for. */
export function dropSends(state: State, ids: readonly MessageId[]): void {
  for (const { nonce, message_id, state: stage } of Object.values(state.sends)) {
    if (stage === "sent" && message_id !== null && ids.includes(message_id)) delete state.sends[nonce];
  }
}

/** Everything up to here is known: what was sent before is shown as it is. */
export function settleSends(state: State, channel: ChannelId, last: MessageId): void {
  for (const { nonce, channel_id, message_id, state: stage } of Object.values(state.sends)) {
    const shown = stage === "sent" && message_id !== null && message_id <= last;
    if (channel_id === channel && shown) delete state.sends[nonce];
  }
}
