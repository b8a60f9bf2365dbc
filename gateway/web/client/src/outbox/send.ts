// What waits to be sent, and what is not finished yet.

import type { ChannelId, MessageId, ServerId } from "../codec.js";
import type { Reason } from "../refusal.js";

/** A message on its way. */
export interface Send {
  /** Names it for life: as a request, and as the key of its row. */
  nonce: string;
  server_id: ServerId;
  channel_id: ChannelId;
  content: string;
  reply_to: MessageId | null;
  silent_reply: boolean;
  created_at: number;
  /** Its place among the others of the device; a clock may be put back. */
  order: number;
  /** `waiting`: for a connection, those before it, or a limit. `sent`: it is stored; its event is on the way. */
  state: "waiting" | "sending" | "sent" | "failed";
  /** Whether an attempt may have reached the cluster. */
  attempted: boolean;
  /** The place of the channel's last message that was known when it first went: it becomes a later one. */
  after: number;
  /** When it is tried again, where that is known. */
  next: number | null;
  /** Why it failed, or waits. */
  refusal: { reason: Reason; detail: string | null; retryAfter: number | null } | null;
  /** What it became. */
  message_id: MessageId | null;
}

/** What somebody writes. */
export interface Draft {
  channel_id: ChannelId;
  text: string;
  reply_to: MessageId | null;
  updated_at: number;
}
