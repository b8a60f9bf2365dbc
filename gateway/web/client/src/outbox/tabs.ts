// Other tabs of the same account on the same device.

import type { ChannelId, MessageId } from "../codec.js";
import type { Draft, Send } from "./send.js";

/** What tabs tell each other. */
export type News =
  | { kind: "send"; send: Send }
  /** It became this message, or was taken back. */
  | { kind: "gone"; nonce: string; message_id: MessageId | null }
  | { kind: "draft"; channel_id: ChannelId; draft: Draft | null };

export interface Tabs {
  tell(news: News): void;
  /** Begins to hear; what it returns ends that. */
  listen(hear: (news: News) => void): () => void;
}

/** Holds something that one tab at a time may have: calls back once it is held. */
export type Lock = (name: string, held: () => void) => { release(): void };

/** A program of its own: there are no other tabs. */
export const ALONE: Tabs = { tell: () => {}, listen: () => () => {} };

/** The lock of who is alone. */
export const OWN_LOCK: Lock = (_name, held) => {
  held();
  return { release: () => {} };
};
