// Counts whole channels, servers, or everything as read.
import { mentionsIn, serversInOrder, unreadOf, type ChannelState, type ServerId } from "confab-client";
import { batch } from "solid-js";
import { client, state } from "../../app/client.ts";
import { readableChannels } from "../../app/place.ts";

/** The channels of a server in which something is unread, in the order of the list; a channel that was never read may call, too. */
export const unreadChannels = (server: ServerId): ChannelState[] =>
  readableChannels(server).filter(({ channel_id }) => unreadOf(state, channel_id) > 0 || mentionsIn(state, channel_id) > 0);

export const markChannelRead = ({ channel_id, last_seq }: ChannelState): void => client.read(channel_id, last_seq);

/** What is drawn follows once, however many there are. */
export function markServerRead(server: ServerId): void {
  batch(() => unreadChannels(server).forEach(markChannelRead));
}

export function markAllRead(): void {
  batch(() => serversInOrder(state).forEach(({ server }) => markServerRead(server.server_id)));
}
