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
  /** Asks once more for what was refused. */
  retry: () => void;
  /** Drops all that came, and what is on its way. */
  forget: () => void;
  /** Changes what came, as something that happened changed it; and what is on its way, once it is there. */
  change: (change: Change<Row>) => void;
}

type Change<Row> = (rows: readonly Row[]) => readonly Row[];

export interface PagedOptions<Row> {
  /** Puts a page behind those before it. */
  join?: (before: readonly Row[], page: readonly Row[]) => readonly Row[];
  /** Begins not at once, but with `again`. */
  waits?: boolean;
}

export function paged<Row, Place>(fetch: (place: Place | null) => Promise<Page<Row, Place>>, options: PagedOptions<Row> = {}): Paged<Row> {
  const { join = (before, page) => [...before, ...page], waits = false } = options;
  const [rows, setRows] = createSignal<readonly Row[]>();
  const [next, setNext] = createSignal<{ place: Place } | null>(null);
  const [error, setError] = createSignal<string>();
  const [busy, setBusy] = createSignal(false);
  // An answer to what was asked before the list began anew is none.
  let turn = 0;
  let asked: Place | null = null;
  let changes: Change<Row>[] = [];
  const load = async (place: Place | null) => {
    const mine = ++turn;
    asked = place;
    changes = [];
    setBusy(true);
    try {
      const page = await fetch(place);
      if (mine !== turn) return;
      batch(() => {
        const all = place === null ? page.rows : join(rows() ?? [], page.rows);
        setRows(changes.reduce((now, change) => change(now), all));
        setNext(page.next === null ? null : { place: page.next });
        setError(undefined);
      });
    } catch (refusal) {
      if (mine === turn) setError(sentenceOf(refusal));
    }
    if (mine === turn) setBusy(false);
  };
  if (!waits) void load(null);
  return {
    rows,
    error,
    busy,
    more: () => {
      const found = next();
      return found === null ? undefined : () => void (busy() || load(found.place));
    },
    again: () => void load(null),
    retry: () => void (busy() || load(asked)),
    forget: () => {
      turn += 1;
      batch(() => {
        setRows(undefined);
        setNext(null);
        setError(undefined);
        setBusy(false);
      });
    },
    change: (change) => {
      if (busy()) changes.push(change);
      setRows((before) => (before === undefined ? before : change(before)));
    },
  };
}

/** The page of a list whose pages go on behind the last row: a full one may have more behind it. */
export function pageBehind<Row, Place>(rows: readonly Row[], limit: number, placeOf: (row: Row) => Place): Page<Row, Place> {
  const last = rows.at(-1);
  return { rows, next: last === undefined || rows.length < limit ? null : placeOf(last) };
}
