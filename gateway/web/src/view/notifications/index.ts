// Being told: what of, on which devices, and why or why not.
import { lazy } from "solid-js";
import { state } from "../../app/client.ts";
import { withPart } from "../../app/update.ts";
import { t } from "../../lang/index.ts";
import { contribute, registerPage } from "../registry.ts";
import { permissions } from "../rights.ts";
import { openLevels } from "./open.tsx";
import { serveWorker } from "./worker.ts";

serveWorker();

registerPage("settings", { id: "notifications", title: "Notifications", group: "You", order: 15, component: lazy(() => import("./page.tsx")) });

contribute("server", 25, ({ server }) => [{ label: t("Notifications…"), icon: "bell", run: () => openLevels({ kind: "server", server }) }]);
contribute("category", 20, ({ channel }) => [{ label: t("Notifications…"), icon: "bell", run: () => openLevels({ kind: "category", channel }) }]);
contribute("channel", 20, ({ channel }) =>
  channel.kind === "text" || channel.kind === "announcement"
    ? [{ label: t("Notifications…"), icon: "bell", run: () => openLevels({ kind: "channel", channel }) }]
    : [],
);

contribute("message", 30, ({ message, channel }) => {
  if (message.author_id === state.me?.user_id || !permissions(channel.channel_id).has("READ_HISTORY")) return [];
  const explain = () => withPart(() => import("./explain.tsx"), ({ showExplanation }) => showExplanation(channel, message));
  return [{ label: t("Why was I told, or not?"), icon: "bell", run: explain }];
});
