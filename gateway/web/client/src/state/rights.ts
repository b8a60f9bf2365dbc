// What oneself may do: the same decision as in shared/src/domain/permissions.rs.

import {
  PERMISSIONS,
  type ChannelId,
  type Override,
  type Permissions,
  type RoleId,
  type ServerId,
  type UserId,
} from "../codec.js";
import { type ChannelState, type ServerState, type State } from "./state.js";

export const ALL: Permissions = Object.values(PERMISSIONS).reduce((all, bit) => all + bit, 0);

const { ADMINISTRATOR, MANAGE_MESSAGES, READ_HISTORY, SEND_MESSAGES, VIEW_CHANNEL } = PERMISSIONS;
/** What is left to who is silenced. */
const LOOKING_ON = VIEW_CHANNEL | READ_HISTORY;

/** Whether a set holds all of these. Sets have less than 32 bits as yet, so that `|` and `&` hold them. */
export function holds(held: Permissions, needed: Permissions): boolean {
  return (held & needed) === needed;
}

/** What the account may do in a channel at this time. */
export function permissionsIn(state: State, id: ChannelId, now: number): Permissions {
  const channel = state.channels[id];
  return channel === undefined ? 0 : decide(state, channel.server_id, channel, now);
}

/** What the account may do in a server as a whole. */
export function permissionsOf(state: State, id: ServerId, now: number): Permissions {
  return decide(state, id, null, now);
}

function decide(state: State, id: ServerId, channel: ChannelState | null, now: number): Permissions {
  const server = state.servers[id];
  const me = state.me?.user_id;
  const member = me && server?.members[me];
  if (!server || !member) return 0;
  let held = inServer(server, me, member.roles);
  if (holds(held, ADMINISTRATOR)) return held;
  if (channel !== null) held = inChannel(held, server, channel, me, member.roles);
  const muted = channel !== null && (server.mutes[channel.channel_id] ?? 0) > now;
  if ((member.timeout_until ?? 0) > now || muted) held &= LOOKING_ON;
  return channel !== null && !holds(held, VIEW_CHANNEL) ? 0 : held;
}

function inServer({ server, roles }: ServerState, me: UserId, held: readonly RoleId[]): Permissions {
  if (server.owner_id === me) return ALL;
  const everyone = server.server_id as number as RoleId;
  const given = [everyone, ...held].reduce((all, id) => all | (roles[id]?.permissions ?? 0), 0);
  return holds(given, ADMINISTRATOR) ? ALL : given;
}

/** Overrides apply in ranks: everyone, the member's roles, the member. Within a rank, allow beats deny. */
function inChannel(
  given: Permissions,
  { server, roles }: ServerState,
  { kind, overrides }: ChannelState,
  me: UserId,
  own: readonly RoleId[],
): Permissions {
  const announces = kind === "announcement" && !holds(given, MANAGE_MESSAGES);
  const everyone: number = server.server_id;
  // A role that does not exist counts for nothing.
  const mine: readonly number[] = own.filter((id) => roles[id] !== undefined);
  const ranks: ((override: Override) => boolean)[] = [
    ({ kind, target }) => kind === "role" && target === everyone,
    ({ kind, target }) => kind === "role" && mine.includes(target),
    ({ kind, target }) => kind === "member" && (target as number) === me,
  ];
  return ranks.reduce(
    (held, applies) => applyRank(held, overrides.filter(applies)),
    announces ? given & ~SEND_MESSAGES : given,
  );
}

function applyRank(held: Permissions, overrides: readonly Override[]): Permissions {
  const deny = overrides.reduce((all, override) => all | override.deny, 0);
  const allow = overrides.reduce((all, override) => all | override.allow, 0);
  return (held & ~deny) | allow;
}

/** The rank of a member: that of his highest role, and above all for the owner. Roles that everyone may take give none. */
export function rankOf({ server, roles, members }: ServerState, user: UserId): number {
  if (server.owner_id === user) return Infinity;
  const held = members[user]?.roles ?? [];
  const ranks = held.map((id) => (roles[id]?.self_assignable === false ? roles[id].position : 0));
  return Math.max(0, ...ranks);
}
