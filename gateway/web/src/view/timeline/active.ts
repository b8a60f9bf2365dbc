// The one row whose bar of actions shows: that which the pointer or the focus came to last.
import { createRoot, createSelector, createSignal } from "solid-js";

export interface Visit {
  by: "pointer" | "focus";
  /** The key of the row. */
  row: string;
}

const [visits, setVisits] = createSignal<readonly Visit[]>([]);

export const isActive: (row: string) => boolean = createRoot(() => createSelector(() => visits().at(-1)?.row));

export const come = (visit: Visit) => setVisits((before) => [...before.filter(({ by }) => by !== visit.by), visit]);
export const leave = (visit: Visit) => setVisits((before) => before.filter(({ by, row }) => by !== visit.by || row !== visit.row));
