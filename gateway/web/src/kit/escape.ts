// What Esc closes: the last that opened. Everything that Esc closes is in this one list, so that
// it closes one thing at a time, from the inside out. What covers the page is closed by the way back of a phone, too.
import { createSignal, onCleanup } from "solid-js";

interface Open {
  close: () => void;
  covers: boolean;
}

const open: Open[] = [];
const [covering, setCovering] = createSignal(0);

/** How many things cover the page, or a part of it. */
export { covering };

/** While the owner lives, Esc calls `close`, unless something opened later. What is only a part of the page does not cover it. */
export function onEscape(close: () => void, { covers = true }: { covers?: boolean } = {}): void {
  const one = { close, covers };
  const count = () => setCovering(open.filter((other) => other.covers).length);
  open.push(one);
  count();
  onCleanup(() => {
    open.splice(open.indexOf(one), 1);
    count();
  });
}

/** The same as a component, for what is there for a time. */
export function Escapes(props: { close: () => void; covers?: boolean }): null {
  onEscape(() => props.close(), { covers: props.covers ?? true });
  return null;
}

/** Closes what opened last; false when nothing is open. */
export function escape(): boolean {
  const last = open.at(-1);
  last?.close();
  return last !== undefined;
}

/** Closes what covered the page last. */
export function uncover(): void {
  open.findLast(({ covers }) => covers)?.close();
}
