// Where one writes: a text with suggestions, what it answers, how much is left, and who else is typing.
import { type ChannelState } from "confab-client";
import { createEffect, createMemo, createSignal, Match, on, onCleanup, Show, Switch } from "solid-js";
import { client, state } from "../../app/client.ts";
import { settings } from "../../app/settings.ts";
import { IconButton } from "../../kit/button.tsx";
import { Escapes } from "../../kit/escape.ts";
import { announce } from "../../kit/announce.tsx";
import { t, tn } from "../../lang/index.ts";
import * as spans from "../../lang/spans.ts";
import { pickEmoji } from "../emoji/open.ts";
import { composing } from "../keys.ts";
import { PHONE, wish } from "../panel.ts";
import { shownName } from "../people/names.ts";
import { permissions } from "../rights.ts";
import { openWhy } from "../why/open.tsx";
import { lastOwn, setEditing } from "../timeline/deeds.ts";
import { askedAt, put, type Asked, type Suggestion } from "./asked.ts";
import { suggestMore, suggestNow } from "./complete.ts";
import { format } from "./format.ts";
import { Grow } from "./grow.tsx";
import { charactersLeft, Limit, LIMIT } from "./limit.tsx";
import { LIST, optionId, Suggestions } from "./suggestions.tsx";
import { sendWritten } from "./naming.ts";
import { slowdown } from "./slow.ts";
import { Typing } from "./typing.tsx";
import { whyNot } from "./why-not.ts";

/** How often others are told that somebody types. */
const TYPING = 5_000;
/** A draft is kept this long after a key. */
const KEPT = 300;
const COARSE = matchMedia("(pointer: coarse)");

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
  const open = () => void openWhy({ server: props.channel.server_id, channel: props.channel.channel_id, permission: "SEND_MESSAGES" });
  return <button type="button" class="inline" onClick={open}>{t("Why?")}</button>;
}

function Writing(props: { channel: ChannelState; onSent: () => void }) {
  const id = props.channel.channel_id;
  const [text, setText] = createSignal(state.drafts[id]?.text ?? "");
  const [asked, setAsked] = createSignal<Asked>();
  const [found, setFound] = createSignal<readonly Suggestion[]>([]);
  const [chosen, setChosen] = createSignal(0);
  let area!: HTMLTextAreaElement;
  /** Who was chosen for this text: the same name may be that of several. */
  let taken: Suggestion[] = [];
  let typedAt = 0;
  let timer = 0;
  const reply = () => state.drafts[id]?.reply_to ?? null;
  const left = createMemo(() => charactersLeft(text()));
  const wait = createMemo(slowdown(() => props.channel));
  const held = () => text().trim() === "" || left() < 0 || wait() > 0;

  const keep = () => {
    clearTimeout(timer);
    timer = window.setTimeout(() => client.draft(id, text(), reply()), KEPT);
  };
  const change = (next: string) => {
    setText(next);
    keep();
    if (next.trim() !== "" && Date.now() - typedAt > TYPING) {
      typedAt = Date.now();
      client.typing(id);
    }
  };
  onCleanup(() => {
    clearTimeout(timer);
    if (text() !== (state.drafts[id]?.text ?? "")) client.draft(id, text(), reply());
  });
  const isWritingHere = () => document.hasFocus() && document.activeElement === area;
  // A draft may come from the device's storage, or from another tab.
  createEffect(
    on(() => state.drafts[id]?.text ?? "", (kept) => {
      if (!isWritingHere() || text() === "") setText(kept);
    }),
  );
  createEffect(
    on(wish, (wanted) => {
      if (wanted?.channel.channel_id === id) insert(wanted.insert);
    }, { defer: true }),
  );
  createEffect(on(asked, (now) => void look(now)));
  createEffect(on(() => id, () => !COARSE.matches && queueMicrotask(() => area.focus())));

  // What is shown always belongs to what is asked for now, or Enter would take something else.
  const look = async (now: Asked | undefined) => {
    const known = now === undefined ? [] : suggestNow(now, props.channel);
    setFound(known);
    setChosen(0);
    if (now === undefined) return;
    const all = await suggestMore(now, props.channel, known);
    if (asked() === now) setFound(all);
  };
  const insert = (more: string, at = area.selectionStart) => {
    change(text().slice(0, at) + more + text().slice(area.selectionEnd));
    area.focus();
    area.setSelectionRange(at + more.length, at + more.length);
  };
  const take = (suggestion: Suggestion | undefined) => {
    const now = asked();
    if (now === undefined || suggestion === undefined) return;
    taken = [suggestion, ...taken];
    const next = put(text(), area.selectionStart, now, suggestion);
    change(next.text);
    area.setSelectionRange(next.caret, next.caret);
    setAsked(undefined);
  };
  const send = () => {
    const content = text().trim();
    if (content !== "" && wait() > 0) announce(t("You can send again in {time}.", { time: spans.wait(wait()) }));
    else if (left() < 0) announce(tn("{count} characters too long", -left()));
    if (held()) return;
    sendWritten(props.channel, content, reply(), taken);
    taken = [];
    clearTimeout(timer);
    setText("");
    setAsked(undefined);
    client.draft(id, "", null);
    typedAt = 0;
    props.onSent();
    area.focus();
  };
  const onKeyDown = (event: KeyboardEvent & { currentTarget: HTMLTextAreaElement }) => {
    if (composing(event)) return;
    if (found().length > 0 && suggestionKey(event)) return event.preventDefault();
    const formatted = format(event, text(), area.selectionStart, area.selectionEnd);
    if (formatted !== undefined) {
      event.preventDefault();
      change(formatted.text);
      area.setSelectionRange(formatted.from, formatted.to);
    } else if (event.key === "Enter" && sends(event)) {
      event.preventDefault();
      send();
    } else if (event.key === "ArrowUp" && text() === "") {
      const message = lastOwn(id);
      if (message === undefined) return;
      event.preventDefault();
      setEditing(message.message_id);
    }
  };
  /** Who wrote the whole name wants to send it. */
  const isWritten = (suggestion: Suggestion | undefined) => {
    const now = asked();
    return now !== undefined && suggestion?.text === now.sign + now.text;
  };
  const suggestionKey = (event: KeyboardEvent): boolean => {
    const by = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (by !== 0) setChosen((before) => (before + by + found().length) % found().length);
    else if (event.key === "Tab" || (event.key === "Enter" && !isWritten(found()[chosen()]))) take(found()[chosen()]);
    else return false;
    return true;
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
      <Show when={found().length > 0}>
        <Escapes close={() => setAsked(undefined)} covers={false} />
        <Suggestions all={found()} chosen={chosen()} onChoose={setChosen} onTake={take} />
      </Show>
      <Show when={reply()}>
        <Escapes close={() => client.draft(id, text(), null)} covers={false} />
        <ReplyBar channel={props.channel} onClose={() => client.draft(id, text(), null)} />
      </Show>
      <div class="composer-line">
        <Grow
          id="composer"
          ref={(element) => (area = element)}
          label={t("Message #{channel}", { channel: props.channel.name })}
          placeholder={t("Message #{channel}", { channel: props.channel.name })}
          value={text()}
          onInput={change}
          onSelect={(element) => setAsked(sameAsked(asked(), askedAt(element.value, element.selectionStart)))}
          onKeyDown={onKeyDown}
          onBlur={() => setAsked(undefined)}
          describedBy={LIMIT}
          suggests={found().length > 0 ? { list: LIST, option: optionId(chosen()) } : undefined}
        />
        <IconButton icon="smile" label={t("Emoji")} keys="Ctrl E" onClick={(event) => pickEmoji(event.currentTarget, (emoji) => insert(emoji))} />
        <IconButton icon="send" class="send" label={t("Send")} disabled={held()} onPointerDown={(event) => event.preventDefault()} onClick={send} />
      </div>
      <Limit id={LIMIT} left={left()} wait={wait()} />
    </form>
  );
}

/** Enter sends, where there is a keyboard; what is set the other way sends by Ctrl. */
function sends(event: KeyboardEvent): boolean {
  const control = event.ctrlKey || event.metaKey;
  if (COARSE.matches || PHONE.matches || settings.enterMakesLine) return control;
  return !event.shiftKey;
}

const sameAsked = (one: Asked | undefined, other: Asked | undefined) =>
  one !== undefined && other !== undefined && one.from === other.from && one.text === other.text ? one : other;

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
      <IconButton icon="close" label={t("Do not reply")} keys="Esc" onClick={() => props.onClose()} />
    </p>
  );
}
