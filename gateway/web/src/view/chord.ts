// How keys are named: in the table of commands, and for people.

/** A key with its modifiers, as commands name it. Letters go by place, so that they work on any layout. */
export function chord(event: Pick<KeyboardEvent, "code" | "ctrlKey" | "metaKey" | "altKey" | "shiftKey">): string {
  const modifiers = [
    event.ctrlKey || event.metaKey ? "Ctrl" : "",
    event.altKey ? "Alt" : "",
    event.shiftKey ? "Shift" : "",
  ].filter(Boolean);
  return [...modifiers, event.code].join("+");
}

const MAC = /Mac|iPhone|iPad/.test(globalThis.navigator?.platform ?? "");
const NAMES: Record<string, string> = { ArrowUp: "↑", ArrowDown: "↓", Slash: "/", Comma: ",", Escape: "Esc", Backspace: "⌫" };

/** Keys as people read them: `Ctrl K`. */
export function keyNames(keys: string, mac = MAC): string {
  return keys
    .split("+")
    .map((key) => {
      if (mac && key === "Ctrl") return "⌘";
      if (mac && key === "Alt") return "⌥";
      return NAMES[key] ?? key.replace(/^(Key|Digit)/, "");
    })
    .join(" ");
}
