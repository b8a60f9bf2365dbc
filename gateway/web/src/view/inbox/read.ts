// Counts whole channels, servers, or everything as read.
import { mentionsIn, serversInOrder, showsUnread, unreadOf, type ChannelState, type ServerId } from "confab-client";
import { batch } from "solid-js";
import { minute } from "../../app/clock.ts";
import { client, state } from "../../app/client.ts";
import { readableChannels } from "../../app/place.ts";

/** Whether something waits in a channel: one that is muted keeps still, but for what mentions the reader. */
export const waits = ({ channel_id }: ChannelState): boolean => showsUnread(state, channel_id, minute()) || mentionsIn(state, channel_id) > 0;

/** The channels of a server in which something waits, in the order of the list; a channel that was never read may call, too. */
export const unreadChannels = (server: ServerId): ChannelState[] => readableChannels(server).filter(waits);

/** Whether anything in it is not read, muted or not. */
export const isUnread = ({ channel_id }: ChannelState): boolean => unreadOf(state, channel_id) > 0 || mentionsIn(state, channel_id) > 0;

export const markChannelRead = ({ channel_id, last_seq }: ChannelState): void => client.read(channel_id, last_seq);

/** What is drawn follows once, however many there are. */
export function markServerRead(server: ServerId): void {
  batch(() => readableChannels(server).filter(isUnread).forEach(markChannelRead));
}

export function markAllRead(): void {
  batch(() => serversInOrder(state).forEach(({ server }) => markServerRead(server.server_id)));
}
