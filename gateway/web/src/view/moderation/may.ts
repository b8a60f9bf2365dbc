// Who looks after a server.
import type { ServerState } from "confab-client";
import { inCurrent, mayInServer, serverPermissions, type Rights } from "../rights.ts";

const seesReports = (may: Rights) => may.has("VIEW_AUDIT_LOG") || may.has("MANAGE_MESSAGES");

export const mayList = (server: ServerState): boolean => seesReports(serverPermissions(server.server.server_id));
export const mayListHere = inCurrent(seesReports);
export const mayAuditHere = mayInServer("VIEW_AUDIT_LOG");
export const mayManageHere = mayInServer("MANAGE_SERVER");
