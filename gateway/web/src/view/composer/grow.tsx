import type { JSX } from "solid-js";
import { comboboxOf, type OptionList } from "../../kit/options.tsx";

export interface GrowProps {
  id?: string;
  label: string;
  describedBy?: string;
  value: string;
  placeholder?: string;
  disabled?: boolean;
  ref?: (element: HTMLTextAreaElement) => void;
  onInput: (text: string) => void;
  onKeyDown?: (event: KeyboardEvent & { currentTarget: HTMLTextAreaElement }) => void;
  onPaste?: JSX.EventHandler<HTMLTextAreaElement, ClipboardEvent>;
  onSelect?: (element: HTMLTextAreaElement) => void;
  onBlur?: () => void;
  /** What is suggested: while there is something, it is a field with a list. */
  suggests?: Pick<OptionList<unknown>, "id" | "all" | "chosen">;
}

/** A text field that is as high as what is in it: a copy of the text behind it gives it its height. */
export function Grow(props: GrowProps) {
  const combobox = () => (props.suggests !== undefined && props.suggests.all().length > 0 ? comboboxOf(props.suggests) : {});
  return (
    <div class="grow" data-text={`${props.value}\n`}>
      <textarea
        ref={(element) => props.ref?.(element)}
        id={props.id}
        rows={1}
        aria-label={props.label}
        aria-describedby={props.describedBy}
        placeholder={props.placeholder}
        disabled={props.disabled}
        autocomplete="off"
        role={combobox().role}
        aria-expanded={combobox()["aria-expanded"]}
        aria-controls={combobox()["aria-controls"]}
        aria-activedescendant={combobox()["aria-activedescendant"]}
        aria-autocomplete={combobox()["aria-autocomplete"]}
        value={props.value}
        onInput={(event) => {
          props.onInput(event.currentTarget.value);
          props.onSelect?.(event.currentTarget);
        }}
        onKeyDown={(event) => props.onKeyDown?.(event)}
        onKeyUp={(event) => props.onSelect?.(event.currentTarget)}
        onClick={(event) => props.onSelect?.(event.currentTarget)}
        onPaste={props.onPaste}
        onBlur={() => props.onBlur?.()}
      />
    </div>
  );
}
