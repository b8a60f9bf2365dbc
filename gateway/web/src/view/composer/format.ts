// Keys that put marks around what is selected, or take them away again.

const SIGNS: Record<string, string> = { KeyB: "**", KeyI: "*" };
const SHIFTED: Record<string, string> = { KeyX: "~~", KeyC: "`" };

export interface Formatted {
  text: string;
  from: number;
  to: number;
}

type Pressed = Pick<KeyboardEvent, "code" | "ctrlKey" | "metaKey" | "altKey" | "shiftKey">;

export function format(event: Pressed, text: string, from: number, to: number): Formatted | undefined {
  if (!(event.ctrlKey || event.metaKey) || event.altKey) return undefined;
  const sign = (event.shiftKey ? SHIFTED : SIGNS)[event.code];
  return sign === undefined ? undefined : toggle(text, from, to, sign);
}

export function toggle(text: string, from: number, to: number, sign: string): Formatted {
  const [before, inside, after] = [text.slice(0, from), text.slice(from, to), text.slice(to)];
  if (before.endsWith(sign) && after.startsWith(sign)) {
    const width = sign.length;
    return { text: before.slice(0, -width) + inside + after.slice(width), from: from - width, to: to - width };
  }
  return { text: before + sign + inside + sign + after, from: from + sign.length, to: to + sign.length };
}
