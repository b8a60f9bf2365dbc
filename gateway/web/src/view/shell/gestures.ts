// Swipes of a phone: right shows the lists, left the channel, left again the members. They begin away from the
// edges, which belong to the system, and every one of them has a button.
import { closePanel, openPanel, pane, panel, PHONE, showPane } from "../panel.ts";
import { swipeOf } from "./swipe.ts";

/** Listens on the shell; as `ref`. */
export function paneGestures(shell: HTMLElement): void {
  let from: { x: number; y: number } | undefined;
  const at = (event: TouchEvent) => {
    const touch = event.changedTouches[0];
    return touch === undefined ? undefined : { x: touch.clientX, y: touch.clientY };
  };
  shell.addEventListener("touchstart", (event) => (from = event.touches.length === 1 ? at(event) : undefined), { passive: true });
  shell.addEventListener("touchend", (event) => {
    const to = at(event);
    if (!PHONE.matches || from === undefined || to === undefined) return;
    // A row answers a swipe to the left itself.
    const onRow = event.target instanceof Element && event.target.closest(".row") !== null;
    const swipe = swipeOf(from, to, innerWidth);
    if (swipe === "right") {
      if (panel() !== undefined) closePanel();
      else showPane("lists");
    } else if (swipe === "left" && !onRow) {
      if (pane() === "lists") showPane("channel");
      else if (panel() === undefined) openPanel("members");
    }
  });
}
