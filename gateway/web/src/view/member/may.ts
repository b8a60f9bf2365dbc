// What the reader may do to somebody. The server decides; this only spares him a refusal.
import { holds, permissionsOf, rankOf, type ChannelState, type Role, type ServerState, type UserId } from "confab-client";
import { minute } from "../../app/clock.ts";
import { state } from "../../app/client.ts";
import { permissions, serverPermissions } from "../rights.ts";
import { ownRolesOf } from "../roles/names.ts";

const isMe = (user: UserId) => user === state.me?.user_id;
const isMember = (server: ServerState, user: UserId) => server.members[user] !== undefined;

/** Whether the reader ranks above a member: what nobody may do to those who stand as high as he. */
export function outranks(server: ServerState, user: UserId): boolean {
  const me = state.me?.user_id;
  return me !== undefined && !isMe(user) && isMember(server, user) && rankOf(server, me) > rankOf(server, user);
}

const inServer = (server: ServerState) => serverPermissions(server.server.server_id);

export function mayRename(server: ServerState, user: UserId): boolean {
  const may = inServer(server);
  if (isMe(user)) return may.has("CHANGE_NICKNAME") || may.has("MANAGE_NICKNAMES");
  return may.has("MANAGE_NICKNAMES") && outranks(server, user);
}

export const mayTimeOut = (server: ServerState, user: UserId): boolean => inServer(server).has("TIMEOUT_MEMBERS") && outranks(server, user);

export const mayMute = (server: ServerState, user: UserId, { channel_id }: ChannelState): boolean =>
  permissions(channel_id).has("TIMEOUT_MEMBERS") && outranks(server, user);

export const mayKick = (server: ServerState, user: UserId): boolean => inServer(server).has("KICK_MEMBERS") && outranks(server, user);

/** Also who is no member can be banned, so that he does not come back. */
export const mayBan = (server: ServerState, user: UserId): boolean =>
  inServer(server).has("BAN_MEMBERS") && !isMe(user) && (outranks(server, user) || !isMember(server, user));

/** The roles that the reader may give to a member, or take from him: none of them permits what he lacks. */
export function givableRoles(server: ServerState, user: UserId): Role[] {
  const me = state.me?.user_id;
  if (me === undefined || !isMember(server, user) || !inServer(server).has("MANAGE_ROLES")) return [];
  if (!isMe(user) && !outranks(server, user)) return [];
  const id = server.server.server_id;
  const [rank, held] = [rankOf(server, me), permissionsOf(state, id, minute())];
  return ownRolesOf(id).filter(({ position, permissions }) => position < rank && holds(held, permissions));
}
