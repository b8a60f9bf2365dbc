// Leads to a message from a list that it was found in.
import type { ChannelId, MessageId, ServerId } from "confab-client";
import { go, messagePath } from "../../app/route.ts";
import { BESIDE, closePanel, showPane } from "../panel.ts";

export interface MessagePlace {
  server_id: ServerId;
  channel_id: ChannelId;
  message_id: MessageId;
}

/** Shows the message among others; a panel that covers it is closed, and keeps what it found. */
export function jumpTo({ server_id, channel_id, message_id }: MessagePlace): void {
  if (!BESIDE.matches) closePanel();
  go(messagePath(server_id, channel_id, message_id));
  showPane("channel");
}
