// The list of roles as rows that are put in order.
import type { RoleId, ServerId } from "confab-client";
import { withPart } from "../../app/update.ts";
import type { Order, Step } from "../../kit/reorder.ts";
import { mayMoveRole, moveRole, orderOf, ROWS } from "./reorder.ts";

/** The list of roles, the highest first. */
export function rolesInList(server: ServerId): Order<RoleId> {
  const positionAfter = (id: RoleId, by: Step) => orderOf(server).indexOf(id) - by;
  const canStep = (id: RoleId, by: Step) => mayMoveRole(server, id, positionAfter(id, by));
  return {
    rows: ROWS,
    mayMove: (id) => canStep(id, -1) || canStep(id, 1),
    canStep,
    step: (id, by) => void moveRole(server, id, positionAfter(id, by)),
    drag: (id, press) => withPart(() => import("./drag.ts"), ({ dragRole }) => dragRole(server, id, press)),
  };
}
