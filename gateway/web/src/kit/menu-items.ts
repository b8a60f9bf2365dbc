// What a menu holds.
import type { IconName } from "./icons.ts";

export interface MenuItem {
  label: string;
  icon?: IconName;
  /** Keys that do the same, as commands name them: `Ctrl+KeyK`. */
  keys?: string;
  danger?: boolean;
  /** How many wait behind it; none is not shown. */
  badge?: number;
  /** For a choice: whether it is the one. */
  checked?: boolean;
  /** `sure`: Shift was held, which skips a question. */
  run: (sure: boolean) => void;
}
/** `null` is a line between two groups. */
export type MenuItems = (MenuItem | null)[];

/** No line at an end, and no two in a row. */
export function tidy(items: MenuItems): MenuItems {
  const shown: MenuItems = [];
  for (const item of items) if (item !== null || (shown.length > 0 && shown.at(-1) !== null)) shown.push(item);
  return shown.at(-1) === null ? shown.slice(0, -1) : shown;
}
