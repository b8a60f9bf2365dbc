// The deployment as a whole, for those who administer it.
import { lazy } from "solid-js";
import { state } from "../../app/client.ts";
import { t } from "../../lang/index.ts";
import { openLayer } from "../panel.ts";
import { contribute, registerCommand, registerDeed, registerPage } from "../registry.ts";

const administers = () => state.me?.admin === true;
const open = () => void openLayer("admin");

contribute("account", 80, () => (administers() ? [{ label: t("Administration"), icon: "shield", run: open }] : []));
registerCommand({ id: "admin", title: "Administration", icon: "shield", when: administers, run: open });
registerDeed("settings", { title: "Administration", order: 80, when: administers, run: open });

registerPage("admin", {
  id: "status",
  title: "Status",
  order: 10,
  when: administers,
  component: lazy(() => import("./status-page.tsx")),
});
registerPage("admin", {
  id: "entry",
  title: "Who can sign up",
  order: 20,
  when: administers,
  component: lazy(() => import("./entry-page.tsx")),
});
registerPage("admin", {
  id: "codes",
  title: "Codes for accounts",
  order: 30,
  when: administers,
  component: lazy(() => import("./codes-page.tsx")),
});
