// Where the reader is, as an address. So few kinds of addresses need no library.
import type { ChannelId, MessageId, ServerId } from "confab-client";
import { createSignal } from "solid-js";

export type Route =
  | { at: "home" }
  | { at: "nowhere" }
  | { at: "server"; server: ServerId }
  | { at: "channel"; server: ServerId; channel: ChannelId; message: MessageId | null }
  | { at: "invite"; code: string };

const ID = "([1-9][0-9]{0,15})";
const PLACE = new RegExp(`^/c/${ID}(?:/${ID}(?:/${ID})?)?/?$`);
const HOME = /^\/(?:index\.html)?$/;
const INVITE = /^\/i\/([\w-]{1,64})\/?$/;

/** What an address says. */
export function read(path: string): Route {
  const code = INVITE.exec(path)?.[1];
  if (code !== undefined) return { at: "invite", code };
  const [, server, channel, message] = PLACE.exec(path) ?? [];
  if (server === undefined) return { at: HOME.test(path) ? "home" : "nowhere" };
  if (channel === undefined) return { at: "server", server: Number(server) as ServerId };
  return {
    at: "channel",
    server: Number(server) as ServerId,
    channel: Number(channel) as ChannelId,
    message: message === undefined ? null : (Number(message) as MessageId),
  };
}

export const serverPath = (server: ServerId) => `/c/${server}`;
export const channelPath = (server: ServerId, channel: ChannelId) => `/c/${server}/${channel}`;
export const messagePath = (server: ServerId, channel: ChannelId, message: MessageId) => `/c/${server}/${channel}/${message}`;

const here = () => read(globalThis.location?.pathname ?? "/");
const [route, setRoute] = createSignal<Route>(here());

/** Who keeps the entries of the history that are not addresses. */
export interface HistoryKeeper {
  /** Whether what is shown has one entry for all addresses. */
  oneEntry(): boolean;
  /** The reader moved to an entry with this state; whether that was no address of its own. */
  popped(state: unknown): boolean;
}

let keeper: HistoryKeeper = { oneEntry: () => false, popped: () => false };
let shown = globalThis.location?.pathname ?? "/";

export const keepHistory = (by: HistoryKeeper) => void (keeper = by);

globalThis.addEventListener?.("popstate", ({ state }) => {
  if (keeper.popped(state)) return history.replaceState(history.state, "", shown);
  shown = location.pathname;
  setRoute(here());
});

export { route };

/** Goes there; with `replace` the place before is not to be come back to. */
export function go(path: string, replace = false): void {
  if (replace || keeper.oneEntry()) history.replaceState(history.state, "", path);
  else if (path !== location.pathname) history.pushState(null, "", path);
  shown = path;
  setRoute(here());
}
