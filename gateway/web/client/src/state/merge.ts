// What was fetched becomes part of the state. Events that came meanwhile are applied again behind it.

import type {
  AnyId,
  Channel,
  ChannelId,
  Channels,
  LevelPage,
  Member,
  MentionPage,
  Messages,
  MessagesAround,
  Notifications,
  Overview,
  Presences,
  Ready,
  ServerId,
  ShownMember,
  Unreads,
  User,
} from "../codec.js";
import { advanceLevel } from "./levels.js";
import { MENTIONS } from "./mentions.js";
import { claim, dropSends, settleSends } from "./sends.js";
import {
  channelsOf,
  emptyKnowledge,
  emptyServer,
  forgetChannel,
  forgetServer,
  serverOf,
  values,
  type State,
} from "./state.js";
import { advanceCursor, dropRead } from "./unread.js";
import { addPage, emptyWindow } from "./window.js";

/** Whether a session goes on from where the state stands. Another tab may have signed somebody else in. */
export function goesOn(state: State, { epoch, user }: Ready, resumed: boolean): boolean {
  return resumed && state.epoch === epoch && state.me?.user_id === user.user_id;
}

/** A session opened. A stream that begins anew knows nothing of what was before. */
export function mergeReady(state: State, ready: Ready, resumed: boolean): void {
  const stay = goesOn(state, ready, resumed);
  if (!stay) forgetStream(state, ready);
  state.me = ready.user;
  state.session = ready.session_id;
  state.epoch = ready.epoch;
  state.push = ready.push;
  state.users[ready.user.user_id] = ready.user;
  for (const { topic, seq } of ready.topics) state.topics[topic] = (stay ? state.topics[topic] : undefined) ?? seq;
  const present = new Set<number>(ready.servers.map(({ server_id }) => server_id));
  for (const { server } of values(state.servers)) if (!present.has(server.server_id)) forgetServer(state, server.server_id);
  for (const server of ready.servers) {
    const known = (state.servers[server.server_id] ??= emptyServer(server));
    known.server = server;
    if (!stay) known.loaded = false;
  }
}

/** What was shown of the same log stays until what is comes in its place. */
function forgetStream(state: State, { epoch, user }: Ready): void {
  const { servers, channels, windows, cursors, levels, notifications, mentions, users, keys } = state;
  const same = state.me?.user_id === user.user_id && state.epoch === epoch;
  for (const window of values(windows)) window.cached = true;
  // What was read here and never told may not be so: whatever the cluster says of it now holds.
  for (const register of [...values(cursors), ...values(levels)]) register.version = 0;
  Object.assign(state, emptyKnowledge(), same ? { servers, channels, windows, cursors, levels, notifications, mentions, users, keys } : {});
}

/** A topic cannot be continued: nothing that is held of it counts any more, but for what is on its way. */
export function mergeGap(state: State, topic: AnyId, seq: number): void {
  state.topics[topic] = seq;
  const server = serverOf(state, topic);
  if (server === undefined) return;
  server.loaded = false;
  state.mentionsDue = true;
  for (const { channel_id } of channelsOf(state, server.server.server_id)) {
    const window = state.windows[channel_id];
    if (window !== undefined) window.cached = true;
  }
}

export function mergeUsers(state: State, users: readonly User[]): void {
  for (const user of users) {
    state.users[user.user_id] = user;
    if (state.me?.user_id === user.user_id) state.me = user;
  }
}

export function mergeMembers(state: State, server: ServerId, members: readonly Member[]): void {
  const known = state.servers[server];
  for (const { user, ...member } of members) {
    state.users[user.user_id] = user;
    if (known !== undefined) known.members[user.user_id] = member;
  }
}

/** A member as the account sees him; of oneself also where one may only look on. */
export function mergeMember(state: State, server: ServerId, { member, mutes }: ShownMember): void {
  mergeMembers(state, server, [member]);
  const known = state.servers[server];
  if (known === undefined || member.user.user_id !== state.me?.user_id) return;
  known.mutes = Object.fromEntries(mutes.map(({ channel_id, until }) => [channel_id, until]));
}

export function mergeOverview(state: State, { info, member }: Overview): void {
  const { server, roles, channels, lockdown } = info;
  const known = (state.servers[server.server_id] ??= emptyServer(server));
  known.server = server;
  known.roles = Object.fromEntries(roles.map((role) => [role.role_id, role]));
  known.lockdown = lockdown;
  // What happened to others since they were listed nobody told.
  if (!known.loaded) known.members = {};
  known.loaded = true;
  mergeMembers(state, server.server_id, [member]);
  mergeChannels(state, server.server_id, { channels });
}

/** All channels of a server that the account sees. */
export function mergeChannels(state: State, server: ServerId, { channels }: Channels): void {
  const seen = new Set(channels.map(({ channel_id }) => channel_id));
  for (const { channel_id } of channelsOf(state, server)) if (!seen.has(channel_id)) forgetChannel(state, channel_id);
  for (const channel of channels) mergeChannel(state, server, channel);
}

function mergeChannel(state: State, server: ServerId, channel: Channel): void {
  // What was said while it was not seen nobody told.
  if (state.channels[channel.channel_id] === undefined) state.mentionsDue = true;
  state.channels[channel.channel_id] = { ...channel, server_id: server };
}

/** The end of a channel's history, in place of what was held. */
export function mergeLatest(state: State, channel: ChannelId, page: Messages, limit: number): void {
  if (state.channels[channel] === undefined) return;
  const { messages } = page;
  const start = messages.length < limit && !page.more;
  for (const message of messages) claim(state, channel, message);
  state.windows[channel] = { ...emptyWindow(), messages, start, head: true };
  const last = messages.at(-1);
  if (last !== undefined) settleSends(state, channel, last.message_id);
}

/** A page right before the window, or right behind it. */
export function mergePage(
  state: State,
  channel: ChannelId,
  side: "before" | "after",
  page: Messages,
  limit: number,
): void {
  const window = state.windows[channel];
  if (window === undefined) return;
  for (const message of page.messages) claim(state, channel, message);
  addPage(window, page.messages, side, page.messages.length < limit && !page.more);
}

/** A message among others, in place of what was held. */
export function mergeAround(state: State, channel: ChannelId, page: MessagesAround): void {
  if (state.channels[channel] === undefined) return;
  const { messages, more_before, more_after } = page;
  for (const message of messages) claim(state, channel, message);
  state.windows[channel] = {
    ...emptyWindow(),
    messages,
    start: !more_before,
    head: !more_after,
    follow: false,
  };
  dropSends(state, messages.map(({ message_id }) => message_id));
}

export function mergeUnreads(state: State, { unreads }: Unreads): void {
  for (const { cursor } of unreads) advanceCursor(state, cursor);
}

export function mergeLevels(state: State, { levels }: LevelPage): void {
  for (const level of levels) advanceLevel(state, level);
}

/** How the account is told. What is older than what is known came late. */
export function mergeNotifications(state: State, settings: Notifications): void {
  if (settings.version >= (state.notifications?.version ?? 0)) state.notifications = settings;
}

/** The newest mentions that are not read, in place of those that were known. */
export function mergeMentions(state: State, { mentions }: MentionPage): void {
  state.mentions = mentions
    .filter(({ read, message }) => !read && message.author_id !== state.me?.user_id)
    .slice(0, MENTIONS)
    .map(({ server_id, channel_id, message: { message_id, seq } }) => ({ server_id, channel_id, message_id, seq }))
    .sort((a, b) => a.message_id - b.message_id);
  state.mentionsFrom = {};
  for (const { channel_id } of values(state.cursors)) dropRead(state, channel_id);
}

export function mergePresences(state: State, { members }: Presences): void {
  for (const { user_id, state: look, text } of members) state.presence[user_id] = { state: look, text };
}
