// Where one writes: a text with suggestions, what it answers, how much is left, and who else is typing.
import { type ChannelState } from "confab-client";
import { createEffect, createMemo, Match, on, onMount, Show, Switch } from "solid-js";
import { state } from "../../app/client.ts";
import { settings } from "../../app/settings.ts";
import { IconButton } from "../../kit/button.tsx";
import { composing } from "../../kit/composing.ts";
import { Escapes } from "../../kit/escape.ts";
import { announce } from "../../kit/announce.tsx";
import { Options } from "../../kit/options.tsx";
import { t, tn } from "../../lang/index.ts";
import * as spans from "../../lang/spans.ts";
import { pickEmoji } from "../emoji/open.ts";
import { isTouched, typesOnScreen, wish } from "../panel.ts";
import { shownName } from "../people/names.ts";
import { permissions } from "../rights.ts";
import { openWhy } from "../why/open.tsx";
import { lastOwn, setEditing } from "../timeline/deeds.ts";
import type { Suggestion } from "./asked.ts";
import { closeCode } from "./close-code.ts";
import { useDraft } from "./draft.ts";
import { format } from "./format.ts";
import { Grow } from "./grow.tsx";
import { charactersLeft, Limit, LIMIT } from "./limit.tsx";
import { sendWritten } from "./naming.ts";
import { slowdown } from "./slow.ts";
import { useSuggestions } from "./suggest.ts";
import { Typing } from "./typing.tsx";
import { whyNot } from "./why-not.ts";

export function Composer(props: { channel: ChannelState; onSent: () => void }) {
  const id = props.channel.channel_id;
  const why = createMemo(() => whyNot(props.channel));
  return (
    <footer class="composer-area" data-region>
      <Show when={why()} fallback={<Writing channel={props.channel} onSent={() => props.onSent()} />}>
        {(text) => (
          <p id="composer" class="composer-closed second" role="status" tabIndex={-1}>
            {text()} <Show when={!permissions(id).has("SEND_MESSAGES")}><WhyNot channel={props.channel} /></Show>
          </p>
        )}
      </Show>
      <Typing channel={id} />
    </footer>
  );
}

function WhyNot(props: { channel: ChannelState }) {
  const open = () => openWhy({ server: props.channel.server_id, channel: props.channel.channel_id, permission: "SEND_MESSAGES" });
  return <button type="button" class="inline" onClick={open}>{t("Why?")}</button>;
}

function Writing(props: { channel: ChannelState; onSent: () => void }) {
  const id = props.channel.channel_id;
  let area!: HTMLTextAreaElement;
  const draft = useDraft(id, () => document.hasFocus() && document.activeElement === area);
  const { text, write } = draft;
  const suggesting = useSuggestions(() => props.channel, () => area, write);
  const left = createMemo(() => charactersLeft(text()));
  const wait = createMemo(slowdown(() => props.channel));
  const held = () => text().trim() === "" || left() < 0 || wait() > 0;
  const insert = (more: string, at = area.selectionStart) => {
    write(text().slice(0, at) + more + text().slice(area.selectionEnd));
    area.focus();
    area.setSelectionRange(at + more.length, at + more.length);
  };
  createEffect(on(wish, (wanted) => wanted?.channel.channel_id === id && insert(wanted.insert), { defer: true }));
  onMount(() => !isTouched() && queueMicrotask(() => area.focus()));
  const send = () => {
    const content = text().trim();
    if (content !== "") sayWhatHolds(left(), wait());
    if (held()) return;
    sendWritten(props.channel, content, draft.reply(), suggesting.taken());
    draft.clear();
    suggesting.forget();
    props.onSent();
    area.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (suggesting.list.onKey(event) || composing(event)) return;
    if (!formatKey(event, area, write) && !(event.key === "ArrowUp" && text() === "" && editLast(id))) {
      if (event.key !== "Enter" || !sends(event)) return;
      send();
    }
    event.preventDefault();
  };
  return (
    <form
      class="composer"
      aria-label={t("Message")}
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <Options of={suggesting.list} label={t("Suggestions")}>{(one) => <Suggested one={one} />}</Options>
      <Show when={draft.reply()}>
        <Escapes close={draft.dropReply} covers={false} />
        <ReplyBar channel={props.channel} onClose={draft.dropReply} />
      </Show>
      <div class="composer-line">
        <Grow
          id="composer"
          ref={(element) => (area = element)}
          label={t("Message #{channel}", { channel: props.channel.name })}
          placeholder={t("Message #{channel}", { channel: props.channel.name })}
          value={text()}
          onInput={(text) => {
            write(text);
            void closeCode(area, write);
          }}
          onSelect={suggesting.look}
          onKeyDown={onKeyDown}
          onBlur={suggesting.close}
          describedBy={LIMIT}
          suggests={suggesting.list}
        />
        <IconButton icon="smile" label={t("Emoji")} keys="Ctrl+KeyE" onClick={(event) => pickEmoji(event.currentTarget, (emoji) => insert(emoji))} />
        <IconButton icon="send" class="send" label={t("Send")} disabled={held()} onPointerDown={(event) => event.preventDefault()} onClick={send} />
      </div>
      <Limit id={LIMIT} left={left()} wait={wait()} />
    </form>
  );
}

function Suggested(props: { one: Suggestion }) {
  return (
    <>
      <Show when={props.one.emoji}>{(emoji) => <span class="emoji">{emoji()}</span>}</Show>
      <span class="cut">{props.one.name}</span>
      <Show when={props.one.hint}>{(hint) => <span class="second cut">{hint()}</span>}</Show>
    </>
  );
}

/** Who listens hears what the line below the text shows. */
function sayWhatHolds(left: number, wait: number): void {
  if (wait > 0) announce(t("You can send again in {time}.", { time: spans.wait(wait) }));
  else if (left < 0) announce(tn("{count} characters too long", -left));
}

/** Whether a key put marks around what is selected. */
function formatKey(event: KeyboardEvent, area: HTMLTextAreaElement, write: (text: string) => void): boolean {
  const formatted = format(event, area.value, area.selectionStart, area.selectionEnd);
  if (formatted === undefined) return false;
  write(formatted.text);
  area.setSelectionRange(formatted.from, formatted.to);
  return true;
}

/** Begins to change the last message of the reader; false where there is none. */
function editLast(channel: ChannelState["channel_id"]): boolean {
  const message = lastOwn(channel);
  if (message !== undefined) setEditing(message.message_id);
  return message !== undefined;
}

/** Enter sends, where there is a keyboard; what is set the other way sends by Ctrl. */
function sends(event: KeyboardEvent): boolean {
  const control = event.ctrlKey || event.metaKey;
  if (typesOnScreen() || settings.enterMakesLine) return control;
  return !event.shiftKey;
}

function ReplyBar(props: { channel: ChannelState; onClose: () => void }) {
  const message = () => {
    const { channel_id } = props.channel;
    const id = state.drafts[channel_id]?.reply_to;
    return state.windows[channel_id]?.messages.find(({ message_id }) => message_id === id);
  };
  return (
    <p class="reply-bar second">
      <span class="cut">
        <Switch fallback={t("Reply to a message")}>
          <Match when={message()}>
            {(found) => <>{t("Reply to {name}", { name: shownName(found().author_id, props.channel.server_id) })}</>}
          </Match>
        </Switch>
      </span>
      <IconButton icon="close" label={t("Do not reply")} keys="Escape" onClick={() => props.onClose()} />
    </p>
  );
}
