// What a view shows of the state, in the order in which it does.

import type { ChannelId, ChannelPlace, Role, ServerId, UserId } from "../codec.js";
import { channelsOf, values, type ChannelState, type ServerState, type State } from "./state.js";

/** The servers in the order of joining their ids: the oldest first. */
export function serversInOrder(state: State): ServerState[] {
  return values(state.servers).sort((a, b) => a.server.server_id - b.server.server_id);
}

/** A heading of the channel list, null for what stands by itself, and what stands under it. */
export interface Section {
  category: ChannelState | null;
  channels: ChannelState[];
}

/** Where channels are shown to stand while a move is under way. */
export type Moves = ReadonlyMap<ChannelId, ChannelPlace>;

/** Where each channel of a server stands, from the first on. */
export function placesOf(state: State, server: ServerId, moves?: Moves): ChannelPlace[] {
  return channelsOf(state, server)
    .map(({ channel_id, position, parent_id }) => moves?.get(channel_id) ?? { channel_id, position, parent_id })
    .sort((a, b) => a.position - b.position || a.channel_id - b.channel_id);
}

/** The channels of a server as a list shows them: first those without a category, then each category with its own. */
export function channelSections(state: State, server: ServerId, moves?: Moves): Section[] {
  const placed = placesOf(state, server, moves).flatMap(({ channel_id, parent_id }) => {
    const channel = state.channels[channel_id];
    return channel === undefined ? [] : { channel, parent_id };
  });
  const categories = placed.flatMap(({ channel }) => (channel.kind === "category" ? channel : []));
  const seen = new Set<ChannelId | null>(categories.map(({ channel_id }) => channel_id));
  const held = (fits: (parent: ChannelId | null) => boolean) =>
    placed.flatMap(({ channel, parent_id }) => (channel.kind !== "category" && fits(parent_id) ? channel : []));
  const sections = categories.map((category) => ({
    category,
    channels: held((parent) => parent === category.channel_id),
  }));
  // The category may be hidden from who sees the channel.
  return [{ category: null, channels: held((parent) => !seen.has(parent)) }, ...sections];
}

/** The roles of a server, the highest rank first; that of everyone is the last. */
export function rolesInOrder(server: ServerState): Role[] {
  return values(server.roles).sort((a, b) => b.position - a.position);
}

/** What somebody is called in a server, or at all; nothing where that is not known yet. */
export function nameOf(state: State, user: UserId, server?: ServerId): string | undefined {
  const nickname = server === undefined ? null : state.servers[server]?.members[user]?.nickname;
  return nickname ?? state.users[user]?.name;
}

/** The colour of a member: that of his highest role that has one. */
export function colourOf(state: State, user: UserId, server: ServerId): number | null {
  const known = state.servers[server];
  const held = known?.members[user]?.roles ?? [];
  const coloured = held.flatMap((id) => known?.roles[id] ?? []).filter(({ colour }) => colour);
  const highest = coloured.sort((a, b) => b.position - a.position)[0];
  return highest?.colour ?? null;
}

/** Who types in a channel now, others than oneself. */
export function typistsIn(state: State, channel: ChannelId, now: number): UserId[] {
  return Object.entries(state.typing[channel] ?? {})
    .filter(([, until]) => until > now)
    .map(([user]) => Number(user) as UserId);
}
