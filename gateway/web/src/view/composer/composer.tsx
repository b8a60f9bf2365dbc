// Where one writes: a text with suggestions, what it answers, how much is left, and who else is typing.
import { type ChannelState } from "confab-client";
import { createEffect, createSignal, Match, on, onCleanup, Show, Switch } from "solid-js";
import { client, state } from "../../app/client.ts";
import { second } from "../../app/clock.ts";
import { settings } from "../../app/settings.ts";
import { IconButton } from "../../kit/button.tsx";
import { onEscape } from "../../kit/escape.ts";
import { t, tn } from "../../lang/index.ts";
import { time } from "../../lang/dates.ts";
import { pickEmoji } from "../emoji/open.ts";
import { composing } from "../keys.ts";
import { PHONE, wish } from "../panel.ts";
import { shownName } from "../people/names.ts";
import { permissions } from "../rights.ts";
import { lastOwn, setEditing } from "../timeline/deeds.ts";
import { askedAt, put, type Asked, type Suggestion } from "./asked.ts";
import { calledIn, suggestMore, suggestNow } from "./complete.ts";
import { toSent } from "../../text/mentions.ts";
import { format } from "./format.ts";
import { Grow } from "./grow.tsx";
import { LONGEST, NEAR } from "./limit.ts";
import { LIST, optionId, Suggestions } from "./suggestions.tsx";
import { Typing } from "./typing.tsx";

/** How often others are told that somebody types. */
const TYPING = 5_000;
/** A draft is kept this long after a key. */
const KEPT = 300;
const COARSE = matchMedia("(pointer: coarse)");

export function Composer(props: { channel: ChannelState }) {
  const id = props.channel.channel_id;
  const mayWrite = () => permissions(id).has("SEND_MESSAGES");
  return (
    <footer class="composer-area" data-region>
      <Show when={mayWrite()} fallback={<p class="composer-closed second">{whyNot(props.channel)}</p>}>
        <Writing channel={props.channel} />
      </Show>
      <Typing channel={id} />
    </footer>
  );
}

function whyNot({ server_id, channel_id, kind }: ChannelState): string {
  const server = state.servers[server_id];
  const me = state.me?.user_id;
  const until = me === undefined ? 0 : Math.max(server?.members[me]?.timeout_until ?? 0, server?.mutes[channel_id] ?? 0);
  if (until > second()) return t("You may write here again at {time}.", { time: time(until) });
  return kind === "announcement" ? t("Only some may write announcements here.") : t("You may read here, but not write.");
}

function Writing(props: { channel: ChannelState }) {
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
  const left = () => LONGEST - [...text()].length;

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
  // A draft may come from the device's storage, or from another tab.
  createEffect(
    on(() => state.drafts[id]?.text ?? "", (kept) => {
      if (document.activeElement !== area || text() === "") setText(kept);
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
    if (content === "") return;
    client.send(id, toSent(content, calledIn(props.channel, taken)), { replyTo: reply() });
    taken = [];
    clearTimeout(timer);
    setText("");
    setAsked(undefined);
    client.draft(id, "", null);
    typedAt = 0;
    area.dispatchEvent(new CustomEvent("confab-sent", { bubbles: true }));
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
        <Escapes close={() => setAsked(undefined)} />
        <Suggestions all={found()} chosen={chosen()} onChoose={setChosen} onTake={take} />
      </Show>
      <Show when={reply()}>
        <Escapes close={() => client.draft(id, text(), null)} />
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
          suggests={found().length > 0 ? { list: LIST, option: optionId(chosen()) } : undefined}
        />
        <IconButton icon="smile" label={t("Emoji")} keys="Ctrl E" onClick={(event) => pickEmoji(event.currentTarget, (emoji) => insert(emoji))} />
        <IconButton icon="send" class="send" label={t("Send")} disabled={text().trim() === ""} onPointerDown={(event) => event.preventDefault()} onClick={send} />
      </div>
      <Show when={left() < NEAR}>
        <p class="limit meta" classList={{ error: left() < 0 }} role="status">
          {left() < 0 ? tn("{count} characters too long", -left()) : tn("{count} characters left", left())}
        </p>
      </Show>
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

function Escapes(props: { close: () => void }) {
  onEscape(() => props.close());
  return null;
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
            {(found) => t("Reply to {name}", { name: shownName(found().author_id, props.channel.server_id) })}
          </Match>
        </Switch>
      </span>
      <IconButton icon="close" label={t("Do not reply")} keys="Esc" onClick={() => props.onClose()} />
    </p>
  );
}
