// Roles: their page, those that everyone may take, and what a member may do by his.
import { rolesInOrder } from "confab-client";
import { lazy } from "solid-js";
import { currentChannel } from "../../app/place.ts";
import { t } from "../../lang/index.ts";
import { contribute, registerPage } from "../registry.ts";
import { mayInServer, serverPermissions } from "../rights.ts";
import { openWhy } from "../why/open.tsx";
import { openOwnRoles } from "./open.tsx";

registerPage("server", { id: "roles", title: "Roles", order: 30, component: lazy(() => import("./page.tsx")), when: mayInServer("MANAGE_ROLES") });

contribute("server", 35, ({ server }) => {
  if (!rolesInOrder(server).some(({ self_assignable }) => self_assignable)) return [];
  return [{ label: t("Roles for you"), icon: "person", run: () => openOwnRoles(server.server.server_id) }];
});

contribute("member", 25, ({ user, server }) => {
  const id = server?.server.server_id;
  if (id === undefined || !serverPermissions(id).has("MANAGE_ROLES")) return [];
  const channel = currentChannel();
  const here = channel?.server_id === id ? channel.channel_id : undefined;
  return [{ label: t("Permissions here…"), icon: "info", run: () => openWhy({ server: id, channel: here, user }) }];
});
