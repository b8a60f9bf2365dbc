// What is offered while somebody writes: arrows choose of it, and the field keeps the focus all the time.
import { createSignal, createUniqueId, For, onMount, Show, type JSX } from "solid-js";
import { composing } from "./composing.ts";
import { onEscape } from "./escape.ts";
import { stayBeside, type Side } from "./popover.ts";
import { nextOption } from "./roving.ts";

export interface OptionsOf<Item> {
  all: () => readonly Item[];
  take: (item: Item) => void;
  /** Over the page, for as long as something is offered: beside what, and what ends it. Then Esc does, and Tab takes, too. */
  over?: { anchor: () => HTMLElement; side: Side; close: () => void };
  /** Whether this stands in the field already: then Enter is for what is written. */
  isWritten?: (item: Item) => boolean;
}

export interface OptionList<Item> extends OptionsOf<Item> {
  id: string;
  /** Which of them; -1 for none. */
  chosen: () => number;
  choose: (index: number) => void;
  /** Whether a key was for the list, and is done. */
  onKey: (event: KeyboardEvent) => boolean;
}

export const optionId = (list: string, index: number) => `${list}-${index}`;

export function useOptions<Item>(of: OptionsOf<Item>): OptionList<Item> {
  const id = createUniqueId();
  const [at, choose] = createSignal(0);
  const chosen = () => Math.min(at(), of.all().length - 1);
  const onKey = (event: KeyboardEvent): boolean => {
    if (composing(event)) return false;
    const next = nextOption(event.key, chosen(), of.all().length);
    const item = of.all()[chosen()];
    const takes = event.key === "Tab" ? of.over !== undefined : event.key === "Enter" && !(item !== undefined && of.isWritten?.(item));
    if (next !== undefined) {
      choose(next);
      document.getElementById(optionId(id, next))?.scrollIntoView({ block: "nearest" });
    } else if (item !== undefined && takes) of.take(item);
    else return false;
    event.preventDefault();
    return true;
  };
  return { ...of, id, chosen, choose, onKey };
}

type Combobox = Pick<JSX.AriaAttributes, "role" | "aria-autocomplete" | "aria-expanded" | "aria-controls" | "aria-activedescendant">;

/** What the field says of its list: `<input {...comboboxOf(list)}>`. */
export function comboboxOf({ id, all, chosen }: Pick<OptionList<unknown>, "id" | "all" | "chosen">): Combobox {
  const isOpen = all().length > 0;
  return {
    role: "combobox",
    "aria-autocomplete": "list",
    "aria-expanded": isOpen,
    "aria-controls": isOpen ? id : undefined,
    "aria-activedescendant": isOpen && chosen() >= 0 ? optionId(id, chosen()) : undefined,
  };
}

export interface OptionsProps<Item> {
  of: OptionList<Item>;
  label: string;
  children: (item: Item) => JSX.Element;
}

/** Drawn while there is something to choose. */
export function Options<Item>(props: OptionsProps<Item>) {
  return <Show when={props.of.all().length > 0}><List {...props} /></Show>;
}

function List<Item>(props: OptionsProps<Item>) {
  const { id, over, chosen, choose, take, all } = props.of;
  let element!: HTMLDivElement;
  if (over !== undefined) {
    onEscape(over.close, { covers: false });
    onMount(() => stayBeside(element, over.anchor, over.side));
  }
  return (
    <div
      ref={element}
      id={id}
      class="options"
      classList={{ floating: over !== undefined }}
      role="listbox"
      aria-label={props.label}
      // The field keeps the focus.
      onMouseDown={(event) => event.preventDefault()}
    >
      <For each={all()}>
        {(item, index) => (
          <div
            id={optionId(id, index())}
            class="option"
            role="option"
            aria-selected={index() === chosen()}
            onPointerMove={() => choose(index())}
            onClick={() => take(item)}
          >
            {props.children(item)}
          </div>
        )}
      </For>
    </div>
  );
}
