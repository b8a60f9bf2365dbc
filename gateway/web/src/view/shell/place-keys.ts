// Keys that belong to a place rather than to a command: what they do there, for the sheet of keys.
import { settings } from "../../app/settings.ts";
import type { Sentence } from "../../lang/index.ts";

export interface PlaceKey {
  group: Sentence;
  title: Sentence;
  keys: string;
  when?: () => boolean;
}

const letters = () => settings.letterKeys;
const sends = () => !settings.enterMakesLine;
const lines = () => settings.enterMakesLine;

export const PLACE_KEYS: readonly PlaceKey[] = [
  { group: "While writing", title: "Send", keys: "Enter", when: sends },
  { group: "While writing", title: "New line", keys: "Shift+Enter", when: sends },
  { group: "While writing", title: "Send", keys: "Ctrl+Enter", when: lines },
  { group: "While writing", title: "New line", keys: "Enter", when: lines },
  { group: "While writing", title: "Edit the last message", keys: "ArrowUp" },
  { group: "While writing", title: "Bold", keys: "Ctrl+KeyB" },
  { group: "While writing", title: "Italic", keys: "Ctrl+KeyI" },
  { group: "While writing", title: "Struck out", keys: "Ctrl+Shift+KeyX" },
  { group: "While writing", title: "Code", keys: "Ctrl+Shift+KeyC" },
  { group: "On a message", title: "Message before or behind", keys: "ArrowUp+ArrowDown" },
  { group: "On a message", title: "What can be done", keys: "Enter" },
  { group: "On a message", title: "Menu", keys: "Shift+F10" },
  { group: "On a message", title: "Mark unread from here", keys: "Alt+Enter" },
  { group: "On a message", title: "Reply", keys: "KeyR", when: letters },
  { group: "On a message", title: "Edit", keys: "KeyE", when: letters },
  { group: "On a message", title: "React…", keys: "Plus", when: letters },
  { group: "On a message", title: "Pin", keys: "KeyP", when: letters },
  { group: "On a message", title: "Delete", keys: "Delete", when: letters },
];
