// What a new server waits for: people and channels.
import type { ChannelState, ServerId } from "confab-client";
import { For, Show } from "solid-js";
import { readableChannels } from "../../app/place.ts";
import { IconButton } from "../../kit/button.tsx";
import { Icon } from "../../kit/icon.tsx";
import type { IconName } from "../../kit/icons.ts";
import { say, t, type Sentence } from "../../lang/index.ts";
import { openCreate } from "../channels/open.tsx";
import { invite } from "../invites/open.ts";
import { serverPermissions } from "../rights.ts";
import { dismiss, isDismissed, type Line } from "./kept.ts";
import "./first-lines.css";

interface Step {
  line: Line;
  icon: IconName;
  text: Sentence;
  /** Whether the reader may, and it is not done yet. */
  open: (server: ServerId) => boolean;
  run: (server: ServerId) => void;
}

const STEPS: readonly Step[] = [
  {
    line: "invite",
    icon: "link",
    text: "Invite people with a link",
    open: (server) => serverPermissions(server).has("CREATE_INVITE"),
    run: invite,
  },
  {
    line: "channel",
    icon: "hash",
    text: "Add a channel",
    open: (server) => serverPermissions(server).has("MANAGE_CHANNELS") && readableChannels(server).length === 1,
    run: (server) => openCreate(server),
  },
];

export default function FirstLines(props: { channel: ChannelState }) {
  const server = () => props.channel.server_id;
  const steps = () => STEPS.filter(({ line, open }) => !isDismissed(server(), line) && open(server()));
  return (
    <Show when={readableChannels(server())[0]?.channel_id === props.channel.channel_id}>
      <ul class="first-lines">
        <For each={steps()}>
          {({ line, icon, text, run }) => (
            <li>
              <button type="button" class="first-line" onClick={() => run(server())}>
                <Icon name={icon} />
                {say(text)}
              </button>
              <IconButton icon="close" label={t("Dismiss: {what}", { what: say(text) })} onClick={() => dismiss(server(), line)} />
            </li>
          )}
        </For>
      </ul>
    </Show>
  );
}
