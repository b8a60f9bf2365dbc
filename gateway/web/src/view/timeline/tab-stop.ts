// One tab stop for the whole timeline, however much there is in its rows: the row that had the focus last. What is in
// a row is reached from it by arrows (`row-keys.ts`), or by a pointer. A row that goes leaves the focus to its neighbour.

const UNSTOPPED = ".row :is(a[href], button):not([tabindex], .edit *)";

export const rowsIn = (timeline: HTMLElement): HTMLElement[] => [...timeline.querySelectorAll<HTMLElement>(".row")];

/** Keeps it so, whatever comes and goes. */
export function keepTabStop(timeline: HTMLElement): void {
  /** The row that has the focus, and where it is. */
  let held: { row: HTMLElement; index: number } | undefined;

  const settle = () => {
    for (const control of timeline.querySelectorAll<HTMLElement>(UNSTOPPED)) control.tabIndex = -1;
    const rows = rowsIn(timeline);
    if (held !== undefined && !held.row.isConnected) {
      const lost = document.activeElement === document.body || document.activeElement === null;
      if (lost) (rows[Math.min(held.index, rows.length - 1)] ?? timeline).focus({ preventScroll: true });
      held = undefined;
    }
    // The last row is the stop until another one was used.
    if (timeline.querySelector(".row[tabindex='0']") === null) rows.at(-1)?.setAttribute("tabindex", "0");
  };
  timeline.addEventListener("focusin", (event) => {
    const row = (event.target as Element).closest<HTMLElement>(".row");
    if (row === null) return;
    for (const other of timeline.querySelectorAll<HTMLElement>(".row[tabindex='0']")) other.tabIndex = -1;
    row.tabIndex = 0;
    held = { row, index: rowsIn(timeline).indexOf(row) };
  });
  // Nobody moves the focus out of a row that is taken away.
  timeline.addEventListener("focusout", () => {
    setTimeout(() => {
      if (held?.row.isConnected && !timeline.contains(document.activeElement)) held = undefined;
    });
  });
  new MutationObserver(settle).observe(timeline, { childList: true, subtree: true });
  queueMicrotask(settle);
}
