// The order of roles: shown at once as the server will have it.
import { rankOf, permissionsOf, type RoleId, type ServerId } from "confab-client";
import { client, state } from "../../app/client.ts";
import { minute } from "../../app/clock.ts";
import { foresee } from "../../app/foreseen.ts";
import { announce } from "../../kit/announce.tsx";
import { t } from "../../lang/index.ts";
import { mayStand, reordered, type Standing } from "./given.ts";
import { nameOfRole, rolesOf } from "./names.ts";

const foreseen = foresee<readonly RoleId[]>("roles_reordered", (server, order) => same(order, ordered(server)));

const same = (one: readonly RoleId[], other: readonly RoleId[]) => one.join() === other.join();
const ordered = (server: ServerId) => rolesOf(server).map(({ role_id }) => role_id).reverse();

/** All roles from that of everyone upwards, as they will stand. */
export const orderOf = (server: ServerId): readonly RoleId[] => foreseen.of(server) ?? ordered(server);

/** How the reader stands in a server. */
export function standingIn(server: ServerId): Standing {
  const known = state.servers[server];
  const me = state.me?.user_id;
  return { rank: known === undefined || me === undefined ? 0 : rankOf(known, me), held: permissionsOf(state, server, minute()) };
}

export function mayMoveRole(server: ServerId, id: RoleId, position: number): boolean {
  const order = orderOf(server);
  return mayStand(order.indexOf(id), position, order.length, standingIn(server));
}

export async function moveRole(server: ServerId, id: RoleId, position: number): Promise<void> {
  if (!mayMoveRole(server, id, position)) return;
  const order = reordered(orderOf(server), id, position);
  announce(t("{name} is {place} of {count}", { name: nameOfRole(server, id), place: order.length - position, count: order.length }));
  await foreseen.ask(server, order, client.call("role_reorder", server, { roles: [id], position }));
}

export const moveRoleBy = (server: ServerId, id: RoleId, by: 1 | -1) => moveRole(server, id, orderOf(server).indexOf(id) + by);

