import type { Role, RoleId } from "../../codec.js";
import { channelsOf, serverOf, type ServerState } from "../state.js";
import { type Handlers } from "./table.js";

function putInOrder(server: ServerState, order: readonly RoleId[]): void {
  order.forEach((id, position) => {
    const role: Role | undefined = server.roles[id];
    if (role !== undefined) role.position = position;
  });
}

export const role: Handlers<"role_created" | "role_updated" | "role_deleted" | "roles_reordered"> = {
  role_created(state, { role, order }, { topic }) {
    const server = serverOf(state, topic);
    if (server === undefined) return;
    server.roles[role.role_id] = role;
    putInOrder(server, order);
  },
  role_updated(state, { role }, { topic }) {
    const server = serverOf(state, topic);
    if (server !== undefined) server.roles[role.role_id] = role;
  },
  role_deleted(state, { role_id, order }, { topic }) {
    const server = serverOf(state, topic);
    if (server === undefined) return;
    delete server.roles[role_id];
    for (const channel of channelsOf(state, server.server.server_id)) {
      channel.overrides = channel.overrides.filter(
        ({ kind, target }) => kind !== "role" || (target as number) !== role_id,
      );
    }
    putInOrder(server, order);
  },
  roles_reordered(state, { order }, { topic }) {
    const server = serverOf(state, topic);
    if (server !== undefined) putInOrder(server, order);
  },
};
