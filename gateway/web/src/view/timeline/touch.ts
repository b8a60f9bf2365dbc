// What a finger does on a row: a long press opens its menu, a swipe to the left answers. Both have buttons, too.
import { swipeOf } from "../shell/swipe.ts";

const LONG = 500;
const SLOP = 10;

export function onLongPress(row: HTMLElement, act: (at: { clientX: number; clientY: number }) => void): void {
  let timer = 0;
  let from = { clientX: 0, clientY: 0 };
  const stop = () => clearTimeout(timer);
  row.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "touch" || (event.target as Element).closest("button, a, textarea") !== null) return;
    from = { clientX: event.clientX, clientY: event.clientY };
    timer = window.setTimeout(() => act(from), LONG);
  });
  row.addEventListener("pointermove", (event) => {
    if (Math.hypot(event.clientX - from.clientX, event.clientY - from.clientY) > SLOP) stop();
  });
  row.addEventListener("pointerup", stop);
  row.addEventListener("pointercancel", stop);
}

export function onSwipeLeft(row: HTMLElement, act: () => void): void {
  let from: { x: number; y: number } | undefined;
  const at = (event: TouchEvent) => {
    const touch = event.changedTouches[0];
    return touch === undefined ? undefined : { x: touch.clientX, y: touch.clientY };
  };
  row.addEventListener("touchstart", (event) => (from = event.touches.length === 1 ? at(event) : undefined), { passive: true });
  row.addEventListener("touchend", (event) => {
    const to = at(event);
    if (from !== undefined && to !== undefined && swipeOf(from, to, innerWidth) === "left") act();
  });
}
