// A channel: its header, how it stands with the connection, the timeline, and where one writes.
import type { ChannelId } from "confab-client";
import { For, onCleanup, Show, untrack } from "solid-js";
import { client, state } from "../../app/client.ts";
import { IconButton } from "../../kit/button.tsx";
import { Icon } from "../../kit/icon.tsx";
import { say, t } from "../../lang/index.ts";
import { Composer } from "../composer/composer.tsx";
import { iconOf } from "../list/list.tsx";
import { panel, showPane, togglePanel } from "../panel.ts";
import { panelTabs } from "../registry.ts";
import { Connection } from "../shell/connection.tsx";
import { Timeline } from "./timeline.tsx";

export function Channel(props: { id: ChannelId }) {
  const id = untrack(() => props.id);
  onCleanup(untrack(() => client.show(id)));
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
          <Timeline channel={channel()} />
          <Composer channel={channel()} />
        </main>
      )}
    </Show>
  );
}
