// The page of who is signed in: rail, list, the channel, and what stands beside it.
import { createEffect, Show } from "solid-js";
import { Dynamic } from "solid-js/web";
import { state } from "../../app/client.ts";
import { channelToOpen, currentChannel, currentServer, remember } from "../../app/place.ts";
import { channelPath, go, route } from "../../app/route.ts";
import { say, t } from "../../lang/index.ts";
import { ChannelList } from "../list/list.tsx";
import { closePanel, pane, panel } from "../panel.ts";
import { Rail } from "../rail/rail.tsx";
import { Channel } from "../timeline/channel.tsx";
import { panelTab } from "../registry.ts";
import { Part } from "../part.tsx";
import { NoChannel } from "./no-channel.tsx";
import { Panel } from "./panel.tsx";
import { paneGestures } from "./gestures.ts";

export function Shell() {
  settlePlace();
  let under!: HTMLDivElement;
  const tab = () => {
    const id = panel();
    return id === undefined ? undefined : panelTab(id);
  };
  return (
    <div class="shell" data-pane={pane()} data-panel={tab()?.id} ref={paneGestures}>
      <div ref={under} class="shell-under">
        <a class="skip" href="#composer">{t("Skip to writing")}</a>
        <Rail />
        <ChannelList />
        <Show when={currentChannel()?.channel_id} keyed fallback={<NoChannel />}>
          {(channel) => <Channel id={channel} />}
        </Show>
      </div>
      <Show when={tab()} keyed>
        {(open) => (
          <Panel title={say(open.title)} id={open.id} under={under} onClose={closePanel}>
            <Part>
              <Dynamic component={open.component} />
            </Part>
          </Panel>
        )}
      </Show>
    </div>
  );
}

/** An address that names no channel leads to one, as soon as the channels are known. */
function settlePlace(): void {
  createEffect(() => {
    const at = route();
    if (at.at === "home") {
      const first = Object.values(state.servers)[0]?.server.server_id;
      if (first !== undefined) settleIn(first);
    } else if (at.at === "server" && currentServer()?.loaded) {
      settleIn(at.server);
    } else if (at.at === "channel") {
      const channel = currentChannel();
      if (channel !== undefined) remember(channel);
    }
  });
}

function settleIn(server: Parameters<typeof channelToOpen>[0]): void {
  const channel = channelToOpen(server);
  if (channel !== undefined) go(channelPath(server, channel), true);
}
