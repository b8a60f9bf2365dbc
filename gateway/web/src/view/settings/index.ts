import { lazy } from "solid-js";
import { t } from "../../lang/index.ts";
import { openLayer } from "../panel.ts";
import { contribute, registerCommand, registerPage } from "../registry.ts";
import { openStatus } from "./open-status.ts";

registerPage("settings", { id: "account", title: "Account", group: "You", order: 10, component: lazy(() => import("./account.tsx")) });
registerPage("settings", { id: "devices", title: "Devices", group: "You", order: 20, component: lazy(() => import("./devices.tsx")) });
registerPage("settings", { id: "look", title: "Look", group: "This device", order: 30, component: lazy(() => import("./look.tsx")) });
registerPage("settings", { id: "writing", title: "Writing and keys", group: "This device", order: 40, component: lazy(() => import("./writing.tsx")) });

registerCommand({ id: "status", title: "Set a status", icon: "smile", run: openStatus });

contribute("account", 10, () => [
  { label: t("Set a status"), icon: "smile", run: openStatus },
  { label: t("Settings"), icon: "settings", keys: "Ctrl+Comma", run: () => openLayer("settings") },
]);
