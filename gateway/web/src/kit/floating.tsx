// A panel beside what opened it, over everything: one at a time, closed by Esc and by a press elsewhere.
import { onCleanup, onMount, type JSX } from "solid-js";
import { render } from "solid-js/web";
import { onEscape } from "./escape.ts";
import { rememberFocus } from "./focus.ts";
import { float, onPressOutside, type Side } from "./popover.ts";

let closeOpen: (() => void) | undefined;

/** Opens it; `content` draws a `Floating`. */
export function openFloating(opener: HTMLElement, content: (close: () => void) => JSX.Element): void {
  closeOpen?.();
  const giveBack = rememberFocus();
  const host = document.createElement("div");
  // In a dialog everything outside of it is inert.
  (opener.closest("dialog") ?? document.body).append(host);
  const dispose = render(() => content(() => closeOpen?.()), host);
  closeOpen = () => {
    closeOpen = undefined;
    dispose();
    host.remove();
    giveBack();
  };
}

export interface FloatingProps {
  opener: HTMLElement;
  side: Side;
  label: string;
  class: string;
  onClose: () => void;
  onKeyDown?: (event: KeyboardEvent) => void;
  children: JSX.Element;
}

/** What has `autofocus` takes the focus, or else the panel. */
export function Floating(props: FloatingProps) {
  // What opened it may be drawn anew meanwhile: it stays where it was asked for.
  const at = props.opener.getBoundingClientRect();
  let panel!: HTMLDivElement;
  onEscape(() => props.onClose());
  onMount(() => {
    // It has its place again when what is fetched made it larger.
    const sizes = new ResizeObserver(() => float(panel, at, props.side));
    sizes.observe(panel);
    onCleanup(() => sizes.disconnect());
    float(panel, at, props.side);
    (panel.querySelector<HTMLElement>("[autofocus]") ?? panel).focus();
    onPressOutside(panel, () => props.onClose());
  });
  return (
    <div ref={panel} class={`floating ${props.class}`} role="dialog" aria-label={props.label} tabIndex={-1} onKeyDown={(event) => props.onKeyDown?.(event)}>
      {props.children}
    </div>
  );
}
