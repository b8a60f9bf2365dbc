import { For, Show } from "solid-js";
import { t } from "../../lang/index.ts";
import type { Suggestion } from "./asked.ts";

export const LIST = "suggestions";
export const optionId = (index: number) => `suggestion-${index}`;

export interface SuggestionsProps {
  all: readonly Suggestion[];
  chosen: number;
  onChoose: (index: number) => void;
  onTake: (suggestion: Suggestion) => void;
}

export function Suggestions(props: SuggestionsProps) {
  return (
    <div id={LIST} class="suggestions options" role="listbox" aria-label={t("Suggestions")}>
      <For each={props.all}>
        {(suggestion, index) => (
          <div
            id={optionId(index())}
            class="option"
            role="option"
            aria-selected={index() === props.chosen}
            onPointerMove={() => props.onChoose(index())}
            onPointerDown={(event) => {
              // The field keeps the focus.
              event.preventDefault();
              props.onTake(suggestion);
            }}
          >
            <Show when={suggestion.emoji}>{(emoji) => <span class="emoji">{emoji()}</span>}</Show>
            <span class="cut">{suggestion.name}</span>
            <Show when={suggestion.hint}>{(hint) => <span class="second cut">{hint()}</span>}</Show>
          </div>
        )}
      </For>
    </div>
  );
}
