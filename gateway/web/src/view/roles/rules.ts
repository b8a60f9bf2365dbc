// Whose roles the reader may change.
import { rankOf, type ServerId, type UserId } from "confab-client";
import { state } from "../../app/client.ts";
import { serverPermissions } from "../rights.ts";
import { standingIn } from "./reorder.ts";

/** His own, and those of who stands below him. */
export function mayChangeRolesOf(server: ServerId, user: UserId): boolean {
  const known = state.servers[server];
  if (known === undefined || !serverPermissions(server).has("MANAGE_ROLES")) return false;
  return user === state.me?.user_id || rankOf(known, user) < standingIn(server).rank;
}
