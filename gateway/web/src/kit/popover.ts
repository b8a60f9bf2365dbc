// Where something that floats stands: beside what it belongs to, and whole on the screen.
import { onCleanup } from "solid-js";

export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
}
export type Side = "below" | "above" | "right";

const MARGIN = 8;
const GAP = 4;

/** The corner of a box of `size` beside `anchor`, inside `screen`. */
export function place(anchor: Box, size: { width: number; height: number }, screen: { width: number; height: number }, side: Side) {
  const fit = (value: number, length: number, room: number) => Math.max(MARGIN, Math.min(value, room - length - MARGIN));
  if (side === "right") {
    const right = anchor.left + anchor.width + GAP;
    const left = right + size.width + MARGIN <= screen.width ? right : anchor.left - size.width - GAP;
    return { left: fit(left, size.width, screen.width), top: fit(anchor.top, size.height, screen.height) };
  }
  const below = anchor.top + anchor.height + GAP;
  const above = anchor.top - size.height - GAP;
  const fitsBelow = below + size.height + MARGIN <= screen.height;
  const top = side === "below" ? (fitsBelow || above < MARGIN ? below : above) : above >= MARGIN ? above : below;
  return { left: fit(anchor.left, size.width, screen.width), top: fit(top, size.height, screen.height) };
}

/** Shows `element` above everything, beside `anchor`. The browser's top layer needs no z-index. */
export function float(element: HTMLElement, anchor: Box, side: Side): void {
  element.popover = "manual";
  if (!element.matches(":popover-open")) element.showPopover();
  const { left, top } = place(anchor, element.getBoundingClientRect(), { width: innerWidth, height: innerHeight }, side);
  element.style.left = `${left}px`;
  element.style.top = `${top}px`;
}

/** The same while the owner lives, as wide as what it belongs to, which may grow or move meanwhile, as its own content may. */
export function stayBeside(element: HTMLElement, anchor: () => HTMLElement, side: Side): void {
  const beside = anchor();
  const follow = () => {
    element.style.width = `${beside.offsetWidth}px`;
    float(element, beside.getBoundingClientRect(), side);
  };
  follow();
  const sizes = new ResizeObserver(follow);
  for (const one of [element, beside, document.documentElement]) sizes.observe(one);
  addEventListener("scroll", follow, true);
  onCleanup(() => {
    sizes.disconnect();
    removeEventListener("scroll", follow, true);
  });
}

/** While the owner lives, a press beside `element` closes it; one in a menu, which it opened, does not. */
export function onPressOutside(element: HTMLElement, close: () => void): void {
  const press = (event: PointerEvent) => {
    const target = event.target as Element;
    if (!element.contains(target) && target.closest(".menu") === null) close();
  };
  addEventListener("pointerdown", press, true);
  onCleanup(() => removeEventListener("pointerdown", press, true));
}
