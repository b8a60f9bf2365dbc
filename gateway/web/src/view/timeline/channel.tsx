// A channel: its header, how it stands with the connection, the timeline, and where one writes.
import type { ChannelId } from "confab-client";
import { createSignal, For, lazy, onCleanup, Show, untrack } from "solid-js";
import { client, state } from "../../app/client.ts";
import { IconButton } from "../../kit/button.tsx";
import { Icon } from "../../kit/icon.tsx";
import { say, t } from "../../lang/index.ts";
import { Composer } from "../composer/composer.tsx";
import { iconOf } from "../channels/icon.ts";
import { panel, showPane, togglePanel } from "../panel.ts";
import { Part } from "../part.tsx";
import { panelTabs } from "../registry.ts";
import { Connection } from "../shell/connection.tsx";
import { openingOf } from "./opening.ts";
import { Timeline } from "./timeline.tsx";

/** Few servers are locked down. */
const LockdownBar = lazy(() => import("../lockdown/bar.tsx"));

export function Channel(props: { id: ChannelId }) {
  const id = untrack(() => props.id);
  onCleanup(untrack(() => client.show(id, openingOf(id))));
  const [sent, setSent] = createSignal(0);
  return (
    <Show when={state.channels[id]}>
      {(channel) => (
        <main class="channel" aria-label={`#${channel().name}`}>
          <header class="bar">
            <IconButton class="only-phone" icon="back" label={t("Channels")} onClick={() => showPane("lists")} />
            <Icon name={iconOf(channel())} />
            <h1 class="cut">{channel().name}</h1>
            <Show when={channel().topic}>{(topic) => <p class="topic cut second" data-tip={topic()}>{topic()}</p>}</Show>
            <span class="push" />
            <For each={panelTabs().filter(({ button }) => button)}>
              {(tab) => (
                <IconButton
                  icon={tab.icon}
                  label={say(tab.title)}
                  {...(tab.keys === undefined ? {} : { keys: tab.keys })}
                  aria-pressed={panel() === tab.id}
                  onClick={() => togglePanel(tab.id)}
                />
              )}
            </For>
          </header>
          <Connection />
          <Show when={state.servers[channel().server_id]?.lockdown}>
            <Part quiet>
              <LockdownBar server={channel().server_id} />
            </Part>
          </Show>
          <Timeline channel={channel()} sent={sent()} />
          <Composer channel={channel()} onSent={() => setSent((count) => count + 1)} />
        </main>
      )}
    </Show>
  );
}
