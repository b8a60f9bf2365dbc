import { createSignal, createUniqueId, Show, splitProps, type JSX } from "solid-js";
import { t } from "../lang/index.ts";

export interface FieldProps extends JSX.InputHTMLAttributes<HTMLInputElement> {
  label: string;
  /** What is wrong with the value; read out with the field. */
  error?: string | undefined;
  hint?: string | undefined;
}

/** A line of text with its label above it, and below what is wrong with it. */
export function Field(props: FieldProps) {
  const id = createUniqueId();
  const [own, native] = splitProps(props, ["label", "error", "hint"]);
  return (
    <div class="field">
      <label for={id}>{own.label}</label>
      <input {...native} id={id} aria-invalid={own.error !== undefined} aria-describedby={`${id}-note`} />
      <Note id={`${id}-note`} error={own.error} hint={own.hint} />
    </div>
  );
}

/** A password, which who types it may look at. */
export function PasswordField(props: Omit<FieldProps, "type">) {
  const id = createUniqueId();
  const [own, native] = splitProps(props, ["label", "error", "hint"]);
  const [shown, setShown] = createSignal(false);
  return (
    <div class="field">
      <label id={`${id}-label`} for={id}>{own.label}</label>
      <div class="password">
        <input
          spellcheck={false}
          autocapitalize="none"
          {...native}
          id={id}
          type={shown() ? "text" : "password"}
          aria-invalid={own.error !== undefined}
          aria-describedby={`${id}-note`}
        />
        <button type="button" aria-describedby={`${id}-label`} onClick={() => setShown(!shown())}>
          {shown() ? t("Hide") : t("Show")}
        </button>
      </div>
      <Note id={`${id}-note`} error={own.error} hint={own.hint} />
    </div>
  );
}

export interface AreaProps extends JSX.TextareaHTMLAttributes<HTMLTextAreaElement> {
  label: string;
  error?: string | undefined;
  hint?: string | undefined;
}

/** Several lines of text. */
export function Area(props: AreaProps) {
  const id = createUniqueId();
  const [own, native] = splitProps(props, ["label", "error", "hint"]);
  return (
    <div class="field">
      <label for={id}>{own.label}</label>
      <textarea rows={4} {...native} id={id} aria-invalid={own.error !== undefined} aria-describedby={`${id}-note`} />
      <Note id={`${id}-note`} error={own.error} hint={own.hint} />
    </div>
  );
}

export interface ChoiceProps<Value extends string> {
  label: string;
  value: Value;
  options: readonly { value: Value; label: string; hint?: string }[];
  onChange: (value: Value) => void;
}

/** One of a few: a group of radio buttons. */
export function Choice<Value extends string>(props: ChoiceProps<Value>) {
  const name = createUniqueId();
  return (
    <fieldset class="choice">
      <legend>{props.label}</legend>
      {props.options.map((option) => (
        <label>
          <input type="radio" name={name} checked={props.value === option.value} onChange={() => props.onChange(option.value)} />
          <span>{option.label}</span>
          <Show when={option.hint}>{(hint) => <span class="second">{hint()}</span>}</Show>
        </label>
      ))}
    </fieldset>
  );
}

export interface SwitchProps {
  label: string;
  /** The label is read out and not shown: what stands beside it says what it is of. */
  bare?: boolean;
  hint?: string;
  checked: boolean;
  disabled?: boolean;
  onChange: (on: boolean) => void;
}

/** On or off. */
export function Switch(props: SwitchProps) {
  const id = createUniqueId();
  return (
    <div class="switch" classList={{ bare: props.bare ?? false }}>
      <label for={id} classList={{ unseen: props.bare ?? false }}>{props.label}</label>
      <input
        id={id}
        type="checkbox"
        role="switch"
        checked={props.checked}
        disabled={props.disabled}
        aria-describedby={`${id}-note`}
        onChange={(event) => props.onChange(event.currentTarget.checked)}
      />
      <Note id={`${id}-note`} hint={props.hint} />
    </div>
  );
}

/** What is wrong with a value, or else what helps to choose it. */
export function Note(props: { id: string; error?: string | undefined; hint?: string | undefined }) {
  return (
    <div id={props.id} class="note">
      <Show when={props.error} fallback={<Show when={props.hint}>{(hint) => <p class="second">{hint()}</p>}</Show>}>
        {(error) => <p class="error">{error()}</p>}
      </Show>
    </div>
  );
}
