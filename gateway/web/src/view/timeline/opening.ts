// Where a channel opens: at the message that the address names, at the first unread one, or at its end.
import type { ChannelId, Opening } from "confab-client";
import { state } from "../../app/client.ts";
import { route } from "../../app/route.ts";
import { unreadPlace } from "./divider.ts";

/** The end that is fetched holds as many: a divider among them needs nothing else. */
const IN_SIGHT = 40;

/** What is to be fetched, where that is not the end. */
export function openingOf(channel: ChannelId): Opening | undefined {
  const at = route();
  if (at.at === "channel" && at.channel === channel && at.message !== null) return { message: at.message };
  const after = unreadPlace(channel);
  const last = state.channels[channel]?.last_seq ?? 0;
  return after !== null && last - after > IN_SIGHT ? { after } : undefined;
}
