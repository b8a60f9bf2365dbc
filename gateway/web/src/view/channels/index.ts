// What is done with channels as such: make, change, order and delete them.
import type { ChannelState } from "confab-client";
import { lazy } from "solid-js";
import { act } from "../../app/act.ts";
import { client } from "../../app/client.ts";
import { ask } from "../../kit/dialog.tsx";
import type { MenuItems } from "../../kit/menu-items.ts";
import { STEP_KEYS, stepItems, type Step } from "../../kit/reorder.ts";
import { t } from "../../lang/index.ts";
import { isUnread, markChannelRead } from "../inbox/read.ts";
import { contribute, registerCommand, registerPage } from "../registry.ts";
import { mayInServer, permissions, serverPermissions } from "../rights.ts";
import { chosenChannel, openOverrides } from "./configure.ts";
import { copyLink } from "../timeline/deeds.ts";
import { openCreate, openMoveTo } from "./open.tsx";
import { CHANNELS, focusedChannel } from "./ordering.ts";

const mayInChannel = (id = chosenChannel()) =>
  id !== undefined && (permissions(id).has("MANAGE_CHANNELS") || permissions(id).has("MANAGE_ROLES"));
const mayInServerAtAll = mayInServer("MANAGE_CHANNELS", "MANAGE_ROLES");
registerPage("server", {
  id: "channels",
  title: "Channels",
  order: 20,
  component: lazy(() => import("./page.tsx")),
  when: () => mayInServerAtAll() || mayInChannel(),
});

const keysMove = () => {
  const channel = focusedChannel();
  return channel !== undefined && CHANNELS.mayMove(channel.channel_id);
};
const step = (by: Step) => {
  const channel = focusedChannel();
  if (channel !== undefined) CHANNELS.step(channel.channel_id, by);
};
registerCommand(
  { id: "channel.up", title: "Move the channel up", keys: STEP_KEYS.up, hidden: true, when: keysMove, run: () => step(-1) },
  { id: "channel.down", title: "Move the channel down", keys: STEP_KEYS.down, hidden: true, when: keysMove, run: () => step(1) },
);

contribute("server", 20, ({ server: { server } }) => {
  if (!serverPermissions(server.server_id).has("MANAGE_CHANNELS")) return [];
  return [
    { label: t("Create a channel"), icon: "plus", run: () => openCreate(server.server_id) },
    { label: t("Create a category"), icon: "folder", run: () => openCreate(server.server_id, null, "category") },
  ];
});

contribute("channel", 10, ({ channel }) => {
  if (channel.kind !== "text" && channel.kind !== "announcement") return [];
  return [
    ...(isUnread(channel) ? [{ label: t("Mark as read"), icon: "check" as const, run: () => markChannelRead(channel) }] : []),
    { label: t("Copy link"), icon: "link", run: () => void copyLink(channel) },
  ];
});

contribute("category", 10, ({ channel }) => {
  if (!serverPermissions(channel.server_id).has("MANAGE_CHANNELS")) return [];
  const { server_id, channel_id, name } = channel;
  return [{ label: t("Create a channel in {category}", { category: name }), icon: "plus", run: () => openCreate(server_id, channel_id) }];
});

for (const kind of ["channel", "category"] as const) {
  contribute(kind, 40, ({ channel }) => configureItems(channel));
  contribute(kind, 50, ({ channel }) => moveItems(channel));
  contribute(kind, 90, ({ channel }) => deleteItems(channel));
}

function configureItems({ server_id, channel_id, kind }: ChannelState): MenuItems {
  if (!mayInChannel(channel_id)) return [];
  const label = kind === "category" ? t("Edit the category") : t("Edit the channel");
  return [{ label, icon: "settings", run: () => openOverrides(server_id, channel_id) }];
}

function moveItems(channel: ChannelState): MenuItems {
  if (!CHANNELS.mayMove(channel.channel_id)) return [];
  return [...stepItems(CHANNELS, channel.channel_id), { label: t("Move to…"), icon: "drag", run: () => openMoveTo(channel) }];
}

function deleteItems(channel: ChannelState): MenuItems {
  if (!permissions(channel.channel_id).has("MANAGE_CHANNELS")) return [];
  return [{ label: t("Delete"), icon: "trash", danger: true, run: () => askDelete(channel) }];
}

/** What each kind leaves behind is said before it is deleted. */
export function askDelete({ server_id, channel_id, kind, name }: ChannelState): void {
  const texts = {
    category: t("Its channels stay, without a category."),
    separator: t("The line disappears for everyone."),
    channel: t("Everything said in it is deleted for everyone and cannot be restored."),
  };
  ask({
    title: t("Delete “{name}”?", { name }),
    text: kind === "category" || kind === "separator" ? texts[kind] : texts.channel,
    action: t("Delete"),
    danger: true,
    run: () => act(client.call("channel_delete", server_id, { channel_id })),
  });
}
