// The field of the search: operators are completed while they are written.
import { createEffect, createSignal, For, on, Show } from "solid-js";
import { onEscape } from "../../kit/escape.ts";
import { Icon } from "../../kit/icon.tsx";
import { IconButton } from "../../kit/button.tsx";
import { t } from "../../lang/index.ts";
import { composing } from "../keys.ts";
import { moreOffers, offersFor, type Offer } from "./complete.ts";
import { FIELD } from "./open.ts";
import { partAt, replaced } from "./query.ts";
import { clear, serverOfScope, setText, text } from "./store.ts";

export interface FieldProps {
  onSearch: () => void;
  /** The arrow down, where nothing is offered. */
  onDown: () => void;
}

export function SearchField(props: FieldProps) {
  let input!: HTMLInputElement;
  const [caret, setCaret] = createSignal(0);
  const [offers, setOffers] = createSignal<Offer[]>([]);
  const [chosen, setChosen] = createSignal(-1);
  const part = () => partAt(text(), caret());
  const close = () => {
    setOffers([]);
    setChosen(-1);
  };
  /** After each key: what is known at once, then what has to be looked up. */
  const offer = async () => {
    setCaret(input.selectionStart ?? text().length);
    const [asked, scope] = [part(), serverOfScope()];
    const now = offersFor(asked, scope);
    setOffers(now);
    setChosen(asked?.kind === "term" && now.length > 0 ? 0 : -1);
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
    input.focus();
    input.setSelectionRange(at, at);
    close();
    if (taken.text.endsWith(":")) void offer();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (composing(event)) return;
    const by = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    const taken = offers()[chosen()];
    if (by !== 0 && offers().length > 0) setChosen((before) => (before + by + offers().length) % offers().length);
    else if (by === 1) props.onDown();
    else if ((event.key === "Enter" || event.key === "Tab") && taken !== undefined && !isWhole(taken)) take(taken);
    else if (event.key === "Enter") {
      close();
      props.onSearch();
    } else return;
    event.preventDefault();
  };
  /** What is offered is written already. */
  const isWhole = (taken: Offer) => text().slice(part()?.from, part()?.to) === taken.text;
  createEffect(on(text, (next) => input.value !== next && (input.value = next)));

  return (
    <div class="search-field">
      <Icon name="search" />
      <input
        ref={input}
        id={FIELD}
        type="search"
        role="combobox"
        autocomplete="off"
        enterkeyhint="search"
        aria-label={t("Search")}
        aria-autocomplete="list"
        aria-expanded={offers().length > 0}
        aria-controls="search-offers"
        aria-activedescendant={chosen() >= 0 ? `search-offer-${chosen()}` : undefined}
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
      <Show when={offers().length > 0}>
        <Offers all={offers()} chosen={chosen()} onChoose={setChosen} onTake={take} onClose={close} />
      </Show>
    </div>
  );
}

interface OffersProps {
  all: Offer[];
  chosen: number;
  onChoose: (index: number) => void;
  onTake: (offer: Offer) => void;
  onClose: () => void;
}

function Offers(props: OffersProps) {
  onEscape(() => props.onClose());
  return (
    <div id="search-offers" class="search-offers options" role="listbox" aria-label={t("Suggestions")}>
      <For each={props.all}>
        {(offer, index) => (
          <div
            id={`search-offer-${index()}`}
            class="option"
            role="option"
            aria-selected={index() === props.chosen}
            onPointerMove={() => props.onChoose(index())}
            onPointerDown={(event) => {
              // The field keeps the focus.
              event.preventDefault();
              props.onTake(offer);
            }}
          >
            <span class="cut">{offer.text}</span>
            <span class="second cut">{offer.hint}</span>
          </div>
        )}
      </For>
    </div>
  );
}
