// What covers or stands beside the timeline: the right panel, and the full layers of settings.
import type { ChannelState } from "confab-client";
import { createSignal } from "solid-js";
import { change, settings } from "../app/settings.ts";
import { leave } from "../kit/unsaved.ts";
import type { LayerName } from "./registry.ts";

/** From here the panel stands beside the timeline, below it covers it. */
export const WIDE = matchMedia("(min-width: 1120px)");
/** From here also a wide panel stands beside it. */
export const BESIDE = matchMedia("(min-width: 1280px)");
/** Below this there is one pane at a time. */
export const PHONE = matchMedia("(max-width: 719.98px)");
const COARSE = matchMedia("(pointer: coarse)");

/** Whether fingers work the page. */
export const isTouched = () => COARSE.matches;
/** Whether one writes on the screen itself, where Enter is for lines. */
export const typesOnScreen = () => COARSE.matches || PHONE.matches;

const [panel, setPanel] = createSignal<string | undefined>(WIDE.matches && settings.members ? "members" : undefined);

/** The tab of the right panel that is open. */
export { panel };

// The members are a column that is there where there is room; elsewhere they are asked for each time.
WIDE.addEventListener("change", () => {
  if (WIDE.matches && panel() === undefined && settings.members) setPanel("members");
  if (!WIDE.matches && panel() === "members") setPanel(undefined);
});

export function openPanel(id: string): void {
  setPanel(id);
  if (id === "members" && WIDE.matches) change("members", true);
}

export function closePanel(): void {
  if (panel() === "members" && WIDE.matches) change("members", false);
  setPanel(undefined);
}

export const togglePanel = (id: string) => (panel() === id ? closePanel() : openPanel(id));

export interface OpenLayer {
  name: LayerName;
  page: string | undefined;
}

const [layer, setLayer] = createSignal<OpenLayer>();

/** The full layer that covers the page, with its page. */
export { layer };

/** Opens it for whoever asked already about what is not saved. */
export const showLayer = (name: LayerName, page?: string) => setLayer({ name, page });

/** Both ask first where something was changed and not saved. */
export const openLayer = (name: LayerName, page?: string) => leave(() => showLayer(name, page));
export const closeLayer = () => leave(() => setLayer(undefined));

/** Whoever was signed in is not any more: there is nothing to ask. */
export const dropLayer = () => setLayer(undefined);

/** Which pane a phone shows: the lists, or the channel. */
const [pane, setPane] = createSignal<"lists" | "channel">("channel");
export { pane };

/** Shows a pane of a phone. The system's way back leads from a channel to the lists (`back.ts`). */
export function showPane(next: "lists" | "channel"): void {
  setPane(next);
}

/** What a part of the page asks of the composer of a channel. */
export interface Wish {
  channel: ChannelState;
  insert: string;
}
const [wish, setWish] = createSignal<Wish>();
export { wish };

/** Puts a text where the reader writes. */
export const insertText = (channel: ChannelState, insert: string) => setWish({ channel, insert });
