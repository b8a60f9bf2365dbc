import { createUniqueId, For, type JSX } from "solid-js";
import { roving } from "./roving.ts";

export interface TabsProps<Id extends string> {
  label: string;
  tabs: readonly { id: Id; label: string; count?: number }[];
  current: Id;
  onChange: (id: Id) => void;
  children: JSX.Element;
}

/** Tabs and the panel below them. Arrows move and choose. */
export function Tabs<Id extends string>(props: TabsProps<Id>) {
  const name = createUniqueId();
  return (
    <div class="tabs">
      <div role="tablist" aria-label={props.label} ref={(list) => roving(list, "[role=tab]", "horizontal")}>
        <For each={props.tabs}>
          {(tab) => (
            <button
              type="button"
              role="tab"
              id={`${name}-${tab.id}`}
              aria-selected={props.current === tab.id}
              aria-controls={`${name}-panel`}
              onClick={() => props.onChange(tab.id)}
              onFocus={(event) => event.currentTarget.matches(":focus-visible") && props.onChange(tab.id)}
            >
              {tab.label}
              {tab.count !== undefined && tab.count > 0 && <span class="badge">{tab.count}</span>}
            </button>
          )}
        </For>
      </div>
      <div role="tabpanel" id={`${name}-panel`} aria-labelledby={`${name}-${props.current}`}>
        {props.children}
      </div>
    </div>
  );
}
