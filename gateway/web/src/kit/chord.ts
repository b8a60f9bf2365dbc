// How keys are named: in the table of commands, and for people.
import { say, type Sentence } from "../lang/index.ts";

/** A key with its modifiers, as commands name it. Letters go by place, so that they work on any layout. */
export function chord(event: Pick<KeyboardEvent, "key" | "code" | "ctrlKey" | "metaKey" | "altKey" | "shiftKey">): string {
  // Where the slash is differs, and some layouts have it with Shift; what is in its place elsewhere makes the page smaller.
  const slash = event.key === "/";
  const modifiers = [
    event.ctrlKey || event.metaKey ? "Ctrl" : "",
    event.altKey ? "Alt" : "",
    event.shiftKey && !slash ? "Shift" : "",
  ].filter(Boolean);
  return [...modifiers, slash ? "Slash" : event.code === "Slash" ? event.key : event.code].join("+");
}

const MAC = /Mac|iPhone|iPad/.test(globalThis.navigator?.platform ?? "");
const SIGNS: Record<string, string> = { ArrowUp: "↑", ArrowDown: "↓", Slash: "/", Comma: ",", Plus: "+" };
const MAC_SIGNS: Record<string, string> = { ...SIGNS, Ctrl: "⌘", Alt: "⌥", Shift: "⇧", Backspace: "⌫", Delete: "⌦" };
/** As they are printed on the keyboards of the country. */
const WORDS: Record<string, Sentence> = { Ctrl: "Ctrl", Alt: "Alt", Shift: "Shift", Delete: "Del", Enter: "Enter", Escape: "Esc" };

/** Keys as people read them: `Ctrl K`. */
export function keyNames(keys: string, mac = MAC): string {
  const name = (key: string) => {
    const sign = (mac ? MAC_SIGNS : SIGNS)[key];
    const word = WORDS[key];
    return sign ?? (word === undefined ? key.replace(/^(Key|Digit)/, "") : say(word));
  };
  return keys.split("+").map(name).join(" ");
}
