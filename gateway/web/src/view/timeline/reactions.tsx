import type { ChannelState, Message, UserId } from "confab-client";
import { createSignal, For, Show } from "solid-js";
import { client } from "../../app/client.ts";
import { list, t, tn } from "../../lang/index.ts";
import { shownName } from "../people/names.ts";
import { permissions } from "../rights.ts";
import { openReactors, react } from "./deeds.ts";

/** So many are named when somebody asks who reacted. */
const NAMED = 20;

export function Reactions(props: { message: Message; channel: ChannelState }) {
  return (
    <Show when={props.message.reactions.length > 0}>
      <ul class="reactions" aria-label={t("Reactions")}>
        <For each={props.message.reactions}>
          {(reaction) => (
            <li>
              <ReactionButton {...reaction} message={props.message} channel={props.channel} />
            </li>
          )}
        </For>
      </ul>
    </Show>
  );
}

interface ReactionProps {
  emoji: string;
  count: number;
  me: boolean;
  message: Message;
  channel: ChannelState;
}

function ReactionButton(props: ReactionProps) {
  const [who, setWho] = createSignal<string>();
  const look = async () => {
    const { channel_id, server_id } = props.channel;
    const body = { channel_id, message_id: props.message.message_id, emoji: props.emoji, limit: NAMED };
    const found = await client.call("message_reactions", server_id, body).catch(() => undefined);
    if (found === undefined) return;
    client.meet(found.user_ids);
    setWho(names(found.user_ids, props.count, props.channel));
  };
  return (
    <button
      type="button"
      class="reaction"
      aria-pressed={props.me}
      aria-label={`${props.emoji}, ${tn("{count} reactions", props.count)}`}
      data-tip={who() ?? `${props.emoji}  ${props.count}`}
      disabled={!props.me && !permissions(props.channel.channel_id).has("ADD_REACTIONS")}
      onPointerEnter={() => void look()}
      onFocus={() => void look()}
      onClick={() => react(props.channel, props.message, props.emoji)}
      onContextMenu={(event) => {
        if (event.shiftKey) return;
        event.preventDefault();
        event.stopPropagation();
        openReactors(props.channel, props.message, props.emoji);
      }}
    >
      <span class="emoji">{props.emoji}</span>
      <span>{props.count}</span>
    </button>
  );
}

function names(users: readonly UserId[], count: number, channel: ChannelState): string {
  const named = users.map((user) => shownName(user, channel.server_id));
  return list(count > named.length ? [...named, `+${count - named.length}`] : named);
}
