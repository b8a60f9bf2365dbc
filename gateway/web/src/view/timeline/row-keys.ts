// Keys in the timeline: arrows go from row to row, letters act on the row, as its menu says. Enter or F10 goes into the row,
// where the arrows go from one of its controls to the next, and Esc comes back.
import type { ChannelState, Message } from "confab-client";
import { state } from "../../app/client.ts";
import { settings } from "../../app/settings.ts";
import { chord } from "../../kit/chord.ts";
import { composing } from "../../kit/composing.ts";
import { openMenu } from "../../kit/menu.tsx";
import { nextIndex } from "../../kit/roving.ts";
import { t } from "../../lang/index.ts";
import { pickEmoji } from "../emoji/open.ts";
import { isWriting } from "../keys.ts";
import { permissions } from "../rights.ts";
import { markUnread, pin, react, remove, replyTo, setEditing } from "./deeds.ts";
import { messageMenu } from "./menu.ts";
import { keepTabStop, rowsIn } from "./tab-stop.ts";

type Deed = (message: Message, row: HTMLElement) => void;

export function rowKeys(timeline: HTMLElement, channel: ChannelState): void {
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
    "Shift+Delete": (message) => (mine(message) || may().has("MANAGE_MESSAGES")) && remove(channel, message, true),
  };
  const others: Record<string, Deed> = {
    "Alt+Enter": (message) => markUnread(channel, message),
    "Shift+F10": (message, row) => openMenu(t("Message"), messageMenu(message, channel), row),
    ContextMenu: (message, row) => openMenu(t("Message"), messageMenu(message, channel), row),
  };

  keepTabStop(timeline);
  timeline.addEventListener("keydown", (event) => {
    if (composing(event) || isWriting(event.target)) return;
    const row = (event.target as Element).closest<HTMLElement>(".row");
    if (row === null) return event.target === timeline ? enter(event, timeline) : undefined;
    const all = rowsIn(timeline);
    const next = event.altKey || event.ctrlKey ? undefined : nextIndex(event.key, all.indexOf(row), all.length, "vertical");
    if (event.target !== row) return insideKeys(event, row, all[next ?? -1]);
    const message = messageOf(row, channel);
    const deed = others[chord(event)] ?? (settings.letterKeys ? letters[chord(event)] : undefined);
    if (next !== undefined) all[next]?.focus();
    else if (INTO.has(chord(event))) controlsOf(row)[0]?.focus();
    else if (message !== undefined && deed !== undefined) deed(message, row);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
}

/** From the timeline itself, which has the focus where there were no rows yet, an arrow leads to the row that is its stop. */
function enter(event: KeyboardEvent, timeline: HTMLElement): void {
  if (nextIndex(event.key, 0, 2, "vertical") === undefined) return;
  event.preventDefault();
  timeline.querySelector<HTMLElement>(".row[tabindex='0']")?.focus();
}

const INTO: ReadonlySet<string> = new Set(["Enter", "F10"]);

/** What can be done with a row, and then what it holds: links, names, reactions. What is hidden takes no focus. */
function controlsOf(row: HTMLElement): HTMLElement[] {
  const all = [...row.querySelectorAll<HTMLElement>("a[href], button:not(:disabled)")].filter((control) => control.checkVisibility());
  const isAction = (control: HTMLElement) => control.closest(".actions") !== null;
  return [...all.filter(isAction), ...all.filter((control) => !isAction(control))];
}

function insideKeys(event: KeyboardEvent, row: HTMLElement, neighbour: HTMLElement | undefined): void {
  const controls = controlsOf(row);
  const next = nextIndex(event.key, controls.indexOf(event.target as HTMLElement), controls.length, "horizontal");
  if (next !== undefined) controls[next]?.focus();
  else if (neighbour !== undefined) neighbour.focus();
  else if (event.key === "Escape") row.focus();
  else return;
  event.preventDefault();
  event.stopPropagation();
}

function messageOf(row: HTMLElement, channel: ChannelState): Message | undefined {
  const seq = Number(row.dataset["seq"] ?? 0);
  return state.windows[channel.channel_id]?.messages.find((message) => message.seq === seq);
}
