// A list of keywords, as the server takes it.
import { LIMITS } from "confab-client";

/** The list with another word; the same list where that is none, or is in it. */
export function withKeyword(list: string[], text: string): string[] {
  const word = text.trim().replace(/\s+/g, " ");
  const known = list.some((other) => other.toLowerCase() === word.toLowerCase());
  return word === "" || known || list.length >= LIMITS.MAX_KEYWORDS ? list : [...list, word];
}
