import { serversInOrder, unreadOfServer, type ServerState } from "confab-client";
import { For, Show } from "solid-js";
import { state } from "../../app/client.ts";
import { minute } from "../../app/clock.ts";
import { currentServer, openServer } from "../../app/place.ts";
import { Mark } from "../../kit/icon.tsx";
import { IconButton } from "../../kit/button.tsx";
import { openMenu } from "../../kit/menu.tsx";
import { roving } from "../../kit/roving.ts";
import { t, tn } from "../../lang/index.ts";
import { Avatar } from "../people/avatar.tsx";
import { menuOf } from "../registry.ts";
import { addServer } from "../welcome/add.ts";

/** The servers, one under the other. */
export function Rail() {
  return (
    <nav class="rail" aria-label={t("Servers")} data-region tabIndex={-1} ref={(rail) => roving(rail, "button")}>
      <Mark />
      <For each={serversInOrder(state)}>{(server) => <ServerButton server={server} />}</For>
      <IconButton class="rail-add" icon="plus" label={t("Add a server")} onClick={addServer} />
    </nav>
  );
}

function ServerButton(props: { server: ServerState }) {
  const server = () => props.server.server;
  const count = () => unreadOfServer(state, server().server_id, minute());
  const current = () => currentServer()?.server.server_id === server().server_id;
  const label = () => {
    const { mentions, unread } = count();
    if (mentions > 0) return `${server().name}, ${tn("{count} mentions", mentions)}`;
    return unread ? `${server().name}, ${t("unread")}` : server().name;
  };
  return (
    <button
      type="button"
      class="rail-server"
      classList={{ unread: count().unread }}
      aria-current={current() ? "true" : undefined}
      aria-label={label()}
      data-tip={server().name}
      onClick={() => openServer(server().server_id)}
      onContextMenu={(event) => {
        if (event.shiftKey) return;
        event.preventDefault();
        openMenu(server().name, menuOf("server", { server: props.server }), event.currentTarget, "right");
      }}
    >
      <Avatar id={server().server_id} name={server().name} picture={server().icon} size={44} square />
      <Show when={count().mentions > 0}>
        <span class="badge" data-count={count().mentions > 99 ? "99+" : count().mentions} />
      </Show>
    </button>
  );
}
