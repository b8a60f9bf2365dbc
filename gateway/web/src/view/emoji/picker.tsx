// The emoji picker: a search, what was used last, and a grid that arrows move in.
import { createMemo, createResource, createSignal, For, Show } from "solid-js";
import { Floating, openFloating } from "../../kit/floating.tsx";
import { nextIndex } from "../../kit/roving.ts";
import { VirtualList } from "../../kit/virtual.tsx";
import { t } from "../../lang/index.ts";
import type { Emoji } from "./data.ts";
import { findEmoji } from "./find.ts";
import { rememberEmoji, usedEmoji } from "./recent.ts";

const COLUMNS = 8;
const ROW = 40;

export function openPicker(opener: HTMLElement, picked: (emoji: string) => void): void {
  openFloating(opener, (close) => <Picker opener={opener} picked={picked} close={close} />);
}

function Picker(props: { opener: HTMLElement; picked: (emoji: string) => void; close: () => void }) {
  const [text, setText] = createSignal("");
  const [chosen, setChosen] = createSignal(0);
  const [found] = createResource(text, findEmoji);
  const shown = createMemo(() => {
    const all = found.latest ?? [];
    const used = text() === "" ? recent(all) : [];
    return [...used, ...all];
  });
  const rows = createMemo(() => Array.from({ length: Math.ceil(shown().length / COLUMNS) }, (_, row) => shown().slice(row * COLUMNS, (row + 1) * COLUMNS)));
  const take = (emoji: Emoji | undefined) => {
    if (emoji === undefined) return;
    rememberEmoji(emoji.emoji);
    props.close();
    props.picked(emoji.emoji);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const sideways = event.key === "ArrowLeft" || event.key === "ArrowRight" || event.key === "Home" || event.key === "End";
    const next = sideways && text() !== "" ? undefined : nextIndex(event.key, chosen(), shown().length, "grid", COLUMNS);
    if (next !== undefined) setChosen(next);
    else if (event.key === "Enter") take(shown()[chosen()]);
    else if (event.key === "Tab") props.close();
    else return;
    event.preventDefault();
    document.getElementById(`emoji-${chosen()}`)?.scrollIntoView({ block: "nearest" });
  };

  return (
    <Floating opener={props.opener} side="above" class="picker" label={t("Emoji")} onClose={props.close} onKeyDown={onKeyDown}>
      <div class="field">
        <input
          type="search"
          autofocus
          role="combobox"
          aria-label={t("Find an emoji")}
          aria-expanded="true"
          aria-controls="emoji-grid"
          aria-activedescendant={`emoji-${chosen()}`}
          placeholder={t("Find an emoji")}
          value={text()}
          onInput={(event) => {
            setText(event.currentTarget.value);
            setChosen(0);
          }}
        />
      </div>
      <div id="emoji-grid" class="emoji-grid">
        <VirtualList items={rows()} row={ROW} label={t("Emoji")} role="grid">
          {(row, index) => (
            <div class="emoji-row" role="row">
              <For each={row}>
                {(emoji, column) => {
                  const place = () => index() * COLUMNS + column();
                  return (
                    <button
                      type="button"
                      id={`emoji-${place()}`}
                      role="gridcell"
                      tabIndex={-1}
                      class="emoji"
                      classList={{ chosen: place() === chosen() }}
                      aria-label={emoji.name}
                      onPointerMove={() => setChosen(place())}
                      onClick={() => take(emoji)}
                    >
                      {emoji.emoji}
                    </button>
                  );
                }}
              </For>
            </div>
          )}
        </VirtualList>
      </div>
      <p class="emoji-name meta cut">
        <Show when={shown()[chosen()]} fallback={found.loading ? "" : t("No emoji has this name.")}>{(emoji) => <>{emoji().name}</>}</Show>
      </p>
    </Floating>
  );
}

function recent(all: readonly Emoji[]): Emoji[] {
  return usedEmoji().flatMap((emoji) => all.find((one) => one.emoji === emoji) ?? []);
}
