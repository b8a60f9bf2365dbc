import type { ChannelState, Message } from "confab-client";
import { onMount } from "solid-js";
import { Icon } from "../../kit/icon.tsx";
import { t } from "../../lang/index.ts";
import { openPanel } from "../panel.ts";
import { shownName } from "../people/names.ts";
import { knowPins, pinsOf } from "./store.ts";
import "./pins.css";

/** Says that a message is pinned, and by whom; leads to all that are. */
export default function PinnedMark(props: { message: Message; channel: ChannelState }) {
  onMount(() => knowPins(props.channel));
  const pin = () => pinsOf(props.channel.channel_id)?.list.find(({ message }) => message.message_id === props.message.message_id);
  const text = () => {
    const by = pin()?.user_id;
    return by === undefined ? t("Pinned") : t("Pinned by {name}", { name: shownName(by, props.channel.server_id) });
  };
  return (
    <button type="button" class="pinned-mark meta" onClick={() => openPanel("pins")}>
      <Icon name="pin" />
      <span class="cut">{text()}</span>
    </button>
  );
}
