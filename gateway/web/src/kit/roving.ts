// One tab stop for a region, arrows inside it, and the place is remembered.

export type Axis = "vertical" | "horizontal" | "grid";

/** Where an arrow leads among `count` items, of which `columns` stand in a row; undefined when the key is none. */
export function nextIndex(key: string, index: number, count: number, axis: Axis, columns = 1): number | undefined {
  const last = count - 1;
  const step = (by: number) => Math.min(last, Math.max(0, index + by));
  switch (key) {
    case "Home":
      return 0;
    case "End":
      return last;
    case "ArrowDown":
      return axis === "horizontal" ? undefined : step(axis === "grid" ? columns : 1);
    case "ArrowUp":
      return axis === "horizontal" ? undefined : step(axis === "grid" ? -columns : -1);
    case "ArrowRight":
      return axis === "vertical" ? undefined : step(1);
    case "ArrowLeft":
      return axis === "vertical" ? undefined : step(-1);
  }
  return undefined;
}

/** Which option an arrow chooses in a list beside a field, round at the ends; undefined where the key is none, or nothing is offered. */
export function nextOption(key: string, index: number, count: number): number | undefined {
  if (count === 0) return undefined;
  if (key === "ArrowDown") return (index + 1) % count;
  return key === "ArrowUp" ? (index <= 0 ? count : index) - 1 : undefined;
}

/** Lets arrows move among what `selector` finds in `region`. Call it as `ref`. */
export function roving(region: HTMLElement, selector: string, axis: Axis = "vertical", columns?: () => number): void {
  const items = () => [...region.querySelectorAll<HTMLElement>(selector)];
  const stopAt = (current: HTMLElement | undefined) => {
    for (const item of items()) item.tabIndex = item === current ? 0 : -1;
  };
  region.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey || event.isComposing) return;
    const all = items();
    const index = all.indexOf(document.activeElement as HTMLElement);
    const next = index < 0 ? undefined : nextIndex(event.key, index, all.length, axis, columns?.());
    if (next === undefined) return;
    event.preventDefault();
    stopAt(all[next]);
    all[next]?.focus();
  });
  region.addEventListener("focusin", (event) => {
    const item = (event.target as HTMLElement).closest<HTMLElement>(selector);
    if (item !== null && region.contains(item)) stopAt(item);
  });
  const settle = () => {
    const all = items();
    if (all.length > 0 && all.filter((item) => item.tabIndex === 0).length !== 1) {
      stopAt(all.find((item) => item.hasAttribute("aria-current")) ?? all[0]);
    }
  };
  new MutationObserver(settle).observe(region, { childList: true, subtree: true });
  queueMicrotask(settle);
}
