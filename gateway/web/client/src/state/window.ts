// Windows onto the history of channels: bounded, dense, in order.

import type { ChannelId, Message, MessageId } from "../codec.js";
import { keepMentions, type State, type Window } from "./state.js";

/** So many messages of a channel are held. */
export const WINDOW = 300;

export function emptyWindow(): Window {
  return { messages: [], start: false, head: false, follow: true, cached: false };
}

/** Whether a window holds what follows a place without a hole. */
export function reaches({ messages, start }: Window, seq: number): boolean {
  return start || (messages[0]?.seq ?? Infinity) <= seq + 1;
}

/** The place of the first message with this `seq` or a higher one. */
function placeOf(messages: readonly Message[], seq: number): number {
  let [low, high] = [0, messages.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((messages[middle]?.seq ?? 0) < seq) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Puts a message where it belongs, in place of what was there. */
function put(messages: Message[], message: Message): void {
  const place = placeOf(messages, message.seq);
  const known = messages[place];
  if (known?.seq !== message.seq) messages.splice(place, 0, message);
  else Object.assign(known, message);
}

/** A new message came. A window that does not reach so far, or whose reader is elsewhere and that is full, leaves it out. */
export function addNew(window: Window, message: Message): void {
  const { messages } = window;
  // What comes from a cache has a hole behind it.
  if (window.cached) return;
  const last = messages.at(-1);
  const within = last !== undefined && message.seq <= last.seq;
  if (within) {
    const first = messages[0];
    if (window.start || (first !== undefined && message.seq >= first.seq)) put(messages, message);
  } else if (window.head) {
    if (messages.length < WINDOW || window.follow) messages.push(message);
    else window.head = false;
    if (messages.length > WINDOW) {
      messages.splice(0, messages.length - WINDOW);
      window.start = false;
    }
  }
}

/** Adds a page that lies right before the window, or right behind it; what becomes too much goes at the other end. */
export function addPage(window: Window, page: readonly Message[], side: "before" | "after", complete: boolean): void {
  const { messages } = window;
  for (const message of page) put(messages, message);
  const surplus = messages.length - WINDOW;
  if (side === "before") {
    window.start = complete;
    if (surplus > 0) {
      messages.splice(WINDOW);
      window.head = false;
    }
  } else {
    window.head = complete;
    if (surplus > 0) {
      messages.splice(0, surplus);
      window.start = false;
    }
  }
}

/** A message that is in the window of its channel. Ids rise with `seq`, so it is found by halves. */
export function findMessage(state: State, channel: ChannelId, id: MessageId): Message | undefined {
  const messages = state.windows[channel]?.messages ?? [];
  let [low, high] = [0, messages.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((messages[middle]?.message_id ?? 0) < id) low = middle + 1;
    else high = middle;
  }
  const found = messages[low];
  return found?.message_id === id ? found : undefined;
}

/** Takes messages out. */
export function removeMessages(state: State, channel: ChannelId, ids: readonly MessageId[]): void {
  const window = state.windows[channel];
  if (window !== undefined) {
    for (const id of ids) {
      const place = window.messages.findIndex((message) => message.message_id === id);
      if (place >= 0) window.messages.splice(place, 1);
    }
  }
  keepMentions(state, (mention) => !ids.includes(mention.message_id));
}
