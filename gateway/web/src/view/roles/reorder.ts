// The order of roles: shown at once as the server will have it.
import type { RoleId, ServerId } from "confab-client";
import { client } from "../../app/client.ts";
import { foresee } from "../../app/foreseen.ts";
import { moveRow } from "../../kit/reorder.ts";
import { t } from "../../lang/index.ts";
import { standingIn } from "../rank/may.ts";
import { mayStand } from "../rank/rules.ts";
import { nameOfRole, rolesOf } from "./names.ts";
import { reordered } from "./order.ts";

/** Rows have their id in `data-role`. */
export const ROWS = "role";

const foreseen = foresee<readonly RoleId[]>("roles_reordered", (server, order) => same(order, ordered(server)));

const same = (one: readonly RoleId[], other: readonly RoleId[]) => one.join() === other.join();
const ordered = (server: ServerId) => rolesOf(server).map(({ role_id }) => role_id).reverse();

/** All roles from that of everyone upwards, as they will stand. */
export const orderOf = (server: ServerId): readonly RoleId[] => foreseen.of(server) ?? ordered(server);

export function mayMoveRole(server: ServerId, id: RoleId, position: number): boolean {
  const order = orderOf(server);
  return mayStand(order.indexOf(id), position, order.length, standingIn(server));
}

export async function moveRole(server: ServerId, id: RoleId, position: number): Promise<void> {
  if (!mayMoveRole(server, id, position)) return;
  const order = reordered(orderOf(server), id, position);
  const begin = () => foreseen.ask(server, order, client.call("role_reorder", server, { roles: [id], position }));
  await moveRow(ROWS, id, begin, () => t("{name} is {place} of {count}", { name: nameOfRole(server, id), place: order.length - position, count: order.length }));
}
