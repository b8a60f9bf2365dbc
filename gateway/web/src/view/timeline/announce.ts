// Says what others write in the open channel to those who do not see it; nothing of one's own, and nothing of history.
import type { ChannelId } from "confab-client";
import { mentionsMe } from "confab-client";
import { onCleanup } from "solid-js";
import { client, state } from "../../app/client.ts";
import { announce } from "../../kit/announce.tsx";
import { t, tn } from "../../lang/index.ts";
import { plain } from "../../text/plain.ts";
import { namesIn, shownName } from "../people/names.ts";

const LONGEST = 200;

export function announceNew(open: ChannelId): void {
  const stop = client.on("event", ({ event }) => {
    if (event.name !== "message_created") return;
    const { channel_id, message } = event.body;
    const channel = state.channels[channel_id];
    if (channel === undefined || message.author_id === state.me?.user_id) return;
    const name = shownName(message.author_id, channel.server_id);
    const many = (count: number) => tn("{count} new messages", count);
    if (channel_id === open) announce(`${name}: ${plain(message.content, namesIn(channel.server_id), channel.server_id).slice(0, LONGEST)}`, many);
    else if (mentionsMe(state, channel, message.mentions)) announce(t("{name} mentions you in #{channel}", { name, channel: channel.name }), many);
  });
  onCleanup(stop);
}
