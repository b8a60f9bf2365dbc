// What a finger does on a row: a long press opens its menu, a swipe to the left answers. Both have buttons, too.
import { swipeOf } from "../shell/swipe.ts";

const LONG = 500;
const SLOP = 10;

/** A finger's own: a long press there means something else already. */
const BUSY = "textarea, input, a[href]";

/**
 * A long press. When the finger leaves, it presses nothing: neither what it was on, nor what opened below it. The
 * browser's own menu, which some open for the same press, stays away.
 */
export function onLongPress(row: HTMLElement, act: (at: { clientX: number; clientY: number }) => void): void {
  let timer = 0;
  let from = { clientX: 0, clientY: 0 };
  let acted = false;
  let touched = false;
  const stop = () => clearTimeout(timer);
  row.addEventListener("pointerdown", (event) => {
    touched = event.pointerType === "touch";
    acted = false;
    stop();
    if (!touched || !event.isPrimary || (event.target as Element).closest(BUSY) !== null) return;
    from = { clientX: event.clientX, clientY: event.clientY };
    timer = window.setTimeout(() => {
      acted = true;
      act(from);
    }, LONG);
  });
  row.addEventListener("pointermove", (event) => {
    if (Math.hypot(event.clientX - from.clientX, event.clientY - from.clientY) > SLOP) stop();
  });
  for (const end of ["pointerup", "pointercancel"]) row.addEventListener(end, stop);
  row.addEventListener("touchend", (event) => acted && event.preventDefault());
  row.addEventListener(
    "contextmenu",
    (event) => {
      if (!touched || (event.target as Element).closest(BUSY) !== null) return;
      event.preventDefault();
      event.stopImmediatePropagation();
    },
    true,
  );
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
