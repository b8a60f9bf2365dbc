// Which server and channel are shown, as the address and the state agree on it.
import { channelSections, type ChannelId, type ChannelState, type ServerId, type ServerState } from "confab-client";
import { createMemo, createRoot } from "solid-js";
import { account } from "./account.ts";
import { state } from "./client.ts";
import { readKept, withFirst, writeKept } from "./kept.ts";
import { channelPath, go, route, serverPath } from "./route.ts";

const PLACES = "places";
const RECENT = "recent";
const MOST_RECENT = 12;

/** The server that is shown. */
export const currentServer = createRoot(() =>
  createMemo((): ServerState | undefined => {
    const at = route();
    return at.at === "server" || at.at === "channel" ? state.servers[at.server] : undefined;
  }),
);

/** The channel that is shown; nothing where it is gone or was never to be seen. */
export const currentChannel = createRoot(() =>
  createMemo((): ChannelState | undefined => {
    const at = route();
    return at.at === "channel" ? state.channels[at.channel] : undefined;
  }),
);

/** Shows a server where the reader left it. */
export function openServer(server: ServerId, replace = false): void {
  const channel = channelToOpen(server);
  go(channel === undefined ? serverPath(server) : channelPath(server, channel), replace);
}

/** Shows a channel, and remembers it for its server. */
export function openChannel(channel: ChannelState): void {
  remember(channel);
  go(channelPath(channel.server_id, channel.channel_id));
}

/** The channel that was shown last, or else the first one that has messages. */
export function channelToOpen(server: ServerId): ChannelId | undefined {
  const last = places()[server];
  if (last !== undefined && state.channels[last]?.server_id === server) return last;
  return readableChannels(server)[0]?.channel_id;
}

/** The channels of a server that have messages, in the order of the list. */
export function readableChannels(server: ServerId): ChannelState[] {
  const all = channelSections(state, server).flatMap(({ channels }) => channels);
  return all.filter(({ kind }) => kind === "text" || kind === "announcement");
}

export function remember({ server_id, channel_id }: ChannelState): void {
  writeKept(PLACES, account(), { ...places(), [server_id]: channel_id });
  writeKept(RECENT, account(), withFirst(recentChannels(), channel_id, MOST_RECENT));
}

/** The channels that were shown on this device, the last first. */
export const recentChannels = (): ChannelId[] => readKept(RECENT, account(), []);

const places = (): Record<number, ChannelId> => readKept(PLACES, account(), {});
