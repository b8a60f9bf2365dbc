// Menus: of a button, of a right click, of a long press. One at a time, and one place draws it.
import { createSignal, For, onCleanup, onMount, Show } from "solid-js";
import { keyNames } from "./chord.ts";
import { onEscape } from "./escape.ts";
import { rememberFocus } from "./focus.ts";
import { Icon } from "./icon.tsx";
import type { IconName } from "./icons.ts";
import { tidy, type MenuItem, type MenuItems } from "./menu-items.ts";
import { float, onPressOutside, type Box, type Side } from "./popover.ts";
import { nextIndex } from "./roving.ts";

export type { MenuItem, MenuItems };

interface Open {
  label: string;
  items: MenuItems;
  anchor: Box;
  side: Side;
  giveBack: () => void;
}

const [current, setCurrent] = createSignal<Open>();

export const menuIsOpen = () => current() !== undefined;

/** Opens a menu at an element, or where a pointer is. */
export function openMenu(label: string, items: MenuItems, at: Element | { clientX: number; clientY: number }, side: Side = "below"): void {
  const shown = tidy(items);
  if (shown.length === 0) return;
  const anchor = at instanceof Element ? at.getBoundingClientRect() : { left: at.clientX, top: at.clientY, width: 0, height: 0 };
  setCurrent({ label, items: shown, anchor, side, giveBack: rememberFocus() });
}

function closeMenu(): void {
  const open = current();
  setCurrent(undefined);
  open?.giveBack();
}

/** Where menus are drawn: once in the page. */
export function MenuHost() {
  return <Show when={current()} keyed>{(menu) => <Menu {...menu} />}</Show>;
}

function Menu(props: Open) {
  let list!: HTMLDivElement;
  const items = () => [...list.querySelectorAll<HTMLElement>("[role^=menuitem]")];
  onEscape(closeMenu);
  onMount(() => {
    float(list, props.anchor, props.side);
    items()[0]?.focus();
    onPressOutside(list, closeMenu);
    addEventListener("blur", closeMenu);
    onCleanup(() => removeEventListener("blur", closeMenu));
  });
  const onKeyDown = (event: KeyboardEvent) => {
    const all = items();
    const index = all.indexOf(document.activeElement as HTMLElement);
    const next = nextIndex(event.key, index, all.length, "vertical") ?? byLetter(all, index, event);
    if (next !== undefined) {
      event.preventDefault();
      all[next]?.focus();
    } else if (event.key === "Tab") {
      event.preventDefault();
      closeMenu();
    }
    if (event.key !== "Escape") event.stopPropagation();
  };
  return (
    <div ref={list} class="floating menu" role="menu" aria-label={props.label} onKeyDown={onKeyDown}>
      <For each={props.items}>{(item) => (item === null ? <div class="line" role="separator" /> : <Item {...item} />)}</For>
    </div>
  );
}

function Item(props: MenuItem) {
  const run = (event: MouseEvent) => {
    closeMenu();
    props.run(event.shiftKey);
  };
  return (
    <button
      type="button"
      role={props.checked === undefined ? "menuitem" : "menuitemradio"}
      aria-checked={props.checked}
      tabIndex={-1}
      classList={{ danger: props.danger === true }}
      onClick={run}
      onPointerMove={(event) => event.currentTarget.focus({ preventScroll: true })}
    >
      <Show when={props.checked ? "check" : props.icon} fallback={<span class="icon" />}>
        {(name) => <Icon name={name() as IconName} />}
      </Show>
      <span class="cut">{props.label}</span>
      <Show when={props.badge}>{(count) => <span class="badge">{count() > 99 ? "99+" : count()}</span>}</Show>
      <Show when={props.keys}>{(keys) => <kbd>{keyNames(keys())}</kbd>}</Show>
    </button>
  );
}

function byLetter(items: HTMLElement[], index: number, event: KeyboardEvent): number | undefined {
  if (event.key.length !== 1 || event.ctrlKey || event.metaKey || event.altKey) return undefined;
  const letter = event.key.toLocaleLowerCase();
  const order = items.map((_, at) => (index + 1 + at) % items.length);
  return order.find((at) => items[at]?.textContent?.trim().toLocaleLowerCase().startsWith(letter));
}
