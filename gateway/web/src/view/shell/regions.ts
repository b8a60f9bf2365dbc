// The parts of the page, by Ctrl+F6. Each remembers where the focus was in it.

const last = new WeakMap<Element, HTMLElement>();

globalThis.addEventListener?.("focusin", (event) => {
  const target = event.target as HTMLElement;
  const region = target.closest("[data-region]");
  if (region !== null && region !== target) last.set(region, target);
});

/** Moves the focus to the next part, around the ends. */
export function focusRegion(by: 1 | -1): void {
  const mayHold = (region: HTMLElement) => region.offsetParent !== null && region.closest("[inert]") === null;
  const regions = [...document.querySelectorAll<HTMLElement>("[data-region]")].filter(mayHold);
  const from = regions.findIndex((region) => region.contains(document.activeElement));
  const region = regions.at((Math.max(from, by === 1 ? -1 : 0) + by) % regions.length);
  if (region !== undefined) focusIn(region);
}

function focusIn(region: HTMLElement): void {
  const before = last.get(region);
  const stop = region.querySelector<HTMLElement>("[tabindex='0'], textarea, input");
  if (before?.isConnected) before.focus();
  else (stop ?? region).focus();
}
