// What is written in a channel until it is sent: kept as a draft, with what it answers, and told to others as typing.
import type { ChannelId, MessageId } from "confab-client";
import { createEffect, createSignal, on, onCleanup } from "solid-js";
import { client, state } from "../../app/client.ts";

/** How often others are told that somebody types. */
const TYPING = 5_000;
/** A draft is kept this long after a key. */
const KEPT = 300;

export interface Draft {
  text: () => string;
  write: (text: string) => void;
  /** What it answers. */
  reply: () => MessageId | null;
  dropReply: () => void;
  /** It was sent. */
  clear: () => void;
}

/** `isWritingHere`: then what comes from elsewhere is not put in place of it. */
export function useDraft(id: ChannelId, isWritingHere: () => boolean): Draft {
  const kept = () => state.drafts[id]?.text ?? "";
  const reply = () => state.drafts[id]?.reply_to ?? null;
  const [text, setText] = createSignal(kept());
  let typedAt = 0;
  let timer = 0;
  const keep = () => client.draft(id, text(), reply());
  const write = (next: string) => {
    setText(next);
    clearTimeout(timer);
    timer = window.setTimeout(keep, KEPT);
    if (next.trim() === "" || Date.now() - typedAt <= TYPING) return;
    typedAt = Date.now();
    client.typing(id);
  };
  const clear = () => {
    clearTimeout(timer);
    typedAt = 0;
    setText("");
    client.draft(id, "", null);
  };
  onCleanup(() => {
    clearTimeout(timer);
    if (text() !== kept()) keep();
  });
  // A draft may come from the device's storage, or from another tab.
  createEffect(on(kept, (now) => void ((!isWritingHere() || text() === "") && setText(now))));
  return { text, write, reply, dropReply: () => client.draft(id, text(), null), clear };
}
