// A long list of rows that are all equally high, as that of the emoji. Only what can be seen, and a
// screen around it, is in the document.
import { createMemo, createSignal, For, onCleanup, onMount, type JSX } from "solid-js";
import { visibleRange } from "./visible-range.ts";

export interface VirtualListProps<Item> {
  items: readonly Item[];
  /** The height of a row in pixels. */
  row: number;
  label: string;
  role?: "list" | "listbox" | "grid";
  /** Called when the end comes near. */
  onEnd?: () => void;
  children: (item: Item, index: () => number) => JSX.Element;
}

export function VirtualList<Item>(props: VirtualListProps<Item>) {
  let region!: HTMLDivElement;
  const [scroll, setScroll] = createSignal(0);
  const [height, setHeight] = createSignal(600);
  const range = createMemo(() => visibleRange(scroll(), height(), props.row, props.items.length), undefined, {
    equals: (a, b) => a.first === b.first && a.last === b.last,
  });
  const shown = () => props.items.slice(range().first, range().last);
  onMount(() => {
    const observer = new ResizeObserver(() => setHeight(region.clientHeight));
    observer.observe(region);
    onCleanup(() => observer.disconnect());
  });
  return (
    <div
      ref={region}
      class="virtual"
      role={props.role ?? "list"}
      aria-label={props.label}
      onScroll={() => {
        setScroll(region.scrollTop);
        if (range().last >= props.items.length) props.onEnd?.();
      }}
    >
      <div role="presentation" style={{ height: `${range().first * props.row}px` }} />
      <For each={shown()}>{(item, index) => props.children(item, () => index() + range().first)}</For>
      <div role="presentation" style={{ height: `${(props.items.length - range().last) * props.row}px` }} />
    </div>
  );
}
