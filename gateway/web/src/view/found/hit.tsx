// A message in a list of found ones: who said it, when, and what in a few lines. Pressing it leads there.
import type { ChannelState, Message } from "confab-client";
import { createMemo, For, type JSX, Show } from "solid-js";
import { state } from "../../app/client.ts";
import { minute } from "../../app/clock.ts";
import { exact, moment, timeOfId } from "../../lang/dates.ts";
import { plain } from "../../text/plain.ts";
import { Avatar } from "../people/avatar.tsx";
import { Name } from "../people/name.tsx";
import { namesIn, shownName } from "../people/names.ts";
import { jumpTo } from "./jump.ts";
import { excerpt, marked } from "./words.ts";
import "./found.css";

export interface HitProps {
  message: Message;
  channel: ChannelState;
  /** Where it is, where the list does not say so. */
  where?: string;
  /** Words to mark in the text. */
  words?: readonly string[];
  /** Beneath the text. */
  note?: JSX.Element;
  /** What else can be done with it. */
  actions?: JSX.Element;
  /** Stands out, as what is not read. */
  strong?: boolean;
}

export function Hit(props: HitProps) {
  const { message, channel } = props;
  const name = () => shownName(message.author_id, channel.server_id);
  const at = timeOfId(message.message_id);
  const text = createMemo(() => plain(props.message.content, namesIn(channel.server_id), channel.server_id));
  const open = () => jumpTo({ server_id: channel.server_id, channel_id: channel.channel_id, message_id: message.message_id });
  return (
    <div class="hit" classList={{ strong: props.strong === true }}>
      <button type="button" class="hit-open" data-hit onClick={open}>
        <Avatar id={message.author_id} name={name()} picture={state.users[message.author_id]?.avatar} size={28} />
        <Show when={props.where}>{(where) => <span class="hit-where meta cut">{where()}</span>}</Show>
        <span class="hit-head">
          <Name user={message.author_id} server={channel.server_id} class="hit-name cut" />
          <time class="meta" dateTime={new Date(at).toISOString()} data-tip={exact(at)}>{moment(at, minute())}</time>
        </span>
        <span class="hit-text">
          <Marked text={text()} words={props.words ?? []} />
        </span>
        <Show when={props.note}>{(note) => <span class="hit-note meta">{note()}</span>}</Show>
      </button>
      <Show when={props.actions}>{(actions) => <span class="hit-actions">{actions()}</span>}</Show>
    </div>
  );
}

/** A text in which words are marked; of a long one what stands around the first of them. */
function Marked(props: { text: string; words: readonly string[] }) {
  return (
    <For each={marked(excerpt(props.text, props.words), props.words)}>
      {(part) => <Show when={part.hit} fallback={part.text}><mark>{part.text}</mark></Show>}
    </For>
  );
}
