// Puts an emoji where its code was just closed by a colon.
import { withEmoji } from "../emoji/codes.ts";

/** Who writes on meanwhile gets it when the message is sent. */
export async function closeCode(area: HTMLTextAreaElement, write: (text: string) => void): Promise<void> {
  const { value, selectionStart: caret } = area;
  if (value[caret - 1] !== ":" || isInCode(value.slice(0, caret))) return;
  const before = await withEmoji(value.slice(0, caret));
  if (area.value !== value || area.selectionStart !== caret || before.length === caret) return;
  write(before + value.slice(caret));
  area.setSelectionRange(before.length, before.length);
}

/** Whether code was begun that nobody ended yet. */
const isInCode = (before: string) => before.split("`").length % 2 === 0;
