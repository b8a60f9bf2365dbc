// The emoji picker: a search, what was used last, and a grid that arrows move in.
import { createMemo, createResource, createSignal, For, onCleanup, onMount, Show } from "solid-js";
import { render } from "solid-js/web";
import { onEscape } from "../../kit/escape.ts";
import { rememberFocus } from "../../kit/focus.ts";
import { float } from "../../kit/popover.ts";
import { nextIndex } from "../../kit/roving.ts";
import { VirtualList } from "../../kit/virtual.tsx";
import { t } from "../../lang/index.ts";
import { findEmoji, type Emoji } from "./data.ts";
import { rememberEmoji, usedEmoji } from "./recent.ts";

const COLUMNS = 8;
const ROW = 40;

let close: (() => void) | undefined;

export function openPicker(opener: HTMLElement, picked: (emoji: string) => void): void {
  close?.();
  const giveBack = rememberFocus();
  const host = document.createElement("div");
  // In a dialog everything outside of it is inert.
  (opener.closest("dialog") ?? document.body).append(host);
  const dispose = render(() => <Picker opener={opener} picked={picked} close={() => close?.()} />, host);
  close = () => {
    close = undefined;
    dispose();
    host.remove();
    giveBack();
  };
}

function Picker(props: { opener: HTMLElement; picked: (emoji: string) => void; close: () => void }) {
  let panel!: HTMLDivElement;
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
  onEscape(() => props.close());
  onMount(() => {
    float(panel, props.opener.getBoundingClientRect(), "above");
    panel.querySelector("input")?.focus();
    const outside = (event: PointerEvent) => {
      if (!panel.contains(event.target as Node)) props.close();
    };
    addEventListener("pointerdown", outside, true);
    onCleanup(() => removeEventListener("pointerdown", outside, true));
  });
  const onKeyDown = (event: KeyboardEvent) => {
    const sideways = event.key === "ArrowLeft" || event.key === "ArrowRight" || event.key === "Home" || event.key === "End";
    const next = sideways && text() !== "" ? undefined : nextIndex(event.key, chosen(), shown().length, "grid", COLUMNS);
    if (next !== undefined) setChosen(next);
    else if (event.key === "Enter") take(shown()[chosen()]);
    else if (event.key === "Tab") props.close();
    else return;
    event.preventDefault();
    panel.querySelector(`#emoji-${chosen()}`)?.scrollIntoView({ block: "nearest" });
  };

  return (
    <div ref={panel} class="picker" role="dialog" aria-label={t("Emoji")} onKeyDown={onKeyDown}>
      <div class="field">
        <input
          type="search"
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
    </div>
  );
}

function recent(all: readonly Emoji[]): Emoji[] {
  return usedEmoji().flatMap((emoji) => all.find((one) => one.emoji === emoji) ?? []);
}
