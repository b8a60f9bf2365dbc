// Commands of the whole page.
import { serversInOrder, type ChannelState } from "confab-client";
import { client, state } from "../../app/client.ts";
import { currentChannel, currentServer, openChannel, openServer, readableChannels } from "../../app/place.ts";
import { withPart } from "../../app/update.ts";
import { markServerRead, waits } from "../inbox/read.ts";
import { openLayer, togglePanel } from "../panel.ts";
import { contribute, registerCommand, registerDeed } from "../registry.ts";
import { addServer } from "../welcome/add.ts";
import { focusRegion } from "./regions.ts";
import { t } from "../../lang/index.ts";

/** Fetched as soon as there is time: who opens it types on at once. */
const switcher = () => import("./switcher.tsx");
setTimeout(() => switcher().catch(() => undefined), 5_000);

const GOING = "Going about";

registerCommand(
  { id: "switch", title: "Go to…", group: GOING, icon: "search", keys: "Ctrl+KeyK", hidden: true, run: () => withPart(switcher, ({ openSwitcher }) => openSwitcher()) },
  { id: "keys", title: "Keyboard shortcuts", icon: "keyboard", keys: "Ctrl+Slash", run: () => withPart(() => import("./keys-sheet.tsx"), ({ openKeys }) => openKeys()) },
  { id: "channel.next", title: "Next channel", group: GOING, keys: "Alt+ArrowDown", hidden: true, run: () => step(1, () => true) },
  { id: "channel.previous", title: "Previous channel", group: GOING, keys: "Alt+ArrowUp", hidden: true, run: () => step(-1, () => true) },
  { id: "unread.next", title: "Next unread channel", group: GOING, icon: "unread", keys: "Alt+Shift+ArrowDown", run: () => step(1, waits) },
  { id: "unread.previous", title: "Previous unread channel", group: GOING, keys: "Alt+Shift+ArrowUp", hidden: true, run: () => step(-1, waits) },
  { id: "server.next", title: "Next server", group: GOING, keys: "Ctrl+Alt+ArrowDown", hidden: true, run: () => stepServer(1) },
  { id: "server.previous", title: "Previous server", group: GOING, keys: "Ctrl+Alt+ArrowUp", hidden: true, run: () => stepServer(-1) },
  { id: "server.read", title: "Mark the server as read", icon: "check", keys: "Shift+Escape", run: markHereRead },
  { id: "server.add", title: "Add a server", icon: "plus", run: addServer },
  { id: "region.next", title: "Next part of the page", keys: "Ctrl+F6", hidden: true, run: () => focusRegion(1) },
  { id: "region.f6", title: "Next part of the page", keys: "F6", hidden: true, when: isInstalled, run: () => focusRegion(1) },
  { id: "region.shift.f6", title: "Previous part of the page", keys: "Shift+F6", hidden: true, when: isInstalled, run: () => focusRegion(-1) },
  { id: "region.previous", title: "Previous part of the page", keys: "Ctrl+Shift+F6", hidden: true, run: () => focusRegion(-1) },
  { id: "members", title: "Members", icon: "people", keys: "Ctrl+Shift+KeyU", run: () => togglePanel("members") },
  { id: "settings", title: "Settings", icon: "settings", keys: "Ctrl+Comma", run: () => openLayer("settings") },
  { id: "signout", title: "Sign out", icon: "door", run: () => void client.signOut() },
);

registerDeed("settings", { title: "Sign out", order: 90, run: () => void client.signOut() });
contribute("account", 90, () => [{ label: t("Sign out"), icon: "door", run: () => void client.signOut() }]);

/** In a window of its own no browser uses the key. */
function isInstalled(): boolean {
  return matchMedia("(display-mode: standalone)").matches;
}

/** To the next channel of this server that fits, around its ends. */
function step(by: 1 | -1, fits: (channel: ChannelState) => boolean): void {
  const server = currentServer()?.server.server_id;
  if (server === undefined) return;
  const channels = readableChannels(server);
  const from = channels.findIndex(({ channel_id }) => channel_id === currentChannel()?.channel_id);
  for (let offset = 1; offset <= channels.length; offset += 1) {
    const channel = channels.at((from + by * offset) % channels.length);
    if (channel !== undefined && fits(channel)) return openChannel(channel);
  }
}

function stepServer(by: 1 | -1): void {
  const servers = serversInOrder(state);
  const from = servers.findIndex(({ server }) => server.server_id === currentServer()?.server.server_id);
  const next = servers.at((from + by) % servers.length);
  if (next !== undefined) openServer(next.server.server_id);
}

function markHereRead(): void {
  const server = currentServer()?.server.server_id;
  if (server !== undefined) markServerRead(server);
}
