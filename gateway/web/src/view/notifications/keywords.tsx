// Words that call upon the account, each with a way to be rid of it.
import { LIMITS } from "confab-client";
import { createSignal, createUniqueId, For } from "solid-js";
import { Button, IconButton } from "../../kit/button.tsx";
import { Note } from "../../kit/field.tsx";
import { t } from "../../lang/index.ts";
import { withKeyword } from "./keyword-list.ts";

export function Keywords(props: { value: string[]; error: string | undefined; onChange: (value: string[]) => void }) {
  const id = createUniqueId();
  const [text, setText] = createSignal("");
  let field!: HTMLInputElement;
  const full = () => props.value.length >= LIMITS.MAX_KEYWORDS;
  const add = () => {
    const next = withKeyword(props.value, text());
    setText("");
    if (next !== props.value) props.onChange(next);
  };
  const remove = (word: string) => {
    props.onChange(props.value.filter((other) => other !== word));
    field.focus();
  };
  return (
    <div class="field">
      <label for={id}>{t("Keywords")}</label>
      <div class="keyword-field">
        <input
          ref={field}
          id={id}
          value={text()}
          maxlength={LIMITS.MAX_KEYWORD}
          autocomplete="off"
          disabled={full()}
          aria-invalid={props.error !== undefined}
          aria-describedby={`${id}-note`}
          onInput={(event) => setText(event.currentTarget.value)}
          // Who goes on to save means what is typed.
          onBlur={add}
          onKeyDown={(event) => {
            if ((event.key !== "Enter" && event.key !== ",") || event.isComposing) return;
            event.preventDefault();
            add();
          }}
        />
        <Button disabled={full()} onClick={add}>{t("Add")}</Button>
      </div>
      <Note id={`${id}-note`} error={props.error} hint={t("Up to {most}, each a word or a few. They call upon you wherever you may read them.", { most: LIMITS.MAX_KEYWORDS })} />
      <ul class="keywords" aria-label={t("Keywords")}>
        <For each={props.value}>
          {(word) => (
            <li>
              <span>{word}</span>
              <IconButton icon="close" label={t("Remove {word}", { word })} onClick={() => remove(word)} />
            </li>
          )}
        </For>
      </ul>
    </div>
  );
}
