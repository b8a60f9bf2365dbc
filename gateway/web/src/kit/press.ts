// The beginning of a drag, without what does it: that is loaded only then.
import type { Press } from "./drag.ts";

/** A press on a row that `selector` finds, but not on a button beside it. A finger scrolls instead: it has the menu. */
export function pressOn(event: PointerEvent & { currentTarget: HTMLElement }, selector: string): Press | undefined {
  if (event.button !== 0 || event.pointerType === "touch" || !(event.target instanceof Element)) return undefined;
  const row = event.target.closest(".icon-button") === null ? event.target.closest<HTMLElement>(selector) : null;
  if (row === null) return undefined;
  const press = { list: event.currentTarget, row, x: event.clientX, y: event.clientY, pointer: event.pointerId, isOver: false };
  // What follows it may be loaded only after the pointer was let go.
  const over = new AbortController();
  const end = () => {
    press.isOver = true;
    over.abort();
  };
  addEventListener("pointerup", end, over);
  addEventListener("pointercancel", end, over);
  return press;
}
