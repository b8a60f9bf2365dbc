// Keeping order: reports, the audit log, automatic rules, lock-down.
import { lazy } from "solid-js";
import { state } from "../../app/client.ts";
import { withPart } from "../../app/update.ts";
import { t } from "../../lang/index.ts";
import { contribute, registerPage } from "../registry.ts";
import { permissions } from "../rights.ts";
import { openServerPage } from "../server/open.ts";
import { mayAuditHere, mayList, mayListHere, mayManageHere } from "./may.ts";
import { openReports } from "./open-reports.ts";

contribute("message", 80, ({ message, channel }) => {
  const own = message.author_id === state.me?.user_id;
  if (own || !permissions(channel.channel_id).has("READ_HISTORY")) return [];
  const run = () => withPart(() => import("./report.tsx"), ({ report }) => report(channel, message));
  return [{ label: t("Report…"), icon: "flag", run }];
});

contribute("server", 30, ({ server }) => {
  if (!mayList(server)) return [];
  const id = server.server.server_id;
  return [
    {
      label: t("Reports"),
      icon: "flag",
      // Counted while the menu is open already, perhaps.
      get badge() {
        return openReports(id);
      },
      run: () => openServerPage(id, "reports"),
    },
  ];
});

registerPage("server", {
  id: "reports",
  title: "Reports",
  group: "Moderation",
  order: 60,
  when: mayListHere,
  component: lazy(() => import("./reports-page.tsx")),
});
registerPage("server", {
  id: "audit",
  title: "Audit log",
  group: "Moderation",
  order: 62,
  when: mayAuditHere,
  component: lazy(() => import("../audit/page.tsx")),
});
registerPage("server", {
  id: "rules",
  title: "Automatic rules",
  group: "Moderation",
  order: 64,
  when: mayManageHere,
  component: lazy(() => import("./rules-page.tsx")),
});
registerPage("server", {
  id: "safety",
  title: "Safety",
  group: "Moderation",
  order: 66,
  when: mayManageHere,
  component: lazy(() => import("./safety-page.tsx")),
});
