import type { ChannelState, Message, MessageId, Row } from "confab-client";
import { createMemo, createResource, Show } from "solid-js";
import { client, state } from "../../app/client.ts";
import { go, messagePath } from "../../app/route.ts";
import { Icon } from "../../kit/icon.tsx";
import { t } from "../../lang/index.ts";
import { plain } from "../../text/plain.ts";
import { namesIn, shownName } from "../people/names.ts";

const LONGEST = 160;

/** What a message answers, in one line above it. */
export function ReplyLine(props: { row: Row; channel: ChannelState }) {
  const id = createMemo(() => props.row.message?.reply_to ?? props.row.send?.reply_to ?? null);
  return <Show when={id()}>{(answered) => <Line id={answered()} channel={props.channel} />}</Show>;
}

function Line(props: { id: MessageId; channel: ChannelState }) {
  const held = () => state.windows[props.channel.channel_id]?.messages.find(({ message_id }) => message_id === props.id);
  const [fetched] = createResource(() => (held() === undefined ? props.id : false), (id) => fetchMessage(props.channel, id));
  const answered = () => held() ?? fetched();
  return (
    <p class="reply-line second">
      <Icon name="reply" />
      <Show when={answered()} fallback={<span class="cut">{fetched.loading ? "…" : t("This message was deleted.")}</span>}>
        {(message) => (
          <button
            type="button"
            class="cut"
            onClick={() => go(messagePath(props.channel.server_id, props.channel.channel_id, props.id))}
          >
            <span class="reply-name">{shownName(message().author_id, props.channel.server_id)}</span>{" "}
            {plain(message().content, namesIn(props.channel.server_id), props.channel.server_id).slice(0, LONGEST)}
          </button>
        )}
      </Show>
    </p>
  );
}

async function fetchMessage({ server_id, channel_id }: ChannelState, message_id: MessageId): Promise<Message | undefined> {
  const message = await client.call("message_get", server_id, { channel_id, message_id }).catch(() => undefined);
  if (message !== undefined) client.meet([message.author_id]);
  return message;
}
