// The panel of the search: what is looked for and where, and below what was found.
import { createEffect, createSignal, createUniqueId, For, on, onMount, Show } from "solid-js";
import { sentenceOf } from "../../app/act.ts";
import { minute } from "../../app/clock.ts";
import { currentChannel, currentServer } from "../../app/place.ts";
import { Button, IconButton } from "../../kit/button.tsx";
import { Icon } from "../../kit/icon.tsx";
import { day, timeOfId } from "../../lang/dates.ts";
import { language, say, t, tn } from "../../lang/index.ts";
import { Skeleton } from "../shell/skeleton.tsx";
import { MEANINGS } from "./complete.ts";
import { SearchField } from "./field.tsx";
import { countOf } from "./groups.ts";
import { FIELD, wanted, type Scope } from "./open.ts";
import { partsOf, without } from "./query.ts";
import { forgetSearches, recentSearches } from "./recent.ts";
import { Results } from "./results.tsx";
import { error, goOn, groups, next, phase, scope, search, setScope, setText, shownGroups, text, unknown } from "./store.ts";
import { OPERATORS, operatorWord, written, type Operator } from "./words.ts";
import "./search.css";

const field = () => document.getElementById(FIELD) as HTMLInputElement | null;

export default function Search() {
  let panel!: HTMLDivElement;
  onMount(() => field()?.focus());
  createEffect(
    on(wanted, (asked) => {
      if (asked === undefined) return;
      setScope(asked.scope);
      field()?.focus();
      field()?.select();
    }),
  );
  return (
    <div class="search" ref={panel}>
      <search class="search-form">
        <SearchField onSearch={() => void search()} onDown={() => panel.querySelector<HTMLElement>("[data-hit]")?.focus()} />
        <Scopes />
        <Terms />
      </search>
      <Show when={phase() !== "none" || groups().length > 0} fallback={<Beginnings />}>
        <Found />
      </Show>
    </div>
  );
}

function Scopes() {
  const name = createUniqueId();
  const scopes = (): { value: Scope; label: string; there: boolean }[] => [
    { value: "channel", label: t("This channel"), there: currentChannel() !== undefined },
    { value: "server", label: t("This server"), there: currentServer() !== undefined },
    { value: "everywhere", label: t("Everywhere"), there: true },
  ];
  return (
    <fieldset class="search-scopes">
      <legend class="unseen">{t("Where to search")}</legend>
      <For each={scopes().filter(({ there }) => there)}>
        {({ value, label }) => (
          <label>
            <input
              type="radio"
              name={name}
              checked={scope() === value}
              onChange={() => {
                setScope(value);
                if (phase() !== "none") void search();
              }}
            />
            <span>{label}</span>
          </label>
        )}
      </For>
    </fieldset>
  );
}

/** The operators of the query, each to be taken out; those that mean nothing here say so. */
function Terms() {
  const terms = () => partsOf(text()).filter((part) => part.kind === "term" && part.text !== "");
  const isUnknown = (part: { from: number; text: string }) => unknown().some(({ from, text }) => from === part.from && text === part.text);
  const remove = (part: { from: number; to: number }) => {
    setText(without(text(), part));
    field()?.focus();
    if (phase() !== "none") void search();
  };
  return (
    <>
      <Show when={terms().length > 0}>
        <ul class="search-terms" aria-label={t("Filters")}>
          <For each={terms()}>
            {(part) => (
              <li class="chip" classList={{ unknown: isUnknown(part) }}>
                <span class="cut">{part.kind === "term" ? written(part.operator, part.text, language()) : part.text}</span>
                <IconButton icon="close" label={t("Remove")} onClick={() => remove(part)} />
              </li>
            )}
          </For>
        </ul>
      </Show>
      <For each={unknown()}>{(term) => <p class="error second" role="alert">{problemOf(term.operator, term.text)}</p>}</For>
    </>
  );
}

function problemOf(operator: Operator, value: string): string {
  if (operator === "from" || operator === "mentions") return t("Nobody here is called “{name}”.", { name: value });
  if (operator === "in") return t("No channel here is called “{name}”.", { name: value });
  if (operator === "before" || operator === "after") return t("“{text}” is not a day. Try 1.3.2026 or yesterday.", { text: value });
  return t("“{text}” means nothing here.", { text: written(operator, value, language()) });
}

/** Before anything was searched for: what was, and by what it can be narrowed down. */
function Beginnings() {
  const [recent, setRecent] = createSignal(recentSearches());
  const begin = (query: string) => {
    setText(query);
    void search();
  };
  return (
    <div class="search-beginnings">
      <Show when={recent().length > 0}>
        <section>
          <h3 class="found-heading">{t("Recent searches")}</h3>
          <For each={recent()}>
            {(query) => <button type="button" class="list-row" onClick={() => begin(query)}><Icon name="clock" /><span class="cut">{query}</span></button>}
          </For>
          <button
            type="button"
            class="inline more"
            onClick={() => {
              forgetSearches();
              setRecent([]);
            }}
          >
            {t("Forget them")}
          </button>
        </section>
      </Show>
      <section>
        <h3 class="found-heading">{t("Filters")}</h3>
        <For each={OPERATORS}>
          {(operator) => (
            <button type="button" class="list-row" onClick={() => narrow(operator)}>
              <code>{operatorWord(operator, language())}:</code>
              <span class="cut second">{say(MEANINGS[operator])}</span>
            </button>
          )}
        </For>
      </section>
    </div>
  );
}

/** Begins an operator behind what is written, as if it were typed. */
function narrow(operator: Operator): void {
  const input = field();
  if (input === null) return;
  input.value = `${text()} ${operatorWord(operator, language())}:`.trimStart();
  input.focus();
  input.setSelectionRange(input.value.length, input.value.length);
  input.dispatchEvent(new InputEvent("input", { bubbles: true }));
}

function Found() {
  const count = () => countOf(shownGroups());
  const back = () => {
    const place = next();
    return place === null ? undefined : day(timeOfId(place), minute());
  };
  return (
    <>
      <p class="search-count second" role="status">
        <Show when={count() > 0}>{next() === null ? tn("{count} messages", count()) : t("{count}+ messages", { count: count() })}</Show>
      </p>
      <Results groups={shownGroups()} onUp={() => field()?.focus()} />
      <div class="found-end">
        <Show when={phase() === "failed"}>
          <p class="error" role="alert">{sentenceOf(error())}</p>
          <Button onClick={() => void (groups().length > 0 ? goOn() : search())}>{t("Try again")}</Button>
        </Show>
        <Show when={phase() === "busy" && count() === 0}><Skeleton rows /></Show>
        <Show when={phase() === "found" && count() === 0 && next() === null}>
          <p class="found-empty">{t("No messages match. Try fewer words.")}</p>
        </Show>
        <Show when={phase() !== "failed" && back()}>
          {(date) => (
            <p class="search-back">
              {t("Searched back to {date}.", { date: date() })}
              <Button kind="quiet" busy={phase() === "busy"} onClick={() => void goOn()}>{t("Continue")}</Button>
            </p>
          )}
        </Show>
      </div>
    </>
  );
}
