// What pages of settings are made of. Loaded with the first of them, not with the page.
import { createUniqueId, For, Show, type JSX } from "solid-js";
import { t } from "../lang/index.ts";
import { Button } from "./button.tsx";
import { cssColour } from "./colour.ts";
import { Note } from "./field.tsx";
import { Icon } from "./icon.tsx";
import "./form.css";

/** A part of a page under its own heading. */
export function Section(props: { title: string; description?: JSX.Element; children: JSX.Element }) {
  const id = createUniqueId();
  return (
    <section class="section" aria-labelledby={id}>
      <h2 id={id}>{props.title}</h2>
      <Show when={props.description}>
        <p class="second">{props.description}</p>
      </Show>
      {props.children}
    </section>
  );
}

/** What a save bar needs of a form: `useForm` of `app/form.ts` has it. */
export interface Saving {
  changed: () => boolean;
  busy: () => boolean;
  problem: () => string | undefined;
  wait: () => number;
  reset: () => void;
}

/** Appears with the first change, as the last thing in a `form`; Enter in a field saves, too. */
export function SaveBar(props: { form: Saving }) {
  return (
    <div class="save-place" role="status">
      <Show when={props.form.changed()}>
        <div class="save-bar" ref={() => queueMicrotask(showFocused)}>
          <p classList={{ error: props.form.problem() !== undefined }}>{props.form.problem() ?? t("You have changes that are not saved.")}</p>
          <Button kind="quiet" onClick={() => props.form.reset()}>{t("Reset")}</Button>
          <Button kind="accent" submit busy={props.form.busy() || props.form.wait() > 0}>{t("Save")}</Button>
        </div>
      </Show>
    </div>
  );
}

/** What was just changed is not to be behind the bar: the page has room for that (`form.css`). */
const showFocused = () => document.activeElement?.closest(".field, .switch, .segmented, .choice")?.scrollIntoView({ block: "nearest" });

/** What is wrong with a form that has a button of its own in place of a save bar. */
export function FormProblem(props: { form: Pick<Saving, "problem"> }) {
  return <Show when={props.form.problem()}>{(text) => <p class="error" role="alert">{text()}</p>}</Show>;
}

export interface Option<Value extends string | number> {
  value: Value;
  label: string;
}

export interface SelectProps<Value extends string | number> {
  label: string;
  value: Value;
  options: readonly Option<Value>[];
  onChange: (value: Value) => void;
  hint?: string | undefined;
  error?: string | undefined;
  disabled?: boolean;
}

/** One of many: the browser's own list. */
export function Select<Value extends string | number>(props: SelectProps<Value>) {
  const id = createUniqueId();
  const choose = (index: number) => {
    const option = props.options[index];
    if (option !== undefined) props.onChange(option.value);
  };
  return (
    <div class="field">
      <label for={id}>{props.label}</label>
      <select
        id={id}
        disabled={props.disabled}
        aria-invalid={props.error !== undefined}
        aria-describedby={`${id}-note`}
        onChange={(event) => choose(event.currentTarget.selectedIndex)}
      >
        <For each={props.options}>
          {(option) => <option value={option.value} selected={option.value === props.value}>{option.label}</option>}
        </For>
      </select>
      <Note id={`${id}-note`} error={props.error} hint={props.hint} />
    </div>
  );
}

export interface SegmentedProps<Value extends string> {
  label: string;
  value: Value;
  /** Two to four short words. `tone` colours the one that is chosen. */
  options: readonly { value: Value; label: string; tone?: "ok" | "danger" }[];
  onChange: (value: Value) => void;
  hint?: string | undefined;
  disabled?: boolean;
}

/** One of a few, side by side, as for Deny, Inherit, Allow: radio buttons, so that arrows choose. */
export function Segmented<Value extends string>(props: SegmentedProps<Value>) {
  const id = createUniqueId();
  return (
    <div class="segmented">
      <span id={id}>{props.label}</span>
      <div class="segments" role="radiogroup" aria-labelledby={id} aria-describedby={`${id}-note`}>
        <For each={props.options}>
          {(option) => (
            <label class={option.tone ?? ""}>
              <input
                type="radio"
                name={id}
                checked={option.value === props.value}
                disabled={props.disabled}
                onChange={() => props.onChange(option.value)}
              />
              {option.label}
            </label>
          )}
        </For>
      </div>
      <Note id={`${id}-note`} hint={props.hint} />
    </div>
  );
}

export interface ColourFieldProps {
  label: string;
  /** Red, green and blue in 24 bits; 0 is none. */
  value: number;
  onChange: (value: number) => void;
  hint?: string | undefined;
  disabled?: boolean;
}

const COLOURS = [0xd9534f, 0xc4742b, 0xa68a1f, 0x4f9a4b, 0x2a9d8f, 0x3d87c9, 0x7a6fd1, 0xb55fb0];

/** A colour, or none: a few that differ well, and the browser's own chooser for any other. */
export function ColourField(props: ColourFieldProps) {
  const id = createUniqueId();
  const choices = () => [0, ...COLOURS];
  return (
    <div class="field">
      <span id={id} class="field-label">{props.label}</span>
      <div class="colours" role="group" aria-labelledby={id} aria-describedby={`${id}-note`}>
        <For each={choices()}>
          {(colour) => (
            <button
              type="button"
              class="colour"
              classList={{ none: colour === 0 }}
              style={{ "--swatch": cssColour(colour) }}
              aria-pressed={props.value === colour}
              aria-label={colour === 0 ? t("No colour") : cssColour(colour)}
              data-tip={colour === 0 ? t("No colour") : cssColour(colour)}
              disabled={props.disabled}
              onClick={() => props.onChange(colour)}
            />
          )}
        </For>
        <span class="colour other" data-tip={t("Another colour")}>
          <Icon name="plus" />
          <input
            type="color"
            aria-label={t("Another colour")}
            disabled={props.disabled}
            value={cssColour(props.value)}
            onInput={(event) => props.onChange(Number.parseInt(event.currentTarget.value.slice(1), 16))}
          />
        </span>
      </div>
      <Note id={`${id}-note`} hint={props.hint} />
    </div>
  );
}
