// The context menu of a message.
import type { ChannelState, Message } from "confab-client";
import { state } from "../../app/client.ts";
import type { MenuItems } from "../../kit/menu-items.ts";
import { t } from "../../lang/index.ts";
import { pickEmoji } from "../emoji/open.ts";
import { contribute, menuOf } from "../registry.ts";
import { permissions } from "../rights.ts";
import { copyLink, copyText, markUnread, openHistory, openReactors, pin, react, remove, replyTo, setEditing } from "./deeds.ts";

export const messageMenu = (message: Message, channel: ChannelState): MenuItems => menuOf("message", { message, channel });

contribute("message", 10, ({ message, channel }) => {
  const may = permissions(channel.channel_id);
  const mine = message.author_id === state.me?.user_id;
  const items: MenuItems = [];
  if (may.has("ADD_REACTIONS")) {
    items.push({ label: t("React…"), icon: "smile", keys: "Plus", run: () => pickEmoji(undefined, (emoji) => react(channel, message, emoji)) });
  }
  if (may.has("SEND_MESSAGES")) items.push({ label: t("Reply"), icon: "reply", keys: "KeyR", run: () => replyTo(channel, message) });
  if (mine) items.push({ label: t("Edit"), icon: "edit", keys: "KeyE", run: () => setEditing(message.message_id) });
  return items;
});

contribute("message", 20, ({ message, channel }) => {
  const may = permissions(channel.channel_id);
  const mine = message.author_id === state.me?.user_id;
  const items: MenuItems = [
    { label: t("Copy text"), icon: "copy", run: () => void copyText(message) },
    { label: t("Copy link"), icon: "link", run: () => void copyLink(channel, message) },
    { label: t("Mark unread from here"), icon: "unread", keys: "Alt+Enter", run: () => markUnread(channel, message) },
  ];
  if (may.has("PIN_MESSAGES")) {
    items.push({ label: message.pinned ? t("Unpin") : t("Pin"), icon: "pin", keys: "KeyP", run: () => pin(channel, message) });
  }
  if (message.reactions.length > 0) items.push({ label: t("Who reacted"), icon: "people", run: () => openReactors(channel, message) });
  if (message.edited_at !== null && (mine || may.has("MANAGE_MESSAGES"))) {
    items.push({ label: t("What it said before"), icon: "clock", run: () => openHistory(channel, message) });
  }
  return items;
});

contribute("message", 90, ({ message, channel }) => {
  const mine = message.author_id === state.me?.user_id;
  if (!mine && !permissions(channel.channel_id).has("MANAGE_MESSAGES")) return [];
  return [{ label: t("Delete"), icon: "trash", keys: "Delete", danger: true, run: (sure) => remove(channel, message, sure) }];
});
