// Counts whole channels, servers, or everything as read.
import { mentionsIn, serversInOrder, unreadOf, type ChannelState, type ServerId } from "confab-client";
import { client, state } from "../../app/client.ts";
import { readableChannels } from "../../app/place.ts";

/** The channels of a server in which something is unread, in the order of the list; a channel that was never read may call, too. */
export const unreadChannels = (server: ServerId): ChannelState[] =>
  readableChannels(server).filter(({ channel_id }) => unreadOf(state, channel_id) > 0 || mentionsIn(state, channel_id) > 0);

export const markChannelRead = ({ channel_id, last_seq }: ChannelState): void => client.read(channel_id, last_seq);

export function markServerRead(server: ServerId): void {
  for (const channel of readableChannels(server)) markChannelRead(channel);
}

export function markAllRead(): void {
  for (const { server } of serversInOrder(state)) markServerRead(server.server_id);
}
