// Who looks after a server.
import type { ServerState } from "confab-client";
import { currentServer } from "../../app/place.ts";
import { serverPermissions, type Rights } from "../rights.ts";

const inCurrent = (fits: (may: Rights) => boolean) => (): boolean => {
  const server = currentServer();
  return server !== undefined && fits(serverPermissions(server.server.server_id));
};

const seesReports = (may: Rights) => may.has("VIEW_AUDIT_LOG") || may.has("MANAGE_MESSAGES");

export const mayList = (server: ServerState): boolean => seesReports(serverPermissions(server.server.server_id));
export const mayListHere = inCurrent(seesReports);
export const mayAuditHere = inCurrent((may) => may.has("VIEW_AUDIT_LOG"));
export const mayManageHere = inCurrent((may) => may.has("MANAGE_SERVER"));
