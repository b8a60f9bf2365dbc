// For which pages of a server's settings the reader has the right, now.
import { currentServer } from "../../app/place.ts";
import type { PermissionName } from "../permissions/words.ts";
import { serverPermissions } from "../rights.ts";

/** Whether the reader holds one of these in the server that is shown. */
export const mayInServer = (...names: PermissionName[]) => () => {
  const server = currentServer();
  return server !== undefined && names.some((name) => serverPermissions(server.server.server_id).has(name));
};
