// The client of this page, and its state as a Solid store: whatever reads a part of it is drawn anew when that part changes.
import { emptyState, type State } from "confab-client";
import { openClient } from "confab-client/browser";
import tickerAddress from "confab-client/ticker-worker?worker&url";
import { batch } from "solid-js";
import { createStore, produce } from "solid-js/store";
import { script } from "../trusted.ts";

const [state, setState] = createStore<State>(emptyState());

export { state };

/** Connects as soon as this is loaded: what is drawn meanwhile waits for nothing. */
export const client = openClient({
  state,
  mutate: (change) => setState(produce(change)),
  schedule: (flush) => nextFrame(() => batch(flush)),
  worker: new Worker(script(tickerAddress), { type: "module" }),
});

/** With the next picture; a hidden page draws none, and must know of what happens all the same. */
function nextFrame(run: () => void): void {
  if (document.hidden) setTimeout(run);
  else requestAnimationFrame(run);
}
