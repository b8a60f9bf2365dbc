// What rank and what one holds let one do with roles: the rules of the server, so that nothing is offered that it refuses.
import { holds, PERMISSIONS, type Permissions, type Role, type RoleId } from "confab-client";

/** How high the reader stands in a server, and what he holds there. */
export interface Standing {
  rank: number;
  held: Permissions;
}

/** Why a role, or one of its switches, is not the reader's to change. */
export type Obstacle = "rank" | "lacking" | "self_assignable";

/** What a role may permit that members take by themselves: what everyone may in a new server. */
const FOR_ALL =
  PERMISSIONS.VIEW_CHANNEL |
  PERMISSIONS.SEND_MESSAGES |
  PERMISSIONS.CREATE_INVITE |
  PERMISSIONS.READ_HISTORY |
  PERMISSIONS.CHANGE_NICKNAME |
  PERMISSIONS.ADD_REACTIONS;

export const isBelow = (role: Pick<Role, "position">, mine: Standing) => role.position < mine.rank;

/** Why a permission of a role cannot be switched. */
export function obstacleTo(bit: Permissions, role: Pick<Role, "position" | "permissions" | "self_assignable">, mine: Standing): Obstacle | undefined {
  if (!isBelow(role, mine)) return "rank";
  if (!holds(mine.held, bit)) return "lacking";
  // What it has it may lose.
  const gives = !holds(role.permissions, bit);
  return role.self_assignable && gives && !holds(FOR_ALL, bit) ? "self_assignable" : undefined;
}

/** Whether a role may become one that members take: it permits nothing that moderates, and nothing that the reader lacks. */
export function mayBeTaken(permits: Permissions, mine: Standing): boolean {
  return holds(FOR_ALL, permits) && holds(mine.held, permits);
}

/** Whether the reader may give a role to others: it stands below him and permits nothing that he lacks. */
export const mayGive = (role: Role, mine: Standing) => isBelow(role, mine) && holds(mine.held, role.permissions);

/** Whether a role may go from one position to another: all that moves stands below the reader, and that of everyone stays. */
export function mayStand(from: number, to: number, count: number, mine: Standing): boolean {
  return from !== to && from > 0 && to > 0 && to < count && Math.max(from, to) < mine.rank;
}

/** The order, from that of everyone upwards, with one role at another position. */
export function reordered(order: readonly RoleId[], id: RoleId, position: number): RoleId[] {
  return order.filter((role) => role !== id).toSpliced(position, 0, id);
}

/** A row of the list, the highest role first. */
export interface RoleRow {
  id: RoleId;
  top: number;
  bottom: number;
}

/** At which position a role lands that is let go at this height, and where a line shows it. */
export function dropRoleAt(rows: readonly RoleRow[], order: readonly RoleId[], id: RoleId, y: number): { spot: number; line: number } | undefined {
  const over = rows.find(({ bottom }) => y < bottom) ?? rows.at(-1);
  if (over === undefined) return undefined;
  const others = order.filter((role) => role !== id);
  const upper = y < (over.top + over.bottom) / 2;
  if (over.id === id) return { spot: order.indexOf(id), line: upper ? over.top : over.bottom };
  return { spot: others.indexOf(over.id) + (upper ? 1 : 0), line: upper ? over.top : over.bottom };
}
