// The settings of a server, and what its menu leads to.
import type { Server } from "confab-client";
import { lazy } from "solid-js";
import { act } from "../../app/act.ts";
import { client, state } from "../../app/client.ts";
import { go } from "../../app/route.ts";
import { ask } from "../../kit/dialog.tsx";
import { t } from "../../lang/index.ts";
import { contribute, registerPage } from "../registry.ts";
import { mayInServer, serverPermissions } from "../rights.ts";
import { openServerPage } from "./open.ts";

registerPage("server", { id: "overview", title: "Overview", order: 10, component: lazy(() => import("./overview.tsx")), when: mayInServer("MANAGE_SERVER") });

const ADMINISTERS = ["MANAGE_SERVER", "MANAGE_CHANNELS", "MANAGE_ROLES", "BAN_MEMBERS", "VIEW_AUDIT_LOG"] as const;

contribute("server", 15, ({ server: { server } }) => {
  const may = serverPermissions(server.server_id);
  if (!ADMINISTERS.some((name) => may.has(name))) return [];
  return [{ label: t("Server settings"), icon: "settings", run: () => openServerPage(server.server_id) }];
});

contribute("server", 90, ({ server: { server } }) => {
  if (server.owner_id === state.me?.user_id) return [];
  return [{ label: t("Leave the server"), icon: "door", danger: true, run: () => askLeave(server) }];
});

function askLeave({ server_id, name, discoverable }: Server): void {
  ask({
    title: t("Leave {name}?", { name }),
    text: discoverable ? t("You can join it again at any time.") : t("To come back you need an invite."),
    action: t("Leave"),
    danger: true,
    run: async () => {
      if (await act(client.call("server_leave", server_id, {}))) go("/", true);
    },
  });
}
