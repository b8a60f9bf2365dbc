// The roles of a server, what they are called and their colours.
import { rolesInOrder, type Role, type RoleId, type ServerId, type UserId } from "confab-client";
import { state } from "../../app/client.ts";
import { cssColour } from "../../kit/colour.ts";
import { t } from "../../lang/index.ts";

/** The role of everyone has the id of its server. */
export const isEveryone = (server: ServerId, role: RoleId) => (role as number) === (server as number);

export function nameOfRole(server: ServerId, role: RoleId): string {
  return isEveryone(server, role) ? "@everyone" : (state.servers[server]?.roles[role]?.name ?? t("a deleted role"));
}

/** The colour of a role as CSS; nothing where it has none. */
export const colourOfRole = ({ colour }: Role) => (colour ? cssColour(colour) : undefined);

/** From the highest on; that of everyone is the last. */
export function rolesOf(server: ServerId): Role[] {
  const known = state.servers[server];
  return known === undefined ? [] : rolesInOrder(known);
}

/** Those that somebody made: without that of everyone. */
export const ownRolesOf = (server: ServerId): Role[] => rolesOf(server).filter(({ role_id }) => !isEveryone(server, role_id));

/** Those that a member holds. */
export function rolesHeld(server: ServerId, user: UserId): Role[] {
  const held = state.servers[server]?.members[user]?.roles ?? [];
  return rolesOf(server).filter(({ role_id }) => held.includes(role_id));
}
