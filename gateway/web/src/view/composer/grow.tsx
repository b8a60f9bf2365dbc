import type { JSX } from "solid-js";

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
  /** While something is suggested: the list, and what is chosen in it. */
  suggests?: { list: string; option: string | undefined } | undefined;
}

/** A text field that is as high as what is in it: a copy of the text behind it gives it its height. */
export function Grow(props: GrowProps) {
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
        role={props.suggests === undefined ? undefined : "combobox"}
        aria-expanded={props.suggests === undefined ? undefined : "true"}
        aria-controls={props.suggests?.list}
        aria-activedescendant={props.suggests?.option}
        aria-autocomplete={props.suggests === undefined ? undefined : "list"}
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
