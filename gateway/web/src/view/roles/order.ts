// Where roles stand: what a drop means. Without document or state.
import type { RoleId } from "confab-client";

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
