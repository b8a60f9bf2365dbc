// The servers that everyone on the deployment may find, and join.
import type { DiscoveredServer, ServerId } from "confab-client";
import { createSignal, For, Show } from "solid-js";
import { sentenceOf } from "../../app/act.ts";
import { client, state } from "../../app/client.ts";
import { pageBehind, paged } from "../../app/paged.ts";
import { openServer } from "../../app/place.ts";
import { Button } from "../../kit/button.tsx";
import { t, tn } from "../../lang/index.ts";
import { Avatar } from "../people/avatar.tsx";
import "./discover.css";

const PAGE = 50;

export default function Discover(props: { done?: (() => void) | undefined }) {
  const [error, setError] = createSignal<string>();
  const found = paged<DiscoveredServer, ServerId>(async (after) => {
    const { servers } = await client.call("servers_discover", 0, { after, limit: PAGE });
    return pageBehind(servers, PAGE, ({ server }) => server.server_id);
  });
  const enter = async (server: ServerId) => {
    setError(undefined);
    try {
      if (state.servers[server] === undefined) await client.call("server_join", 0, { server_id: server });
      props.done?.();
      openServer(server);
    } catch (refusal) {
      setError(sentenceOf(refusal));
    }
  };
  return (
    <div class="discover">
      <Show when={error() ?? found.error()}>{(text) => <p class="error" role="alert">{text()}</p>}</Show>
      <Show when={found.rows()}>
        {(servers) => (
          <ul>
            <For each={servers()} fallback={<li class="second">{t("No server is open to everyone yet. Ask somebody for an invite.")}</li>}>
              {(one) => <Found {...one} onEnter={() => void enter(one.server.server_id)} />}
            </For>
          </ul>
        )}
      </Show>
      <Show when={found.more()}>
        {(more) => <Button kind="quiet" busy={found.busy()} onClick={() => more()()}>{t("Show more")}</Button>}
      </Show>
    </div>
  );
}

function Found(props: DiscoveredServer & { onEnter: () => void }) {
  const joined = () => state.servers[props.server.server_id] !== undefined;
  return (
    <li class="discovered">
      <Avatar id={props.server.server_id} name={props.server.name} picture={props.server.icon} size={44} square />
      <span class="discovered-text">
        <span class="cut discovered-name">{props.server.name}</span>
        <Show when={props.server.description}>{(text) => <span class="second cut" data-tip={text()}>{text()}</span>}</Show>
        <span class="meta">{tn("{count} members", props.member_count)}</span>
      </span>
      <Button aria-label={joined() ? t("Open {server}", { server: props.server.name }) : t("Join {server}", { server: props.server.name })} onClick={() => props.onEnter()}>
        {joined() ? t("Open it") : t("Join")}
      </Button>
    </li>
  );
}
