// What rank lets the reader do to members and roles of a server, as it is now.
import { holds, permissionsIn, permissionsOf, PERMISSIONS, rankOf, type ChannelId, type Role, type RoleId, type ServerId, type UserId } from "confab-client";
import { minute } from "../../app/clock.ts";
import { state } from "../../app/client.ts";
import { ownRolesOf, rolesHeld, rolesOf } from "../roles/names.ts";
import * as rules from "./rules.ts";

const isMe = (user: UserId) => user === state.me?.user_id;

/** How the reader stands in a server; with a channel, what he holds in that. */
export function standingIn(server: ServerId, channel?: ChannelId): rules.Standing {
  const [known, me] = [state.servers[server], state.me?.user_id];
  const held = channel === undefined ? permissionsOf(state, server, minute()) : permissionsIn(state, channel, minute());
  return { rank: known === undefined || me === undefined ? 0 : rankOf(known, me), held };
}

function whomIn(server: ServerId, user: UserId): rules.Whom {
  const known = state.servers[server];
  const isMember = known?.members[user] !== undefined;
  const everyone = rolesOf(server).slice(-1);
  const held = [...everyone, ...rolesHeld(server, user)].reduce((all, { permissions }) => all | permissions, 0);
  return { isMe: isMe(user), rank: isMember ? rankOf(known, user) : undefined, administers: holds(held, PERMISSIONS.ADMINISTRATOR) };
}

/** Whether the reader may do this to somebody; in a channel, where it is done only there. */
export const mayDo = (deed: rules.Deed, server: ServerId, user: UserId, channel?: ChannelId): boolean =>
  rules.mayDo(deed, standingIn(server, channel), whomIn(server, user));

/** What channels say of a role. */
const saidOf = (server: ServerId, role: RoleId): rules.Said[] =>
  Object.values(state.channels).flatMap(({ server_id, channel_id, overrides }) => {
    if (server_id !== server) return [];
    const named = overrides.filter(({ kind, target }) => kind === "role" && (target as number) === role);
    return named.map(({ allow, deny }) => ({ allow, deny, held: permissionsIn(state, channel_id, minute()) }));
  });

export const isBelowMe = (server: ServerId, role: Role): boolean => rules.isBelow(role, standingIn(server));

/** Whether members may take it by themselves, with these permissions in the server. */
export const mayBeTaken = (server: ServerId, { role_id }: Role, permits: number): boolean =>
  rules.mayBeTaken(permits, saidOf(server, role_id), standingIn(server));

export const mayGive = (server: ServerId, role: Role, user: UserId): boolean =>
  mayDo("roles", server, user) && rules.mayGive(role, saidOf(server, role.role_id), standingIn(server));

export const mayTake = (server: ServerId, role: Role, user: UserId): boolean =>
  mayDo("roles", server, user) && rules.mayTake(role, saidOf(server, role.role_id), standingIn(server), isMe(user));

export function mayDelete(server: ServerId, role: Role): boolean {
  const me = state.me?.user_id;
  const isHeld = me !== undefined && rolesHeld(server, me).some(({ role_id }) => role_id === role.role_id);
  return rules.mayTake(role, saidOf(server, role.role_id), standingIn(server), isHeld);
}

/** The roles that the reader may give to a member who lacks them, or take from him. */
export function changeableRoles(server: ServerId, user: UserId): Role[] {
  const held = rolesHeld(server, user);
  return ownRolesOf(server).filter((role) => (held.includes(role) ? mayTake : mayGive)(server, role, user));
}
