// The field of the search: operators are completed while they are written.
import { createEffect, createSignal, on, Show } from "solid-js";
import { composing } from "../../kit/composing.ts";
import { Icon } from "../../kit/icon.tsx";
import { IconButton } from "../../kit/button.tsx";
import { comboboxOf, Options, useOptions } from "../../kit/options.tsx";
import { t } from "../../lang/index.ts";
import { moreOffers, offersFor, type Offer } from "./complete.ts";
import { FIELD } from "./open.ts";
import { partAt, replaced, sameParts } from "./query.ts";
import { clear, serverOfScope, setText, text } from "./store.ts";

export interface FieldProps {
  onSearch: () => void;
  /** The arrow down, where nothing is offered. */
  onDown: () => void;
}

export function SearchField(props: FieldProps) {
  let input!: HTMLInputElement;
  const [caret, setCaret] = createSignal(0);
  const [offers, setOffers] = createSignal<readonly Offer[]>([]);
  const part = () => partAt(text(), caret());
  const close = () => void setOffers([]);
  /** After each key: what is known at once, then what has to be looked up. A word may be meant as one: no offer is chosen for it. */
  const offer = async () => {
    setCaret(input.selectionStart ?? text().length);
    const [asked, scope] = [part(), serverOfScope()];
    const now = offersFor(asked, scope);
    setOffers(now);
    list.choose(asked?.kind === "term" && now.length > 0 ? 0 : -1);
    const more = await moreOffers(asked, scope, now);
    const still = part();
    if (asked !== undefined && still?.text === asked.text && still.from === asked.from && document.activeElement === input) setOffers(more);
  };
  const take = (taken: Offer) => {
    taken.choose?.();
    const place = part() ?? { from: caret(), to: caret() };
    const { text: next, caret: at } = replaced(text(), place, taken.text);
    setText(next);
    input.value = next;
    input.setSelectionRange(at, at);
    close();
    if (taken.text.endsWith(":")) void offer();
  };
  const isWritten = (taken: Offer) => sameParts(text().slice(part()?.from, part()?.to), taken.text);
  const over = { anchor: () => input.parentElement ?? input, side: "below" as const, close };
  const list = useOptions<Offer>({ all: offers, take, isWritten, over });
  const onKeyDown = (event: KeyboardEvent) => {
    if (list.onKey(event) || composing(event)) return;
    if (event.key === "ArrowDown") props.onDown();
    else if (event.key === "Enter") {
      close();
      props.onSearch();
    } else return;
    event.preventDefault();
  };
  createEffect(on(text, (next) => input.value !== next && (input.value = next)));

  return (
    <div class="search-field">
      <Icon name="search" />
      <input
        ref={input}
        id={FIELD}
        type="search"
        {...comboboxOf(list)}
        autocomplete="off"
        enterkeyhint="search"
        aria-label={t("Search")}
        placeholder={t("Search messages")}
        onInput={(event) => {
          setText(event.currentTarget.value);
          void offer();
        }}
        onClick={() => void (part()?.kind === "term" && offer())}
        onBlur={close}
        onKeyDown={onKeyDown}
      />
      <Show when={text() !== ""}>
        <IconButton
          icon="close"
          label={t("Clear the search")}
          onClick={() => {
            clear();
            input.focus();
          }}
        />
      </Show>
      <Options of={list} label={t("Suggestions")}>
        {(one) => (
          <>
            <span class="cut">{one.text}</span>
            <span class="second cut">{one.hint}</span>
          </>
        )}
      </Options>
    </div>
  );
}
