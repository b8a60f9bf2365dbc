// Keys in the timeline: arrows go from row to row, letters act on the row, as its menu says.
import type { ChannelState, Message } from "confab-client";
import { state } from "../../app/client.ts";
import { settings } from "../../app/settings.ts";
import { openMenu } from "../../kit/menu.tsx";
import { nextIndex } from "../../kit/roving.ts";
import { t } from "../../lang/index.ts";
import { pickEmoji } from "../emoji/open.ts";
import { chord } from "../chord.ts";
import { composing, isWriting } from "../keys.ts";
import { permissions } from "../rights.ts";
import { markUnread, pin, react, remove, replyTo, setEditing } from "./deeds.ts";
import { messageMenu } from "./menu.ts";

type Deed = (message: Message, row: HTMLElement) => void;

export function rowKeys(timeline: HTMLElement, channel: ChannelState): void {
  const rows = () => [...timeline.querySelectorAll<HTMLElement>(".row")];
  const mine = (message: Message) => message.author_id === state.me?.user_id;
  const may = () => permissions(channel.channel_id);
  const letters: Record<string, Deed> = {
    KeyE: (message) => mine(message) && setEditing(message.message_id),
    KeyR: (message) => may().has("SEND_MESSAGES") && replyTo(channel, message),
    KeyP: (message) => may().has("PIN_MESSAGES") && pin(channel, message),
    Equal: (message, row) => may().has("ADD_REACTIONS") && pickEmoji(row, (emoji) => react(channel, message, emoji)),
    BracketRight: (message, row) => letters["Equal"]?.(message, row),
    "Shift+Equal": (message, row) => letters["Equal"]?.(message, row),
    NumpadAdd: (message, row) => letters["Equal"]?.(message, row),
    Backspace: (message) => (mine(message) || may().has("MANAGE_MESSAGES")) && remove(channel, message),
    Delete: (message, row) => letters["Backspace"]?.(message, row),
  };
  const others: Record<string, Deed> = {
    "Alt+Enter": (message) => markUnread(channel, message),
    Enter: (_, row) => row.querySelector<HTMLElement>(".actions button")?.focus(),
    "Shift+F10": (message, row) => openMenu(t("Message"), messageMenu(message, channel), row),
    ContextMenu: (message, row) => openMenu(t("Message"), messageMenu(message, channel), row),
  };

  // The last row is the tab stop, until another one was used.
  timeline.addEventListener("focusin", (event) => {
    const row = (event.target as Element).closest<HTMLElement>(".row");
    if (row === null) return;
    for (const other of timeline.querySelectorAll<HTMLElement>(".row[tabindex='0']")) other.tabIndex = -1;
    row.tabIndex = 0;
  });
  new MutationObserver(() => {
    if (timeline.querySelector(".row[tabindex='0']") === null) rows().at(-1)?.setAttribute("tabindex", "0");
  }).observe(timeline, { childList: true, subtree: true });

  timeline.addEventListener("keydown", (event) => {
    if (composing(event) || isWriting(event.target)) return;
    const row = (event.target as Element).closest<HTMLElement>(".row");
    if (row === null) return;
    const bar = (event.target as Element).closest(".actions");
    if (bar !== null) return barKeys(event, bar, row);
    if (event.target !== row) return;
    const all = rows();
    const next = event.altKey || event.ctrlKey ? undefined : nextIndex(event.key, all.indexOf(row), all.length, "vertical");
    const message = messageOf(row, channel);
    const deed = others[chord(event)] ?? (settings.letterKeys ? letters[chord(event)] : undefined);
    if (next !== undefined) all[next]?.focus();
    else if (message !== undefined && deed !== undefined) deed(message, row);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
}

function barKeys(event: KeyboardEvent, bar: Element, row: HTMLElement): void {
  const buttons = [...bar.querySelectorAll<HTMLElement>("button")];
  const next = nextIndex(event.key, buttons.indexOf(event.target as HTMLElement), buttons.length, "horizontal");
  if (next !== undefined) buttons[next]?.focus();
  else if (event.key === "Escape") row.focus();
  else return;
  event.preventDefault();
  event.stopPropagation();
}

function messageOf(row: HTMLElement, channel: ChannelState): Message | undefined {
  const seq = Number(row.dataset["seq"] ?? 0);
  return state.windows[channel.channel_id]?.messages.find((message) => message.seq === seq);
}
