export interface Range {
  first: number;
  last: number;
}

/** Which rows to draw: those on the screen, and as many again above and below. */
export function visibleRange(scroll: number, height: number, row: number, count: number): Range {
  const shown = Math.ceil(height / row);
  const top = Math.floor(scroll / row);
  return { first: Math.max(0, top - shown), last: Math.min(count, top + 2 * shown + 1) };
}
