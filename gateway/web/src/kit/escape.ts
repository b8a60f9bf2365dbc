// What Esc closes: the last that opened. Everything that Esc closes is in this one list, so that
// it closes one thing at a time, from the inside out.
import { onCleanup } from "solid-js";

const open: (() => void)[] = [];

/** While the owner lives, Esc calls `close`, unless something opened later. */
export function onEscape(close: () => void): void {
  open.push(close);
  onCleanup(() => {
    const index = open.lastIndexOf(close);
    if (index >= 0) open.splice(index, 1);
  });
}

/** Closes what opened last; false when nothing is open. */
export function escape(): boolean {
  const close = open.at(-1);
  close?.();
  return close !== undefined;
}
