import { emptyServer, forgetServer, serverOf } from "../state.js";
import { type Handlers } from "./table.js";

export const server: Handlers<
  "server_joined" | "server_left" | "server_updated" | "server_deleted" | "lockdown_changed"
> = {
  server_joined(state, { server }) {
    const known = state.servers[server.server_id];
    if (known === undefined) state.servers[server.server_id] = emptyServer(server);
    else known.server = server;
  },
  server_left: (state, { server_id }) => forgetServer(state, server_id),
  server_updated(state, { server }) {
    const known = state.servers[server.server_id];
    if (known !== undefined) known.server = server;
  },
  server_deleted: (state, { server_id }) => forgetServer(state, server_id),
  lockdown_changed(state, { lockdown }, { topic }) {
    const known = serverOf(state, topic);
    if (known !== undefined) known.lockdown = lockdown;
  },
};
