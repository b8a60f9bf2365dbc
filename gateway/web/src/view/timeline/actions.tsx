import type { ChannelState, Message } from "confab-client";
import { For, Show } from "solid-js";
import { IconButton } from "../../kit/button.tsx";
import { openMenu } from "../../kit/menu.tsx";
import { t } from "../../lang/index.ts";
import { pickEmoji } from "../emoji/open.ts";
import { usedEmoji } from "../emoji/recent.ts";
import { permissions } from "../rights.ts";
import { react, replyTo, setEditing } from "./deeds.ts";
import { messageMenu } from "./menu.ts";

/** What one reacts by without a picker: what was used last, and until then what most use. */
const quick = () => [...new Set([...usedEmoji(), "👍️", "❤️", "😂"])].slice(0, 3);

/** The bar at the corner of a row that is pointed at, or has the focus. */
export function Actions(props: { message: Message; channel: ChannelState; mine: boolean }) {
  const may = () => permissions(props.channel.channel_id);
  return (
    <div class="actions" role="toolbar" aria-label={t("Message")}>
      <Show when={may().has("ADD_REACTIONS")}>
        <For each={quick()}>
          {(emoji) => {
            const label = () => t("React with {emoji}", { emoji });
            const add = () => react(props.channel, props.message, emoji);
            return <button type="button" class="quick emoji" tabIndex={-1} aria-label={label()} data-tip={label()} onClick={add}>{emoji}</button>;
          }}
        </For>
        <IconButton
          icon="smile"
          label={t("React…")}
          onClick={(event) => pickEmoji(event.currentTarget, (emoji) => react(props.channel, props.message, emoji))}
        />
      </Show>
      <Show when={may().has("SEND_MESSAGES")}>
        <IconButton icon="reply" label={t("Reply")} onClick={() => replyTo(props.channel, props.message)} />
      </Show>
      <Show when={props.mine}>
        <IconButton icon="edit" label={t("Edit")} onClick={() => setEditing(props.message.message_id)} />
      </Show>
      <IconButton
        icon="more"
        label={t("More")}
        aria-haspopup="menu"
        onClick={(event) => openMenu(t("Message"), messageMenu(props.message, props.channel), event.currentTarget)}
      />
    </div>
  );
}
