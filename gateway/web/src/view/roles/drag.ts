// Dragging roles. Loaded with the first drag.
import type { RoleId, ServerId } from "confab-client";
import { drag, rowsOf, type Press } from "../../kit/drag.ts";
import { dropRoleAt } from "./order.ts";
import { mayMoveRole, moveRole, orderOf, ROWS } from "./reorder.ts";

export function dragRole(server: ServerId, id: RoleId, press: Press): void {
  const landAt = (y: number) => {
    const landing = dropRoleAt(rowsOf<RoleId>(press.list, ROWS), orderOf(server), id, y);
    return landing !== undefined && mayMoveRole(server, id, landing.spot) ? landing : undefined;
  };
  drag(press, landAt, (position) => void moveRole(server, id, position));
}
