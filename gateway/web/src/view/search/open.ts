// Where one searches, and the way there: the panel takes up what was asked for when it is there.
import { createSignal } from "solid-js";
import { openPanel } from "../panel.ts";

export type Scope = "channel" | "server" | "everywhere";

/** The id of the field. */
export const FIELD = "search-field";

const [wanted, setWanted] = createSignal<{ scope: Scope }>();
/** What was asked for last. */
export { wanted };

export function openSearch(scope: Scope): void {
  openPanel("search");
  setWanted({ scope });
}
