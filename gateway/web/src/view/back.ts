// The way back of a phone: the system's button or gesture leads from a channel to the lists, and closes whatever covers
// the page, one at a time. Each of them is an entry of the history with a number, its depth. The address is always that
// of what is shown: on a phone channels replace each other, or one would have to go back through all of them to leave.
import { createEffect, createRoot, untrack } from "solid-js";
import { keepHistory } from "../app/route.ts";
import { covering, uncover } from "../kit/escape.ts";
import { pane, PHONE, showPane, typesOnScreen } from "./panel.ts";

const depthOf = (state: unknown): number => (state as { depth?: number } | null)?.depth ?? 0;

/** How deep the page is now. */
function depth(): number {
  const inChannel = PHONE.matches && pane() === "channel" ? 1 : 0;
  return inChannel + (typesOnScreen() ? covering() : 0);
}

/** Begins; once in the page. */
export function keepWayBack(): void {
  let here = depthOf(history.state);
  /** On the way to where the history is as deep as the page. */
  let settling = false;

  const settle = () => {
    const wanted = untrack(depth);
    if (settling) return;
    for (; here < wanted; here += 1) history.pushState({ depth: here + 1 }, "");
    if (here > wanted) {
      settling = true;
      history.go(wanted - here);
    }
  };
  const back = () => {
    if (untrack(covering) > 0) uncover();
    else if (PHONE.matches) showPane("lists");
  };

  keepHistory({
    oneEntry: () => PHONE.matches,
    popped(state) {
      const to = depthOf(state);
      const steps = settling ? 0 : here - to;
      if (!settling && steps === 0) return false;
      settling = false;
      here = to;
      for (let step = 0; step < steps; step += 1) back();
      settle();
      return true;
    },
  });
  createRoot(() => createEffect(() => (depth(), settle())));
}
