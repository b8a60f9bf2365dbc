// Commands of the whole page.
import { serversInOrder, unreadOf, type ChannelState } from "confab-client";
import { client, state } from "../../app/client.ts";
import { currentChannel, currentServer, openChannel, openServer, readableChannels } from "../../app/place.ts";
import { openLayer, togglePanel } from "../panel.ts";
import { allCommands, contribute, layerPages, registerCommand } from "../registry.ts";
import { addServer } from "../welcome/forms.tsx";
import { focusRegion } from "./regions.ts";
import { openKeys } from "./keys-sheet.tsx";
import { openSwitcher } from "./switcher.tsx";
import { t } from "../../lang/index.ts";

registerCommand(
  { id: "switch", title: "Go to…", icon: "search", keys: "Ctrl+KeyK", hidden: true, run: openSwitcher },
  { id: "keys", title: "Keyboard shortcuts", icon: "keyboard", keys: "Ctrl+Slash", run: () => openKeys(allCommands()) },
  { id: "channel.next", title: "Next channel", keys: "Alt+ArrowDown", hidden: true, run: () => step(1, () => true) },
  { id: "channel.previous", title: "Previous channel", keys: "Alt+ArrowUp", hidden: true, run: () => step(-1, () => true) },
  { id: "unread.next", title: "Next unread channel", icon: "unread", keys: "Alt+Shift+ArrowDown", run: () => step(1, isUnread) },
  { id: "unread.previous", title: "Previous unread channel", keys: "Alt+Shift+ArrowUp", hidden: true, run: () => step(-1, isUnread) },
  { id: "server.next", title: "Next server", keys: "Ctrl+Alt+ArrowDown", hidden: true, run: () => stepServer(1) },
  { id: "server.previous", title: "Previous server", keys: "Ctrl+Alt+ArrowUp", hidden: true, run: () => stepServer(-1) },
  { id: "server.read", title: "Mark the server as read", icon: "check", keys: "Shift+Escape", run: markServerRead },
  { id: "server.add", title: "Add a server", icon: "plus", run: addServer },
  { id: "region.next", title: "Next part of the page", keys: "Ctrl+F6", hidden: true, run: () => focusRegion(1) },
  { id: "region.previous", title: "Previous part of the page", keys: "Ctrl+Shift+F6", hidden: true, run: () => focusRegion(-1) },
  { id: "members", title: "Members", icon: "people", keys: "Ctrl+Shift+KeyU", run: () => togglePanel("members") },
  { id: "settings", title: "Settings", icon: "settings", keys: "Ctrl+Comma", when: () => layerPages("settings").length > 0, run: () => openLayer("settings") },
  { id: "signout", title: "Sign out", icon: "door", run: () => void client.signOut() },
);

contribute("account", 90, () => [{ label: t("Sign out"), icon: "door", run: () => void client.signOut() }]);

function isUnread({ channel_id }: ChannelState): boolean {
  return unreadOf(state, channel_id) > 0;
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

function markServerRead(): void {
  const server = currentServer()?.server.server_id;
  for (const { channel_id, last_seq } of server === undefined ? [] : readableChannels(server)) client.read(channel_id, last_seq);
}
