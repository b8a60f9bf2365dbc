// Tooltips of everything that has `data-tip`: one element, moved to where it is needed. It only
// repeats what the accessible name says, so it is hidden from screen readers.
import { float } from "./popover.ts";

const DELAY = 400;

/** Begins to show them; once in the page. */
export function showTooltips(): void {
  const tip = document.createElement("div");
  tip.className = "floating tooltip";
  tip.ariaHidden = "true";
  tip.popover = "manual";
  document.body.append(tip);
  let shown: Element | null = null;
  let timer = 0;

  const hide = () => {
    clearTimeout(timer);
    shown = null;
    if (tip.matches(":popover-open")) tip.hidePopover();
  };
  const show = (event: Event, delay: number) => {
    const target = (event.target as Element).closest("[data-tip]");
    if (target === shown) return;
    hide();
    if (target === null) return;
    shown = target;
    timer = window.setTimeout(() => {
      tip.textContent = target.getAttribute("data-tip");
      float(tip, target.getBoundingClientRect(), "above");
    }, delay);
  };
  addEventListener("pointerover", (event) => {
    if (event.pointerType !== "touch") show(event, DELAY);
  });
  addEventListener("focusin", (event) => {
    if ((event.target as Element).matches(":focus-visible")) show(event, 0);
  });
  addEventListener("focusout", hide);
  addEventListener("pointerdown", hide);
  addEventListener("keydown", hide);
  addEventListener("scroll", hide, true);
}
