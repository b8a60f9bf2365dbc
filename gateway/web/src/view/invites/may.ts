import type { ServerState } from "confab-client";
import { serverPermissions } from "../rights.ts";

export const mayInvite = (server: ServerState | undefined): boolean =>
  server !== undefined && serverPermissions(server.server.server_id).has("CREATE_INVITE");
