// A message: one row for life, from the moment it is written.
import type { ChannelState, Message } from "confab-client";
import { createMemo, lazy, onCleanup, Show, untrack } from "solid-js";
import { state } from "../../app/client.ts";
import { exact, time } from "../../lang/dates.ts";
import { t } from "../../lang/index.ts";
import { plain } from "../../text/plain.ts";
import { Markdown } from "../../text/render.tsx";
import { openMenu } from "../../kit/menu.tsx";
import { Part } from "../part.tsx";
import { Avatar } from "../people/avatar.tsx";
import { openMember } from "../people/card.ts";
import { PersonName } from "../people/person-name.tsx";
import { namesIn, shownName } from "../people/names.ts";
import { Actions } from "./actions.tsx";
import { come, isActive, leave, type Visit } from "./active.ts";
import { EditBox } from "./edit.tsx";
import { editing, openHistory, replyTo } from "./deeds.ts";
import { Fate } from "./fate.tsx";
import type { Line } from "./lines.ts";
import { messageMenu } from "./menu.ts";
import { placeOf } from "./place.ts";
import { Reactions } from "./reactions.tsx";
import { ReplyLine } from "./reply-line.tsx";
import { onLongPress, onSwipeLeft } from "./touch.ts";

const PinnedMark = lazy(() => import("../pins/mark.tsx"));

/** So much of a message names its row: who wants more reads on in it. */
const SPOKEN = 300;

export interface RowProps {
  line: Line & { kind: "row" };
  channel: ChannelState;
}

export function MessageRow(props: RowProps) {
  const message = () => props.line.row.message;
  const send = () => props.line.row.send;
  const author = createMemo(() => message()?.author_id ?? state.me?.user_id);
  const mine = () => author() === state.me?.user_id;
  const name = () => {
    const id = author();
    return id === undefined ? "" : shownName(id, props.channel.server_id);
  };
  const text = () => message()?.content ?? send()?.content ?? "";
  /** As it is read out: without its marks, and with names. */
  const said = createMemo(() => plain(text(), namesIn(props.channel.server_id), props.channel.server_id).slice(0, SPOKEN));
  const mentioned = () => message()?.mentions.some((id) => placeOf(message(), props.channel).isMe(id)) ?? false;
  const key = untrack(() => props.line.key);
  const visit = (by: Visit["by"]): Visit => ({ by, row: key });
  onCleanup(() => {
    leave(visit("pointer"));
    leave(visit("focus"));
  });
  const isEditing = () => message() !== null && editing() === message()?.message_id;
  const label = () => [name(), said(), time(props.line.at), ...(message()?.pinned ? [t("Pinned")] : [])].join(", ");
  const openAt = (at: Element | { clientX: number; clientY: number }) => {
    const known = message();
    if (known !== null) openMenu(t("Message"), messageMenu(known, props.channel), at);
  };
  const gestures = (row: HTMLElement) => {
    onLongPress(row, (at) => openAt(at));
    onSwipeLeft(row, () => {
      const known = message();
      if (known !== null) replyTo(props.channel, known);
    });
  };

  return (
    <article
      class="row"
      classList={{ first: props.line.first, mine: mine(), mentioned: mentioned(), pending: send() !== null, editing: isEditing() }}
      data-key={props.line.key}
      data-seq={message()?.seq}
      aria-label={label()}
      tabIndex={-1}
      ref={gestures}
      onPointerEnter={(event) => event.pointerType === "mouse" && come(visit("pointer"))}
      onPointerLeave={() => leave(visit("pointer"))}
      onFocusIn={() => come(visit("focus"))}
      onFocusOut={(event) => !event.currentTarget.contains(event.relatedTarget as Node | null) && leave(visit("focus"))}
      onContextMenu={(event) => {
        if (event.shiftKey || (event.target as Element).closest("a, textarea") !== null) return;
        event.preventDefault();
        openAt(event.clientX > 0 ? event : event.currentTarget);
      }}
    >
      <Show when={props.line.first} fallback={<time class="gutter-time meta" data-tip={exact(props.line.at)}>{time(props.line.at)}</time>}>
        <ReplyLine row={props.line.row} channel={props.channel} />
        <Head {...props} name={name()} />
      </Show>
      <div class="row-body">
        <Show
          when={isEditing() && message()}
          fallback={
            <>
              <Content text={text()} message={message()} channel={props.channel} />
              <Show when={!props.line.first}><Pinned message={message()} channel={props.channel} /></Show>
            </>
          }
        >
          {(edited) => <EditBox message={edited()} channel={props.channel} />}
        </Show>
        <Show when={message()}>{(known) => <Reactions message={known()} channel={props.channel} />}</Show>
        <Show when={send()}>{(known) => <Fate send={known()} />}</Show>
      </div>
      <Show when={isActive(key) && !isEditing() && message()}>
        {(known) => <Actions message={known()} channel={props.channel} mine={mine()} />}
      </Show>
    </article>
  );
}

function Content(props: { text: string; message: Message | null; channel: ChannelState }) {
  const place = createMemo(() => placeOf(props.message, props.channel));
  const isEdited = () => (props.message?.edited_at ?? null) !== null;
  return <Markdown content={props.text} place={place()} tail={isEdited() && <Edited message={props.message} channel={props.channel} />} />;
}

function Edited(props: { message: Message | null; channel: ChannelState }) {
  return (
    <button type="button" class="edited meta" data-tip={editedAt(props.message)} onClick={() => openHistory(props.channel, props.message)}>
      {t("(edited)")}
    </button>
  );
}

const editedAt = (message: Message | null) => (message?.edited_at ? exact(message.edited_at) : undefined);

function Head(props: RowProps & { name: string }) {
  const author = () => props.line.row.message?.author_id ?? state.me?.user_id;
  // The picture does what the name beside it does, which keys and screen readers reach.
  const open = (event: MouseEvent & { currentTarget: HTMLElement }) => {
    const id = author();
    if (id !== undefined) openMember(id, props.channel.server_id, event.currentTarget);
  };
  return (
    <>
      <span class="row-avatar" aria-hidden="true" onClick={(event) => open(event)}>
        <Avatar id={author() ?? 0} name={props.name} picture={state.users[author() ?? (0 as never)]?.avatar} size={40} />
      </span>
      <header class="row-head">
        <Show when={author()}>{(user) => <PersonName user={user()} server={props.channel.server_id} class="cut" />}</Show>
        <time class="meta" dateTime={new Date(props.line.at).toISOString()} data-tip={exact(props.line.at)}>{time(props.line.at)}</time>
        <Pinned message={props.line.row.message} channel={props.channel} />
      </header>
    </>
  );
}

function Pinned(props: { message: Message | null; channel: ChannelState }) {
  return (
    <Show when={props.message?.pinned && props.message}>
      {(pinned) => (
        <Part quiet>
          <PinnedMark message={pinned()} channel={props.channel} />
        </Part>
      )}
    </Show>
  );
}
