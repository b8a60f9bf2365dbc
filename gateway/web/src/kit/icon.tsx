import { ICONS, type IconName } from "./icons.ts";

/** One of our icons. It says nothing to a screen reader: what it stands beside does. */
export function Icon(props: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={ICONS[props.name]} />
    </svg>
  );
}

/** The mark of Confab: a C that is a speech bubble. */
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 24 24" aria-hidden="true">
      <path d="M18 6.7A8 8 0 0 0 4 12v8h8a8 8 0 0 0 6-2.7" />
    </svg>
  );
}
