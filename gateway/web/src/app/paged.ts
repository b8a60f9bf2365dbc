// A list that the server gives page by page: what came so far, and how to get more.
import { batch, createSignal } from "solid-js";
import { sentenceOf } from "./act.ts";

export interface Page<Row, Place> {
  rows: readonly Row[];
  /** Where the next page begins; null after the last one. */
  next: Place | null;
}

export interface Paged<Row> {
  /** Undefined until the first page came. */
  rows: () => readonly Row[] | undefined;
  error: () => string | undefined;
  busy: () => boolean;
  /** Fetches the next page; undefined where there is none. */
  more: () => (() => void) | undefined;
  /** Begins anew; what is shown stays until the first page came. */
  again: () => void;
  /** Changes what came, as something that was done here changed it. */
  change: (change: (rows: readonly Row[]) => readonly Row[]) => void;
}

/** Begins at once. */
export function paged<Row, Place>(fetch: (place: Place | null) => Promise<Page<Row, Place>>): Paged<Row> {
  const [rows, setRows] = createSignal<readonly Row[]>();
  const [next, setNext] = createSignal<{ place: Place } | null>(null);
  const [error, setError] = createSignal<string>();
  const [busy, setBusy] = createSignal(false);
  // An answer to what was asked before the list began anew is none.
  let turn = 0;
  const load = async (place: Place | null) => {
    const asked = ++turn;
    setBusy(true);
    try {
      const page = await fetch(place);
      if (asked !== turn) return;
      batch(() => {
        setRows((before) => (place === null ? page.rows : [...(before ?? []), ...page.rows]));
        setNext(page.next === null ? null : { place: page.next });
        setError(undefined);
      });
    } catch (refusal) {
      if (asked === turn) setError(sentenceOf(refusal));
    }
    if (asked === turn) setBusy(false);
  };
  void load(null);
  return {
    rows,
    error,
    busy,
    more: () => {
      const found = next();
      return found === null ? undefined : () => void (busy() || load(found.place));
    },
    again: () => void load(null),
    change: (change) => setRows((before) => (before === undefined ? before : change(before))),
  };
}

/** The page of a list whose pages go on behind the last row: a full one may have more behind it. */
export function pageBehind<Row, Place>(rows: readonly Row[], limit: number, placeOf: (row: Row) => Place): Page<Row, Place> {
  const last = rows.at(-1);
  return { rows, next: last === undefined || rows.length < limit ? null : placeOf(last) };
}
