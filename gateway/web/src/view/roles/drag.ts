// Dragging roles. Loaded with the first drag.
import type { RoleId, ServerId } from "confab-client";
import { drag, type Press } from "../../kit/drag.ts";
import { dropRoleAt, type RoleRow } from "./order.ts";
import { mayMoveRole, moveRole, orderOf } from "./reorder.ts";

export function dragRole(server: ServerId, id: RoleId, press: Press): void {
  const landAt = (y: number) => {
    const landing = dropRoleAt(rowsOf(press.list), orderOf(server), id, y);
    return landing !== undefined && mayMoveRole(server, id, landing.spot) ? landing : undefined;
  };
  drag(press, landAt, (position) => void moveRole(server, id, position));
}

function rowsOf(list: HTMLElement): RoleRow[] {
  return [...list.querySelectorAll<HTMLElement>("[data-role]")].map((row) => {
    const { top, bottom } = row.getBoundingClientRect();
    return { id: Number(row.dataset["role"]) as RoleId, top, bottom };
  });
}
