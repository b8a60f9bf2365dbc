// Opens the question for a day, which is fetched then.
import type { ChannelState } from "confab-client";
import { currentChannel } from "../../app/place.ts";
import { withPart } from "../../app/update.ts";
import { t } from "../../lang/index.ts";
import { contribute, registerCommand } from "../registry.ts";
import { permissions } from "../rights.ts";

export function jumpToDay(channel: ChannelState, from?: number): void {
  withPart(() => import("./date-dialog.tsx"), ({ askDate }) => askDate(channel, from));
}

const readable = (channel: ChannelState | undefined): channel is ChannelState =>
  channel !== undefined && channel.last_seq > 0 && permissions(channel.channel_id).has("READ_HISTORY");

registerCommand({
  id: "date",
  title: "Jump to a day…",
  icon: "clock",
  when: () => readable(currentChannel()),
  run: () => {
    const channel = currentChannel();
    if (channel !== undefined) jumpToDay(channel);
  },
});

contribute("channel", 30, ({ channel }) => (readable(channel) ? [{ label: t("Jump to a day…"), icon: "clock", run: () => jumpToDay(channel) }] : []));
