// What is new since the reader was here, while the line before it is out of sight: leads there, or counts it as read.
import { unreadOf, type ChannelState } from "confab-client";
import { createResource } from "solid-js";
import { client, state } from "../../app/client.ts";
import { minute } from "../../app/clock.ts";
import { Icon } from "../../kit/icon.tsx";
import { moment, timeOfId } from "../../lang/dates.ts";
import { t, tn } from "../../lang/index.ts";
import "./unread-bar.css";

export interface UnreadBarProps {
  channel: ChannelState;
  /** The last message before what is new. */
  after: number;
  onJump: () => void;
  onRead: () => void;
}

export default function UnreadBar(props: UnreadBarProps) {
  const count = () => Math.max(unreadOf(state, props.channel.channel_id), props.channel.last_seq - props.after);
  const [since] = createResource(() => props.after, (after) => timeOfFirst(props.channel, after));
  const text = () => {
    const at = since.latest;
    return at === undefined ? tn("{count} new", count()) : `${tn("{count} new", count())} ${t("since {time}", { time: moment(at, minute()) })}`;
  };
  return (
    <div class="unread-bar-place">
      <div class="unread-bar" role="status">
        <button type="button" class="unread-jump cut" onClick={() => props.onJump()}>
          <Icon name="up" />
          <span class="cut">{text()}</span>
        </button>
        <button type="button" class="unread-read" onClick={() => props.onRead()}>
          {t("Mark as read")}
          <kbd>Esc</kbd>
        </button>
      </div>
    </div>
  );
}

/** When the first message behind a place was sent. */
async function timeOfFirst({ channel_id, server_id }: ChannelState, after: number): Promise<number | undefined> {
  const held = state.windows[channel_id]?.messages ?? [];
  const first = held[0] !== undefined && held[0].seq <= after + 1 ? held.find(({ seq }) => seq > after) : undefined;
  if (first !== undefined) return timeOfId(first.message_id);
  const page = await client.call("messages_get", server_id, { channel_id, after, limit: 1 }).catch(() => undefined);
  const fetched = page?.messages[0];
  return fetched === undefined ? undefined : timeOfId(fetched.message_id);
}
