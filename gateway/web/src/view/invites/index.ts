// Inviting people: from the menu of a server, by a command, and as a page of the server's settings.
import { lazy } from "solid-js";
import { currentServer } from "../../app/place.ts";
import { t } from "../../lang/index.ts";
import { contribute, registerCommand, registerPage } from "../registry.ts";
import { mayInvite } from "./may.ts";
import { invite } from "./open.ts";

contribute("server", 10, ({ server }) =>
  mayInvite(server) ? [{ label: t("Invite people"), icon: "link", run: () => invite(server.server.server_id) }] : [],
);

registerCommand({
  id: "invite",
  title: "Invite people",
  icon: "link",
  when: () => mayInvite(currentServer()),
  run: () => {
    const server = currentServer();
    if (server !== undefined) invite(server.server.server_id);
  },
});

registerPage("server", {
  id: "invites",
  title: "Invites",
  group: "People",
  order: 52,
  when: () => mayInvite(currentServer()),
  component: lazy(() => import("./page.tsx")),
});
