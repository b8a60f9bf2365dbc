// What keeps the rows under the reader's eye where they are, whatever comes above or below them.

/** A row and where it is, from the top of what is scrolled. */
export interface Place {
  key: string;
  top: number;
  height: number;
}

/** The rows that were seen, from the top of the view down, with their distance from it. The first that still exists holds. */
export type Anchor = "end" | { key: string; offset: number }[];

/** Within this of the end the reader is at the end. */
export const NEAR_END = 48;

export function isAtEnd(scroll: number, view: number, whole: number): boolean {
  return whole - scroll - view < NEAR_END;
}

/**
 * What to hold on to. The first row that is held comes last: it loses its head, and so its height, once what comes before
 * it is there.
 */
export function anchorAt(places: readonly Place[], scroll: number, view: number): { key: string; offset: number }[] {
  const seen: { key: string; offset: number }[] = [];
  const first = firstBelow(places, scroll);
  for (let at = first; at < places.length; at += 1) {
    const place = places[at];
    if (place === undefined || place.top >= scroll + view) break;
    seen.push({ key: place.key, offset: place.top - scroll });
  }
  return first === 0 ? [...seen.slice(1), ...seen.slice(0, 1)] : seen;
}

/** Where to scroll so that the anchor is where it was; undefined where nothing of it is left. */
export function scrollTo(anchor: Anchor, whole: number, view: number, topOf: (key: string) => number | undefined): number | undefined {
  if (anchor === "end") return whole - view;
  for (const { key, offset } of anchor) {
    const top = topOf(key);
    if (top !== undefined) return top - offset;
  }
  return undefined;
}

/** The first row that ends below the top of the view, by halves. */
export function firstBelow(places: readonly Place[], scroll: number): number {
  let [low, high] = [0, places.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const place = places[middle];
    if (place !== undefined && place.top + place.height <= scroll) low = middle + 1;
    else high = middle;
  }
  return low;
}
