// Dragging a row of a list with a mouse or a pen: a line shows where it lands. Loaded with the first drag.
import { createRoot } from "solid-js";
import { onEscape } from "./escape.ts";

/** So far a press is a click. */
const SLACK = 5;
/** Near an edge, and how far each picture scrolls there. */
const EDGE = 40;
const SCROLL = 8;

/** Where a drag begins. */
export interface Press {
  /** What scrolls, and holds the rows. */
  list: HTMLElement;
  row: HTMLElement;
  x: number;
  y: number;
  pointer: number;
  /** Whether the pointer was let go already. */
  isOver: boolean;
}

export interface Landing<Spot> {
  spot: Spot;
  /** Where the line is drawn. */
  line: number;
}

/** The rows of a list, as they stand on the screen. */
export const rowsOf = <Id extends number>(list: HTMLElement, rows: string): { row: HTMLElement; id: Id; top: number; bottom: number }[] =>
  [...list.querySelectorAll<HTMLElement>(`[data-${rows}]`)].map((row) => {
    const { top, bottom } = row.getBoundingClientRect();
    return { row, id: Number(row.dataset[rows]) as Id, top, bottom };
  });

/** Follows the pointer until it lets go, or Esc. `landAt` says what is at a height, `land` is told once. */
export function drag<Spot>(press: Press, landAt: (y: number) => Landing<Spot> | undefined, land: (spot: Spot) => void): void {
  const { list, row } = press;
  if (press.isOver) return;
  let y = press.y;
  let landing: Landing<Spot> | undefined;
  let stop: (() => void) | undefined;

  const follow = (event: PointerEvent) => {
    if (event.pointerId !== press.pointer) return;
    y = event.clientY;
    if (stop === undefined && Math.hypot(event.clientX - press.x, y - press.y) > SLACK) stop = begin();
  };
  const begin = () => {
    const line = document.createElement("div");
    line.className = "drop-line";
    list.append(line);
    row.classList.add("dragged");
    const step = () => {
      scroll(list, y);
      landing = landAt(y);
      line.hidden = landing === undefined;
      line.style.translate = `0 ${(landing?.line ?? 0) - list.getBoundingClientRect().top + list.scrollTop - 1}px`;
      frame = requestAnimationFrame(step);
    };
    let frame = requestAnimationFrame(step);
    return createRoot((dispose) => {
      onEscape(end);
      return () => {
        cancelAnimationFrame(frame);
        line.remove();
        row.classList.remove("dragged");
        dispose();
      };
    });
  };
  const letGo = (event: PointerEvent) => {
    if (event.pointerId !== press.pointer) return;
    const landed = stop === undefined ? undefined : landing;
    if (stop !== undefined) swallowClick();
    end();
    if (landed !== undefined) land(landed.spot);
  };
  const end = () => {
    stop?.();
    stop = undefined;
    removeEventListener("pointermove", follow);
    removeEventListener("pointerup", letGo);
    removeEventListener("pointercancel", end);
  };
  addEventListener("pointermove", follow);
  addEventListener("pointerup", letGo);
  addEventListener("pointercancel", end);
}

/** What ends a drag is no click on the row below the pointer. */
function swallowClick(): void {
  const swallow = (event: MouseEvent) => {
    event.stopPropagation();
    event.preventDefault();
  };
  addEventListener("click", swallow, { capture: true, once: true });
  // Where the pointer is let go over another row there is none.
  setTimeout(() => removeEventListener("click", swallow, { capture: true }));
}

function scroll(list: HTMLElement, y: number): void {
  const { top, bottom } = list.getBoundingClientRect();
  if (y < top + EDGE) list.scrollTop -= SCROLL;
  else if (y > bottom - EDGE) list.scrollTop += SCROLL;
}
