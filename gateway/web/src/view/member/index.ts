// What can be done with a member, in his menu; who is in a server, and who was put out of it, as pages.
import type { ServerState, UserId } from "confab-client";
import { lazy } from "solid-js";
import { state } from "../../app/client.ts";
import { currentChannel, currentServer } from "../../app/place.ts";
import { withPart } from "../../app/update.ts";
import type { MenuItems } from "../../kit/menu-items.ts";
import { t } from "../../lang/index.ts";
import { layer } from "../panel.ts";
import { contribute, registerPage } from "../registry.ts";
import { serverPermissions } from "../rights.ts";
import { openServerPage } from "../server/open.ts";
import { changeableRoles, mayDo } from "../rank/may.ts";
import "./removed.ts";

const idOf = ({ server }: ServerState) => server.server_id;

type Deeds = typeof import("./deeds.tsx");
/** The dialogs are fetched with the first of them. */
const open = (deed: (deeds: Deeds) => void) => () => withPart(() => import("./deeds.tsx"), deed);

contribute("member", 20, ({ user, server }) => {
  if (server === undefined) return [];
  const items: MenuItems = [];
  if (mayDo("rename", idOf(server), user)) {
    items.push({ label: t("Change the nickname…"), icon: "edit", run: open(({ rename }) => rename(server, user)) });
  }
  if (changeableRoles(idOf(server), user).length > 0) {
    items.push({ label: t("Roles…"), icon: "shield", run: open(({ changeRoles }) => changeRoles(server, user)) });
  }
  return items;
});

contribute("member", 30, ({ user, server }) => (server === undefined ? [] : silences(server, user)));

function silences(server: ServerState, user: UserId): MenuItems {
  // Behind a layer nobody sees which channel would be meant.
  const channel = layer() === undefined ? currentChannel() : undefined;
  const items: MenuItems = [];
  if (channel !== undefined && mayDo("silence", idOf(server), user, channel.channel_id)) {
    const label = t("Mute in #{channel}…", { channel: channel.name });
    items.push({ label, icon: "mute", run: open(({ silence }) => silence(server, user, channel)) });
  }
  if (mayDo("silence", idOf(server), user)) {
    items.push({ label: t("Time out…"), icon: "clock", run: open(({ silence }) => silence(server, user, null)) });
  }
  return items;
}

contribute("member", 40, ({ user, server }) => {
  if (server === undefined) return [];
  const items: MenuItems = [];
  if (mayDo("kick", idOf(server), user)) items.push({ label: t("Remove…"), icon: "door", danger: true, run: open(({ kick }) => kick(server, user)) });
  if (mayDo("ban", idOf(server), user)) items.push({ label: t("Ban…"), icon: "ban", danger: true, run: open(({ ban }) => ban(server, user)) });
  return items;
});

contribute("server", 30, ({ server }) => {
  const { server_id } = server.server;
  const items: MenuItems = [{ label: t("Members"), icon: "people", run: () => openServerPage(server_id, "members") }];
  const me = state.me?.user_id;
  if (me !== undefined && mayDo("rename", server_id, me)) {
    items.push({ label: t("Your nickname here…"), icon: "edit", run: open(({ rename }) => rename(server, me)) });
  }
  return items;
});

registerPage("server", {
  id: "members",
  title: "Members",
  group: "People",
  order: 50,
  component: lazy(() => import("./members-page.tsx")),
});

registerPage("server", {
  id: "bans",
  title: "Bans",
  group: "People",
  order: 54,
  when: () => {
    const server = currentServer();
    return server !== undefined && serverPermissions(server.server.server_id).has("BAN_MEMBERS");
  },
  component: lazy(() => import("./bans-page.tsx")),
});
