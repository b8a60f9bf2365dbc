// Any number of many, each with a box.
import { For, type JSX } from "solid-js";
import "./form.css";

export interface ChecksProps<Id extends number> {
  label: string;
  ids: readonly Id[];
  value: readonly Id[];
  onChange: (value: Id[]) => void;
  /** What is called so. */
  children: (id: Id) => JSX.Element;
}

export function Checks<Id extends number>(props: ChecksProps<Id>) {
  const toggle = (id: Id) => props.onChange(props.value.includes(id) ? props.value.filter((other) => other !== id) : [...props.value, id]);
  return (
    <div class="checks" role="group" aria-label={props.label}>
      <For each={props.ids}>
        {(id) => (
          <label class="check">
            <input type="checkbox" checked={props.value.includes(id)} onChange={() => toggle(id)} />
            {props.children(id)}
          </label>
        )}
      </For>
    </div>
  );
}
