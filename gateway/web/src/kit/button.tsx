import { Show, splitProps, type JSX } from "solid-js";
import { keyNames } from "./chord.ts";
import { Icon } from "./icon.tsx";
import type { IconName } from "./icons.ts";

type Native = Omit<JSX.ButtonHTMLAttributes<HTMLButtonElement>, "type">;

export interface ButtonProps extends Native {
  /** `accent` is for the one thing that a view is there for. */
  kind?: "plain" | "accent" | "danger" | "quiet";
  icon?: IconName;
  submit?: boolean;
  /** Something is under way: pressing again does nothing. */
  busy?: boolean;
}

export function Button(props: ButtonProps) {
  const [own, native] = splitProps(props, ["kind", "icon", "submit", "busy", "class", "children"]);
  return (
    <button
      {...native}
      type={own.submit ? "submit" : "button"}
      class={`button ${own.kind ?? "plain"} ${own.class ?? ""}`}
      aria-disabled={own.busy || undefined}
      onClick={(event) => {
        if (own.busy) event.preventDefault();
        else if (typeof native.onClick === "function") native.onClick(event);
      }}
    >
      <Show when={own.icon}>{(name) => <Icon name={name()} />}</Show>
      {own.children}
    </button>
  );
}

export interface IconButtonProps extends Native {
  icon: IconName;
  /** What it does, as a screen reader says it and the tooltip shows it. */
  label: string;
  /** Keys that do the same, for the tooltip: `Ctrl+KeyK`. */
  keys?: string;
}

export function IconButton(props: IconButtonProps) {
  const [own, native] = splitProps(props, ["icon", "label", "keys", "class"]);
  return (
    <button
      {...native}
      type="button"
      class={`icon-button ${own.class ?? ""}`}
      aria-label={own.label}
      data-tip={own.keys === undefined ? own.label : `${own.label}  ${keyNames(own.keys)}`}
    >
      <Icon name={own.icon} />
    </button>
  );
}
