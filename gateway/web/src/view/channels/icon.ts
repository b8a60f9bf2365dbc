// The icon of each kind of channel.
import type { ChannelState } from "confab-client";
import type { IconName } from "../../kit/icons.ts";

const ICONS: Record<ChannelState["kind"], IconName> = {
  text: "hash",
  announcement: "megaphone",
  voice: "speaker",
  forum: "bubble",
  category: "folder",
  separator: "minus",
};

export const iconOf = (channel: ChannelState): IconName => ICONS[channel.kind];
