// Of a channel that opens at its end the end is drawn first, and what stands above it in the idle moments behind the first
// picture: so it is there at once, however much of it is held.
import { createSignal, onCleanup, untrack } from "solid-js";

/** More than two screens. */
const FIRST = 60;
/** So many at a time: what somebody does meanwhile does not wait for all of them. */
const EACH = 60;
/** A page that is never idle goes on all the same. */
const LATEST = 200;

export interface Drawn {
  /** The lines that are drawn. */
  keys: () => readonly string[];
  /** Whether these are all. */
  isWhole: () => boolean;
  /** Draws the rest at once. */
  drawAll: () => void;
}

/** What is left of lines whose first ones are not drawn yet; the end of them always is. */
export function drawnOf(keys: readonly string[], undrawn: number): readonly string[] {
  const from = Math.min(undrawn, Math.max(0, keys.length - FIRST));
  return from === 0 ? keys : keys.slice(from);
}

export function drawFromEnd(keys: () => readonly string[], opensAtEnd: boolean): Drawn {
  const held = untrack(keys).length;
  const [undrawn, setUndrawn] = createSignal(opensAtEnd ? Math.max(0, held - FIRST) : 0);
  let callOff = () => {};
  const more = () => {
    setUndrawn((before) => Math.max(0, before - EACH));
    go();
  };
  const go = () => (callOff = untrack(undrawn) > 0 ? whenIdle(more) : () => {});
  // Behind the first picture.
  const frame = requestAnimationFrame(go);
  onCleanup(() => {
    cancelAnimationFrame(frame);
    callOff();
  });
  return { keys: () => drawnOf(keys(), undrawn()), isWhole: () => undrawn() === 0, drawAll: () => setUndrawn(0) };
}

function whenIdle(run: () => void): () => void {
  // Safari has no idle moments.
  if (typeof requestIdleCallback !== "function") {
    const timer = setTimeout(run);
    return () => clearTimeout(timer);
  }
  const idle = requestIdleCallback(run, { timeout: LATEST });
  return () => cancelIdleCallback(idle);
}
