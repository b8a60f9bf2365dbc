import { lazy } from "solid-js";
import { state } from "../../app/client.ts";
import { t } from "../../lang/index.ts";
import { insertText } from "../panel.ts";
import { shownName } from "../people/names.ts";
import { currentChannel } from "../../app/place.ts";
import { contribute, registerPanel } from "../registry.ts";

registerPanel({
  id: "members",
  title: "Members",
  icon: "people",
  button: true,
  keys: "Ctrl+Shift+KeyU",
  order: 90,
  component: lazy(() => import("./members.tsx")),
});

contribute("member", 10, ({ user }) => {
  const channel = currentChannel();
  if (channel === undefined || user === state.me?.user_id) return [];
  return [{ label: t("Mention"), icon: "at", run: () => insertText(channel, `@${shownName(user, channel.server_id)} `) }];
});

contribute("member", 80, ({ user }) => [
  { label: t("Copy id"), icon: "copy", run: () => void navigator.clipboard.writeText(String(user)) },
]);
