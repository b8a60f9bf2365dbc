// Where views put themselves: the shell draws what is registered here, and knows none of them by name.
// A view registers in its `index.ts`, and loads its components only when they are needed.
import type { ChannelState, Message, ServerState, UserId } from "confab-client";
import { createSignal, type Component } from "solid-js";
import type { IconName } from "../kit/icons.ts";
import type { MenuItems } from "../kit/menu-items.ts";
import type { Sentence } from "../lang/index.ts";

/** A tab of the right panel. `component` should be `lazy(() => import(…))`. */
export interface PanelTab {
  id: string;
  title: Sentence;
  icon: IconName;
  /** Shown in the header of a channel as a button; else only opened by `openPanel`. */
  button?: boolean;
  /** Keys that open it, for the tooltip: `Ctrl+KeyF`. */
  keys?: string;
  component: Component;
  /** Its place among the buttons, from the left. */
  order: number;
  when?: () => boolean;
}

/** A page of a full layer: settings, a server's settings, the deployment's. */
export interface LayerPage {
  id: string;
  title: Sentence;
  /** A heading in the navigation; pages of the same one stand together. */
  group?: Sentence;
  component: Component;
  order: number;
  when?: () => boolean;
}

/** What is done from the navigation of a layer, below its pages. */
export interface LayerDeed {
  title: Sentence;
  order: number;
  when?: () => boolean;
  run: () => void;
}

export type LayerName = "settings" | "server" | "admin";

/** What a context menu is about, by kind. */
export interface Subjects {
  message: { message: Message; channel: ChannelState };
  member: { user: UserId; server: ServerState | undefined };
  channel: { channel: ChannelState };
  category: { channel: ChannelState };
  server: { server: ServerState };
  account: Record<string, never>;
}

/** One thing that the page can do: in the quick switcher, by keys, on the sheet of keys. */
export interface Command {
  id: string;
  title: Sentence;
  icon?: IconName;
  /** The heading on the sheet of keys; else that of the page. */
  group?: Sentence;
  /**
   * As `event.code` with its modifiers: `Ctrl+KeyK`, `Alt+ArrowUp`. `Ctrl` is also the Mac's command key. With Ctrl or Alt they
   * work also while somebody writes.
   */
  keys?: string;
  when?: () => boolean;
  /** Not in the quick switcher: it needs a place. */
  hidden?: boolean;
  run: () => void;
}

const panels: PanelTab[] = [];
const pages: Record<LayerName, LayerPage[]> = { settings: [], server: [], admin: [] };
const deeds: Record<LayerName, LayerDeed[]> = { settings: [], server: [], admin: [] };
const commands: Command[] = [];
type Contributor<Kind extends keyof Subjects> = (subject: Subjects[Kind]) => MenuItems;
const menus: { [Kind in keyof Subjects]: { order: number; items: Contributor<Kind> }[] } = {
  message: [],
  member: [],
  channel: [],
  category: [],
  server: [],
  account: [],
};

/** Some views come when the page is there already: what shows them notices. */
const [grown, setGrown] = createSignal(0);
const grow = () => void setGrown((before) => before + 1);
function known<Entries>(entries: Entries): Entries {
  grown();
  return entries;
}

const inOrder = <Entry extends { order: number }>(entries: Entry[], entry: Entry) => {
  entries.push(entry);
  entries.sort((a, b) => a.order - b.order);
  grow();
};

export const registerPanel = (panel: PanelTab) => inOrder(panels, panel);
export const registerPage = (layer: LayerName, page: LayerPage) => inOrder(pages[layer], page);
export const registerDeed = (layer: LayerName, deed: LayerDeed) => inOrder(deeds[layer], deed);
export function registerCommand(...added: Command[]): void {
  commands.push(...added);
  grow();
}

/** Adds to a context menu. Groups come by `order`, with a line between them. */
export function contribute<Kind extends keyof Subjects>(kind: Kind, order: number, items: Contributor<Kind>): void {
  inOrder(menus[kind], { order, items });
}

const fits = ({ when }: { when?: () => boolean }) => when?.() ?? true;

export const panelTabs = () => known(panels).filter(fits);
export const panelTab = (id: string) => known(panels).find((panel) => panel.id === id && fits(panel));
export const layerPages = (layer: LayerName) => known(pages[layer]).filter(fits);
export const layerDeeds = (layer: LayerName) => known(deeds[layer]).filter(fits);
export const allCommands = (): readonly Command[] => known(commands);

/** The whole context menu of something. */
export function menuOf<Kind extends keyof Subjects>(kind: Kind, subject: Subjects[Kind]): MenuItems {
  return known(menus[kind]).flatMap(({ items }) => [null, ...items(subject)]);
}
